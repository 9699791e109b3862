import hashlib
import json
import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from answerable.kit.database import Database
from answerable.kit.errors import InvalidInput, NotFound
from answerable.kit.ids import ContactId, ConversationId, TenantId
from answerable.kit.testing import SettableClock
from answerable.privacy import store
from answerable.privacy.keys import MasterKey, WrongMasterKey, create_key_file
from answerable.privacy.mask import mask
from answerable.privacy.rotation import check_master_keys, rewrap
from answerable.privacy.sealing import VaultEntry, VaultRef
from answerable.privacy.vault import Erased, Vault
from tests.support.stores import open_store

BANK = TenantId("northwind-bank")
SHOP = TenantId("corner-shop")
ANNA, BEN = ContactId("con_anna"), ContactId("con_ben")
TALK, OTHER_TALK = ConversationId("cnv_1"), ConversationId("cnv_2")
SECRET = "Mein Konto DE89370400440532013000, Anna Schmidt"


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = open_store(tmp_path / "answerable.db")
    yield database
    await database.close()


@pytest.fixture(params=[True, False], ids=["one writer", "several writers"])
def vault(request: pytest.FixtureRequest) -> Vault:
    return Vault(MasterKey.generate(), clock=SettableClock(), exclusive=request.param)


def all_bytes(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.iterdir())


async def put(
    database: Database, vault: Vault, text: str = SECRET, contact: ContactId = ANNA
) -> VaultRef:
    return await database.write(
        lambda tx: vault.put(
            tx, tenant=BANK, contact_id=contact, conversation_id=TALK, value={"text": text}
        )
    )


async def get(database: Database, vault: Vault, ref: VaultRef) -> object:
    return await database.read(lambda tx: vault.get(tx, tenant=BANK, id=ref.id))


async def erase(database: Database, vault: Vault, contact: ContactId = ANNA) -> bool:
    return await database.write(lambda tx: vault.erase(tx, tenant=BANK, contact_id=contact))


async def test_a_value_comes_back_as_it_was_put_away(database: Database, vault: Vault) -> None:
    ref = await put(database, vault)

    assert await get(database, vault, ref) == {"text": SECRET}


async def test_many_values_are_put_and_read_together(database: Database, vault: Vault) -> None:
    entries = [
        VaultEntry(tenant=BANK, contact_id=contact, conversation_id=TALK, value={"n": n})
        for n, contact in enumerate([ANNA, BEN] * 450)
    ]

    refs = await database.write(lambda tx: vault.put_many(tx, entries))
    found = await database.read(
        lambda tx: vault.get_many(tx, tenant=BANK, ids=[ref.id for ref in refs])
    )

    assert [found[ref.id] for ref in refs] == [{"n": n} for n in range(900)]


async def test_another_tenant_finds_nothing(database: Database, vault: Vault) -> None:
    ref = await put(database, vault)

    with pytest.raises(NotFound):
        await database.read(lambda tx: vault.get(tx, tenant=SHOP, id=ref.id))


async def test_the_commitment_is_the_hash_of_salt_and_value(
    database: Database, vault: Vault
) -> None:
    first, second = await put(database, vault), await put(database, vault)

    opening = await database.read(lambda tx: vault.opening(tx, tenant=BANK, id=first.id))

    assert isinstance(opening, bytes)
    assert hashlib.sha256(opening).hexdigest() == first.commitment
    assert json.loads(opening[16:]) == {"text": SECRET}
    assert first.commitment != second.commitment  # the salt hides that the values are equal


async def put_file(database: Database, vault: Vault, content: bytes) -> VaultRef:
    return await database.write(
        lambda tx: vault.put(tx, tenant=BANK, contact_id=ANNA, conversation_id=TALK, value=content)
    )


async def test_a_file_comes_back_byte_for_byte_and_only_under_its_commitment(
    database: Database, vault: Vault
) -> None:
    content = bytes(range(256)) * 4
    one, other = await put_file(database, vault, content), await put_file(database, vault, b"")

    async def read(ref: VaultRef, commitment: str) -> bytes | Erased:
        return await database.read(
            lambda tx: vault.get_bytes(tx, tenant=BANK, id=ref.id, commitment=commitment)
        )

    assert await read(one, one.commitment) == content
    assert await read(other, other.commitment) == b""
    with pytest.raises(InvalidInput, match="not what was put away"):
        await read(one, other.commitment)


async def test_what_was_removed_is_overwritten_and_the_rest_stays(
    database: Database, vault: Vault
) -> None:
    one, other = await put_file(database, vault, b"one"), await put_file(database, vault, b"two")

    await database.write(lambda tx: vault.remove(tx, tenant=SHOP, ids=[other.id]))
    for _ in range(2):
        await database.write(lambda tx: vault.remove(tx, tenant=BANK, ids=[one.id]))

    found = await database.read(
        lambda tx: [
            vault.get_bytes(tx, tenant=BANK, id=ref.id, commitment=ref.commitment)
            for ref in (one, other)
        ]
    )
    assert found == [Erased(at=None), b"two"]


async def test_an_erased_contact_is_gone_and_others_are_intact(
    database: Database, vault: Vault
) -> None:
    hers, his = await put(database, vault), await put(database, vault, contact=BEN)
    await get(database, vault, hers)

    assert await erase(database, vault)

    assert isinstance(await get(database, vault, hers), Erased)
    assert await get(database, vault, his) == {"text": SECRET}
    assert await erase(database, vault)  # again does no harm
    assert not await erase(database, vault, ContactId("con_unknown"))


async def test_a_value_that_nobody_needs_is_removed_and_the_others_stay(
    database: Database, vault: Vault
) -> None:
    digits, text = await put(database, vault, "digits 123456"), await put(database, vault)
    await database.write(lambda tx: vault.remove(tx, tenant=SHOP, ids=[digits.id]))
    assert await database.read(lambda tx: vault.get(tx, tenant=BANK, id=digits.id))

    for _ in range(2):
        await database.write(lambda tx: vault.remove(tx, tenant=BANK, ids=[digits.id]))

    found = await database.read(
        lambda tx: vault.get_many(tx, tenant=BANK, ids=[digits.id, text.id])
    )
    assert found == {digits.id: Erased(at=None), text.id: {"text": SECRET}}


async def test_what_comes_after_an_erasure_is_kept_under_a_new_key(
    database: Database, vault: Vault
) -> None:
    before = await put(database, vault)
    await erase(database, vault)

    after = await put(database, vault, "hello again")

    assert isinstance(await get(database, vault, before), Erased)
    assert await get(database, vault, after) == {"text": "hello again"}


async def test_an_erasure_by_another_process_is_noticed(database: Database) -> None:
    master, clock = MasterKey.generate(), SettableClock()
    here, there = Vault(master, clock=clock), Vault(master, clock=clock)
    before = await put(database, here)
    await erase(database, there)

    after = await put(database, here, "after")

    assert isinstance(await get(database, here, before), Erased)
    assert await get(database, there, after) == {"text": "after"}


async def test_a_key_that_was_rolled_back_is_not_used_again(
    database: Database, vault: Vault
) -> None:
    def unit(tx: sa.Connection) -> None:
        vault.put(tx, tenant=BANK, contact_id=ANNA, conversation_id=TALK, value={"text": SECRET})
        raise RuntimeError("after the key was made")

    with pytest.raises(RuntimeError):
        await database.write(unit)
    ref = await put(database, vault)

    fresh = Vault(vault._master, clock=SettableClock())
    assert await get(database, fresh, ref) == {"text": SECRET}


async def test_put_then_erased_in_one_transaction_leaves_no_key_in_memory(
    database: Database, vault: Vault
) -> None:
    def unit(tx: sa.Connection) -> VaultRef:
        ref = vault.put(
            tx, tenant=BANK, contact_id=ANNA, conversation_id=TALK, value={"text": SECRET}
        )
        vault.erase(tx, tenant=BANK, contact_id=ANNA)
        return ref

    ref = await database.write(unit)

    assert isinstance(await get(database, vault, ref), Erased)
    assert len(vault._by_contact) == 0


async def test_the_erasure_says_when(database: Database) -> None:
    clock = SettableClock(datetime(2026, 11, 23, 9, tzinfo=UTC))
    vault = Vault(MasterKey.generate(), clock=clock)
    ref = await put(database, vault)
    clock.advance(timedelta(days=30))

    await erase(database, vault)

    assert await get(database, vault, ref) == Erased(at=datetime(2026, 12, 23, 9, tzinfo=UTC))


async def test_a_wrong_master_key_is_told_by_its_id(database: Database, vault: Vault) -> None:
    right, wrong = vault._master, MasterKey.generate()
    ref = await put(database, vault)

    with pytest.raises(WrongMasterKey, match=f"{right.id}.*{wrong.id}"):
        await get(database, Vault(wrong, clock=SettableClock()), ref)
    with pytest.raises(WrongMasterKey):
        await database.read(lambda tx: check_master_keys(tx, wrong))
    await database.read(lambda tx: check_master_keys(tx, wrong, right))


async def test_a_master_key_is_rotated_while_values_are_read_and_written(
    database: Database,
) -> None:
    old, new, clock = MasterKey.generate(), MasterKey.generate(), SettableClock()
    refs = [
        await put(database, Vault(old, clock=clock), contact=ContactId(f"con_{n}"))
        for n in range(5)
    ]
    rotating = Vault(new, clock=clock, previous=[old])

    while await database.write(lambda tx: rewrap(tx, old, new, limit=2)):
        assert await get(database, rotating, refs[4]) == {"text": SECRET}
        refs.append(await put(database, rotating))

    afterwards = Vault(new, clock=clock)
    for ref in refs:
        assert await get(database, afterwards, ref) == {"text": SECRET}
    await database.read(lambda tx: check_master_keys(tx, new))


async def test_a_ciphertext_moved_to_another_contact_does_not_open(
    database: Database, vault: Vault
) -> None:
    ref, other = await put(database, vault), await put(database, vault)

    def swap(tx: sa.Connection) -> None:
        table = store.vault_value
        sealed = tx.execute(sa.select(table.c.sealed).where(table.c.id == ref.id)).scalar_one()
        tx.execute(table.update().where(table.c.id == other.id).values(sealed=sealed))

    await database.write(swap)

    with pytest.raises(InvalidInput, match="altered or moved"):
        await get(database, vault, other)


async def test_the_files_of_the_database_hold_no_plaintext(vault: Vault, tmp_path: Path) -> None:
    database = open_store(tmp_path / "files.db", postgres=False)
    await put(database, vault)
    await database.write(
        lambda tx: mask(
            SECRET,
            number=vault.numbering(tx, tenant=BANK, conversation_id=TALK, contact_id=ANNA),
        )
    )

    stored = all_bytes(tmp_path)

    assert b"vault_value" in stored
    for canary in (b"Mein Konto", b"DE89370400440532013000", b"Anna Schmidt"):
        assert canary not in stored
    assert vault._master._key not in stored
    await database.close()


async def test_handles_are_stable_within_a_conversation(database: Database, vault: Vault) -> None:
    async def number(kind: str, value: str, talk: ConversationId = TALK) -> int:
        return await database.write(
            lambda tx: vault.handle_number(
                tx, tenant=BANK, conversation_id=talk, contact_id=ANNA, type=kind, value=value
            )
        )

    assert await number("iban", "DE1") == 1
    assert await number("iban", "DE2") == 2
    assert await number("phone", "DE1") == 1
    assert await number("iban", "DE1") == 1
    assert await number("iban", "DE2", OTHER_TALK) == 1
    await erase(database, vault)
    assert await number("iban", "DE1") == 3  # the old hash means nothing under the new key


def test_a_key_file_is_made_private_and_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "master.key"

    made = create_key_file(path)

    assert path.stat().st_mode & 0o777 == 0o600
    assert MasterKey.from_settings({"ANSWERABLE_MASTER_KEY_FILE": str(path)}).id == made.id
    with pytest.raises(InvalidInput, match="not overwritten"):
        create_key_file(path)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o666, 0o604, 0o700])
def test_a_key_file_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "master.key"
    create_key_file(path)
    path.chmod(mode)

    with pytest.raises(InvalidInput, match=f"mode {mode:04o}.*chmod 600"):
        MasterKey.from_settings({"ANSWERABLE_MASTER_KEY_FILE": str(path)})


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"ANSWERABLE_MASTER_KEY": "short"},
        {"ANSWERABLE_MASTER_KEY": "A" * 43 + "=", "ANSWERABLE_MASTER_KEY_FILE": "x"},
        {"ANSWERABLE_MASTER_KEY_FILE": "/nowhere/master.key"},
        {"ANSWERABLE_MASTER_KEY": "Sch\u00fcssel"},
    ],
)
def test_settings_without_a_good_key_are_refused(settings: dict[str, str]) -> None:
    with pytest.raises(InvalidInput) as refused:
        MasterKey.from_settings(settings)

    assert "short" not in str(refused.value)


def test_a_master_key_never_shows_itself() -> None:
    key = os.urandom(32)
    master = MasterKey(key)

    for shown in (repr(master), str(master), f"{master}"):
        assert shown == f"MasterKey(id={hashlib.sha256(key).hexdigest()[:8]})"

"""A tenant whose texts are nowhere on disk: the vault does what it does, the database has none."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from answerable.kit.database import Database
from answerable.kit.ids import ContactId, ConversationId, TenantId
from answerable.kit.testing import SettableClock
from answerable.kit.volatile import MemoryVolatile
from answerable.privacy import store
from answerable.privacy.keys import MasterKey
from answerable.privacy.sealing import VaultRef
from answerable.privacy.vault import Erased, Vault
from answerable.privacy.volatile import VolatileRows
from tests.support.stores import open_store

BANK, SHOP = TenantId("northwind-bank"), TenantId("corner-shop")
ANNA, BEN = ContactId("con_anna"), ContactId("con_ben")
TALK, OTHER_TALK = ConversationId("cnv_1"), ConversationId("cnv_2")
NO_TALK = ConversationId("")
LASTS = timedelta(hours=24)


class Kept:
    """A vault that keeps the shop's values in the database, and the bank's in memory."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.clock = SettableClock()
        self.memory = MemoryVolatile(self.clock)
        self.master = MasterKey.generate()
        self.lasts: dict[TenantId, timedelta] = {BANK: LASTS}
        self.vault = self.opened()

    def opened(self) -> Vault:
        """As another process has it, with the same Redis."""
        rows = VolatileRows(self.memory, self.lasts.get)
        return Vault(self.master, clock=self.clock, exclusive=True, volatile=rows)

    async def put(
        self,
        text: str,
        *,
        tenant: TenantId = BANK,
        contact: ContactId = ANNA,
        talk: ConversationId = TALK,
    ) -> VaultRef:
        return await self.database.write(
            lambda tx: self.vault.put(
                tx, tenant=tenant, contact_id=contact, conversation_id=talk, value={"text": text}
            )
        )

    async def text(self, ref: VaultRef, tenant: TenantId = BANK) -> str | None:
        """None: erased."""
        value = await self.database.read(lambda tx: self.vault.get(tx, tenant=tenant, id=ref.id))
        return None if isinstance(value, Erased) else str(value["text"])

    async def rows(self) -> int:
        tables = (store.vault_key, store.vault_value, store.handle)
        count = [sa.select(sa.func.count()).select_from(table) for table in tables]
        return await self.database.read(
            lambda tx: sum(tx.execute(one).scalar() or 0 for one in count)
        )


@pytest.fixture
async def kept(tmp_path: Path) -> AsyncIterator[Kept]:
    database = open_store(tmp_path / "answerable.db")
    yield Kept(database)
    await database.close()


async def test_a_value_is_read_as_it_was_put_and_the_database_has_nothing_of_it(
    kept: Kept,
) -> None:
    ref = await kept.put("My IBAN is DE89370400440532013000")

    assert await kept.text(ref) == "My IBAN is DE89370400440532013000"
    assert await kept.rows() == 0
    assert not any(b"IBAN" in value for value in kept.memory.all_of(f"{BANK}/{ANNA}").values())


async def test_another_tenant_s_values_stay_in_the_database_and_are_read_beside_them(
    kept: Kept,
) -> None:
    ours, theirs = await kept.put("here"), await kept.put("there", tenant=SHOP)

    assert (await kept.text(ours), await kept.text(theirs, SHOP)) == ("here", "there")
    assert await kept.rows() == 2


async def test_another_process_reads_what_this_one_put(kept: Kept) -> None:
    ref = await kept.put("hello")

    kept.vault = kept.opened()

    assert await kept.text(ref) == "hello"


async def test_all_of_a_contact_goes_a_day_after_their_last_message(kept: Kept) -> None:
    first, other = await kept.put("first"), await kept.put("of Ben", contact=BEN)
    kept.clock.advance(LASTS - timedelta(minutes=1))
    second = await kept.put("second")
    kept.clock.advance(timedelta(minutes=2))

    assert (await kept.text(first), await kept.text(second)) == ("first", "second")
    assert await kept.text(other) is None

    kept.clock.advance(LASTS)
    assert (await kept.text(first), await kept.text(second)) == (None, None)
    assert kept.memory.names() == []


async def test_what_is_lost_reads_as_erased_and_the_contact_begins_anew(kept: Kept) -> None:
    before = await kept.put("before")
    kept.memory.remove(f"{BANK}/{ANNA}", list(kept.memory.all_of(f"{BANK}/{ANNA}")))

    after = await kept.put("after")

    assert (await kept.text(before), await kept.text(after)) == (None, "after")


async def test_a_closed_conversation_is_forgotten_and_the_contact_s_others_are_not(
    kept: Kept,
) -> None:
    over, on = await kept.put("over"), await kept.put("on", talk=OTHER_TALK)
    profile = await kept.put("Anna", talk=NO_TALK)

    kept.vault.forget(tenant=BANK, contact_id=ANNA, conversations=[TALK])

    assert [await kept.text(one) for one in (over, on, profile)] == [None, "on", "Anna"]
    kept.vault.forget(tenant=BANK, contact_id=ANNA, conversations=[OTHER_TALK, NO_TALK])
    assert [await kept.text(one) for one in (on, profile)] == [None, None]


async def test_an_erasure_takes_all_of_a_contact(kept: Kept) -> None:
    ref = await kept.put("mine")

    erased = await kept.database.write(
        lambda tx: kept.vault.erase(tx, tenant=BANK, contact_id=ANNA)
    )

    assert erased
    assert await kept.text(ref) is None
    assert kept.memory.names() == []


async def test_what_was_put_away_before_the_definition_changed_is_read_wherever_it_is(
    kept: Kept,
) -> None:
    passing = await kept.put("in memory")
    del kept.lasts[BANK]
    lasting = await kept.put("in the database")
    kept.lasts[BANK] = LASTS

    assert (await kept.text(passing), await kept.text(lasting)) == ("in memory", "in the database")


async def test_equal_values_have_equal_handles_until_they_are_forgotten(kept: Kept) -> None:
    async def number(value: str) -> int:
        return await kept.database.write(
            lambda tx: kept.vault.handle_number(
                tx, tenant=BANK, conversation_id=TALK, contact_id=ANNA, type="iban", value=value
            )
        )

    assert [await number(one) for one in ("A", "B", "A")] == [1, 2, 1]
    kept.vault.forget(tenant=BANK, contact_id=ANNA, conversations=[TALK])
    assert await number("B") == 1
    assert await kept.rows() == 0


async def test_the_commitment_is_of_what_was_put(kept: Kept) -> None:
    ref = await kept.put("proven")

    opening = await kept.database.read(lambda tx: kept.vault.opening(tx, tenant=BANK, id=ref.id))

    assert isinstance(opening, bytes)
    assert b'"proven"' in opening

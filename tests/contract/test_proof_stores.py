"""Codes, wrong tries, text messages and links, as both stores keep them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection

from answerable.contacts.links_store import StoredLink, add_links, find_link, forget_links
from answerable.contacts.one_time_codes import Bound, Standing, StoredCode
from answerable.contacts.one_time_codes_store import (
    claim_code,
    count_try,
    drop_code,
    find_code,
    forget_codes,
    give_digits,
    read_standing,
    save_standing,
    use_code,
)
from answerable.contacts.send_caps_store import (
    claim_code_mail,
    claim_text,
    forget_texts,
    sent_text,
)
from answerable.definition.build_limits import read_rate
from answerable.definition.schema import MailLimits, TextLimits
from answerable.kit.database import Database
from answerable.kit.ids import ContactId, ConversationId, TenantId
from tests.support.stores import open_store

BANK, OTHER = TenantId("bank"), TenantId("other")
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
DAY = timedelta(days=1)
CODE = StoredCode(
    id="cod_1",
    bound=Bound(
        tenant=BANK,
        conversation=ConversationId("cnv_1"),
        contact=ContactId("con_1"),
        sent_to="phone",
        commitment="commitment",
    ),
    person="anna",
    mac=b"\x00mac",
    made_at=NOW,
)
LIMITS = TextLimits(
    per_number=(read_rate("2 per 1h"), read_rate("3 per 24h")),
    per_prefix=(read_rate("20 per 24h"),),
    per_tenant=(read_rate("20 per 24h"),),
)


@pytest.fixture(params=["sqlite", "postgresql"])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    database = open_store(tmp_path / "proof.db", postgres=request.param == "postgresql")
    yield database
    await database.close()


async def test_a_code_is_claimed_once(database: Database) -> None:
    claims = [database.write(lambda tx: claim_code(tx, CODE), tenant=BANK) for _ in range(8)]

    assert sorted(await asyncio.gather(*claims)) == [False] * 7 + [True]
    assert await database.read(lambda tx: find_code(tx, BANK, "cod_1"), tenant=BANK) == CODE
    assert await database.read(lambda tx: find_code(tx, OTHER, "cod_1"), tenant=OTHER) is None
    assert await database.read(lambda tx: find_code(tx, OTHER, "cod_1")) is None


async def test_tries_and_use_of_a_code_are_kept(database: Database) -> None:
    await database.write(lambda tx: claim_code(tx, CODE), tenant=BANK)
    for _ in range(3):
        await database.write(lambda tx: count_try(tx, BANK, "cod_1"), tenant=BANK)
    await database.write(lambda tx: use_code(tx, BANK, "cod_1", NOW + DAY), tenant=BANK)

    found = await database.read(lambda tx: find_code(tx, BANK, "cod_1"), tenant=BANK)

    assert found is not None
    assert (found.tries, found.used_at) == (3, NOW + DAY)
    assert await database.write(lambda tx: forget_codes(tx, before=NOW + DAY, most=9)) == 1


async def test_a_code_that_was_dropped_may_be_claimed_again(database: Database) -> None:
    await database.write(lambda tx: claim_code(tx, CODE), tenant=BANK)
    await database.write(lambda tx: drop_code(tx, OTHER, "cod_1"), tenant=OTHER)
    assert not await database.write(lambda tx: claim_code(tx, CODE), tenant=BANK)

    await database.write(lambda tx: drop_code(tx, BANK, "cod_1"), tenant=BANK)

    assert await database.write(lambda tx: claim_code(tx, CODE), tenant=BANK)


async def test_no_wrong_try_is_lost_though_many_guess_at_once(database: Database) -> None:
    def guess(tx: Connection) -> None:
        standing = read_standing(tx, BANK, "anna")
        save_standing(tx, BANK, "anna", standing.after_wrong(NOW))

    await asyncio.gather(*(database.write(guess, tenant=BANK) for _ in range(25)))

    standing = await database.read(lambda tx: read_standing(tx, BANK, "anna"), tenant=BANK)
    assert standing.in_a_row == 25
    assert standing.is_locked(NOW)
    assert await database.read(lambda tx: read_standing(tx, OTHER, "anna")) == Standing()


async def test_the_last_free_place_is_taken_once(database: Database) -> None:
    def send(key: str, number: str, at: datetime) -> Callable[[Connection], str | None]:
        return lambda tx: claim_text(
            tx, tenant=BANK, number=number, prefix="49155", key=key, at=at, limits=LIMITS
        )

    at_once = [database.write(send(f"c{n}", "one", NOW), tenant=BANK) for n in range(6)]

    assert sorted(map(str, await asyncio.gather(*at_once))) == ["None"] * 2 + ["number"] * 4
    later = NOW + timedelta(hours=1)
    answers = [
        await database.write(send(*what), tenant=BANK)
        for what in (("d1", "one", later), ("d2", "one", later), ("d3", "two", later))
    ]
    assert answers == [None, "number", None]
    assert await database.write(send("d1", "one", later), tenant=BANK) is None
    assert await database.write(lambda tx: forget_texts(tx, before=later, most=9)) == 2
    kept = await database.read(lambda tx: tx.scalars(sa.select(sent_text.c.key)).all())
    assert sorted(kept) == ["d1", "d3"]


async def test_mails_with_codes_are_counted_by_themselves(database: Database) -> None:
    limits = MailLimits(per_address=(read_rate("2 per 1h"),), per_tenant=(read_rate("3 per 1h"),))

    def mail(key: str, address: str) -> Callable[[Connection], str | None]:
        return lambda tx: claim_code_mail(
            tx, tenant=BANK, address=address, key=key, at=NOW, limits=limits
        )

    def text(key: str) -> Callable[[Connection], str | None]:
        return lambda tx: claim_text(
            tx, tenant=BANK, number=key, prefix=key, key=key, at=NOW, limits=LIMITS
        )

    for number in range(5):
        assert await database.write(text(f"t{number}"), tenant=BANK) is None
    at_once = [database.write(mail(f"m{n}", "anna"), tenant=BANK) for n in range(4)]
    assert sorted(map(str, await asyncio.gather(*at_once))) == ["None"] * 2 + ["address"] * 2
    assert await database.write(mail("n1", "ben"), tenant=BANK) is None
    assert await database.write(mail("n1", "ben"), tenant=BANK) is None
    assert await database.write(mail("n2", "cem"), tenant=BANK) == "tenant"


async def test_digits_are_given_to_a_code_that_is_kept(database: Database) -> None:
    await database.write(lambda tx: claim_code(tx, CODE), tenant=BANK)
    await database.write(lambda tx: give_digits(tx, OTHER, "cod_1", b"theirs"), tenant=OTHER)
    await database.write(lambda tx: give_digits(tx, BANK, "cod_1", b"other"), tenant=BANK)

    found = await database.read(lambda tx: find_code(tx, BANK, "cod_1"), tenant=BANK)

    assert found == replace(CODE, mac=b"other")


async def test_a_link_is_found_by_its_hash_until_it_is_forgotten(database: Database) -> None:
    link = StoredLink(
        token_hash="hash",
        tenant=BANK,
        conversation=ConversationId("cnv_1"),
        change="chg_1",
        expires_at=NOW + DAY,
    )
    await database.write(lambda tx: add_links(tx, [link]), tenant=BANK)

    assert await database.read(lambda tx: find_link(tx, "hash")) == link
    assert await database.read(lambda tx: find_link(tx, "other")) is None
    assert await database.write(lambda tx: forget_links(tx, before=NOW + DAY, most=9)) == 0
    assert await database.write(lambda tx: forget_links(tx, before=NOW + 2 * DAY, most=9)) == 1

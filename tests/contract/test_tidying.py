"""What is no longer needed goes, and what a rule still asks for stays; on every store."""

from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection

from answerable.contacts.links_store import StoredLink, add_links, page_link
from answerable.contacts.reply_caps import CapDecision, ReplyLimits
from answerable.contacts.reply_caps_store import automatic_reply, claim_automatic_reply
from answerable.contacts.send_caps_store import sent_text
from answerable.definition.changes import SMS
from answerable.kit.database import Database
from answerable.kit.ids import ConversationId, TenantId
from answerable.kit.testing import SettableClock
from answerable.processes.tidying import AT_ONCE, Tidying
from tests.support.stores import open_store

BANK = TenantId("bank")
DAY = timedelta(days=1)


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock()


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = open_store(tmp_path / "store.db")
    yield database
    await database.close()


def replied(key: str, at: datetime) -> Callable[[Connection], CapDecision]:
    def claim(tx: Connection) -> CapDecision:
        return claim_automatic_reply(
            tx, tenant=BANK, conversation=ConversationId("cnv_1"), address_lookup="anna", key=key,
            at=at, looks_like_a_loop=False, limits=ReplyLimits(),
        )  # fmt: skip

    return claim


async def test_what_no_limit_counts_any_more_goes(database: Database, clock: SettableClock) -> None:
    for key, days in (("old", 9), ("a week old", 7), ("new", 0)):
        await database.write(replied(key, clock.now() - days * DAY))

    gone = await Tidying(database, clock).tidy()

    kept = await database.read(lambda tx: tx.scalars(sa.select(automatic_reply.c.key)).all())
    assert gone["automatic replies"] == 1
    assert sorted(kept) == ["a week old", "new"]


async def test_a_link_stays_for_a_month_after_it_opens_nothing(
    database: Database, clock: SettableClock
) -> None:
    links = [
        StoredLink(
            token_hash=str(days), tenant=BANK, conversation=ConversationId("cnv_1"), change="chg_1",
            expires_at=clock.now() - days * DAY,
        )
        for days in (-1, 1, 31)
    ]  # fmt: skip
    await database.write(lambda tx: add_links(tx, links))

    gone = await Tidying(database, clock).tidy()

    kept = await database.read(lambda tx: tx.scalars(sa.select(page_link.c.token_hash)).all())
    assert gone["links"] == 1
    assert sorted(kept) == ["-1", "1"]


async def test_very_many_rows_go_in_several_transactions(
    database: Database, clock: SettableClock
) -> None:
    number = 2 * AT_ONCE + 1
    sent = {"tenant": BANK, "by": SMS, "number": "n", "prefix": "p", "at": clock.now() - 9 * DAY}
    rows = [{"key": str(n), **sent} for n in range(number)]
    await database.write(lambda tx: tx.execute(sa.insert(sent_text), rows).rowcount)
    before = database.commits

    gone = await Tidying(database, clock).tidy()

    assert gone["text messages"] == number
    assert database.commits - before >= 3
    assert set((await Tidying(database, clock).tidy()).values()) == {0}

"""What holds when the clocks of the processes of one store differ."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import Connection

from answerable.kit.ids import ConversationId, TenantId
from answerable.kit.server_time import SharedClock
from answerable.kit.testing import SettableClock
from answerable.ledger.append import Appender
from answerable.ledger.event import Lease, NewEffect, NewEvent
from answerable.ledger.outbox import Room, claim_effects, expire_leases, other_holders
from tests.support.stores import open_store

HOUR = timedelta(hours=1)
EVERYTHING = Room(fresh=10, company=0, alone=False)


def written(at: datetime, *effects: NewEffect, held: bool = False) -> Callable[[Connection], None]:
    """A unit of a process whose clock says `at`. held: what is due at once is its own to do."""

    def unit(tx: Connection) -> None:
        stream = ConversationId("cnv_clock")
        appender = Appender(tx)
        appender.open_stream(stream, TenantId("corner-shop"))
        event = appender.append(stream, NewEvent(kind="conversation_opened", data={}), at=at)
        lease = Lease(holder="prc_fast", until=at + HOUR)
        appender.schedule(event, effects, lease=lease, takes=lambda _: held)
        appender.flush()

    return unit


async def test_what_is_due_at_once_does_not_wait_for_others_to_reach_a_fast_clock(
    tmp_path: Path,
) -> None:
    database = open_store(tmp_path / "store.db", postgres=True)
    now = datetime.now(UTC)
    unit = written(now + HOUR, NewEffect(kind="look_up"), NewEffect(kind="wake", after=2 * HOUR))
    await database.write(unit)

    def taken(tx: Connection, at: datetime) -> list[str]:
        lease = Lease(holder="prc_right", until=at + HOUR)
        return [effect.kind for effect in claim_effects(tx, at, lease, EVERYTHING)]

    soon = datetime.now(UTC) + timedelta(seconds=1)
    assert await database.write(lambda tx: taken(tx, soon)) == ["look_up"]
    assert await database.write(lambda tx: taken(tx, now + 2 * HOUR)) == []
    assert await database.write(lambda tx: taken(tx, now + 3 * HOUR)) == ["wake"]
    await database.close()


async def test_a_wrong_clock_is_put_right_by_the_servers(tmp_path: Path) -> None:
    database = open_store(tmp_path / "store.db", postgres=True)
    wrong = SettableClock(datetime.now(UTC) + HOUR)
    clock = SharedClock(wrong)

    await clock.compare(database)
    assert abs(clock.now() - datetime.now(UTC)) < timedelta(minutes=1)

    wrong.advance(-2 * HOUR)  # somebody sets it, and too far
    await clock.compare(database)
    assert abs(clock.now() - datetime.now(UTC)) < timedelta(minutes=1)
    await database.close()


async def test_a_clock_that_is_nearly_right_is_left_alone(tmp_path: Path) -> None:
    database = open_store(tmp_path / "store.db", postgres=True)
    [there] = await database.read(lambda tx: tx.execute(sa.select(sa.func.clock_timestamp())).one())
    clock = SharedClock(SettableClock(there))

    await clock.compare(database)

    assert clock.now() == there
    await database.close()


async def test_a_fast_clock_takes_nobodys_work(tmp_path: Path) -> None:
    """What another holds is not abandoned because it is three hours later here."""
    database = open_store(tmp_path / "store.db", postgres=True)
    await database.write(written(datetime.now(UTC), NewEffect(kind="look_up"), held=True))
    clock = SharedClock(SettableClock(datetime.now(UTC) + 3 * HOUR))

    await clock.compare(database)
    await database.write(lambda tx: expire_leases(tx, clock.now(), gone=[]))

    others = await database.read(lambda tx: other_holders(tx, clock.now(), "prc_right"))
    assert others == ["prc_fast"]
    await database.close()

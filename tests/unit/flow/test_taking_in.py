"""A message and what follows from it are one commit, and nobody has to wait to hear of it."""

import asyncio

from answerable.flow.message import InboundMessage, Sender
from answerable.kit.ids import TenantId
from answerable.ledger.reading import read_events, read_state
from tests.support.town import TENANT, Town


async def test_a_message_and_what_follows_are_one_commit(town: Town) -> None:
    before = town.service.database.commits

    at = await town.says("hours?", settle=False)

    assert town.service.database.commits == before + 1
    assert town.service.performer.busy
    state = await town.service.database.read(lambda tx: read_state(tx, at.conversation))
    assert state is not None
    assert state.advanced_seq == state.head_seq >= at.seq


async def test_messages_of_one_conversation_may_come_together(town: Town) -> None:
    first = await town.says("hello", settle=False)
    accepted = await asyncio.gather(*(town.says(f"part {n}", settle=False) for n in range(5)))
    await town.service.settle()

    assert {one.conversation for one in accepted} == {first.conversation}
    seqs = [event.seq for event in await town.events(first.conversation)]
    assert seqs == list(range(1, len(seqs) + 1))
    kinds = await town.kinds(first.conversation)
    assert kinds.count("message_received") == kinds.count("understood") == 6


async def test_whoever_goes_away_before_the_commit_is_answered_too(town: Town) -> None:
    saying = asyncio.create_task(town.says("hours?", settle=False))
    await asyncio.sleep(0)
    saying.cancel()
    await asyncio.wait([saying])

    at = await town.says("hello", by="somebody else")

    assert saying.cancelled()
    streams = await town.streams()
    [abandoned] = [stream for stream in streams if stream != at.conversation]
    assert "reply_written" in await town.kinds(abandoned)


async def test_a_service_that_stops_gives_back_what_nobody_waited_for(town: Town) -> None:
    saying = asyncio.create_task(town.says("hours?", settle=False))
    await asyncio.sleep(0)
    saying.cancel()
    await asyncio.wait([saying])

    await town.service.stop()

    assert await town.leases() == [None]


async def test_what_cannot_be_followed_is_stored_all_the_same(town: Town) -> None:
    message = InboundMessage(
        tenant=TenantId("without-a-definition"),
        inbox="chat",
        channel="chat",
        external_id="message-1",
        text="hello",
        sender=Sender(kind="visitor", address="anna"),
        at=town.clock.now(),
    )

    accepted = await town.service.accept(message)

    database = town.service.database
    events = await database.read(lambda tx: read_events(tx, accepted.conversation))
    assert [event.kind for event in events] == ["conversation_opened", "message_received"]
    state = await database.read(lambda tx: read_state(tx, accepted.conversation))
    assert state is not None
    assert state.advanced_seq == 0
    assert message.tenant != TENANT

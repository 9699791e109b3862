"""Live followers: handed what was committed, reading what they were not handed, all of it once."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection

from answerable.api.context import ApiSettings
from answerable.channels.chat.connection import ON_THE_WAY
from answerable.channels.chat.history import VISIBLE, History, Page
from answerable.flow.acts import HandOffTo, TakeOver
from answerable.flow.message import InboundMessage, News, Sender
from answerable.kit.ids import ConversationId, TenantId
from answerable.kit.live import KEPT
from answerable.ledger.event import Event
from answerable.ledger.reading import read_events
from answerable.ledger.tables import event as event_table
from tests.support.service import FAST, SECRET, SHOP, House, customer_token, open_house
from tests.unit.chat.test_chat_connection import Customer, arrives, leaves


class CountedHistory(History):
    """reads: pages that were read from the database."""

    reads = 0

    async def after(
        self, tenant: TenantId, conversation: ConversationId, after: int, *, language: str
    ) -> Page:
        self.reads += 1
        return await super().after(tenant, conversation, after, language=language)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    settings = ApiSettings(secrets={"SHOP_SECRET": SECRET}, rates=FAST)
    house = await open_house(tmp_path / "house.db", settings=settings)
    house.api.chat.history = CountedHistory(
        house.service.database, house.service.vault, house.service.pages.links
    )
    yield house
    await house.close()


def reads(house: House) -> int:
    history = house.api.chat.history
    assert isinstance(history, CountedHistory)
    return history.reads


async def with_an_agent(house: House) -> tuple[Customer, ConversationId]:
    """A customer whose conversation belongs to an agent, and who has seen all of it."""
    anna = await arrives(house, customer_token(house))
    await anna.hello()
    await anna.says("hello there", "message-0")
    await house.service.settle()
    conversation = await house.api.chat.find_conversation(
        await house.api.customers.find(anna.bearer)  # type: ignore[arg-type]
    )
    assert conversation is not None
    sam = house.people["agent"]
    await house.service.act(
        TakeOver(tenant=SHOP, conversation=conversation, agent=sam.id, agent_name=sam.name)
    )
    await house.service.settle()
    while (await anna.gets("event"))["event"].get("code") != "agent_joined":
        pass
    return anna, conversation


async def says_and_sees(customer: Customer, text: str) -> dict[str, Any]:
    """The event of what the customer says."""
    ack = await customer.says(text, f"id-{text.replace(' ', '-')}-------")
    frame = await customer.gets("event")
    assert frame["seq"] == ack["seq"]
    return frame


async def stored(house: House, conversation: ConversationId) -> list[Event]:
    return await house.service.database.read(lambda tx: read_events(tx, conversation, limit=10_000))


async def news_of(house: House, events: list[Event]) -> News:
    """As if these had just been committed."""
    ids = [event.data["text"]["ref"] for event in events if "text" in event.data]
    texts: Any = await house.service.database.read(
        lambda tx: house.service.vault.get_many(tx, tenant=SHOP, ids=ids)
    )
    return News(tenant=SHOP, conversation=events[0].stream, events=tuple(events), texts=texts)


async def test_what_is_said_reaches_every_device_without_reading(house: House) -> None:
    anna, _ = await with_an_agent(house)
    laptop = await arrives(house, customer_token(house))
    await laptop.hello()
    while (await laptop.gets("event"))["event"].get("code") != "agent_joined":
        pass
    before = reads(house)

    own = [await says_and_sees(anna, f"and {n}") for n in range(1, 6)]

    shown = [await laptop.gets("event") for _ in own]
    assert shown == own
    assert [frame["event"]["text"] for frame in shown] == [f"and {n}" for n in range(1, 6)]
    for former, frame in itertools.pairwise(shown):
        assert frame["previous"] == former["seq"]
    assert reads(house) == before
    await leaves(anna)
    await leaves(laptop)


async def test_the_acknowledgement_comes_before_the_event(house: House) -> None:
    anna, _ = await with_an_agent(house)
    for number in range(1, 4):
        anna.sends(type="message", client_id=f"message-{number}", text="again")

    frames = [await anna.gets() for _ in range(6)]

    acknowledged: set[str] = set()
    for frame in frames:
        if frame["type"] == "ack":
            acknowledged.add(frame["client_id"])
        else:
            assert frame["event"]["client_id"] in acknowledged
    await leaves(anna)


async def said_elsewhere(house: House, conversation: ConversationId, number: int) -> int:
    """Stored by another process: nobody here is told. The seq."""
    message = InboundMessage(
        tenant=SHOP, inbox="chat", channel="chat", external_id=f"elsewhere-{number}",
        text=f"elsewhere {number}", sender=Sender(kind="customer", address="C-1001"),
        at=house.clock.now(), conversation=conversation,
    )  # fmt: skip
    intake = house.service._intake
    [(accepted, _)] = await house.service.database.write(
        lambda tx: intake.accept_many(tx, [message])
    )
    house.service._advancer.untold.clear()
    return accepted.seq


async def test_a_gap_before_what_was_handed_over_is_read(house: House) -> None:
    anna, conversation = await with_an_agent(house)
    unheard = [await said_elsewhere(house, conversation, number) for number in range(3)]
    before = reads(house)

    ack = await anna.says("is anybody there?", "message-9")

    shown = [await anna.gets("event") for _ in range(4)]
    assert [frame["seq"] for frame in shown] == [*unheard, ack["seq"]]
    assert reads(house) == before + 1
    await leaves(anna)


async def test_what_was_handed_over_twice_is_shown_once(house: House) -> None:
    anna, conversation = await with_an_agent(house)
    everything = await stored(house, conversation)
    topic = f"conversation:{conversation}"
    house.service.live.hint(topic, await news_of(house, everything[:2]))
    house.service.live.hint(topic, await news_of(house, everything))

    once = await says_and_sees(anna, "once")
    house.service.live.hint(topic, await news_of(house, everything))
    twice = await says_and_sees(anna, "twice")

    assert once["previous"] < once["seq"] == twice["previous"] < twice["seq"]
    await leaves(anna)


async def test_who_reads_slowly_costs_a_bounded_memory_and_misses_nothing(house: House) -> None:
    anna, conversation = await with_an_agent(house)
    tablet = await arrives(house, customer_token(house))
    await tablet.hello()
    while (await tablet.gets("event"))["event"].get("code") != "agent_joined":
        pass
    tablet.socket.stuck.clear()

    own = [await says_and_sees(anna, f"{n:03}") for n in range(KEPT + 20)]

    waiting = [
        one
        for one in house.service.live._subscribers[f"conversation:{conversation}"]
        if one._news is None
    ]
    assert len(waiting) == 1
    tablet.socket.stuck.set()
    assert [await tablet.gets("event") for _ in own] == own
    await leaves(anna)
    await leaves(tablet)


async def test_messages_of_one_connection_are_stored_side_by_side_and_in_order(
    house: House,
) -> None:
    anna, conversation = await with_an_agent(house)
    commits = house.service.database.commits
    ids = [f"message-{n:03}" for n in range(3 * ON_THE_WAY)]
    for one in ids:
        anna.sends(type="message", client_id=one, text=one)

    acks = [await anna.gets("ack") for _ in ids]

    assert [ack["client_id"] for ack in acks] == ids
    assert [ack["seq"] for ack in acks] == sorted(ack["seq"] for ack in acks)
    assert house.service.database.commits - commits < len(ids)
    said = [e.data.get("client_id") for e in await stored(house, conversation)]
    assert said[-len(ids) :] == ids
    await leaves(anna)


async def test_a_message_of_a_customer_who_leaves_at_once_is_in_their_session(
    house: House,
) -> None:
    anna = await arrives(house)
    await anna.hello()
    anna.sends(type="message", client_id="message-1", text="goodbye")
    anna.socket.inbound.put_nowait(None)
    await anna.ends()

    async with asyncio.timeout(5):
        while True:
            session = await house.api.customers.find(anna.bearer)
            assert session is not None
            if session.conversation is not None:
                break
    others = asyncio.all_tasks() - {asyncio.current_task()}
    await asyncio.wait_for(asyncio.gather(*others), timeout=5)
    assert not house.service.live._subscribers


async def test_what_is_handed_over_is_what_would_be_read(house: House) -> None:
    """For every way to cut a conversation in two."""
    anna, conversation = await with_an_agent(house)
    await anna.says("my account is DE89370400440532013000", "message-1")
    sam = house.people["agent"]
    who: Any = {
        "tenant": SHOP, "conversation": conversation, "agent": sam.id, "agent_name": sam.name
    }  # fmt: skip
    await house.service.act(HandOffTo(**who, team="money"))
    await anna.says("and now?", "message-2")
    await house.service.settle()
    everything = await stored(house, conversation)
    told = {"notify": "handed-over", "team": "money"}
    everything[-1:] = [replace(everything[-1], kind="handed_off", actor="system", data=told)]
    everything = [replace(e, actor="system") if e.actor.startswith("agent") else e
                  for e in everything]  # fmt: skip
    await rewritten(house, everything)
    seen = 0
    for cut in range(len(everything)):
        news = await news_of(house, everything[cut:])
        handed = house.api.chat.history.page_of(news, seen=seen, reached=cut, language="en")
        read = await house.api.chat.history.after(SHOP, conversation, seen, language="en")
        assert handed is not None
        assert list(handed.frames) == list(read.frames)
        assert handed.reached == read.reached == everything[-1].seq
        if read.frames and read.frames[0].seq == everything[cut].seq:
            seen = everything[cut].seq
    assert any(one.kind in VISIBLE for one in everything)
    await leaves(anna)


async def rewritten(house: House, events: list[Event]) -> None:
    """The ledger, forged to hold these instead."""

    def unit(tx: Connection) -> None:
        for one in events:
            tx.execute(
                sa.update(event_table)
                .where(event_table.c.stream == one.stream, event_table.c.seq == one.seq)
                .values(kind=one.kind, actor=one.actor, data=one.data)
            )

    await house.service.database.write(unit)


async def test_what_has_to_be_read_is_not_taken_from_what_was_handed_over(house: House) -> None:
    anna, conversation = await with_an_agent(house)
    everything = await stored(house, conversation)

    whole = await news_of(house, everything)
    textless = replace(whole, texts={})
    later = replace(whole, events=whole.events[3:])

    page_of = house.api.chat.history.page_of
    assert page_of(whole, seen=0, reached=0, language="en") is None  # an agent's name is in it
    assert page_of(textless, seen=0, reached=0, language="en") is None
    assert page_of(later, seen=0, reached=2, language="en") is None
    await leaves(anna)

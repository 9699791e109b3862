"""Customers over real sockets: resumed a thousand times, cut anywhere, slow, and too many."""

import asyncio
import json
import random
import struct
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest
from websockets.exceptions import ConnectionClosed

from answerable.api.context import ApiSettings
from answerable.channels.chat.history import VISIBLE
from answerable.channels.chat.service import Timing
from answerable.flow.message import Accepted, InboundMessage
from answerable.kit.ids import ConversationId
from answerable.kit.places import Places
from answerable.ledger.reading import read_events
from tests.support.service import FAST, SECRET, SHOP, Address, House, open_house, serving
from tests.support.sockets import Chat, RawSocket, chatting, frame, opened_session

RESUMES = 1_000
CUSTOMERS = 20


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    settings = ApiSettings(
        secrets={"SHOP_SECRET": SECRET},
        rates=FAST,
        timing=Timing(hello_within=0.5, send_within=0.5, close_within=0.2),
    )
    house = await open_house(tmp_path / "house.db", settings=settings)
    yield house
    await house.close()


@pytest.fixture
async def at(house: House) -> AsyncIterator[Address]:
    async with serving(house) as address:
        yield address


async def visible(house: House, conversation: str) -> list[int]:
    events = await house.service.database.read(
        lambda tx: read_events(tx, ConversationId(conversation), limit=100_000)
    )
    return [event.seq for event in events if event.kind in VISIBLE]


async def test_a_conversation_over_a_real_socket(house: House, at: Address) -> None:
    async with chatting(at, await opened_session(at)) as anna:
        await anna.hello()
        await anna.says("what are your hours?", "message-1")
        while len(anna.seen) < 2:
            await anna.gets()
        assert [frame["event"]["author"] for frame in anna.seen] == ["contact", "assistant"]


async def test_a_thousand_resumes_have_no_gap_and_no_double(house: House, at: Address) -> None:
    """Cut at random moments, some in the middle of a frame, while messages come and go."""
    # What is tested is resuming: a busy machine must not end connections for being late.
    house.api.chat.timing = Timing(hello_within=60, send_within=60, close_within=0.2)
    seed = 20261121
    print("seed", seed)
    rolls = random.Random(seed)
    async with asyncio.timeout(300):
        await asyncio.gather(*(comes_and_goes(house, at, rolls, n) for n in range(CUSTOMERS)))


async def comes_and_goes(house: House, at: Address, rolls: random.Random, number: int) -> None:
    session = await opened_session(at)
    seen: list[int] = []
    outbox: dict[str, str] = {}
    acknowledged: dict[str, int] = {}
    for round_ in range(RESUMES // CUSTOMERS):
        if round_ % 5 == 0:
            outbox[f"customer-{number}-{round_}"] = f"hours {round_}"
        raw = await RawSocket.open(at)
        await raw.upgraded()
        hello = {"type": "hello", "session": session, "after": seen[-1] if seen else 0}
        raw.sends(frame(json.dumps(hello)))
        frames_before_cut = rolls.randrange(0, 8)
        try:
            welcome = await raw.json("welcome")
            for client_id, text in outbox.items():
                raw.sends(frame(json.dumps(
                    {"type": "message", "client_id": client_id, "text": text}
                )))  # fmt: skip
            for _ in range(frames_before_cut):
                if not outbox and seen and seen[-1] >= welcome["seq"]:
                    break
                await takes(raw, seen, outbox, acknowledged)
        finally:
            if rolls.random() < 0.5:
                whole = frame(json.dumps({"type": "ping", "n": 1}))
                raw.sends(whole[: rolls.randrange(1, len(whole))])
            await raw.cut()
    async with chatting(at, session) as last:
        await last.hello(after=seen[-1] if seen else 0)
        for client_id, text in outbox.items():
            acknowledged[client_id] = (await last.says(text, client_id))["seq"]
        found = await house.api.customers.find(session)
        assert found is not None
        conversation = str(found.conversation)
        expected = await visible(house, conversation)
        while max([0, *seen, *(one["seq"] for one in last.seen)]) < expected[-1]:
            await last.gets("event")
        for one in last.seen:
            assert one["previous"] == (seen[-1] if seen else 0)
            seen.append(one["seq"])
    whole_story = await visible(house, conversation)
    assert seen == whole_story[: len(seen)]
    assert len(seen) >= len(expected)
    assert len(set(acknowledged.values())) == len(acknowledged) == RESUMES // CUSTOMERS // 5
    assert set(acknowledged.values()) <= set(whole_story)


async def takes(
    raw: RawSocket, seen: list[int], outbox: dict[str, str], acknowledged: dict[str, int]
) -> None:
    """One frame, as a careful client takes it."""
    opcode, payload = await raw.frame()
    assert opcode == 1
    told = json.loads(payload)
    if told["type"] == "event":
        assert told["previous"] == (seen[-1] if seen else 0), "a gap"
        assert told["seq"] > told["previous"], "a double"
        seen.append(told["seq"])
    elif told["type"] == "ack":
        before = acknowledged.setdefault(told["client_id"], told["seq"])
        assert before == told["seq"], "stored twice"
        outbox.pop(told["client_id"], None)
    else:
        assert told["type"] == "presence", told


async def test_a_slow_reader_is_cut_and_costs_nobody_anything(house: House) -> None:
    process = psutil.Process()
    async with serving(house, send_buffer=4_096) as at:
        session = await opened_session(at)
        async with chatting(at, session) as anna:
            await anna.hello()
            for n in range(60):
                await anna.says(f"{n} " + "x" * 3_900, f"long-message-{n}")
        before = process.memory_info().rss
        slow = await RawSocket.open(at, receive_buffer=2_048)
        await slow.upgraded()
        slow.writer.transport.pause_reading()  # type: ignore[attr-defined]
        slow.sends(frame(json.dumps({"type": "hello", "session": session, "after": 0})))
        ping = frame(json.dumps({"type": "ping", "n": 1}))
        async with chatting(at, await opened_session(at)) as ben, asyncio.timeout(10):
            await ben.hello()
            while not slow.writer.is_closing():  # the cut shows when we write
                slow.sends(ping)
                await ben.sends(type="ping", n=1)
                await ben.gets("pong")
            assert (await ben.says("hours", "still-served"))["type"] == "ack"
        await slow.cut()
        assert process.memory_info().rss - before < 10 * 2**20


async def test_a_vanished_peer_is_noticed(house: House, at: Address) -> None:
    house.api.chat.timing = Timing(ask_after=0.1, answer_within=0.1, close_within=0.2)
    anna = await RawSocket.open(at)
    await anna.upgraded()
    anna.sends(frame(json.dumps({"type": "hello", "session": await opened_session(at)})))
    await anna.json("welcome")
    await anna.json("ping")
    assert await anna.close_code() == 4408
    await anna.cut()


async def test_leaving_says_so(house: House) -> None:
    async with serving(house) as at:
        session = await opened_session(at)
        anna = await RawSocket.open(at)
        await anna.upgraded()
        anna.sends(frame(json.dumps({"type": "hello", "session": session})))
        await anna.json("welcome")
    assert await anna.close_code() == 1001
    await anna.cut()


async def test_leaving_hears_the_last_words_of_those_who_are_talking(house: House) -> None:
    """What they said is not read any more, but taken off the line: a line with something left on
    it is torn down, and with that the peer's system may throw away our goodbye."""
    taken, go_on = asyncio.Event(), asyncio.Event()

    async def held(message: InboundMessage) -> Accepted:
        taken.set()
        await go_on.wait()
        return await house.service.accept(message)

    house.api.chat.accept = held
    async with serving(house) as at:
        anna = await RawSocket.open(at)
        await anna.upgraded()
        anna.sends(frame(json.dumps({"type": "hello", "session": await opened_session(at)})))
        await anna.json("welcome")
        ping = frame(json.dumps({"type": "ping", "n": 1}))
        said = {"type": "message", "client_id": "message-1", "text": "hours"}
        anna.sends(frame(json.dumps(said)) + ping)
        await taken.wait()
        answering = asyncio.create_task(_answers_goodbye(anna))
        answering.add_done_callback(lambda _: go_on.set())
    assert await answering == (1001, b"")
    await anna.cut()


async def _answers_goodbye(raw: RawSocket) -> tuple[int | None, bytes]:
    """The close code, and what came after our answer: nothing, if the line ended as it should."""
    code = await raw.close_code()
    raw.sends(frame(struct.pack("!H", 1001), opcode=8))
    return code, await raw.reader.read()


async def test_connections_leave_nothing_behind(house: House, at: Address) -> None:
    session = await opened_session(at)
    for n in range(50):
        try:
            async with chatting(at, session) as anna:
                await anna.hello()
                if n % 2:
                    await anna.says("hours", f"message-{n}")
        except ConnectionClosed:
            pass
    signals = house.api.signals
    async with asyncio.timeout(5):
        while at.tasks:
            await asyncio.wait(at.tasks)
    assert not signals._chats
    assert not signals._conversations
    assert not [t for t in house.service.live._subscribers if t.startswith("conversation:")]


async def test_many_customers_see_their_own_words_only(house: House, at: Address) -> None:
    async def talks(number: int) -> list[str]:
        async with chatting(at, await opened_session(at)) as one:
            await one.hello()
            await one.says(f"hours for {number}", "the-same-id-for-all")
            while len(one.seen) < 2:
                await one.gets()
            return texts(one)

    told = await asyncio.gather(*(talks(number) for number in range(30)))

    for number, heard in enumerate(told):
        assert heard[0] == f"hours for {number}"
        assert len([text for text in heard if text.startswith("hours for")]) == 1
    assert house.service.definitions.active(SHOP)


def texts(chat: Chat) -> list[str]:
    return [frame["event"]["text"] for frame in chat.seen]


async def test_an_address_has_so_many_sockets_and_no_more(house: House) -> None:
    house.api.sockets = Places(most=10, most_each=1)
    strangers = {"client": ("203.0.113.9", 1), "type": "websocket"}
    neighbours = {"client": ("127.0.0.1", 1), "type": "websocket"}

    with house.api.place_for(strangers) as first, house.api.place_for(strangers) as second:
        assert (first, second) == (True, False)
        with house.api.place_for(neighbours) as proxied, house.api.place_for(neighbours) as too:
            assert proxied
            assert too
    with house.api.place_for(strangers) as again:
        assert again


async def test_a_socket_too_many_is_asked_to_come_again(house: House, at: Address) -> None:
    house.api.sockets = Places(most=0, most_each=0)
    house.api.neighbours = frozenset()
    raw = await RawSocket.open(at)
    await raw.upgraded()
    assert await raw.close_code() == 1013
    await raw.cut()

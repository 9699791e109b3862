"""One connection against a socket that the test holds in its hands."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from answerable.api.context import ApiSettings
from answerable.channels.chat.connection import ChatConnection
from answerable.channels.chat.service import Rates, Timing
from answerable.channels.chat.signals import Present
from answerable.contacts.session import LIFETIME
from answerable.flow.acts import Close, Reply, TakeOver
from answerable.flow.message import Accepted, InboundMessage
from answerable.kit.errors import StoreUnavailable, TooMany
from answerable.kit.ids import ConversationId
from answerable.kit.places import Places
from tests.support.service import (
    FAST,
    ORIGIN,
    SECRET,
    SHOP,
    SHOP_KEY,
    House,
    customer_token,
    open_house,
)

PATIENCE = 5.0


class HeldSocket:
    """Both ends in one hand. stuck: the peer does not read any more."""

    def __init__(self) -> None:
        self.inbound: asyncio.Queue[str | bytes | None] = asyncio.Queue()
        self.outbound: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.closed: tuple[int, str] | None = None
        self.aborted = False
        self.stuck = asyncio.Event()
        self.stuck.set()

    async def receive(self) -> str | bytes | None:
        return await self.inbound.get()

    async def send(self, text: str) -> None:
        await self.stuck.wait()
        self.outbound.put_nowait(json.loads(text))

    def send_now(self, text: str) -> bool:
        return False

    async def close(self, code: int, reason: str) -> None:
        await self.stuck.wait()
        self.closed = (code, reason)

    def abort(self) -> None:
        self.aborted = True


class Customer:
    """Somebody with a connection."""

    def __init__(self, house: House, bearer: str) -> None:
        self.house = house
        self.bearer = bearer
        self.socket = HeldSocket()
        connection = ChatConnection(
            house.api.chat, self.socket, origin=ORIGIN, permitted=lambda identity: True
        )
        self.task = asyncio.create_task(connection.run())

    def sends(self, **frame: Any) -> None:
        self.socket.inbound.put_nowait(json.dumps(frame))

    async def gets(self, kind: str | None = None) -> dict[str, Any]:
        """The next frame, of this type if one is named; presence is told unasked."""
        while True:
            async with asyncio.timeout(PATIENCE):
                frame = await self.socket.outbound.get()
            if kind is None or frame["type"] == kind:
                return frame

    async def hello(self, after: int = 0) -> dict[str, Any]:
        self.sends(type="hello", session=self.bearer, after=after)
        return await self.gets()

    async def says(self, text: str, client_id: str) -> dict[str, Any]:
        self.sends(type="message", client_id=client_id, text=text)
        return await self.gets("ack")

    async def ends(self) -> int | None:
        """The close code; None if the server had nothing to say."""
        async with asyncio.timeout(PATIENCE):
            await self.task
        return self.socket.closed[0] if self.socket.closed else None


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    timing = Timing(hello_within=0.05, send_within=0.05, close_within=0.05)
    settings = ApiSettings(secrets={"SHOP_SECRET": SECRET}, timing=timing, rates=FAST)
    house = await open_house(tmp_path / "house.db", settings=settings)
    yield house
    await house.close()


async def arrives(house: House, token: str | None = None) -> Customer:
    inbox = house.api.inboxes.by_key(SHOP_KEY)
    assert inbox is not None
    bearer, _ = await house.api.customers.open(inbox, customer_token=token)
    return Customer(house, bearer)


async def leaves(customer: Customer) -> None:
    customer.socket.inbound.put_nowait(None)
    await customer.ends()


async def test_a_message_is_acknowledged_and_shown_with_its_answer(house: House) -> None:
    anna = await arrives(house)
    welcome = await anna.hello()
    assert (welcome["type"], welcome["conversation"], welcome["seq"]) == ("welcome", None, 0)

    ack = await anna.says("what are your hours", "message-1")
    await house.service.settle()
    own, answer = await anna.gets("event"), await anna.gets("event")

    assert own["seq"] == ack["seq"]
    assert (own["previous"], answer["previous"]) == (0, own["seq"])
    assert own["event"]["client_id"] == "message-1"
    assert (answer["event"]["author"], answer["event"]["kind"]) == ("assistant", "message")
    await leaves(anna)


async def test_the_acknowledgement_waits_for_the_commit(house: House) -> None:
    stored, committed = asyncio.Event(), asyncio.Event()
    accept = house.service.accept

    async def slow(message: InboundMessage) -> Accepted:
        accepted = await accept(message)
        stored.set()
        await committed.wait()
        return accepted

    house.api.chat.accept = slow
    anna = await arrives(house)
    await anna.hello()
    await anna.gets("presence")
    anna.sends(type="message", client_id="message-1", text="hours")
    async with asyncio.timeout(PATIENCE):
        await stored.wait()
    assert anna.socket.outbound.empty()

    committed.set()

    assert (await anna.gets("ack"))["client_id"] == "message-1"
    await leaves(anna)


async def test_the_same_client_id_is_the_same_message(house: House) -> None:
    anna = await arrives(house)
    await anna.hello()
    first = await anna.says("hours", "message-1")
    second = await anna.says("hours", "message-1")
    assert first["seq"] == second["seq"]
    await leaves(anna)

    again = Customer(house, anna.bearer)
    await again.hello()
    third = await again.says("hours", "message-1")
    assert third["seq"] == first["seq"]
    await leaves(again)


async def test_the_same_client_id_of_another_person_is_another_message(house: House) -> None:
    anna, ben = await arrives(house), await arrives(house)
    await anna.hello()
    await ben.hello()
    await anna.says("hours", "message-1")
    await anna.says("parcel", "message-2")

    ack = await ben.says("hours", "message-2")

    assert ack["seq"] == 2  # the first message of a conversation of Ben's own
    assert (await ben.gets("event"))["event"]["text"] == "hours"
    await leaves(anna)
    await leaves(ben)


async def test_a_resumed_connection_gets_what_it_missed_and_no_more(house: House) -> None:
    anna = await arrives(house)
    await anna.hello()
    await anna.says("hours", "message-1")
    await house.service.settle()
    seen = await anna.gets("event")
    await leaves(anna)

    back = Customer(house, anna.bearer)
    welcome = await back.hello(after=seen["seq"])
    missed = await back.gets("event")

    assert welcome["conversation"] is not None
    assert missed["previous"] == seen["seq"]
    assert missed["seq"] == welcome["seq"]
    await leaves(back)


@pytest.mark.parametrize(("after", "reason"), [(10_000, "ahead"), (1, "unknown"), (3, "unknown")])
async def test_a_position_that_cannot_be_is_an_explicit_resync(
    house: House, after: int, reason: str
) -> None:
    anna = await arrives(house)
    await anna.hello()
    await anna.says("hours", "message-1")
    await house.service.settle()

    resync = None
    anna.sends(type="hello", session=anna.bearer, after=after)
    resync = await anna.gets("resync")
    assert resync["reason"] == reason
    welcome = await anna.hello()
    while welcome["type"] != "welcome":
        welcome = await anna.gets()
    assert (await anna.gets("event"))["previous"] == 0
    await leaves(anna)


async def test_a_signed_in_customer_finds_the_conversation_on_another_device(house: House) -> None:
    phone = await arrives(house, customer_token(house))
    await phone.hello()
    await phone.says("hours", "message-1")
    laptop = await arrives(house, customer_token(house))

    welcome = await laptop.hello()

    assert welcome["conversation"] is not None
    assert (await laptop.gets("event"))["event"]["text"] == "hours"
    await leaves(phone)
    await leaves(laptop)


async def test_agents_are_announced_by_name_and_handles_are_filled(house: House) -> None:
    anna = await arrives(house)
    await anna.hello()
    await anna.says("my account is DE89370400440532013000", "message-1")
    await house.service.settle()
    sam = house.people["agent"]
    [conversation] = house_conversations(await all_conversations(house))
    who: Any = {
        "tenant": SHOP, "conversation": conversation, "agent": sam.id, "agent_name": sam.name
    }  # fmt: skip
    await house.service.act(TakeOver(**who))
    seq = (await house.service.act(Reply(**who, text="Hello Anna", version=1_000))).seq
    await house.service.act(Close(**who))
    await house.service.settle()
    anna.sends(type="hello", session=anna.bearer, after=0)

    seen = []
    while True:
        frame = await anna.gets("event")
        seen.append(frame)
        if frame["event"].get("code") == "closed":
            break

    texts = [frame["event"]["text"] for frame in seen]
    assert "my account is DE89370400440532013000" in texts
    assert "Agent has joined the conversation." in texts
    reply = next(frame for frame in seen if frame["seq"] == seq)
    assert (reply["event"]["author"], reply["event"]["name"]) == ("agent", "Agent")
    await leaves(anna)


async def all_conversations(house: House) -> list[dict[str, Any]]:
    client = await house.signed_in()
    response = await client.get("/v1/desk/conversations", params={"view": "all"})
    await client.aclose()
    items: list[dict[str, Any]] = response.json()["items"]
    return items


def house_conversations(items: list[dict[str, Any]]) -> list[ConversationId]:
    return [ConversationId(item["id"]) for item in items]


async def test_typing_and_presence_are_passed_on_and_not_stored(house: House) -> None:
    anna = await arrives(house)
    await anna.hello()
    await anna.gets("presence")
    await anna.says("hours", "message-1")
    await house.service.settle()
    [conversation] = house_conversations(await all_conversations(house))
    desk = Desk()
    signals = house.api.signals

    signals.agent_enters(SHOP, house.people["agent"].id, "Sam", desk)
    assert (await anna.gets("presence"))["agents"] is True
    signals.agent_types(SHOP, conversation, True, desk)
    assert await anna.gets("typing") == {"type": "typing", "author": "agent", "on": True}
    anna.sends(type="typing", on=True)
    async with asyncio.timeout(PATIENCE):
        await desk.told.wait()
    assert desk.typed == [(conversation, True)]
    await leaves(anna)
    assert desk.typed[-1] == (conversation, False)
    signals.agent_leaves(SHOP, house.people["agent"].id, desk)
    assert not signals.any_agent(SHOP)


class Desk:
    def __init__(self) -> None:
        self.typed: list[tuple[ConversationId, bool]] = []
        self.told = asyncio.Event()

    def typing(self, conversation: ConversationId, on: bool) -> None:
        self.typed.append((conversation, on))
        self.told.set()

    def presence(self, agents: tuple[Present, ...]) -> None:
        pass


@pytest.mark.parametrize(
    ("first", "code"),
    [
        ("nonsense", 4400),
        ('{"type":"ping"}', 4400),
        ('{"type":"hello","session":"nobody"}', 4401),
        (b"\x00", 1003),
        ("x" * 16_385, 1009),
        ("é" * 8_193, 1009),
    ],
)
async def test_whoever_does_not_say_hello_is_shown_the_door(
    house: House, first: str | bytes, code: int
) -> None:
    stranger = await arrives(house)
    stranger.socket.inbound.put_nowait(first)
    assert await stranger.ends() == code


async def test_whoever_says_nothing_is_shown_the_door(house: House) -> None:
    assert await (await arrives(house)).ends() == 4408


async def test_a_foreign_page_is_shown_the_door(house: House) -> None:
    anna = await arrives(house)
    anna.task.cancel()
    socket = HeldSocket()
    connection = ChatConnection(
        house.api.chat, socket, origin="https://evil.example", permitted=lambda identity: True
    )
    socket.inbound.put_nowait(json.dumps({"type": "hello", "session": anna.bearer}))
    await connection.run()
    assert socket.closed is not None
    assert socket.closed[0] == 4403


async def test_a_peer_that_falls_silent_counts_as_dead(house: House) -> None:
    house.api.chat.timing = Timing(ask_after=0.05, answer_within=0.05, close_within=0.05)
    anna = await arrives(house)
    await anna.hello()
    await anna.gets("ping")
    assert await anna.ends() == 4408


async def test_a_peer_that_answers_when_asked_may_be_silent_for_long(house: House) -> None:
    house.api.chat.timing = Timing(ask_after=0.02, answer_within=PATIENCE)
    anna = await arrives(house)
    await anna.hello()
    for _ in range(5):
        asked = await anna.gets("ping")
        anna.sends(type="pong", n=asked["n"])
    assert anna.socket.closed is None
    await leaves(anna)


def test_a_dead_peer_is_noticed_within_30_seconds() -> None:
    timing = Timing()
    assert timing.ask_after + timing.answer_within <= 30


async def test_a_peer_that_does_not_read_is_cut_off(house: House) -> None:
    anna = await arrives(house)
    await anna.hello()
    anna.socket.stuck.clear()
    anna.sends(type="ping", n=1)
    await anna.ends()
    assert anna.socket.aborted


async def test_a_session_that_is_over_ends_its_connection(house: House) -> None:
    anna = await arrives(house)
    await anna.hello()
    house.clock.advance(LIFETIME)
    anna.sends(type="ping", n=1)
    assert await anna.ends() == 4401


async def test_a_second_hello_may_not_bring_another_person(house: House) -> None:
    anna, ben = await arrives(house), await arrives(house)
    await anna.hello()
    anna.sends(type="hello", session=ben.bearer, after=0)
    assert await anna.ends() == 4400
    ben.task.cancel()


async def test_refusals_name_their_message_and_keep_the_connection(house: House) -> None:
    anna = await arrives(house)
    await anna.hello()
    anna.sends(type="message", client_id="message-1", text="")
    error = await anna.gets("error")
    assert (error["code"], error["client_id"]) == ("text_empty", "message-1")
    assert (await anna.says("hours", "message-2"))["seq"] == 2
    await leaves(anna)


async def test_a_service_that_is_full_says_when_to_come_again(house: House) -> None:
    async def full(message: InboundMessage) -> Accepted:
        raise TooMany("service_full", "Later, please.", retry_after=timedelta(seconds=2))

    house.api.chat.accept = full
    anna = await arrives(house)
    await anna.hello()
    anna.sends(type="message", client_id="message-1", text="hours")
    error = await anna.gets("error")
    assert error["code"] == "service_full"
    assert error["retry_after_seconds"] == pytest.approx(2, abs=0.1)
    await leaves(anna)


async def test_when_there_is_too_much_to_do_a_message_is_to_come_again(house: House) -> None:
    anna = await arrives(house)
    await anna.hello()
    await house.fills_up()
    anna.sends(type="message", client_id="message-1", text="hours")

    error = await anna.gets("error")
    assert (error["code"], error["client_id"]) == ("busy", "message-1")
    assert error["retry_after_seconds"] > 0
    await house.service.settle()
    await house.service.admission.measure()
    await anna.says("hours", "message-1")
    await leaves(anna)


async def test_what_is_said_after_a_message_that_is_to_come_again_waits_for_it(
    house: House,
) -> None:
    anna = await arrives(house)
    await anna.hello()
    await house.fills_up()
    anna.sends(type="message", client_id="message-1", text="first")
    assert (await anna.gets("error"))["code"] == "busy"
    await house.service.settle()
    await house.service.admission.measure()

    anna.sends(type="message", client_id="message-2", text="second")
    error = await anna.gets("error")
    assert (error["code"], error["client_id"]) == ("out_of_turn", "message-2")
    assert error["retry_after_seconds"] > 0

    first = await anna.says("first", "message-1")
    second = await anna.says("second", "message-2")
    assert first["seq"] < second["seq"]
    await leaves(anna)


async def test_a_store_that_is_away_asks_for_the_message_again_and_says_no_more(
    house: House,
) -> None:
    async def away(message: InboundMessage) -> Accepted:
        raise StoreUnavailable(
            "store_unavailable", "10.0.0.7 refused", retry_after=timedelta(seconds=5)
        )

    house.api.chat.accept = away
    anna = await arrives(house)
    await anna.hello()
    anna.sends(type="message", client_id="message-1", text="hours")
    error = await anna.gets("error")
    assert (error["code"], error["retry_after_seconds"]) == ("store_unavailable", 5.01)
    assert "10.0.0.7" not in error["message"]
    await leaves(anna)


async def test_our_own_fault_closes_with_1011_and_is_raised(house: House) -> None:
    async def broken(message: InboundMessage) -> Accepted:
        raise ZeroDivisionError

    house.api.chat.accept = broken
    anna = await arrives(house)
    await anna.hello()
    anna.sends(type="message", client_id="message-1", text="hours")
    with pytest.raises(ZeroDivisionError):
        await anna.ends()
    assert anna.socket.closed == (1011, "our fault")


async def test_messages_are_limited_for_a_connection_and_for_a_contact(tmp_path: Path) -> None:
    rates = Rates(messages=5, messages_burst=10)
    house = await open_house(
        tmp_path / "limited.db",
        settings=ApiSettings(secrets={"SHOP_SECRET": SECRET}, rates=rates),
        limits="{messagesPerMinute: 15}",
    )
    house.api.chat.seconds = lambda: 0.0  # time stands still
    first = await arrives(house, customer_token(house))
    second = await arrives(house, customer_token(house))
    for anna in (first, second):
        await anna.hello()
        for n in range(12):
            anna.sends(type="message", client_id=f"{id(anna)}-{n}", text="hours")

    answers = [
        [await kinds_of(anna) for _ in range(12)] for anna in (first, second)
    ]  # fmt: skip

    assert [told.count("ack") for told in answers] in (
        [10, 5],
        [5, 10],
        [9, 6],
        [6, 9],
        [8, 7],
        [7, 8],
    )
    assert sum(told.count("error") for told in answers) == 9
    for anna in (first, second):
        await leaves(anna)
    await house.close()


async def test_a_message_is_as_long_as_its_tenant_allows(tmp_path: Path) -> None:
    house = await open_house(tmp_path / "short.db", limits="{messageCharacters: 20}")
    anna = await arrives(house)
    welcome = await anna.hello()
    assert welcome["limits"]["message_characters"] == 20

    anna.sends(type="message", client_id="message-1", text="x" * 21)
    assert (await anna.gets("error"))["code"] == "text_too_long"
    anna.sends(type="message", client_id="message-2", text="x" * 20)
    await anna.gets("ack")
    await leaves(anna)
    await house.close()


async def test_nobody_takes_all_connections(house: House) -> None:
    chat = house.api.chat
    chat.places_of_a_session = Places(most=100, most_each=2)
    chat.places = Places(most=3, most_each=3)
    first = await arrives(house)
    others = [Customer(house, first.bearer), Customer(house, first.bearer)]
    assert (await first.hello())["type"] == "welcome"
    assert (await others[0].hello())["type"] == "welcome"
    others[1].sends(type="hello", session=first.bearer, after=0)
    assert await others[1].ends() == 1013

    ben, eva = await arrives(house), await arrives(house)
    assert (await ben.hello())["type"] == "welcome"
    eva.sends(type="hello", session=eva.bearer, after=0)
    assert await eva.ends() == 1013
    await leaves(first)
    eva = Customer(house, eva.bearer)
    assert (await eva.hello())["type"] == "welcome"
    for one in (others[0], ben, eva):
        await leaves(one)


async def kinds_of(anna: Customer) -> str:
    while True:
        frame = await anna.gets()
        if frame["type"] in ("ack", "error"):
            if frame["type"] == "error":
                assert frame["code"] == "too_many_messages"
                assert frame["retry_after_seconds"] > 0
            return str(frame["type"])


async def test_a_flood_of_frames_ends_the_connection(tmp_path: Path) -> None:
    house = await open_house(tmp_path / "flood.db", settings=ApiSettings())
    house.api.chat.seconds = lambda: 0.0
    anna = await arrives(house)
    await anna.hello()
    for n in range(100):
        anna.sends(type="ping", n=n)
    assert await anna.ends() == 4429
    await house.close()

"""The desk's stream: resumed, shared, guarded, and over when the session is."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect

from answerable.api.context import ApiSettings
from answerable.api.desk import feed, stream
from answerable.channels.chat.service import Timing
from answerable.desk.agent import Role
from answerable.kit.ids import ConversationId
from tests.support.service import (
    FAST,
    OTHER,
    SECRET,
    SHOP,
    Address,
    House,
    open_house,
    serving,
    sign_in,
)
from tests.support.sockets import PATIENCE, STREAM, RawSocket, chatting, frame, opened_session


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    settings = ApiSettings(
        secrets={"SHOP_SECRET": SECRET},
        rates=FAST,
        timing=Timing(send_within=0.5, close_within=0.2),
        session_check_seconds=0.1,
    )
    house = await open_house(tmp_path / "house.db", settings=settings)
    yield house
    await house.close()


@pytest.fixture
async def at(house: House) -> AsyncIterator[Address]:
    async with serving(house) as address:
        yield address


@dataclass
class Desk:
    socket: ClientConnection
    http: httpx.AsyncClient

    async def sends(self, **told: Any) -> None:
        await self.socket.send(json.dumps(told))

    async def gets(self, *kinds: str) -> dict[str, Any]:
        while True:
            async with asyncio.timeout(PATIENCE):
                told: dict[str, Any] = json.loads(await self.socket.recv())
            if not kinds or told["type"] in kinds:
                return told

    async def closed(self) -> int:
        async with asyncio.timeout(5):
            await self.socket.wait_closed()
        return self.socket.close_code or 0


@asynccontextmanager
async def at_the_desk(
    at: Address, who: str = "agent", after: int | None = None
) -> AsyncIterator[Desk]:
    async with httpx.AsyncClient(base_url=at.http) as client:
        await sign_in(client, who)
        cookie = f"answerable_session={client.cookies['answerable_session']}"
        async with connect(
            at.ws + STREAM,
            origin=at.http,  # type: ignore[arg-type]
            additional_headers={"Cookie": cookie},
            ping_interval=None,
            max_queue=None,
        ) as socket:
            desk = Desk(socket, client)
            await desk.sends(type="hello", after=after)
            yield desk


async def test_what_customers_say_is_told_with_its_summary(house: House, at: Address) -> None:
    async with at_the_desk(at) as sam, chatting(at, await opened_session(at)) as anna:
        welcome = await sam.gets("welcome")
        await anna.hello()
        await anna.says("my parcel DE89370400440532013000", "message-1")

        events = [await sam.gets("event")]
        # The last event of those that are told together has the summary.
        while events[-1]["summary"] is None or all(one["kind"] != "asked" for one in events):
            events.append(await sam.gets("event"))

        positions = [event["position"] for event in events]
        assert positions == sorted(set(positions))
        assert positions[0] > welcome["position"]
        assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
        summaries = [event["summary"] for event in events if event["summary"]]
        assert summaries[-1]["contact"]["proof"] == "anonymous"
        assert "DE8937" not in str(events)


async def test_a_resumed_stream_has_no_gap_and_no_double(house: House, at: Address) -> None:
    for n in range(5):
        await house.says("hours", by=f"vis_{n}")
    positions: list[int] = []
    async with at_the_desk(at, after=0) as sam:
        await sam.gets("welcome")
        for _ in range(7):
            positions.append((await sam.gets("event"))["position"])
    for n in range(5):
        await house.says("hours", by=f"vis_later_{n}", settle=False)
    last = await house.api.feeds.last_position(SHOP)
    async with at_the_desk(at, after=positions[-1]) as sam:
        await sam.gets("welcome")
        while len(positions) < 1_000:
            event = await sam.gets("event")
            positions.append(event["position"])
            if event["position"] >= last:
                break
    assert positions == sorted(set(positions))
    async with at_the_desk(at, after=0) as fresh:
        whole: list[int] = []
        while not whole or whole[-1] < positions[-1]:
            whole.append((await fresh.gets("event"))["position"])
    assert positions == whole


async def test_pages_of_the_feed_say_whether_others_follow(house: House) -> None:
    for n in range(3):
        await house.says("hours", by=f"vis_{n}")
    whole = await feed.TenantFeed(house.service, SHOP, position=0).read(after=0)

    in_fours = feed.TenantFeed(house.service, SHOP, position=0, page=4)
    pages = [await in_fours.read(after=0)]
    while pages[-1].more:
        pages.append(await in_fours.read(after=pages[-1].reached))

    assert len(pages) > 2
    assert not whole.more
    assert pages[-1].reached == whole.reached
    places = [frame.position for page in pages for frame in page.frames]
    assert places == [frame.position for frame in whole.frames]


async def test_a_position_that_cannot_be_is_an_explicit_resync(house: House, at: Address) -> None:
    await house.says("hours")
    async with at_the_desk(at, after=10**9) as sam:
        assert (await sam.gets())["reason"] == "ahead"
        assert (await sam.gets())["type"] == "welcome"


async def test_whoever_is_far_behind_reads_anew(
    house: House, at: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "RESUMABLE", 3)
    for n in range(3):
        await house.says("hours", by=f"vis_{n}")
    async with at_the_desk(at, after=1) as sam:
        assert (await sam.gets())["reason"] == "too_far_behind"


async def test_agents_of_other_tenants_hear_nothing(house: House, at: Address) -> None:
    async with at_the_desk(at, "stranger") as stranger:
        await stranger.gets("welcome")
        conversation = (await house.says("hours", tenant=SHOP)).conversation
        await stranger.sends(type="typing", conversation=conversation, on=True)
        own = (await house.says("hours", tenant=OTHER)).conversation
        event = await stranger.gets("event", "typing")
        assert event["conversation"] == own


async def test_presence_counts_people_and_not_tabs(house: House, at: Address) -> None:
    async with at_the_desk(at, "agent") as first:
        await first.gets("presence")
        async with at_the_desk(at, "agent") as second:
            assert len((await second.gets("presence"))["agents"]) == 1
            async with at_the_desk(at, "supervisor") as boss:
                names = [one["name"] for one in (await boss.gets("presence"))["agents"]]
                assert names == ["Agent", "Supervisor"]
                overview = await boss.http.get("/v1/desk/overview")
                assert overview.json()["agents_present"] == 2
                assert await first.gets("presence") == await second.gets("presence")
        assert len((await first.gets("presence"))["agents"]) == 1


async def test_typing_goes_both_ways(house: House, at: Address) -> None:
    async with (
        at_the_desk(at, "agent") as sam,
        at_the_desk(at, "colleague") as kim,
        chatting(at, await opened_session(at)) as anna,
    ):
        await anna.hello()
        await anna.says("hours", "message-1")
        event = await sam.gets("event")
        await anna.sends(type="typing", on=True)
        typing = await sam.gets("typing")
        assert typing == {
            "type": "typing", "conversation": event["conversation"], "on": True
        }  # fmt: skip
        await sam.sends(type="typing", conversation=event["conversation"], on=True)
        assert (await anna.gets("typing"))["author"] == "agent"
        await kim.gets("typing")
        assert (await kim.gets("typing"))["on"] is True


async def test_signing_out_closes_every_tab(house: House, at: Address) -> None:
    async with at_the_desk(at) as sam:
        await sam.gets("welcome")
        assert (await sam.http.delete("/v1/desk/sessions/current")).status_code == 204
        assert await sam.closed() == 4401


async def test_suspension_closes_the_connection(house: House, at: Address) -> None:
    async with at_the_desk(at, "agent") as sam, at_the_desk(at, "administrator") as boss:
        await sam.gets("welcome")
        path = f"/v1/desk/agents/{house.people['agent'].id}/suspend"
        assert (await boss.http.post(path)).status_code == 200
        assert await sam.closed() == 4401
        await boss.sends(type="ping", n=7)
        assert (await boss.gets("pong"))["n"] == 7


async def test_a_session_ended_by_another_process_closes_the_connection(
    house: House, at: Address
) -> None:
    async with at_the_desk(at, "agent") as sam:
        await sam.gets("welcome")
        await house.api.agents.change_role(SHOP, house.people["agent"].id, Role.SUPERVISOR)
        assert await sam.closed() == 4401


@pytest.mark.parametrize("cookie", [None, "answerable_session=nobody", "answerable_session="])
async def test_without_a_session_there_is_no_stream(
    house: House, at: Address, cookie: str | None
) -> None:
    headers = {"Origin": at.http} | ({"Cookie": cookie} if cookie else {})
    raw = await RawSocket.open(at, STREAM, headers=headers)
    await raw.upgraded()
    assert await raw.close_code() == 4401
    await raw.cut()


@pytest.mark.parametrize(
    ("told", "code"),
    [('{"type":"ping","n":1}', 4400), ("nonsense", 4400), ("x" * 20_000, 1009)],
)
async def test_the_stream_begins_with_hello(
    house: House, at: Address, told: str, code: int
) -> None:
    async with httpx.AsyncClient(base_url=at.http) as client:
        await sign_in(client)
        cookie = f"answerable_session={client.cookies['answerable_session']}"
    raw = await RawSocket.open(at, STREAM, headers={"Origin": at.http, "Cookie": cookie})
    await raw.upgraded()
    raw.sends(frame(told))
    assert await raw.close_code() == code
    await raw.cut()


async def test_a_frame_that_is_none_is_an_error_and_no_end(house: House, at: Address) -> None:
    async with at_the_desk(at) as sam:
        await sam.gets("welcome")
        for told in ('{"type":"typing","conversation":"../x","on":true}', "[]", "nonsense"):
            await sam.socket.send(told)
            assert (await sam.gets("error"))["code"] == "invalid_frame"
        await sam.sends(type="hello", after=0)
        assert (await sam.gets("error"))["code"] == "hello_repeated"


async def test_a_slow_agent_is_let_go_and_the_others_go_on(
    house: House, at: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "QUEUED", 50)
    async with httpx.AsyncClient(base_url=at.http) as client:
        await sign_in(client, "colleague")
        cookie = f"answerable_session={client.cookies['answerable_session']}"
    slow = await RawSocket.open(
        at, STREAM, headers={"Origin": at.http, "Cookie": cookie}, receive_buffer=2_048
    )
    await slow.upgraded()
    slow.sends(frame('{"type":"hello","after":null}'))
    await slow.json("welcome")
    slow.writer.transport.pause_reading()  # type: ignore[attr-defined]
    async with at_the_desk(at) as sam, asyncio.timeout(30):
        await sam.gets("welcome")
        # Long frames: what lies between takes some megabytes before anything has to wait.
        somewhere = ConversationId("cnv_" + "x" * 10_000)
        while len(house.api.signals.agents(SHOP)) == 2:
            house.api.signals.contact_types(SHOP, somewhere, True)
            await sam.gets("typing")
        accepted = await house.says("hours", settle=False)
        assert (await sam.gets("event"))["conversation"] == accepted.conversation
    await slow.cut()


async def test_the_feed_is_read_once_for_all(house: House, at: Address) -> None:
    async with at_the_desk(at, "agent"), at_the_desk(at, "colleague") as kim:
        await kim.gets("welcome")
        assert len(house.api.feeds._feeds) == 1
        [shared] = house.api.feeds._feeds.values()
        assert isinstance(shared, feed.TenantFeed)
    async with asyncio.timeout(5):
        while at.tasks:
            await asyncio.wait(at.tasks)
    assert not house.api.feeds._feeds
    assert not house.api.watch._watched

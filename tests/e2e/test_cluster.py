"""Two gateways, two workers, a scheduler and a connector serve one customer and one agent."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect

from tests.support.chaos import KEY
from tests.support.cluster import GATEWAY, Cluster, Member, Servers, running
from tests.support.processes import Zygote
from tests.support.servers import needs_servers
from tests.support.service import Address
from tests.support.sockets import PATIENCE, STREAM, Chat, chatting
from tests.support.talkers import open_session

ADMIN, PASSWORD = "jonas@northwind.example", "correct-horse-battery-9"
ORIGIN = "http://localhost:8080"


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    needs_servers()
    servers = Servers(tmp_path_factory.mktemp("servers"))
    try:
        servers.open()
        yield servers
    finally:
        servers.close()


@pytest.fixture
async def cluster(tmp_path: Path, zygote: Zygote, servers: Servers) -> AsyncIterator[Cluster]:
    admin = {"FIRST_ADMIN": ADMIN, "FIRST_ADMIN_PASSWORD": PASSWORD}
    async with running(
        tmp_path / "cluster", zygote, servers, workers=2, schedulers=1, settings=admin
    ) as cluster:
        yield cluster


def address(member: Member) -> Address:
    return Address(host="127.0.0.1", port=member.instance.port)


@asynccontextmanager
async def customer_at(gateway: Member) -> AsyncIterator[Chat]:
    session = await open_session(gateway.instance.http, KEY)
    async with chatting(address(gateway), session, origin=ORIGIN) as chat:
        await chat.hello()
        yield chat


async def answered(chat: Chat, author: str) -> str:
    """The text of the next message by `author`."""
    while True:
        event = (await chat.gets("event"))["event"]
        if event.get("author") == author and event.get("text"):
            return str(event["text"])


@dataclass
class Desk:
    """An agent's console. http: signed in."""

    http: httpx.AsyncClient
    stream: ClientConnection

    async def gets(self, kind: str) -> dict[str, Any]:
        async with asyncio.timeout(PATIENCE):
            while True:
                frame: dict[str, Any] = json.loads(await self.stream.recv())
                if frame["type"] == kind:
                    return frame

    async def acts(self, conversation: str, act: str, **body: Any) -> None:
        response = await self.http.post(f"/v1/desk/conversations/{conversation}/{act}", json=body)
        assert response.status_code == 200, response.text

    async def types(self, conversation: str) -> None:
        frame = {"type": "typing", "conversation": conversation, "on": True}
        await self.stream.send(json.dumps(frame))

    async def version(self, conversation: str) -> int:
        response = await self.http.get(f"/v1/desk/conversations/{conversation}")
        return int(response.json()["version"])


@asynccontextmanager
async def agent_at(gateway: Member) -> AsyncIterator[Desk]:
    at = address(gateway)
    async with httpx.AsyncClient(base_url=at.http, headers={"Origin": at.http}) as http:
        signed_in = await http.post(
            "/v1/desk/sessions", json={"email": ADMIN, "password": PASSWORD}
        )
        assert signed_in.status_code == 200, signed_in.text
        http.headers["X-CSRF-Token"] = signed_in.json()["csrf"]
        cookie = f"answerable_session={http.cookies['answerable_session']}"
        async with connect(
            at.ws + STREAM, origin=at.http, additional_headers={"Cookie": cookie}  # type: ignore[arg-type]
        ) as stream:  # fmt: skip
            await stream.send(json.dumps({"type": "hello", "after": None}))
            desk = Desk(http, stream)
            await desk.gets("welcome")
            yield desk


async def test_a_customer_and_an_agent_meet_across_gateways(cluster: Cluster) -> None:
    one, two = cluster.of(GATEWAY)
    async with agent_at(two) as agent, customer_at(one) as customer:
        assert (await customer.gets("presence"))["agents"] is True

        await customer.says("When is your branch in Hamburg open?", "message-1")
        assert "09:00" in await answered(customer, "assistant")

        conversation = (await agent.gets("event"))["conversation"]
        await agent.acts(conversation, "take-over")
        await customer.sends(type="typing", on=True)
        shown = await agent.gets("typing")
        assert (shown["conversation"], shown["on"]) == (conversation, True)

        await agent.types(conversation)
        assert (await customer.gets("typing"))["on"] is True
        version = await agent.version(conversation)
        await agent.acts(conversation, "replies", text="Until five.", version=version)
        assert await answered(customer, "agent") == "Until five."


async def test_without_redis_answers_take_a_moment_longer(cluster: Cluster) -> None:
    one, two = cluster.of(GATEWAY)
    await asyncio.to_thread(cluster.servers.redis.stop, "kill")
    async with agent_at(two) as agent, customer_at(one) as customer:
        await customer.says("When is your branch in Hamburg open?", "message-1")
        assert "09:00" in await answered(customer, "assistant")
        conversation = (await agent.gets("event"))["conversation"]
        await agent.acts(conversation, "take-over")
        version = await agent.version(conversation)

        began = time.monotonic()
        await agent.acts(conversation, "replies", text="Until five.", version=version)
        assert await answered(customer, "agent") == "Until five."
        assert time.monotonic() - began < 4

        await asyncio.to_thread(cluster.servers.redis.start)
        typing = asyncio.create_task(customer.gets("typing"))
        while not typing.done():  # until both gateways have found it again
            await agent.types(conversation)
            await asyncio.wait([typing], timeout=0.2)
        assert typing.result()["on"] is True

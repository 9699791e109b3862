"""A service with its API for tests: two tenants, one agent of each role, a real database.

`open_house` is used in two ways: over ASGI without a network (`house.client()`), or with
`serving(house)`, a real server on real sockets.
"""

import asyncio
import itertools
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI
from joserfc import jwt
from joserfc.jwk import OctKey
from pwdlib.hashers.argon2 import Argon2Hasher

from answerable.api.app import create_app
from answerable.api.context import Api, ApiSettings
from answerable.api.server import listening_socket, server_config
from answerable.channels.chat.service import Rates
from answerable.definition.load import load_definition
from answerable.desk.agent import Agent, Role
from answerable.desk.passwords import Passwords
from answerable.flow.admission import Bounds
from answerable.flow.definitions import Definitions
from answerable.flow.handlers import World
from answerable.flow.message import Accepted, InboundMessage, Sender
from answerable.flow.service import Service
from answerable.kit.ids import TenantId
from answerable.kit.testing import SettableClock
from answerable.kit.volatile import Volatile
from answerable.playbooks.library import built_in_actions
from answerable.privacy.keys import MasterKey
from answerable.processes.assemble import assemble
from answerable.understanding.testing import KeywordReader
from tests.support.stores import open_store
from tests.support.town import DEFINITION, WORDS, FakeAlarm, FakePost, FakeWarehouse

SHOP = TenantId("corner-shop")
OTHER = TenantId("other-shop")
SHOP_KEY = "wk_corner_shop"
OTHER_KEY = "wk_other_shop"
ORIGIN = "http://localhost"
SECRET = "a secret of thirty-two characters"
PASSWORD = "correct horse battery staple"
UNLIMITED = "{messagesPerMinute: 1000000}"  # as a definition writes it
FAST = Rates(
    messages=1e6,
    messages_burst=10**6,
    frames=1e6,
    frames_burst=10**6,
)


def quick_passwords() -> Passwords:
    """argon2 with the least cost, so that tests do not wait for it."""
    return Passwords(Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1))


@dataclass
class House:
    service: Service
    app: FastAPI
    clock: SettableClock
    reader: KeywordReader
    people: dict[str, Agent] = field(default_factory=dict)
    _count: "itertools.count[int]" = field(default_factory=itertools.count)

    @property
    def api(self) -> Api:
        api: Api = self.app.state.api
        return api

    def client(self, **options: Any) -> httpx.AsyncClient:
        """A browser without cookies, over ASGI."""
        transport = httpx.ASGITransport(app=self.app)
        return httpx.AsyncClient(transport=transport, base_url="http://localhost", **options)

    async def signed_in(self, who: str = "agent") -> httpx.AsyncClient:
        """A client of "agent", "supervisor", "administrator" or "stranger" (another tenant)."""
        client = self.client()
        await sign_in(client, who)
        return client

    async def says(
        self,
        text: str,
        *,
        by: str = "vis_anna",
        tenant: TenantId = SHOP,
        channel: str = "chat",
        settle: bool = True,
    ) -> Accepted:
        """A message, past the API."""
        inbox = "chat" if channel == "chat" else "mail"
        accepted = await self.service.accept(
            InboundMessage(
                tenant=tenant,
                inbox=inbox,
                channel=channel,
                external_id=f"direct-{next(self._count)}",
                text=text,
                sender=Sender(kind="visitor" if channel == "chat" else "email", address=by),
                at=self.clock.now(),
            )
        )
        if settle:
            await self.service.settle()
        return accepted

    async def fills_up(self) -> None:
        """So much is to be done that nothing new is taken on."""
        await self.says("hours", by="vis_many", settle=False)
        await self.service.advance()
        await self.service.admission.measure()
        self.service.admission.bounds = Bounds(due=1, waiting=10**6)
        assert self.service.admission.refusal() is not None

    async def close(self) -> None:
        await self.service.database.close()


async def sign_in(client: httpx.AsyncClient, who: str = "agent") -> None:
    """Signs in and sends the CSRF token from then on."""
    response = await client.post(
        "/v1/desk/sessions", json={"email": f"{who}@shop.example", "password": PASSWORD}
    )
    assert response.status_code == 200, response.text
    client.headers["X-CSRF-Token"] = response.json()["csrf"]


def definition_of(
    tenant: TenantId, key: str, limits: str = UNLIMITED, integrations: str = ""
) -> bytes:
    systems = DEFINITION.replace(b"integrations:\n", f"integrations:\n{integrations}".encode())
    return (
        systems.replace(b"service: corner-shop", f"service: {tenant}".encode()).replace(
            b"key: wk_corner_shop,",
            f"key: {key}, signIn: {{method: hmac, secret: SHOP_SECRET}},".encode(),
        )
        + f"limits: {limits}\n".encode()
    )


async def open_house(
    path: Path,
    *,
    settings: ApiSettings | None = None,
    words: Any = None,
    limits: str = UNLIMITED,
    integrations: str = "",
    privacy: str = "{}",
    postgres: bool | None = None,
    volatile: Volatile | None = None,
    clock: SettableClock | None = None,
) -> House:
    """path: of the database file, made if it is not there. limits: of the definitions.
    integrations: further ones of theirs, each as a line of YAML, indented by two spaces.
    privacy: of the first tenant's definition. postgres: as for `open_store`. volatile: as for
    `assemble`."""
    clock = clock or SettableClock()
    database = open_store(path, postgres=postgres)
    actions = built_in_actions()
    definitions = Definitions(actions)
    for tenant, key in ((SHOP, SHOP_KEY), (OTHER, OTHER_KEY)):
        loaded = load_definition(
            f"{tenant}.yaml",
            definition_of(tenant, key, limits, integrations)
            + f"privacy: {privacy if tenant == SHOP else '{}'}\n".encode(),
            actions=actions.catalogue,
        )
        assert loaded.definition is not None, "\n".join(map(str, loaded.problems))
        definitions.add(loaded.definition)
    reader = KeywordReader(words or WORDS)
    post, warehouse = FakePost(), FakeWarehouse()
    service = assemble(
        database=database,
        clock=clock,
        master=MasterKey(b"k" * 32),
        definitions=definitions,
        actions=actions,
        world=World(
            reader=reader,
            connectors={(tenant, "warehouse"): warehouse for tenant in (SHOP, OTHER)},
            deliverers={(tenant, "mail"): post for tenant in (SHOP, OTHER)},
            alarm=FakeAlarm(),
        ),
        volatile=volatile,
    )
    settings = settings or ApiSettings(secrets={"SHOP_SECRET": SECRET})
    app = create_app(service, settings=settings, passwords=quick_passwords())
    house = House(service=service, app=app, clock=clock, reader=reader)
    for who, tenant, role in (
        ("agent", SHOP, Role.AGENT),
        ("colleague", SHOP, Role.AGENT),
        ("supervisor", SHOP, Role.SUPERVISOR),
        ("administrator", SHOP, Role.ADMINISTRATOR),
        ("stranger", OTHER, Role.ADMINISTRATOR),
    ):
        house.people[who] = await house.api.agents.create(
            tenant,
            name=who.capitalize(),
            email=f"{who}@shop.example",
            password=PASSWORD,
            role=role,
            teams=["service"],
        )
    return house


def customer_token(
    house: House,
    *,
    sub: Any = "C-1001",
    secret: str = SECRET,
    algorithm: str = "HS256",
    **claims: Any,
) -> str:
    """What the shop's own server would sign. A claim given as None is left out."""
    now = int(house.clock.now().timestamp())
    every = {"sub": sub, "name": "Anna", "aud": SHOP, "iat": now, "exp": now + 600, **claims}
    kept = {name: value for name, value in every.items() if value is not None}
    key = OctKey.import_key(secret.encode())
    return jwt.encode({"alg": algorithm}, kept, key, algorithms=[algorithm])


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        self.ready.set()


@dataclass(frozen=True, kw_only=True)
class Address:
    """tasks: of the requests and connections that the server is serving now."""

    host: str
    port: int
    tasks: "set[asyncio.Task[None]]" = field(default_factory=set, compare=False)

    @property
    def http(self) -> str:
        return f"http://{self.host}:{self.port}"

    @property
    def ws(self) -> str:
        return f"ws://{self.host}:{self.port}"


@asynccontextmanager
async def serving(house: House, *, send_buffer: int | None = None) -> AsyncIterator[Address]:
    """A real server on a free port, with the service's loops running, until the end.

    send_buffer: bytes that the kernel keeps for a peer that does not read, if not its default.
    """
    listening = listening_socket("127.0.0.1", 0)
    if send_buffer is not None:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer)
    host, port = listening.getsockname()
    server = _Server(server_config(house.app, host=host, port=port))
    tasks = [
        asyncio.create_task(server._serve(sockets=[listening])),
        asyncio.create_task(house.service.run()),
    ]
    try:
        await server.ready.wait()
        yield Address(host=host, port=port, tasks=server.server_state.tasks)
    finally:
        server.should_exit = True
        await tasks[0]
        tasks[1].cancel()
        await asyncio.wait(tasks[1:])
        listening.close()

"""Answerable as many processes, on servers of its own, with a proxy on every way between them."""

import asyncio
import base64
import itertools
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from answerable.ledger.checkpoint import SigningKey
from answerable.processes.schema import upgrade
from answerable_sandbox.runner import Sandbox
from tests.support import ledgers
from tests.support.chaos import Told, check_ledger, is_busy, until
from tests.support.processes import BANK, Instance, Zygote, free_port
from tests.support.proxies import Proxy, proxy_to
from tests.support.servers import PostgresServer, RabbitServer, RedisServer, Server

MASTER_KEY = base64.b64encode(b"k" * 32).decode()
TEMPLATE = "template_answerable"
DATABASE, BROKER, REDIS, BANK_SYSTEM, MAIL, CUSTOMERS = WAYS = (
    "database", "broker", "redis", "bank", "mail", "customers",
)  # fmt: skip
GATEWAY, WORKER, SCHEDULER, CONNECTOR = "gateway", "worker", "scheduler", "connector"
_count = itertools.count()


@dataclass
class Servers:
    """What a cluster stands on. Starting them takes seconds: several scenes may share them."""

    folder: Path
    disk_mb: int | None = None
    postgres: PostgresServer = field(init=False)
    rabbit: RabbitServer = field(init=False)
    redis: RedisServer = field(init=False)

    def __post_init__(self) -> None:
        self.postgres = PostgresServer(self.folder / "postgres", size_mb=self.disk_mb)
        self.rabbit = RabbitServer(self.folder / "rabbit")
        self.redis = RedisServer(self.folder / "redis")

    @property
    def all(self) -> tuple[Server, ...]:
        return (self.postgres, self.rabbit, self.redis)

    def open(self) -> None:
        """Raises CannotHave."""
        for server in self.all:
            server.create()
        for server in self.all:
            server.start(ready=False)
        for server in self.all:
            server.ready()
        self.postgres.create_database(TEMPLATE)
        upgrade(self.postgres.url(TEMPLATE))

    def mend(self) -> None:
        """Whatever a scene left stopped runs again."""
        for server in self.all:
            if not server.runs:
                server.start()

    def close(self) -> None:
        for server in self.all:
            server.remove()


@asynccontextmanager
async def own_servers(folder: Path, *, disk_mb: int | None = None) -> AsyncIterator[Servers]:
    servers = Servers(folder, disk_mb)
    try:
        await asyncio.to_thread(servers.open)
        yield servers
    finally:
        await asyncio.to_thread(servers.close)


@dataclass
class Member:
    """One process of the cluster. ways: the proxies between it and what it speaks with."""

    name: str
    role: str
    instance: Instance
    ways: Mapping[str, Proxy]

    @property
    def customers_url(self) -> str:
        """Of a gateway's chat."""
        return f"ws://127.0.0.1:{self.ways[CUSTOMERS].port}/v1/customer/chat"

    @property
    def mail_port(self) -> int:
        return int(self.instance.settings["SMTP_IN"].rpartition(":")[2])


@dataclass
class Cluster:
    """Started by `running`. database: its URL past all proxies, for those who look."""

    folder: Path
    servers: Servers
    zygote: Zygote
    sandbox: Sandbox
    database: str
    services: Sequence[Path] = (BANK,)
    settings: Mapping[str, str] = field(default_factory=dict)
    members: list[Member] = field(default_factory=list)
    stack: AsyncExitStack = field(default_factory=AsyncExitStack)

    def of(self, *roles: str) -> list[Member]:
        return [member for member in self.members if member.role in roles]

    @property
    def signing_key(self) -> Path:
        return self.folder / "signing.key"

    async def add(self, role: str, *, clock: Path | None = None) -> Member:
        """One more process; it is not started."""
        ways = {way: await self.stack.enter_async_context(proxy_to(port))
                for way, port in self._ports(role).items()}  # fmt: skip
        name = f"{role}-{len(self.of(role)) + 1}"
        instance = Instance(
            self.folder / name, self.zygote, services=self.services,
            settings=self._settings(role, ways), clock=clock,
        )  # fmt: skip
        if role == GATEWAY:
            ways[CUSTOMERS] = await self.stack.enter_async_context(proxy_to(instance.port))
        member = Member(name, role, instance, ways)
        self.members.append(member)
        return member

    def _ports(self, role: str) -> dict[str, int]:
        ports = {
            DATABASE: self.servers.postgres.port,
            BROKER: self.servers.rabbit.port,
            REDIS: self.servers.redis.port,
        }
        if role in (WORKER, CONNECTOR):
            ports |= {BANK_SYSTEM: self.sandbox.http_port, MAIL: self.sandbox.smtp_port}
        return ports

    def _settings(self, role: str, ways: Mapping[str, Proxy]) -> dict[str, str]:
        servers, name = self.servers, self.database.rpartition("/")[2]
        given = {
            "ROLE": role,
            "DATABASE": servers.postgres.url(name, port=ways[DATABASE].port),
            "BROKER": servers.rabbit.url(port=ways[BROKER].port),
            "REDIS": servers.redis.url(port=ways[REDIS].port),
            "MASTER_KEY": MASTER_KEY,
            "SIGNING_KEY_FILE": str(self.signing_key),
            # Everybody has to know that replies leave by mail; only some send them.
            "SMTP_URL": f"smtp+plain://127.0.0.1:{self.sandbox.smtp_port}",
        }
        if role == GATEWAY:
            given["SMTP_IN"] = f"127.0.0.1:{free_port()}"
        if MAIL in ways:
            bank = f"http://127.0.0.1:{ways[BANK_SYSTEM].port}"
            given |= {
                "SMTP_URL": f"smtp+plain://127.0.0.1:{ways[MAIL].port}",
                "CONNECTOR_CORE_BANKING_URL": f"{bank}/core",
                "CONNECTOR_CRM_URL": f"{bank}/crm",
            }
        return given | dict(self.settings)

    def next_chat(self, offset: int) -> Callable[[], str]:
        """Where a customer connects: another gateway each time."""
        turns = itertools.count(offset)
        gateways = self.of(GATEWAY)
        return lambda: gateways[next(turns) % len(gateways)].customers_url

    def heal(self) -> None:
        """Every way is open again."""
        for proxy in itertools.chain.from_iterable(m.ways.values() for m in self.members):
            proxy.back()
            proxy.delay_seconds = 0.0

    async def raise_the_dead(self, *roles: str) -> int:
        """As a supervisor does: start what has ended, of these roles or of all. How many had."""
        among = self.of(*roles) if roles else self.members
        dead = [m for m in among if m.instance.lives and not m.instance.is_running]
        await asyncio.gather(*(member.instance.start(ready=False) for member in dead))
        return len(dead)

    async def settle(self, told: Told, *, within: float) -> None:
        """Until nothing is left to be done but what waits for its time; what is left is stuck."""
        try:
            await until(lambda: not is_busy(self.database), within=within, look_every=0.3)
        except TimeoutError:
            left = ledgers.outbox(self.database)
            del left["wake"]
            behind, unread = ledgers.behind(self.database), ledgers.unread(self.database)
            told.stuck = left.total() + behind + unread
            told.wrong.append(
                f"left to do: {dict(left)}, behind: {behind}, mails: {unread}\n"
                f"{self.complaints()[-4000:]}"
            )

    def complaints(self) -> str:
        """What its processes logged, by name."""
        return "\n".join(f"== {m.name}\n{m.instance.log()[-1500:]}" for m in self.members)

    def check(self, told: Told) -> None:
        told.store = "PostgreSQL"
        check_ledger(self.database, told, key_file=self.signing_key)


async def start_all(members: Iterable[Member]) -> None:
    await asyncio.gather(*(member.instance.start() for member in members))


@asynccontextmanager
async def running(
    folder: Path,
    zygote: Zygote,
    servers: Servers,
    *,
    gateways: int = 2,
    workers: int = 3,
    schedulers: int = 2,
    connectors: int = 1,
    services: Sequence[Path] = (BANK,),
    settings: Mapping[str, str] | None = None,
    start: Sequence[str] = (GATEWAY, WORKER, SCHEDULER, CONNECTOR),
) -> AsyncIterator[Cluster]:
    """A cluster that runs, on a database of its own; nothing of it runs afterwards.

    start: the roles that are started at once.
    """
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    name = f"scene_{next(_count)}"
    await asyncio.to_thread(servers.mend)
    await asyncio.to_thread(servers.postgres.create_database, name, template=TEMPLATE)
    wanted = {
        GATEWAY: gateways, WORKER: workers, SCHEDULER: schedulers, CONNECTOR: connectors,
    }  # fmt: skip
    async with Sandbox() as sandbox, AsyncExitStack() as stack:
        cluster = Cluster(
            folder, servers, zygote, sandbox, servers.postgres.url(name),
            services=services, settings=settings or {}, stack=stack,
        )  # fmt: skip
        SigningKey.load_or_create(cluster.signing_key)
        for role, count in wanted.items():
            for _ in range(count):
                await cluster.add(role)
        try:
            await start_all(cluster.of(*start))
            yield cluster
        finally:
            for member in cluster.members:
                if member.instance.is_running:
                    await member.instance.kill()

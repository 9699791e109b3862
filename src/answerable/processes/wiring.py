"""The one place that builds objects: from settings and service files to a running platform."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from answerable.channels.email.inbox import MailInbox
from answerable.channels.email.smtp_out import SmtpSender
from answerable.channels.email.store import release_mails
from answerable.connectors.registry import build_connectors
from answerable.contacts.threading import Evidence
from answerable.definition.load import load_definition
from answerable.definition.schema import ServiceDefinition
from answerable.flow.definitions import Definitions
from answerable.flow.handlers import World
from answerable.flow.ports import Alarm, Connector, Deliverer
from answerable.flow.service import Service
from answerable.kit import failpoints
from answerable.kit.clock import Clock, SystemClock
from answerable.kit.database import Database
from answerable.kit.errors import InvalidInput
from answerable.kit.failpoints import Failpoint
from answerable.kit.ids import TenantId
from answerable.kit.lock import DirectoryLock
from answerable.kit.sqlite import SqliteDatabase
from answerable.ledger.checkpoint import SigningKey, is_sealed
from answerable.playbooks.action import ActionLibrary
from answerable.playbooks.library import installed_actions
from answerable.privacy.keys import MasterKey
from answerable.privacy.vault import check_master_keys
from answerable.processes.alarm import LoggedAlarm
from answerable.processes.assemble import assemble
from answerable.processes.keys import master_key, signing_key
from answerable.processes.mail import (
    MailRoom,
    delivery,
    instance_name,
    mail_inboxes,
    mail_room,
)
from answerable.processes.models import model_of
from answerable.processes.schema import upgrade
from answerable.processes.sealing import Sealer
from answerable.processes.settings import Settings
from answerable.understanding.local_reader import LocalReader


@dataclass(kw_only=True)
class Platform:
    """Everything of one process. `start` it, `stop` it; or only `service.settle()`."""

    settings: Settings
    service: Service
    definitions: Definitions
    reader: LocalReader
    master: MasterKey
    signing: SigningKey
    sealer: Sealer
    inboxes: Mapping[tuple[TenantId, str], MailInbox]
    mail: MailRoom
    smtp: SmtpSender | None
    connectors: Mapping[tuple[TenantId, str], Connector]
    lock: DirectoryLock
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    async def start(self) -> None:
        """Warm the models, then take up all work, also what an earlier process left."""
        for tenant in self.definitions.tenants:
            await self.reader.warm(self.definitions.active(tenant))
        self._tasks = [
            asyncio.create_task(self.service.run()),
            asyncio.create_task(self.sealer.run()),
        ]
        await self.mail.open()

    async def stop(self) -> None:
        """Take nothing more in, leave what is under way to the next start, seal the ledger."""
        await self.mail.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.service.performer.stop()
        await self.sealer.seal()
        await self.close()

    async def close(self) -> None:
        """Let go of everything without sealing or settling."""
        for connector in self.connectors.values():
            close = getattr(connector, "close", None)
            if close is not None:
                await close()
        if self.smtp is not None:
            await self.smtp.close()
        await self.mail.reader.close()
        self.reader.close()
        await self.service.database.close()
        self.lock.release()


def load_services(
    files: Sequence[Path], actions: ActionLibrary
) -> list[tuple[Path, ServiceDefinition]]:
    """The definitions in `files`. Raises InvalidInput with every error as file:line:column."""
    loaded: list[tuple[Path, ServiceDefinition]] = []
    wrong: list[str] = []
    for file in files:
        result = load_definition(file, actions=actions.catalogue)
        wrong += [str(problem) for problem in result.errors]
        if result.definition is not None:
            loaded.append((file, result.definition))
    if wrong:
        raise InvalidInput("bad_definition", "\n".join(wrong))
    return loaded


async def open_platform(
    settings: Settings,
    files: Sequence[Path],
    *,
    clock: Clock | None = None,
    alarm: Alarm | None = None,
    deliverers: Mapping[tuple[TenantId, str], Deliverer] | None = None,
    threading: Evidence | None = None,
    connector_url: Callable[[str], str | None] | None = None,
) -> Platform:
    """Everything built and the database brought up to date; nothing runs yet.

    Raises Conflict if another process serves the same data.

    deliverers: instead of SMTP, for scenarios. threading: for mail from files.
    connector_url: instead of the settings'.
    """
    clock = clock or SystemClock()
    actions = installed_actions()
    services = load_services(files, actions)
    async with contextlib.AsyncExitStack() as opened:
        store = await _open_store(settings, services, actions, clock, opened)
        inboxes = mail_inboxes(
            store.definitions, settings, instance=instance_name(store.master), required=threading
        )
        way_out = delivery(settings, store.definitions, inboxes, master=store.master, clock=clock)
        if deliverers is None:
            deliverers = dict.fromkeys(inboxes, way_out[1]) if way_out else {}
        connectors = _connectors(settings, store.definitions, connector_url)
        reader = LocalReader(model_of(settings))
        world = World(
            reader=reader,
            connectors=connectors,
            deliverers=deliverers,
            alarm=alarm or LoggedAlarm(),
        )
        service = assemble(
            database=store.database,
            clock=clock,
            master=store.master,
            definitions=store.definitions,
            actions=actions,
            world=world,
        )
        mail = mail_room(settings, service, inboxes, master=store.master)
        opened.pop_all()  # from here on `Platform.close` lets go of everything
    return Platform(
        settings=settings,
        service=service,
        definitions=store.definitions,
        reader=reader,
        master=store.master,
        signing=store.signing,
        sealer=Sealer(service, store.signing, settings.checkpoint_file),
        inboxes=inboxes,
        mail=mail,
        smtp=way_out[0] if way_out else None,
        connectors=connectors,
        lock=store.lock,
    )


@dataclass(frozen=True, kw_only=True)
class _Store:
    lock: DirectoryLock
    master: MasterKey
    signing: SigningKey
    database: Database
    definitions: Definitions


async def _open_store(
    settings: Settings,
    services: Sequence[tuple[Path, ServiceDefinition]],
    actions: ActionLibrary,
    clock: Clock,
    opened: contextlib.AsyncExitStack,
) -> _Store:
    """The data directory, for this process alone: schema current, definitions in force, and what
    an earlier process had begun free to be taken up."""
    settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = DirectoryLock(settings.data)
    lock.take()
    opened.callback(lock.release)
    path = settings.data / "answerable.db"
    fresh = not path.exists()
    master = master_key(settings, fresh=fresh)
    upgrade(path)
    failpoint = Failpoint.parse(settings.environment.get(failpoints.SETTING))
    database = SqliteDatabase(path, failpoint=failpoint)
    opened.push_async_callback(database.close)
    await database.read(lambda tx: check_master_keys(tx, master))
    signing = signing_key(settings, sealed=await database.read(is_sealed))
    definitions = Definitions(actions)
    for file, definition in services:
        definitions.add(definition)
        await _activate(database, definitions, definition, file, clock)
    now = clock.now()
    await database.write(lambda tx: release_mails(tx, now=now))
    return _Store(
        lock=lock, master=master, signing=signing, database=database, definitions=definitions
    )


async def _activate(
    database: Database,
    definitions: Definitions,
    definition: ServiceDefinition,
    file: Path,
    clock: Clock,
) -> None:
    source = await asyncio.to_thread(file.read_bytes)
    at = clock.now()
    await database.write(
        lambda tx: definitions.activate(tx, definition, name=file.name, source=source, at=at)
    )


def _connectors(
    settings: Settings,
    definitions: Definitions,
    connector_url: Callable[[str], str | None] | None,
) -> dict[tuple[TenantId, str], Connector]:
    url = connector_url or settings.connector_url
    built: dict[tuple[TenantId, str], Connector] = {}
    for tenant in definitions.tenants:
        definition = definitions.active(tenant)
        given = {name: url(name) for name in definition.integrations}
        built |= build_connectors(
            definition,
            addresses={name: address for name, address in given.items() if address},
            secrets=lambda name: lambda _: settings.connector_key(name),
        )
    return built


@contextlib.asynccontextmanager
async def running(platform: Platform) -> AsyncIterator[Platform]:
    """The platform started, and stopped at the end whatever happens."""
    await platform.start()
    try:
        yield platform
    finally:
        await platform.stop()

"""The one place that builds objects: from settings and service files to a running platform."""

import asyncio
import contextlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from answerable.api.bus.commands import AT_ONCE, Commands
from answerable.api.bus.messages import COMMANDS
from answerable.channels.email.keys_apart import MailKeys
from answerable.connectors.registry import build_connectors
from answerable.contacts.threading import Evidence
from answerable.definition.load import load_definition
from answerable.definition.schema import ServiceDefinition
from answerable.flow.definitions import Definitions
from answerable.flow.handlers import World
from answerable.flow.hints import BusHints, DeadLetters, WorkQueues
from answerable.flow.live_sweep import LiveSweep
from answerable.flow.ports import Alarm, Connector, Deliverer
from answerable.flow.service import Service
from answerable.flow.work import QUEUES
from answerable.kit import failpoints
from answerable.kit.clock import Clock, SystemClock
from answerable.kit.database import Database
from answerable.kit.errors import InvalidInput
from answerable.kit.failpoints import Failpoint
from answerable.kit.ids import TenantId
from answerable.kit.lock import DirectoryLock
from answerable.kit.membership import Alone, Membership
from answerable.kit.relay import Relay
from answerable.kit.server_time import SharedClock
from answerable.kit.volatile import MemoryVolatile, Volatile
from answerable.ledger.checkpoint import is_sealed
from answerable.playbooks.action import ActionLibrary
from answerable.playbooks.library import installed_actions
from answerable.privacy.keys import MasterKey
from answerable.privacy.rotation import check_master_keys
from answerable.privacy.tagger.model import load as load_tagger
from answerable.processes.alarm import TeamAlarm
from answerable.processes.assemble import assemble
from answerable.processes.encoders import encoder_of
from answerable.processes.event_feed import event_feed
from answerable.processes.following import Consumer, Follower
from answerable.processes.keys import master_key, signing_key
from answerable.processes.live_versions import LiveVersions
from answerable.processes.mail import (
    delivery,
    instance_name,
    mail_inboxes,
    mail_room,
)
from answerable.processes.mirroring import case_lookup_of, mirroring_of
from answerable.processes.model_reports import ModelReports
from answerable.processes.platform import Joint, Platform
from answerable.processes.roles import FEEDING, INDEXING, MIRRORING, SEALING, Role
from answerable.processes.schema import require_current, upgrade
from answerable.processes.sealing import Sealer
from answerable.processes.search_index import search_index
from answerable.processes.settings import Settings
from answerable.processes.stored import database_of, store_of
from answerable.understanding.local_reader import LocalReader
from answerable.understanding.shadow import Shadow
from answerable.understanding.tones import load_tones

if TYPE_CHECKING:
    from answerable.kit.amqp import AmqpBus


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
    role: Role = Role.ALL,
) -> Platform:
    """Everything built, and an embedded database brought up to date; nothing runs yet.

    Raises Conflict if another process serves the same data directory, or if a server's database
    has the schema of another version; InvalidInput if what was shipped to read texts is damaged.

    deliverers: instead of SMTP, for scenarios. threading: for mail from files.
    connector_url: instead of the settings'.
    """
    shared = SharedClock(SystemClock())
    clock = clock or shared
    actions = installed_actions()
    services = load_services(files, actions)
    load_tagger()  # at the start, and not when the first message is refused for it
    if role.reads_texts:
        load_tones(encoder_of(settings))
    async with contextlib.AsyncExitStack() as opened:
        store = await _open_store(settings, services, actions, clock, opened)
        keep_time = None
        if clock is shared and not store.database.exclusive:
            keep_time = partial(shared.compare, store.database)
            await keep_time()
        membership = _membership(settings, role)
        bus = _bus(settings, membership)
        relay = _relay(settings, membership, store.master)
        volatile = _volatile(settings, store, membership, clock)
        inboxes = mail_inboxes(
            store.definitions, settings, instance=instance_name(store.master), required=threading
        )
        way_out = delivery(settings, store.definitions, inboxes, master=store.master, clock=clock)
        if deliverers is None:
            deliverers = dict.fromkeys(inboxes, way_out[1]) if way_out else {}
        connectors = (
            _connectors(settings, store.definitions, connector_url)
            if role.speaks_with_systems
            else {}
        )
        versions = LiveVersions(settings, store.database, clock)
        reader = LocalReader(versions.live)
        shadow = Shadow(reader, versions.shadow, clock)
        world = World(
            reader=reader,
            connectors=connectors,
            deliverers=deliverers,
            alarm=alarm or TeamAlarm(way_out[1] if way_out else None),
            shadow=shadow,
        )
        hints = BusHints(bus) if bus is not None else None
        service = assemble(
            database=store.database,
            clock=clock,
            master=store.master,
            definitions=store.definitions,
            actions=actions,
            world=world,
            membership=membership,
            work=role.work(membership.id),
            hints=hints,
            relay=relay,
            keep_time=keep_time,
            public_url=settings.public_url,
            volatile=volatile,
        )
        keys = None
        if not store.database.exclusive:  # whose pages nobody but the server empties
            keys = MailKeys(volatile=volatile, lasts=store.definitions.forget_after)
        mail = mail_room(settings, service, inboxes, master=store.master, keys=keys)
        sealer = await _sealer(settings, service, role)
        opened.pop_all()  # from here on `Platform.close` lets go of everything
    return Platform(
        settings=settings,
        role=role,
        service=service,
        definitions=store.definitions,
        reader=reader,
        shadow=shadow,
        reports=ModelReports(settings, store.database, store.definitions, versions, clock),
        master=store.master,
        sealer=sealer,
        indexer=_indexer(service),
        mirroring=mirroring_of(
            service,
            connectors,
            lambda *told: _follower(service, MIRRORING, *told),
            mail.intake.read_again,
            keys,
        ),
        case_texts=case_lookup_of(service, connectors),
        inboxes=inboxes,
        mail=mail,
        smtp=way_out[0] if way_out else None,
        connectors=connectors,
        lock=store.lock,
        joint=_joint(settings, bus, hints, service)
        if bus is not None and hints is not None
        else None,
        relay=relay,
        volatile=volatile,
        live_sweep=_live_sweep(settings, role, service, relay),
    )


def _relay(settings: Settings, membership: Membership, master: MasterKey) -> Relay | None:
    url = settings.get("REDIS")
    if url is None:
        return None
    if not url.startswith(("redis://", "rediss://")):
        raise InvalidInput("bad_redis_url", "ANSWERABLE_REDIS must be redis://… or rediss://…")
    redis = import_module("answerable.kit.redis_relay")  # only with a Redis
    channel = f"answerable:{instance_name(master)}"  # Redis' numbered databases share channels
    relay: Relay = redis.RedisRelay(url, channel=channel, process=membership.id)
    return relay


def _volatile(
    settings: Settings, store: "_Store", membership: Membership, clock: Clock
) -> Volatile:
    """Where the texts are of tenants that keep none on disk. Raises InvalidInput if several
    processes would each have their own."""
    passing = [t for t in store.definitions.tenants if store.definitions.forget_after(t)]
    url = settings.get("REDIS")
    if not passing or (url is None and store.database.exclusive):
        return MemoryVolatile(clock)
    if url is None:
        raise InvalidInput(
            "no_store_needs_redis",
            f"{', '.join(passing)}: privacy.store is none, and several processes may serve it: set "
            "ANSWERABLE_REDIS, where they have the texts together for a time",
        )
    redis = import_module("answerable.kit.redis_volatile")  # only with a Redis
    prefix = f"answerable:{instance_name(store.master)}:vault"
    kept: Volatile = redis.RedisVolatile(url, prefix=prefix, process=membership.id)
    return kept


def _live_sweep(
    settings: Settings, role: Role, service: Service, relay: Relay | None
) -> LiveSweep | None:
    if settings.database is None or not role.faces_the_world:
        return None
    if relay is None:
        return LiveSweep(service.database, service.live, relayed=lambda: False)
    sweep = LiveSweep(service.database, service.live, relayed=lambda: relay.is_up)
    relay.on_gap(sweep.soon)
    return sweep


async def _sealer(settings: Settings, service: Service, role: Role) -> Sealer | None:
    if SEALING not in role.duties:
        return None
    key = signing_key(settings, sealed=await service.database.read(is_sealed))
    return Sealer(service, key, settings.checkpoint_file)


def _membership(settings: Settings, role: Role) -> Membership:
    url = settings.get("DATABASE")
    if url is None:
        return Alone()
    cluster = import_module("answerable.kit.postgres_membership")  # with the server's driver
    joined: Membership = cluster.PostgresMembership(url, work=role.value, duties=role.duties)
    return joined


def _bus(settings: Settings, membership: Membership) -> "AmqpBus | None":
    url = settings.get("BROKER")
    if url is None:
        return None
    amqp = import_module("answerable.kit.amqp")  # only with a broker
    bus: AmqpBus = amqp.AmqpBus(url, process=f"answerable {membership.id}")
    return bus


def _joint(settings: Settings, bus: "AmqpBus", hints: BusHints, service: Service) -> Joint:
    secrets = {t: settings.bus_secret(t) for t in service.definitions.tenants}
    commands = Commands(service, {t: secret for t, secret in secrets.items() if secret})
    return Joint(
        open=bus.open,
        close=bus.close,
        hints=hints,
        queues=WorkQueues(bus, service, tuple(QUEUES)),
        dead_letters=DeadLetters(bus, service),
        feed=_follower(service, FEEDING, event_feed(bus.announce)),
        serve=lambda: bus.serve(COMMANDS, commands.answer, at_once=AT_ONCE),
    )


def _indexer(service: Service) -> Follower:
    lookup = service.contacts.lookup
    return _follower(service, INDEXING, search_index(service.database, service.vault, lookup))


def _follower(
    service: Service, duty: str, consumer: Consumer, tenants: Collection[TenantId] | None = None
) -> Follower:
    """tenants: whose events; None: of all."""
    return Follower(
        consumer,
        database=service.database,
        live=service.live,
        tenants=lambda: service.definitions.tenants if tenants is None else tenants,
        leads=lambda: service.membership.leads(duty),
        now=service.clock.now,
    )


@dataclass(frozen=True, kw_only=True)
class _Store:
    lock: DirectoryLock | None
    master: MasterKey
    database: Database
    definitions: Definitions


async def _open_store(
    settings: Settings,
    services: Sequence[tuple[Path, ServiceDefinition]],
    actions: ActionLibrary,
    clock: Clock,
    opened: contextlib.AsyncExitStack,
) -> _Store:
    """Schema current, definitions in force. A data directory is for this process alone, and what
    an earlier one had begun is free to be taken up; a server has others, who may be at work."""
    settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock: DirectoryLock | None = None
    where = store_of(settings)
    if isinstance(where, Path):
        lock = DirectoryLock(settings.data)
        lock.take()
        opened.callback(lock.release)
        master = master_key(settings, fresh=not where.exists())
        upgrade(where)
    else:
        master = master_key(settings, fresh=False)
        await asyncio.to_thread(require_current, where)
    failpoint = Failpoint.parse(settings.environment.get(failpoints.SETTING))
    database = database_of(where, failpoint=failpoint)
    opened.push_async_callback(database.close)
    await database.read(lambda tx: check_master_keys(tx, master))
    definitions = Definitions(actions)
    for file, definition in services:
        definitions.add(definition)
        await _activate(database, definitions, definition, file, clock)
    return _Store(lock=lock, master=master, database=database, definitions=definitions)


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

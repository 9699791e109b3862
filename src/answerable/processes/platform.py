"""Everything of one process, built by `wiring`: started, and stopped whatever happens."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from answerable.channels.email.inbox import MailInbox
from answerable.channels.email.smtp_out import SmtpSender
from answerable.definition.schema import ServiceDefinition
from answerable.flow.definitions import Definitions
from answerable.flow.hints import BusHints, DeadLetters, WorkQueues
from answerable.flow.live_sweep import LiveSweep
from answerable.flow.ports import Connector
from answerable.flow.service import Service
from answerable.kit.errors import AnswerableError
from answerable.kit.ids import TenantId
from answerable.kit.lock import DirectoryLock
from answerable.kit.memory import give_back_memory, give_large_blocks_back
from answerable.kit.relay import Relay
from answerable.kit.telemetry import get_logger
from answerable.kit.volatile import Volatile
from answerable.privacy.keys import MasterKey
from answerable.processes.case_lookup import CaseLookup
from answerable.processes.case_mirror import Mirroring
from answerable.processes.duties import while_leading
from answerable.processes.following import Follower
from answerable.processes.mail import MailRoom
from answerable.processes.mirroring import check_records
from answerable.processes.model_reports import ModelReports
from answerable.processes.models import has_model
from answerable.processes.roles import (
    DEAD_LETTERS,
    FEEDING,
    FETCHING_MAIL,
    INDEXING,
    MIRRORING,
    SEALING,
    TIDYING,
    Role,
)
from answerable.processes.sealing import Sealer
from answerable.processes.settings import Settings
from answerable.processes.tidying import Tidying
from answerable.understanding.local_reader import LocalReader
from answerable.understanding.shadow import Shadow

log = get_logger("processes")


WARMED = 8  # models of other tenants that are loaded before anybody asks


@dataclass(kw_only=True)
class Joint:
    """What joins a process to others over the bus. open, close: of the bus.

    feed: tells other services what happens, while this process leads in that. serve: answers
    what they ask.
    """

    open: Callable[[], Coroutine[Any, Any, None]]
    close: Callable[[], Coroutine[Any, Any, None]]
    hints: BusHints
    queues: WorkQueues
    dead_letters: DeadLetters
    feed: Follower
    serve: Callable[[], Coroutine[Any, Any, None]]


@dataclass(kw_only=True)
class Platform:
    """`start` it, `stop` it; or only `service.settle()`.

    sealer: None if this process never seals. lock: of an embedded store's directory. joint: None
    without a bus, relay without a Redis, mirroring without a CRM. live_sweep: None without
    followers, or without others.
    """

    settings: Settings
    role: Role
    service: Service
    definitions: Definitions
    reader: LocalReader
    shadow: Shadow
    reports: ModelReports
    master: MasterKey
    sealer: Sealer | None
    indexer: Follower
    mirroring: Mirroring | None
    case_texts: CaseLookup
    inboxes: Mapping[tuple[TenantId, str], MailInbox]
    mail: MailRoom
    smtp: SmtpSender | None
    connectors: Mapping[tuple[TenantId, str], Connector]
    lock: DirectoryLock | None
    joint: Joint | None
    relay: Relay | None
    volatile: Volatile
    live_sweep: LiveSweep | None
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    async def start(self) -> None:
        """Warm the models, then take up all work, also what an earlier process left.

        Raises InvalidInput `no_record` if texts would be nowhere in the end.
        """
        give_large_blocks_back()
        if self.role.speaks_with_systems:
            check_records(self.definitions, self.connectors)
        if self.role.reads_texts:
            await self._warm()
            self._begin(self.reports.run())
        await self.service.membership.join()
        if self.joint is not None:
            await self.joint.open()
            self._begin(self.joint.hints.run())
            self._begin(self.joint.queues.run())
            if self.role.faces_the_world:
                self._begin(self.joint.serve())
        if self.relay is not None:
            self._begin(self.relay.run())
        if self.live_sweep is not None:
            self._begin(self.live_sweep.run())
        if self.role is not Role.GATEWAY:
            self._begin(self.service.run())
        for duty, begin in self._duties().items():
            self._begin(while_leading(self.service.membership, duty, begin))
        await self.mail.open(receives=self.role.faces_the_world, reads=self.role.reads_texts)

    async def _warm(self) -> None:
        """At once what the first customer would wait for: the first model, and what is to be
        trained. Of other tenants' models, which are loaded in no time, a few: where there are
        hundreds, most of them are idle."""
        first, *others = [self.definitions.active(tenant) for tenant in self.definitions.tenants]
        later = [one for one in others if has_model(self.settings, one)]
        for one in (first, *(one for one in others if one not in later)):
            await self.reader.warm(one)
        self._begin(self._warm_later(later[:WARMED]))

    async def _warm_later(self, definitions: Sequence[ServiceDefinition]) -> None:
        for one in definitions:
            try:
                await self.reader.warm(one)
            except AnswerableError as error:  # its messages become work for people
                log.error("model_failed", tenant=one.tenant, why=error.message)
        give_back_memory()

    def _duties(self) -> dict[str, Callable[[], Coroutine[Any, Any, None]]]:
        """By duty, what it is to do while this process leads in it."""
        duties = {
            FETCHING_MAIL: self.mail.fetch,
            INDEXING: self.indexer.run,
            TIDYING: Tidying(self.service.database, self.service.clock).run,
        }
        if self.sealer is not None:
            duties[SEALING] = self.sealer.run
        if self.mirroring is not None:
            duties[MIRRORING] = self.mirroring.run
        if self.joint is not None:
            duties[DEAD_LETTERS] = self.joint.dead_letters.run
            duties[FEEDING] = self.joint.feed.run
        return {duty: duties[duty] for duty in self.role.duties if duty in duties}

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        self._tasks.append(asyncio.create_task(work))

    async def stop(self) -> None:
        """Take nothing more in, give back what is under way, seal the ledger if this is ours."""
        await self.mail.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self.mirroring is not None and self.service.membership.leads(MIRRORING):
            await self.mirroring.finish()
        await self.service.stop()
        if self.joint is not None:
            await self.joint.close()
        if self.sealer is not None and self.service.membership.leads(SEALING):
            await self.sealer.seal()
        await self.service.membership.leave()
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
        await self.shadow.close()
        self.reader.close()
        await self.service.database.close()
        self.volatile.close()
        if self.lock is not None:
            self.lock.release()

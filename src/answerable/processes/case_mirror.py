"""The mirror: what happens in conversations, told to the tenant's CRM as cases and comments.

Two steps. The follower only notes which conversations have news, so that nobody waits for a CRM.
Then what was noted is written, many cases a call, each conversation in its order, at least once:
what may have been written is written again under the same key, where it is found. A CRM that is
away is asked again after a while; all that happens meanwhile becomes one update of each case.
"""

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from answerable.connectors.http import AnswerLost
from answerable.desk.case_store import (
    MirroredCase,
    News,
    case_told,
    claim_case,
    due_cases,
    note_news,
    postpone_case,
    tenants_due,
    waiting_longest,
)
from answerable.desk.cases import (
    MOST_AT_ONCE,
    CaseLater,
    CaseLog,
    CaseOutcome,
    CaseRefused,
    CaseWritten,
    Texts,
)
from answerable.kit.clock import Clock
from answerable.kit.database import Database
from answerable.kit.errors import ConnectorRefused, ConnectorUnavailable
from answerable.kit.ids import TenantId
from answerable.kit.telemetry import CASES, CASES_BEHIND, get_logger
from answerable.ledger.event import Event
from answerable.processes.case_reading import CaseReader, Telling
from answerable.processes.case_story import is_told
from answerable.processes.following import Consumer, Follower
from answerable.processes.forgetting import Forgetting

log = get_logger("processes")

GATHER = timedelta(seconds=2)  # what follows at once becomes one update
LOOK_EVERY = 0.5  # seconds
FINISH_WITHIN = 5.0  # seconds
LOOKS_ON_SERVER = 3
LEASE = timedelta(minutes=2)  # after which what a process that died was writing is taken up again
MOST_WRITES = 30  # of records of one case in any WINDOW (R12)
WINDOW = timedelta(minutes=10)
A_WRITE = 2  # of the case, and of one comment; whole texts are further ones
FIRST_REST, LONGEST_REST = timedelta(seconds=2), timedelta(minutes=1)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, kw_only=True)
class Target:
    """A tenant's CRM. name: the integration's. since: what happened before is not told of
    conversations that are not known there. texts: what is told of what was said."""

    name: str
    log: CaseLog
    texts: Texts = Texts.MASKED
    since: datetime | None = None


@dataclass
class _Rest:
    until: datetime
    length: timedelta = FIRST_REST


@dataclass
class CaseMirror:
    """consumer: for the follower. `run` writes what was noted, until cancelled."""

    database: Database
    clock: Clock
    reader: CaseReader
    targets: Mapping[TenantId, Target]
    jitter: Callable[[], float] = lambda: random.uniform(0.8, 1.2)
    _rests: dict[TenantId, _Rest] = field(default_factory=dict)

    @property
    def consumer(self) -> Consumer:
        behind = CASES_BEHIND.labels("noting")
        return Consumer(name="crm", take=self.take, behind=behind, at_once=False)

    async def take(self, tenant: TenantId, events: Sequence[Event]) -> int:
        """Note what is to be told. Never waits for the CRM."""
        target = self.targets.get(tenant)
        told = [one for one in events if is_told(one) and one.stream.startswith("cnv_")]
        if target is None or not told:
            return len(events)
        due_at = self.clock.now() + GATHER
        late = [e for e in told if target.since is None or e.at >= target.since]
        early = [e for e in told if e not in late]

        def note(tx: Connection) -> None:
            for group, opens in ((early, False), (late, True)):
                if group:
                    note_news(tx, tenant, _news(group), due_at=due_at, opens=opens)

        await self.database.write(note, tenant=tenant)
        return len(events)

    async def run(self) -> None:
        """Write what was noted, until cancelled."""
        try:
            while True:
                try:
                    more = await self.write_due()
                except Exception:
                    log.exception("mirroring_failed")
                    more = False
                await asyncio.sleep(0 if more else LOOK_EVERY)
        finally:
            CASES_BEHIND.labels("writing").set(0)

    async def write_due(self, *, ahead: timedelta = timedelta()) -> bool:
        """Write what is due, a helping for each tenant; whether there may be more. ahead: also what
        is due a moment later."""
        now = self.clock.now() + ahead
        due = await self.database.read(lambda tx: tenants_due(tx, now))
        awake = [t for t in due if t in self.targets and not self._rests_at(t, now)]
        full = [await self._write_some(tenant, self.targets[tenant], now) for tenant in awake]
        await self._tell_behind()
        return any(full)

    def _rests_at(self, tenant: TenantId, now: datetime) -> bool:
        rest = self._rests.get(tenant)
        return rest is not None and now < rest.until

    async def _tell_behind(self) -> None:
        oldest = await self.database.read(waiting_longest)
        behind = (self.clock.now() - oldest).total_seconds() if oldest is not None else 0
        CASES_BEHIND.labels("writing").set(max(0, behind))

    async def _write_some(self, tenant: TenantId, target: Target, now: datetime) -> bool:
        due = await self.database.read(
            lambda tx: due_cases(tx, tenant, now, limit=MOST_AT_ONCE), tenant=tenant
        )
        ready = await self._within_limits(tenant, due, now)
        read = await self.reader.tellings(tenant, ready, texts=target.texts)
        tellings = [replace(one, until=now + LEASE) for one in read]
        claimed = await self.database.write(
            lambda tx: [one for one in tellings if _claims(tx, one, now)], tenant=tenant
        )
        if claimed:
            await self._tell(tenant, target, claimed)
        return len(due) == MOST_AT_ONCE

    async def _within_limits(
        self, tenant: TenantId, due: Sequence[MirroredCase], now: datetime
    ) -> list[MirroredCase]:
        """Those that may be written now; the others are put off until they may."""
        free = {one.conversation: _free_at(one, now) for one in due}
        put_off = [(one, at) for one in due if (at := free[one.conversation]) is not None]
        if put_off:

            def postpone(tx: Connection) -> None:
                for one, at in put_off:
                    postpone_case(tx, one, due_at=at)

            await self.database.write(postpone, tenant=tenant)
        return [one for one in due if free[one.conversation] is None]

    async def _tell(self, tenant: TenantId, target: Target, claimed: Sequence[Telling]) -> None:
        outcomes: Sequence[CaseOutcome]
        try:
            outcomes = await target.log.write([one.update for one in claimed])
        except ConnectorUnavailable as error:
            doubtful = isinstance(error, AnswerLost)
            await self._give_back(tenant, claimed, doubtful=doubtful)
            self._rest(tenant, target, error.retry_after)
            return
        except ConnectorRefused as error:
            # Of the call as a whole: a wrong key, a missing right. People have to mend it.
            log.error("case_log_refused", connector=target.name, why=error.message)
            await self._give_back(tenant, claimed, doubtful=False)
            self._rest(tenant, target, LONGEST_REST)
            return
        self._rests.pop(tenant, None)
        at = self.clock.now()

        def note(tx: Connection) -> None:
            for telling, outcome in zip(claimed, outcomes, strict=True):
                self._told(tx, target, telling, outcome, at)

        await self.database.write(note, tenant=tenant)
        for outcome in outcomes:
            CASES.labels(target.name, _word(outcome)).inc()

    def _told(
        self, tx: Connection, target: Target, telling: Telling, outcome: CaseOutcome, at: datetime
    ) -> None:
        claimed = telling.claimed
        match outcome:
            case CaseWritten(case=id_):
                written = id_, telling.fields
                case_told(tx, claimed, upto=telling.upto, at=at, gather=GATHER, written=written)
            case CaseRefused(reason=reason):
                log.error(
                    "case_refused",
                    connector=target.name,
                    conversation=telling.of.conversation,
                    why=reason,
                )
                if target.texts is Texts.WHOLE:  # nobody else has it: people may mend the reason
                    _free(tx, telling, doubtful=False, at=at + LONGEST_REST)
                    return
                # It would be refused again, and what comes later must not wait for it.
                case_told(tx, claimed, upto=telling.upto, at=at, gather=GATHER)
            case CaseLater():
                _free(tx, telling, doubtful=False, at=at + GATHER)

    async def _give_back(
        self, tenant: TenantId, claimed: Sequence[Telling], *, doubtful: bool
    ) -> None:
        at = self.clock.now()

        def free(tx: Connection) -> None:
            for one in claimed:
                _free(tx, one, doubtful=doubtful, at=at)

        await self.database.write(free, tenant=tenant)

    def _rest(self, tenant: TenantId, target: Target, named: timedelta | None) -> None:
        before = self._rests.get(tenant)
        length = min(before.length * 2, LONGEST_REST) if before else FIRST_REST
        wait = named if named is not None else length * self.jitter()
        self._rests[tenant] = _Rest(until=self.clock.now() + wait, length=length)
        log.warning("case_log_away", connector=target.name, seconds=round(wait.total_seconds(), 1))


@dataclass(frozen=True, kw_only=True)
class Mirroring:
    """All steps, while this process leads in it. closings, forgetting: of what is kept nowhere
    here once it is told and over; None if there is nobody of whom it is so."""

    mirror: CaseMirror
    follower: Follower
    closings: Follower | None = None
    forgetting: Forgetting | None = None

    async def run(self) -> None:
        async with asyncio.TaskGroup() as steps:
            for one in (self.follower, self.mirror, self.closings, self.forgetting):
                if one is not None:
                    steps.create_task(one.run())

    async def finish(self) -> None:
        """Before a stop, once `run` is over: tell what would be lost with this process. What takes
        longer than FINISH_WITHIN is lost."""
        if self.forgetting is None:
            return
        try:
            async with asyncio.timeout(FINISH_WITHIN):
                await self._tell_the_rest()
                for _ in range(0 if self.mirror.database.exclusive else LOOKS_ON_SERVER):
                    # An event is handed on when no older transaction is under way any more.
                    await asyncio.sleep(LOOK_EVERY)
                    await self._tell_the_rest()
        except Exception as error:
            log.warning("mirroring_not_finished", why=type(error).__name__)

    async def _tell_the_rest(self) -> None:
        await self.follower.hand_on()
        while await self.mirror.write_due(ahead=GATHER):
            pass


def _claims(tx: Connection, telling: Telling, now: datetime) -> bool:
    records = max(A_WRITE, 1 + len(telling.update.comments))
    writes = [*_recent(telling.of, now), (_micros(now), records)]
    until = telling.until or now
    return claim_case(tx, telling.of, sent_seq=telling.upto, writes=writes, until=until)


def _free(tx: Connection, telling: Telling, *, doubtful: bool, at: datetime) -> None:
    """Of what certainly was not written, nothing is left; what was in doubt before stays so."""
    postpone_case(tx, telling.claimed, due_at=at, unclaimed=None if doubtful else telling.of)


def _news(events: Sequence[Event]) -> list[News]:
    first: dict[str, Event] = {}
    last: dict[str, int] = {}
    for one in events:
        first.setdefault(one.stream, one)
        last[one.stream] = max(one.seq, last.get(one.stream, 0))
    return [
        News(conversation=one.stream, seq=last[stream], first_at=one.at)
        for stream, one in first.items()
    ]


def _micros(moment: datetime) -> int:
    return int(moment.timestamp() * 1_000_000)


def _recent(case: MirroredCase, now: datetime) -> list[tuple[int, int]]:
    begin = _micros(now - WINDOW)
    return [(at, count) for at, count in case.writes if at > begin]


def _free_at(case: MirroredCase, now: datetime) -> datetime | None:
    """When it may be written; None: now."""
    recent = _recent(case, now)
    over = sum(count for _, count in recent) + A_WRITE - MOST_WRITES
    if over <= 0:
        return None
    for at, count in recent:
        over -= count
        if over <= 0:
            return now + WINDOW + (at - _micros(now)) * _MICROSECOND
    return now + WINDOW


def _word(outcome: CaseOutcome) -> str:
    return {CaseWritten: "written", CaseRefused: "refused", CaseLater: "later"}[type(outcome)]

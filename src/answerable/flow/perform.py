"""Perform: effects are carried out, outside any transaction, and their outcomes become events.

At least once, under a key that never changes. An effect that fails is tried again later; after
`MOST_FAILURES` it is given up, and `effect_failed` makes it work for a person. One that waits for
another system has not failed: it is given up when that has not answered for hours (`patience`).

A start may also have no end: the process died. One of the effects that were under way may be to
blame, and most are not. So all of them are suspects, which run in small company the next time if
they are many, and otherwise, and from the second missing end on, as the only suspect. Those starts
tell who it is: an effect is given up when `MOST_STARTS` had no end.

Where the store takes nothing (away, or its disk full), nobody is to blame: the effect is given back
as soon as it takes something again, and is done once more.
"""

import asyncio
import contextlib
import dataclasses
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from datetime import timedelta
from functools import partial

import sqlalchemy as sa

from answerable.flow.advance import Changes
from answerable.flow.patience import (
    MOST_FAILURES,
    has_waited_enough,
    pause_after,
    somebody_waits,
    wait_for,
)
from answerable.flow.record import Outcome, Recorder
from answerable.flow.work import CONNECTOR_EFFECTS
from answerable.kit.clock import Clock
from answerable.kit.database import Database, DatabaseClosed
from answerable.kit.errors import AnswerableError, ConnectorUnavailable, StoreUnavailable
from answerable.kit.telemetry import EFFECTS, STAGE_SECONDS, get_logger
from answerable.ledger.event import Effect
from answerable.ledger.outbox import (
    Room,
    put_off_effect,
    retry_effect,
    return_effects,
)

log = get_logger("flow")

MOST_STARTS = 5  # without an end: one in any company, one in small company, the rest alone
AT_ONCE = 64  # effects under way in one process
ASKING_AT_ONCE = (
    48  # those that ask connectors, beside them: a system that hangs stops only its own
)
MOST_HELD = 256  # taken on by the sweep: what is held when the process dies becomes suspect
COMPANY = 16  # suspects that may run beside each other, if there are so many
BATCH = 32  # texts a model reads together: more gains nothing on one core
LONGEST_RUN = timedelta(seconds=45)  # less than a lease: nobody else starts it meanwhile
GIVE_BACK_EVERY = 0.5  # seconds, while the store takes nothing
# A full disk is an error of the server's, and not one that it is away by.
STORE_TROUBLE = (StoreUnavailable, sa.exc.OperationalError)
ENDLESS = "it was started too often without an end"


Handler = Callable[[Effect], Awaitable[Outcome]]
BatchHandler = Callable[[Sequence[Effect]], Awaitable[Sequence[Outcome]]]


class Performer:
    """Carries out effects. Those of one kind that can be batched are taken together."""

    def __init__(
        self,
        *,
        database: Database,
        clock: Clock,
        recorder: Recorder,
        handlers: Mapping[str, Handler],
        batch_handlers: Mapping[str, BatchHandler],
        tell: Callable[[Changes], None],
        has_room: Callable[[], None],
        holder: str,
    ) -> None:
        """holder: this process, in leases."""
        self._database = database
        self._holder = holder
        self._clock = clock
        self._recorder = recorder
        self._handlers = handlers
        self._batch_handlers = batch_handlers
        self._tell = tell
        self._has_room = has_room
        self._held: dict[str, Effect] = {}
        self._awaited: dict[str, asyncio.Future[None]] = {}
        self._waiting: dict[str, deque[Effect]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._places = asyncio.Semaphore(AT_ONCE)
        self._asking = asyncio.Semaphore(ASKING_AT_ONCE)

    def submit(self, effects: Sequence[Effect]) -> None:
        """Begin to carry these out, side by side; returns at once."""
        for effect in effects:
            self._held[effect.key] = effect
            if effect.kind in self._batch_handlers:
                waiting = self._waiting.setdefault(effect.kind, deque())
                if not waiting:
                    self._begin(self._drain(effect.kind, waiting))
                waiting.append(effect)
            else:
                self._begin(self._to_the_end(partial(self._perform_one, effect), [effect]))

    @property
    def held(self) -> Sequence[str]:
        """Keys of the effects that were submitted and have not ended."""
        return list(self._held)

    @property
    def room(self) -> Room:
        """What may be submitted besides."""
        alone = any(effect.missing_ends > 1 for effect in self._held.values())
        return Room(
            fresh=max(0, MOST_HELD - len(self._held)),
            company=0 if alone else COMPANY - self.suspects,
            alone=not self.suspects,
        )

    @property
    def suspects(self) -> int:
        """How many of those held may be to blame for a death."""
        return sum(effect.missing_ends > 0 for effect in self._held.values())

    def room_for_suspects(self, dangerous: bool) -> Room:
        """The same, for suspects only. dangerous: as in `Room`."""
        return dataclasses.replace(self.room, fresh=0, dangerous=dangerous)

    async def ended(self, key: str) -> None:
        """Until this effect, which was submitted, is no longer held."""
        if key in self._held:
            loop = asyncio.get_running_loop()
            await asyncio.shield(self._awaited.setdefault(key, loop.create_future()))

    async def idle(self, within: float) -> None:
        """Until nothing is held, also what followed from it, or so many seconds have passed."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within):
                while self._held:
                    await asyncio.gather(*map(self.ended, self.held))

    async def give_up(self, effect: Effect) -> None:
        """Record that an effect, claimed by this process, is not going to be done."""
        await self._give_up(effect, ENDLESS, tries=_tries(effect))

    @property
    def busy(self) -> bool:
        return bool(self._tasks)

    async def settle(self) -> None:
        """Wait until everything begun so far, and what it led to, is over."""
        while self._tasks:
            await asyncio.wait(set(self._tasks))

    async def stop(self) -> None:
        """Leave what is under way and give it back: it is done after the next start."""
        held = self.held
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._waiting.clear()
        self._held.clear()
        await self._database.write(lambda tx: return_effects(tx, held, self._holder))

    def _begin(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _drain(self, kind: str, waiting: deque[Effect]) -> None:
        """One batch after the other; what comes meanwhile makes the next batch."""
        await asyncio.sleep(0)
        while waiting:
            batch = [waiting[i] for i in range(min(len(waiting), BATCH))]
            await self._to_the_end(partial(self._perform_batch, kind, batch), batch)
            for _ in batch:
                waiting.popleft()

    async def _to_the_end(
        self, work: Callable[[], Awaitable[None]], effects: Sequence[Effect]
    ) -> None:
        """Hold these effects until the work on them is over. It is begun here and not before: a
        process that stops first has nothing half begun."""
        try:
            await work()
        except STORE_TROUBLE as error:
            log.warning("outcome_not_written", kind=effects[0].kind, why=type(error).__name__)
            await self._give_back([effect.key for effect in effects])
        except Exception:
            # Whatever it is, its lease ends, and it is done again. What waits behind it goes on.
            log.exception("outcome_not_written", kind=effects[0].kind)
        finally:
            for effect in effects:
                self._held.pop(effect.key, None)
                awaited = self._awaited.pop(effect.key, None)
                if awaited is not None and not awaited.done():
                    awaited.set_result(None)
            if len(self._held) <= MOST_HELD // 2:
                self._has_room()

    async def _give_back(self, keys: Sequence[str]) -> None:
        """Until the store has taken it: a lease that only ended would hold them for a minute."""
        while True:
            try:
                await self._database.write(lambda tx: return_effects(tx, keys, self._holder))
            except DatabaseClosed:
                return
            except STORE_TROUBLE:
                await asyncio.sleep(GIVE_BACK_EVERY)
            else:
                return

    async def _perform_batch(self, kind: str, effects: Sequence[Effect]) -> None:
        due = [effect for effect in effects if not _exhausted(effect)]
        for effect in effects:
            if _exhausted(effect):
                await self._give_up(effect, ENDLESS, tries=_tries(effect))
        if not due:
            return
        try:
            with STAGE_SECONDS.labels(kind).time():
                async with asyncio.timeout(LONGEST_RUN.total_seconds()):
                    outcomes = await self._batch_handlers[kind](due)
        except ConnectorUnavailable as error:  # of all of them alike: nothing is asked again now
            await asyncio.gather(*(self._unanswered(effect, error) for effect in due))
            return
        except STORE_TROUBLE:
            raise
        except Exception as error:
            if len(due) > 1:  # find the one that spoils the batch
                for effect in due:
                    await self._perform_batch(kind, [effect])
                return
            await self._failed(due[0], error)
            return
        await asyncio.gather(
            *(self._record(e, outcome) for e, outcome in zip(due, outcomes, strict=True))
        )

    async def _perform_one(self, effect: Effect) -> None:
        if _exhausted(effect):
            await self._give_up(effect, ENDLESS, tries=_tries(effect))
            return
        handler = self._handlers.get(effect.kind)
        async with self._asking if effect.kind in CONNECTOR_EFFECTS else self._places:
            await self._carry_out(effect, handler)

    async def _carry_out(self, effect: Effect, handler: Handler | None) -> None:
        try:
            if handler is None:
                raise AnswerableError("unknown_effect", f"nothing performs {effect.kind!r}")
            with STAGE_SECONDS.labels(effect.kind).time():
                async with asyncio.timeout(LONGEST_RUN.total_seconds()):
                    outcome = await handler(effect)
        except STORE_TROUBLE:
            raise
        except Exception as error:
            await self._failed(effect, error)
            return
        await self._record(effect, outcome)

    async def _record(self, effect: Effect, outcome: Outcome) -> None:
        changes = await self._database.write_batched(self._recorder.record_many, (effect, outcome))
        EFFECTS.labels(effect.kind, "done").inc()
        if changes is not None:
            self._tell(changes)

    async def _failed(self, effect: Effect, error: Exception) -> None:
        if isinstance(error, ConnectorUnavailable):
            await self._unanswered(effect, error)
            return
        if not isinstance(error, AnswerableError | TimeoutError):
            log.exception("effect_raised", kind=effect.kind, conversation_id=effect.stream)
        failures = effect.failures + 1
        if (
            isinstance(error, AnswerableError)
            or somebody_waits(effect)
            or failures >= MOST_FAILURES
        ):
            await self._give_up(effect, _sentence(error), tries=failures)
            return
        due_at = self._clock.now() + pause_after(failures)
        await self._database.write(
            lambda tx: retry_effect(tx, effect.key, self._holder, due_at, _sentence(error))
        )
        EFFECTS.labels(effect.kind, "retried").inc()

    async def _unanswered(self, effect: Effect, error: ConnectorUnavailable) -> None:
        """Nobody knows whose fault it is, so only the time counts, not the attempts."""
        now = self._clock.now()
        since = effect.unanswered_since or now
        waited = now - since
        if has_waited_enough(effect, waited):
            await self._give_up(effect, _sentence(error), tries=effect.failures + 1)
            return
        due_at = now + wait_for(waited, error)
        await self._database.write(
            lambda tx: put_off_effect(
                tx, effect.key, self._holder, due_at, _sentence(error), unanswered_since=since
            )
        )
        EFFECTS.labels(effect.kind, "unanswered").inc()

    async def _give_up(self, effect: Effect, error: str, *, tries: int) -> None:
        log.warning("effect_given_up", kind=effect.kind, conversation_id=effect.stream)
        EFFECTS.labels(effect.kind, "failed").inc()
        data = {"of": effect.kind, "error": error, "attempts": tries}
        if effect.kind == "deliver":
            data["reply"] = effect.payload["reply"]
        kind = "reply_failed" if effect.kind == "deliver" else "effect_failed"
        await self._record(effect, Outcome(kind=kind, data=data, actor="system"))


def _sentence(error: Exception) -> str:
    """What may stand in the ledger: our own sentences, no foreign text with personal data."""
    if isinstance(error, AnswerableError):
        return f"{error.code}: {error.message}"[:300]
    return f"internal error ({type(error).__name__})"


def _exhausted(effect: Effect) -> bool:
    return effect.missing_ends >= MOST_STARTS


def _tries(effect: Effect) -> int:
    """Of one that was started too often. To be taken up only to be given up is no start.

    Where a failure is the end, failures alone count: that a start before had no end may have been
    another's fault.
    """
    return effect.failures + min(effect.missing_ends, MOST_STARTS)

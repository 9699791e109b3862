"""The service: what channels and the API call, and the loops that keep conversations moving.

    accept, advance -> (commit) -> perform -> advance -> (commit) -> perform -> ...

Hints move things on at once; the sweep finds what a lost hint or a crash left behind. Both lead to
the same work, and doing it twice does it once.
"""

import asyncio
import contextlib
import dataclasses
import math
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import Connection

from answerable.contacts.book import ContactBook
from answerable.flow.accept import Intake, in_turn
from answerable.flow.acts import AgentAct, Desk
from answerable.flow.admission import Admission, Bounds
from answerable.flow.advance import Advancer, Changes
from answerable.flow.counting import count_waiting
from answerable.flow.definitions import Definitions
from answerable.flow.message import Accepted, InboundMessage
from answerable.flow.pages import Pages
from answerable.flow.perform import BATCH, Performer
from answerable.flow.ports import Hints
from answerable.flow.trials import Trials
from answerable.flow.work import LEASE, Work
from answerable.kit.clock import Clock
from answerable.kit.database import Database
from answerable.kit.ids import ConversationId
from answerable.kit.live import Live
from answerable.kit.membership import Membership
from answerable.kit.telemetry import MESSAGES, STAGE_SECONDS, get_logger
from answerable.ledger.event import Effect
from answerable.ledger.outbox import (
    Room,
    claim_effects,
    claim_named,
    expire_leases,
    next_due,
    other_holders,
    renew_leases,
    return_effects,
    suspects_due,
)
from answerable.ledger.reading import streams_behind
from answerable.privacy.vault import Vault

log = get_logger("flow")
T = TypeVar("T")

ADVANCED_AT_ONCE = 256
SWEPT_AT_ONCE = 256
SWEEP_EVERY = timedelta(seconds=1)
SWEEP_WHILE_OTHERS_WORK = timedelta(milliseconds=400)
SWEEP_AT_MOST_EVERY = timedelta(milliseconds=20)
TAKEN_ON = 2 * BATCH  # effects held at once that were not claimed, where others may do the same
COUNT_EVERY = timedelta(seconds=5)
LEASES_EVERY = LEASE / 6  # renewed
_ACCEPT_SECONDS = STAGE_SECONDS.labels("accept")


class Service:
    """One process's part of the platform. Build it in `processes.wiring`; `run` it, or `settle`."""

    def __init__(
        self,
        *,
        database: Database,
        clock: Clock,
        live: Live,
        vault: Vault,
        contacts: ContactBook,
        definitions: Definitions,
        intake: Intake,
        desk: Desk,
        advancer: Advancer,
        work: Work,
        membership: Membership,
        hints: Hints,
        bounds: Bounds | None = None,
        keep_time: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """keep_time: called before the clock is trusted with what others hold."""
        self.database = database
        self._keep_time = keep_time
        self.admission = Admission(database, clock, bounds)
        self.clock = clock
        self.live = live
        self.vault = vault
        self.contacts = contacts
        self.definitions = definitions
        self._intake = intake
        self._desk = desk
        self._advancer = advancer
        advancer.room = self._room_for_more
        self.work = work
        self.membership = membership
        self._hints = hints
        self._behind: dict[ConversationId, None] = {}
        self._asked: dict[ConversationId, asyncio.Future[None]] = {}
        self._news = asyncio.Event()
        self._room = asyncio.Event()
        self._left_some = False
        self._others_work = False
        self._leases_at: datetime | None = None
        self._counted_at: datetime | None = None
        self.performer: Performer
        self.trials: Trials
        self.pages: Pages

    async def accept(self, message: InboundMessage) -> Accepted:
        """Store a message. When this returns it is on disk; the same message again is the same.
        Raises TooMany if it follows one that is not stored. Asks no admission."""
        began = time.perf_counter()
        accepted, changes = await self.database.write_batched(self._intake.accept_many, message)
        _ACCEPT_SECONDS.observe(time.perf_counter() - began)
        accepted = in_turn(accepted)
        MESSAGES.labels(message.channel, str(accepted.duplicate).lower()).inc()
        self.tell(changes)
        return accepted

    async def accept_new(self, message: InboundMessage) -> Accepted:
        """`accept`, unless there is too much to do. Raises TooMany."""
        self.admission.check(message.channel)
        return await self.accept(message)

    def tell(self, changes: Changes) -> None:
        """Pass on what a transaction brought; the first to hear of it does so for all."""
        if changes.told:
            return
        changes.told = True
        self._advancer.untold.discard(changes)
        self._take_on(changes.effects)
        for conversation in changes.behind:
            self.hint(conversation)
        for news in changes.news:
            self.live.hint(f"conversation:{news.conversation}", news)
        for tenant in {news.tenant for news in changes.news}:
            self.live.hint(f"tenant:{tenant}")

    def _take_on(self, effects: Sequence[Effect]) -> None:
        """Perform what is leased to us, and tell others of what we do not do; what was too much is
        left to the sweeps of whoever has room."""
        self.performer.submit([effect for effect in effects if effect.leased])
        for effect in effects:
            if self.work.does(effect.kind):
                self._left_some = self._left_some or not effect.leased
            else:
                self._hints.effect(effect.kind, effect.key)

    def _room_for_more(self) -> float:
        """Of several processes, the first to come must not take all that there is to do."""
        return math.inf if self.membership.is_alone else TAKEN_ON - len(self.performer.held)

    def _tell_the_rest(self) -> bool:
        """Of those whose callers went away before they heard of the commit, if there are any."""
        rest = list(self._advancer.untold)
        for changes in rest:
            self.tell(changes)
        return bool(rest)

    async def act(self, act: AgentAct) -> Accepted:
        """Raises NotFound, Conflict or InvalidInput."""
        definition, at = self.definitions.active(act.tenant), self.clock.now()
        accepted, changes = await self.database.write(
            lambda tx: self._desk.act(tx, act, definition, at=at), tenant=act.tenant
        )
        for one in changes:
            self.tell(one)
        return accepted

    def hint(self, conversation: ConversationId) -> None:
        """Say that a conversation has events to be advanced over."""
        if self.work.advances:
            self._behind[conversation] = None
            self._news.set()
        else:
            self._hints.conversation(conversation)

    async def take_up(self, conversation: ConversationId) -> None:
        """A hint from elsewhere: returns once this process has advanced the conversation."""
        done = self._asked.setdefault(conversation, asyncio.get_running_loop().create_future())
        self.hint(conversation)
        await asyncio.shield(done)

    async def take_up_effect(self, key: str) -> None:
        """A hint from elsewhere: returns once the effect has been performed, or is not ours."""
        await self.trials.over()
        claimed = await _unbroken(self._claim_named(key))
        if claimed:
            await self.performer.ended(key)

    async def give_up(self, conversation: ConversationId) -> bool:
        """Nobody could advance it: it becomes work for a person. False if somebody could."""
        done = await self.database.write(lambda tx: self._advancer.hand_over(tx, conversation))
        self.live.hint(f"conversation:{conversation}")
        return done

    async def give_up_effect(self, key: str) -> bool:
        """Nobody could perform it: it becomes work for a person. False if it is done or held."""
        now = self.clock.now()
        claimed = await self.database.write(
            lambda tx: claim_named(tx, [key], now, self.work.lease(now), suspects=True)
        )
        for effect in claimed:
            await self.performer.give_up(effect)
        return bool(claimed)

    async def _claim_named(self, key: str) -> bool:
        claimed = await self.database.write_batched(self._claim_each, key)
        if claimed is not None:
            self.performer.submit([claimed])
        return claimed is not None

    def _claim_each(self, tx: Connection, keys: Sequence[str]) -> list[Effect | None]:
        now = self.clock.now()
        claimed = {e.key: e for e in claim_named(tx, keys, now, self.work.lease(now))}
        return [claimed.pop(key, None) for key in keys]

    def has_room(self) -> None:
        """Say that the performer can take on more: what the last sweep had to leave, if any."""
        if self._left_some:
            self._room.set()

    async def run(self) -> None:
        """Keep conversations moving until cancelled."""
        async with asyncio.TaskGroup() as loops:
            loops.create_task(self._advance_forever())
            loops.create_task(self._sweep_forever())

    async def stop(self) -> None:
        """Leave what is under way to the next start; nothing comes in any more."""
        await self.performer.stop()
        await self.database.settle()  # also what nobody waits for any more
        await self.database.write(self._give_back_untold)

    def _give_back_untold(self, tx: Connection) -> None:
        effects = [effect for changes in self._advancer.untold for effect in changes.effects]
        return_effects(tx, [one.key for one in effects if one.leased], self.work.holder)

    async def settle(self) -> None:
        """Do all work that is due now; for tests, scenarios and the intake of files."""
        while True:
            while self._behind or self.performer.busy:
                await self.advance()
                await self.performer.settle()
            if not await self.sweep():
                return

    async def advance(self) -> None:
        """Advance what was hinted at, and begin the effects that follow."""
        ids = list(self._behind)[:ADVANCED_AT_ONCE]
        if not ids:
            return
        for conversation in ids:
            del self._behind[conversation]
        asked = [self._asked.pop(one) for one in ids if one in self._asked]
        try:
            await _unbroken(self._advance(ids))
        finally:
            for future in asked:
                if not future.done():
                    future.set_result(None)

    async def _advance(self, ids: Sequence[ConversationId]) -> None:
        with STAGE_SECONDS.labels("advance").time():
            self.tell(await self.database.write(lambda tx: self._advancer.advance_many(tx, ids)))

    async def sweep(self) -> bool:
        """Find due effects that nobody holds and streams left behind; whether there were any."""
        behind = await self._sweep_streams()
        return await self._sweep_effects() or behind

    async def _sweep_streams(self) -> bool:
        told = self._tell_the_rest()
        if not self.work.advances:
            return told
        now = self.clock.now()
        behind = await self.database.read(lambda tx: streams_behind(tx, now, SWEPT_AT_ONCE))
        for conversation in behind:
            self.hint(conversation)
        return told or bool(behind)

    async def _sweep_effects(self) -> bool:
        if self._keep_time is not None:
            await self._keep_time()
        now = self.clock.now()
        await self._renew_leases(now)
        await self.free_leases()
        self._room.clear()
        work = self.work
        due = await self.database.read(
            lambda tx: next_due(tx, kinds=work.performs, but=work.leaves)
        )
        self._left_some = due is not None and due <= now
        claimed = self._left_some and await self._claim_due(now)
        await self._count_due(now)
        return claimed

    async def _count_due(self, now: datetime) -> None:
        if self._counted_at is not None and now < self._counted_at + COUNT_EVERY:
            return
        self._counted_at = now
        await count_waiting(self.database, self.definitions.tenants, now)

    async def _claim_due(self, now: datetime) -> bool:
        work, room, tried = self.work, self.performer.room, False
        if not self.membership.is_alone:
            tried = await self.trials.hold(
                lambda dangerous: self.database.read(
                    lambda tx: suspects_due(
                        tx, now, dangerous=dangerous, kinds=work.performs, but=work.leaves
                    )
                ),
                lambda room: _unbroken(self._claim(now, room)),
            )
            room = dataclasses.replace(self.performer.room, company=0)
        return bool(await _unbroken(self._claim(now, room))) or tried

    async def _claim(self, now: datetime, room: Room) -> Sequence[Effect]:
        work = self.work
        claimed = await self.database.write(
            lambda tx: claim_effects(
                tx, now, work.lease(now), room, kinds=work.performs, but=work.leaves
            )
        )
        self.performer.submit(claimed)
        return claimed

    async def _renew_leases(self, now: datetime) -> None:
        """Keep those of what waits here for its turn."""
        if self._leases_at is not None and now < self._leases_at + LEASES_EVERY:
            return
        self._leases_at = now
        held, lease = self.performer.held, self.work.lease(now)
        if held:
            await self.database.write(lambda tx: renew_leases(tx, held, lease))

    async def free_leases(self) -> None:
        """End those whose holder is gone, so that others go on."""
        now = self.clock.now()
        others = await self.database.read(lambda tx: other_holders(tx, now, self.work.holder))
        self._others_work = bool(others)
        if others:
            await self.database.write(
                lambda tx: expire_leases(tx, now, self.membership.gone(tx, others))
            )

    async def _advance_forever(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            while self._behind:
                await self.trials.over()
                try:
                    await self.advance()
                except Exception:
                    # The transaction failed as a whole (a full disk, say): the sweep finds it.
                    log.exception("advance_failed")
                    await asyncio.sleep(SWEEP_EVERY.total_seconds())

    async def _sweep_forever(self) -> None:
        while True:
            try:
                behind = await self._sweep_streams()
                await self._sweep_effects()
            except Exception:
                log.exception("sweep_failed")
                behind = False
            if not behind:
                await self._wait_for_room()

    async def _wait_for_room(self) -> None:
        """Until the next sweep is due, or can do what the last one could not."""
        await asyncio.sleep(SWEEP_AT_MOST_EVERY.total_seconds())
        with contextlib.suppress(TimeoutError):
            # While others work, one of them may die, and somebody waits for what it had.
            wait = SWEEP_WHILE_OTHERS_WORK if self._others_work else SWEEP_EVERY
            async with asyncio.timeout(wait.total_seconds()):
                await self._room.wait()


async def _unbroken(work: Coroutine[Any, Any, T]) -> T:
    """Effects are leased and handed to the performer together, also when we are being stopped."""
    task = asyncio.create_task(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await task
        raise

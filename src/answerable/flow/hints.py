"""Hints at work over the bus: `BusHints` sends them, `WorkQueues` takes them up.

A hint is never waited for and may be lost or come twice: the database is the truth, and the sweep
finds what no hint told of.
"""

import asyncio
import json
from collections.abc import Iterable

from answerable.flow.service import Service
from answerable.flow.work import QUEUES
from answerable.kit.bus import DEAD, Bus, Unusable
from answerable.kit.ids import ConversationId
from answerable.kit.telemetry import DEAD_LETTERS, HINTS_LOST, get_logger

log = get_logger("flow")

CONVERSATIONS = "conversations"
MOST_WAITING = 10_000  # hints not yet sent; more are left to the sweep
SENT_AT_ONCE = 64
TAKEN_AT_ONCE = 64


class BusHints:
    """Sends hints in the background; `run` it."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._waiting: dict[tuple[str, bytes], None] = {}
        self._news = asyncio.Event()

    def conversation(self, conversation: ConversationId) -> None:
        self._add(CONVERSATIONS, {"conversation": conversation})

    def effect(self, kind: str, key: str) -> None:
        self._add(QUEUES.get(kind, CONVERSATIONS), {"effect": key})

    def _add(self, queue: str, hint: dict[str, str]) -> None:
        if len(self._waiting) >= MOST_WAITING:
            HINTS_LOST.inc()
            return
        self._waiting[(queue, json.dumps(hint).encode())] = None
        self._news.set()

    async def run(self) -> None:
        """Send what waits until cancelled; what cannot be sent at once is dropped."""
        while True:
            await self._news.wait()
            self._news.clear()
            while self._waiting:
                some = list(self._waiting)[:SENT_AT_ONCE]
                for one in some:
                    del self._waiting[one]
                sent = await asyncio.gather(*(self._bus.publish(q, body) for q, body in some))
                HINTS_LOST.inc(len(sent) - sum(sent))


class WorkQueues:
    """Takes up what hints tell of, from the queues of the work that this process does."""

    def __init__(self, bus: Bus, service: Service, kinds: Iterable[str]) -> None:
        self._bus = bus
        self._service = service
        work = service.work
        self.names = {QUEUES[kind] for kind in kinds if work.does(kind) and kind in QUEUES}
        if work.advances:
            self.names.add(CONVERSATIONS)

    async def run(self) -> None:
        """Take hints until cancelled."""
        async with asyncio.TaskGroup() as takers:
            for name in sorted(self.names):
                takers.create_task(self._bus.consume(name, self.take, at_once=TAKEN_AT_ONCE))

    async def take(self, body: bytes) -> None:
        """Do what one hint tells of. Raises Unusable if it cannot be understood."""
        what, name = _read(body)
        if what == "conversation":
            await self._service.take_up(ConversationId(name))
        elif what == "effect":
            await self._service.take_up_effect(name)
        else:
            raise Unusable("a hint names a conversation or an effect")


class DeadLetters:
    """Makes work for people of what nobody could handle; for the process that leads in this."""

    def __init__(self, bus: Bus, service: Service) -> None:
        self._bus = bus
        self._service = service

    async def run(self) -> None:
        """Take dead letters until cancelled."""
        await self._bus.consume(DEAD, self.take, at_once=1)

    async def take(self, body: bytes) -> None:
        """Hand over what the hint told of; what is no hint is left to the operator's alarm."""
        what, name = _read(body)
        given_up = False
        if what == "conversation":
            given_up = await self._service.give_up(ConversationId(name))
        elif what == "effect":
            given_up = await self._service.give_up_effect(name)
        became = "handed_over" if given_up else "nothing" if what else "unreadable"
        DEAD_LETTERS.labels(became).inc()
        log.warning("dead_letter", became=became, size_bytes=len(body))


def _read(body: bytes) -> tuple[str, str]:
    """What a hint names and its id; two empty texts if it is no hint."""
    try:
        hint = json.loads(body)
    except ValueError:
        return "", ""
    if not isinstance(hint, dict):
        return "", ""
    for what in ("conversation", "effect"):
        if isinstance(hint.get(what), str):
            return what, hint[what]
    return "", ""

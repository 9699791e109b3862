"""Very many customers of the demo bank who change their address at the same time."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

from tests.support import ledgers
from tests.support.change_chaos import (
    Outside,
    check_changes,
    check_crm,
    signing_key,
)
from tests.support.chaos import Told, check_ledger, until
from tests.support.mail_chaos import mail_port
from tests.support.movers import (
    AGENT,
    CHANGED,
    SUPERVISOR,
    Approver,
    Mover,
    engage_people,
    new_customers,
)
from tests.support.processes import Instance, Zygote, living

ASK_AGAIN_AFTER = 35.0  # seconds without a text message
POSTED_AT_ONCE = 20  # mails; a mail server has no more connections than it needs


@dataclass
class Crowd:
    """Those who change, and what came of it. decided: how often a change was decided with which
    status. seconds: from the first mail to the last customer who was told that it is done."""

    movers: list[Mover] = field(default_factory=list)
    decided: Counter[tuple[str, int]] = field(default_factory=Counter)
    seconds: float = 0.0

    @property
    def moved(self) -> dict[str, str]:
        """As `check_changes` wants it."""
        return {one.customer.id: one.street for one in self.movers}

    @property
    def refused(self) -> int:
        return sum(one.refused for one in self.movers)

    def waits(self, what: str) -> list[float]:
        """Seconds of each answer to this."""
        return [wait for one in self.movers for wait in one.waits[what]]


async def change_together(instance: Instance, outside: Outside, *, flows: int) -> Crowd:
    """All of them at once; two agents try to approve each. The demo's people work there."""
    crowd = Crowd()
    began = time.monotonic()
    async with AsyncExitStack() as stack:
        for number, customer in enumerate(new_customers(outside.world, flows)):
            mover = Mover(
                customer, f"Ahornweg {number + 1}", instance.http, outside.letters,
                host=f"127.1.{number // 250}.{number % 250 + 1}",
            )  # fmt: skip
            mover.no_text = lambda: asyncio.sleep(ASK_AGAIN_AFTER)
            crowd.movers.append(await stack.enter_async_context(mover))
        agents = [await stack.enter_async_context(Approver(instance.http)) for _ in range(2)]
        for agent, email in zip(agents, (AGENT, SUPERVISOR), strict=True):
            await agent.signs_in(email)
        approving = [asyncio.create_task(_approves_all(one, crowd)) for one in agents]
        try:
            await _all_move(crowd.movers, mail_port(instance), outside)
        finally:
            for task in approving:
                task.cancel()
            await asyncio.gather(*approving, return_exceptions=True)
    crowd.seconds = time.monotonic() - began
    return crowd


async def _all_move(movers: Sequence[Mover], port: int, outside: Outside) -> None:
    posting = asyncio.Semaphore(POSTED_AT_ONCE)

    async def story(mover: Mover) -> None:
        async with posting:
            await mover.writes(port)
        await mover.moves()
        await outside.letters.get(mover.customer.email, CHANGED)

    async with asyncio.TaskGroup() as stories:
        for mover in movers:
            stories.create_task(story(mover))


async def _approves_all(agent: Approver, crowd: Crowd) -> None:
    """Whatever waits, also what the colleague is deciding on just now."""
    known = set[str]()
    while True:
        for change in await agent.some_wait():
            if change not in known:
                known.add(change)
                answer = await agent.approves(await agent.looks_at(change))
                crowd.decided[change, answer.status_code] += 1
        await asyncio.sleep(0.05)


def check_crowd(
    crowd: Crowd, outside: Outside, store: ledgers.Store, told: Told, *, key_file: Path | None
) -> None:
    """Nothing lost, nothing doubled, one decision of each change."""
    check_ledger(store, told, key_file=key_file)
    check_changes(outside.world, store, crowd.moved, told)
    check_crm(outside.world, store, told)
    granted = Counter(change for change, status in crowd.decided.elements() if status == 200)
    told.doubled += sum(count - 1 for count in granted.values())
    if granted.total() != len(crowd.movers) or len(granted) != len(crowd.movers):
        told.wrong.append(f"{granted.total()} approvals of {len(granted)} changes")
    others = Counter(status for _, status in crowd.decided.elements())
    if set(others) - {200, 409}:
        told.wrong.append(f"decisions were answered with {dict(others)}")
    told.messages = len(crowd.movers)
    told.figures |= {
        "changes a second": round(len(crowd.movers) / crowd.seconds, 1),
        "seconds": round(crowd.seconds, 1),
        "decided too late": others[409],
        "told to come again": crowd.refused,
    }


async def many_change(
    data: Path, zygote: Zygote, *, flows: int, limit: float, url: str | None = None
) -> Told:
    """Each change is applied once. url: of a database on a server, instead of a file in `data`."""
    told = Told(store="SQLite" if url is None else "PostgreSQL")
    store = url or data
    async with asyncio.timeout(limit), Outside() as outside:
        instance = outside.installation(data, zygote, url=url)
        await engage_people(instance)
        async with living(instance):
            crowd = await change_together(instance, outside, flows=flows)
            await until(lambda: not ledgers.untold(store), within=60 + flows / 5, look_every=0.5)
            await instance.stop()
        check_crowd(crowd, outside, store, told, key_file=signing_key(data))
    return told

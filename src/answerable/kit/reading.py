"""Reads that are asked for at the same time, done as one: a statement costs more than a row.
And reads that are asked for again, not done again while nothing was committed."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Any

from sqlalchemy import Connection

from answerable.kit.ids import TenantId

Query = Callable[[Connection, Sequence[Any]], Sequence[Any]]
Read = Callable[..., Awaitable[Any]]
_Waiting = list[tuple[Any, asyncio.Future[Any]]]

MOST_REMEMBERED = 500  # answers, of which a page of the inbox has some 30 KB


class GatheredReads:
    """Hands the arguments that wait for one query to it together.

    What is asked for while the query runs goes with its next run; nobody waits for company.
    """

    def __init__(self, read: Read) -> None:
        self._read = read
        self._waiting: dict[tuple[Query, TenantId | None], _Waiting] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def ask(self, query: Query, argument: Any, tenant: TenantId | None) -> Any:
        """What `query` says of `argument`; raises what it raises for it."""
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        place = (query, tenant)
        if place in self._waiting:
            self._waiting[place].append((argument, future))
        else:
            self._waiting[place] = [(argument, future)]
            task = asyncio.create_task(self._run(query, tenant))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return await future

    async def _run(self, query: Query, tenant: TenantId | None) -> None:
        """Until nobody waits any more."""
        place = (query, tenant)
        try:
            while group := self._waiting[place]:
                self._waiting[place] = []
                await self._run_group(query, tenant, group)
        finally:
            for _, future in self._waiting.pop(place):
                future.cancel()

    async def _run_group(self, query: Query, tenant: TenantId | None, group: _Waiting) -> None:
        arguments = [argument for argument, _ in group]
        try:
            results = await self._read(lambda tx: query(tx, arguments), tenant=tenant)
        except Exception as error:
            if len(group) > 1:  # only the one at fault is to hear of it
                for one in group:
                    await self._run_group(query, tenant, [one])
                return
            if not group[0][1].done():
                group[0][1].set_exception(error)
            return
        for (_, future), result in zip(group, results, strict=True):
            if not future.done():
                future.set_result(result)


class RememberedReads:
    """Answers of before, while the store has the version of before.

    version: of the store now. Two are the same only if nothing was committed between them, and a
    version that has passed does not come again.
    """

    def __init__(self, version: Callable[[], Awaitable[Hashable]], read_batched: Read) -> None:
        self._version = version
        self._read_batched = read_batched
        self._held: tuple[Hashable, dict[Hashable, Any]] = (None, {})

    async def ask(self, query: Query, argument: Hashable, tenant: TenantId | None) -> Any:
        """What `query` says of `argument`, as `read_batched` would."""
        # Before it is read: what is committed meanwhile makes another version.
        version, question = await self._version(), (query, tenant, argument)
        held, answers = self._held
        if held == version and question in answers:
            return answers[question]
        answer = await self._read_batched(query, argument, tenant=tenant)
        self._keep(version, question, answer)
        return answer

    def _keep(self, version: Hashable, question: Hashable, answer: Any) -> None:
        held, answers = self._held
        if held != version or len(answers) >= MOST_REMEMBERED:
            self._held = (version, answers) = (version, {})
        answers[question] = answer

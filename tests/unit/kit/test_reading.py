"""Answers of before are given again exactly as long as nothing has been committed.

What the stores promise about it is in tests/contract/test_database.py. Here the version is the
test's own: that of a server changes with whatever else is committed there.
"""

from collections.abc import Callable, Sequence

from sqlalchemy import Connection

from answerable.kit.ids import TenantId
from answerable.kit.reading import MOST_REMEMBERED, RememberedReads


class Store:
    """Counts what it is asked: an answer is the number of questions before it."""

    def __init__(self) -> None:
        self.version = 0
        self.asked: list[object] = []
        self.reads = RememberedReads(self._version, self._read)

    async def ask(self, argument: str | int, tenant: str | None = None) -> object:
        return await self.reads.ask(number, argument, TenantId(tenant) if tenant else None)

    async def _version(self) -> int:
        return self.version

    async def _read(
        self, query: Callable[..., object], argument: object, *, tenant: TenantId | None
    ) -> int:
        assert query is number
        self.asked.append((tenant, argument))
        return len(self.asked) - 1


def number(tx: Connection, wanted: Sequence[str | int]) -> Sequence[int]:
    raise AssertionError("the store of this test answers without its query")


async def test_what_was_read_is_read_again_once_the_version_is_another() -> None:
    store = Store()

    assert [await store.ask("a"), await store.ask("b"), await store.ask("a")] == [0, 1, 0]
    store.version += 1
    assert [await store.ask("a"), await store.ask("a"), await store.ask("b")] == [2, 2, 3]


async def test_what_was_read_for_one_tenant_is_not_told_to_another() -> None:
    store = Store()

    told = [await store.ask("how many", tenant=tenant) for tenant in ("a", "b", None) * 2]

    assert told == [0, 1, 2, 0, 1, 2]


async def test_a_read_that_a_commit_overtakes_is_not_taken_for_what_follows() -> None:
    store = Store()
    first = store._read

    async def overtaken(query: Callable[..., object], argument: object, **of: object) -> int:
        store.version += 1  # committed after the version was asked for
        return await first(query, argument, tenant=None)

    store.reads = RememberedReads(store._version, overtaken)

    assert [await store.ask("a"), await store.ask("a")] == [0, 1]


async def test_no_more_answers_are_remembered_than_may_be() -> None:
    store = Store()

    for argument in (*range(MOST_REMEMBERED + 1), MOST_REMEMBERED, 0):
        await store.ask(argument)

    assert [argument for _, argument in store.asked] == [*range(MOST_REMEMBERED + 1), 0]

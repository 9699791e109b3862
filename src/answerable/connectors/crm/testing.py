"""A CRM in memory, which behaves as the contract of `CaseLog` says."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from answerable.desk.cases import (
    MOST_AT_ONCE,
    CaseComment,
    CaseOutcome,
    CaseTask,
    CaseUpdate,
    CaseWritten,
)
from answerable.kit.errors import AnswerableError


@dataclass
class FakeCase:
    fields: dict[str, Any] = field(default_factory=dict)
    comments: dict[str, str] = field(default_factory=dict)
    tasks: dict[str, CaseTask] = field(default_factory=dict)


@dataclass
class FakeCrm:
    """cases: by their id. next: what the next calls raise, instead of taking effect. calls: of
    `write`, what each was given."""

    cases: dict[str, FakeCase] = field(default_factory=dict)
    next: list[AnswerableError] = field(default_factory=list)
    calls: list[Sequence[CaseUpdate]] = field(default_factory=list)
    _by_key: dict[str, str] = field(default_factory=dict)

    async def write(self, updates: Sequence[CaseUpdate]) -> Sequence[CaseOutcome]:
        if len(updates) > MOST_AT_ONCE:
            raise ValueError("too many updates at once")
        if self.next:
            raise self.next.pop(0)
        self.calls.append(updates)
        return [self._written(update) for update in updates]

    async def find(self, key: str) -> str | None:
        return self._by_key.get(key)

    async def comments(self, key: str, *, case: str | None = None) -> Sequence[CaseComment]:
        if self.next:
            raise self.next.pop(0)
        found = self.cases.get(case or self._by_key.get(key, ""))
        told = found.comments.items() if found is not None else ()
        return [CaseComment(key=one, text=text) for one, text in told]

    async def comment(self, key: str, comment: CaseComment, *, case: str | None = None) -> None:
        await self.write([CaseUpdate(key=key, case=case, comments=(comment,))])

    async def add_task(self, key: str, task: CaseTask, *, case: str | None = None) -> None:
        await self.write([CaseUpdate(key=key, case=case, tasks=(task,))])

    def _written(self, update: CaseUpdate) -> CaseWritten:
        id_ = update.case or self._by_key.setdefault(update.key, f"500{len(self._by_key):012d}AAA")
        case = self.cases.setdefault(id_, FakeCase())
        told = ("channel", "person", "subject", "description", "status", "priority", "team")
        case.fields |= {
            name: getattr(update, name) for name in told if getattr(update, name) is not None
        }
        for comment in update.comments:
            case.comments.setdefault(comment.key, comment.text)
        for task in update.tasks:
            case.tasks[task.key] = task
        return CaseWritten(case=id_, writes=1 + len(update.comments) + len(update.tasks))

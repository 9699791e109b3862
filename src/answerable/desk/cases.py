"""Cases: how another system, a CRM, is told what happens in a conversation.

A case is that system's record of a conversation. It is written by us and read by its people. Only
comments that carry a key of ours come back from here; as its people can write there too, they are
untrusted input like any other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Protocol, runtime_checkable

OFF = "off"  # instead of one of `Texts`: a CRM is told nothing


class Texts(StrEnum):
    """What a CRM is told of what was said, in the word that definitions have for it. MASKED: with
    handles, shortened. WHOLE: as it was said, by whom, and all of it. NONE: that it was said."""

    MASKED = "masked"
    WHOLE = "whole"
    NONE = "without-texts"


class CaseStatus(StrEnum):
    """The connector knows what the other system calls these."""

    OPEN = "open"
    HANDED_OFF = "handed-off"
    CLOSED = "closed"


@dataclass(frozen=True, kw_only=True)
class CaseComment:
    """key: unique; a comment with the same key stands there once. text: for its people."""

    key: str
    text: str


@dataclass(frozen=True, kw_only=True)
class CaseTask:
    """Something to be done by people. key: unique. team: whose queue it goes into."""

    key: str
    subject: str
    text: str = ""
    team: str | None = None
    due: date | None = None


@dataclass(frozen=True, kw_only=True)
class CasePerson:
    """Who wrote. email: if that is how they wrote. customer: the id by which a host application
    vouches for them."""

    name: str | None = None
    email: str | None = None
    customer: str | None = None


@dataclass(frozen=True, kw_only=True)
class CaseUpdate:
    """What is to stand in a case; None leaves a field as it is.

    key: ours, the conversation's id: a case that is not there is created under it. case: the other
    system's id, if it is known: of a case that it gave us, or that was written before. channel:
    where the conversation came from. person: told where the CRM has the only record. again: this
    may have been written already.
    """

    key: str
    case: str | None = None
    channel: str | None = None
    person: CasePerson | None = None
    subject: str | None = None
    description: str | None = None
    status: CaseStatus | None = None
    priority: str | None = None
    team: str | None = None
    comments: Sequence[CaseComment] = ()
    tasks: Sequence[CaseTask] = ()
    again: bool = False


@dataclass(frozen=True, kw_only=True)
class CaseWritten:
    """All of it stands there. case: the other system's id. writes: records that were written."""

    case: str
    writes: int = 1


@dataclass(frozen=True, kw_only=True)
class CaseRefused:
    """None of it stands there, nor will. reason: the other system's word."""

    reason: str


@dataclass(frozen=True, kw_only=True)
class CaseLater:
    """None of it stands there now; others were writing into it, for instance."""


CaseOutcome = CaseWritten | CaseRefused | CaseLater


@runtime_checkable
class CaseLog(Protocol):
    """The cases of one CRM. Every method may be repeated: what stands there is left.

    All raise ConnectorUnavailable (later) or ConnectorRefused (never).
    """

    async def write(self, updates: Sequence[CaseUpdate]) -> Sequence[CaseOutcome]:
        """Each update as a whole or not at all, several in one call. At most MOST_AT_ONCE, each
        of another case. Waits its turn: it is refused before people's own calls are, when the
        other system's calls run low."""
        ...

    async def find(self, key: str) -> str | None:
        """The other system's id of the case that was created under this key."""
        ...

    async def comments(self, key: str, *, case: str | None = None) -> Sequence[CaseComment]:
        """The comments of a case that carry a key of ours, the oldest first, at most
        MOST_COMMENTS of the newest; none if there is no case."""
        ...

    async def comment(self, key: str, comment: CaseComment, *, case: str | None = None) -> None:
        """Add a comment to a case, which is created if it is not there."""
        ...

    async def add_task(self, key: str, task: CaseTask, *, case: str | None = None) -> None:
        """Give a team something to do about a case, which is created if it is not there."""
        ...


MOST_AT_ONCE = 25
MOST_COMMENTS = 2_000

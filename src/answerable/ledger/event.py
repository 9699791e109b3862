"""Events: what happened, in the order in which it happened."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from answerable.kit.canonical import canonical_json, sha256_hex
from answerable.kit.ids import ConversationId, TenantId

ASSISTANT = "assistant"
CONTACT = "contact"
SYSTEM = "system"
GENESIS = ""  # what the first event of a stream names as its predecessor's hash


def agent_actor(agent_id: str) -> str:
    return f"agent:{agent_id}"


@dataclass(frozen=True, kw_only=True, slots=True)
class NewEvent:
    """An event that is about to be appended.

    data: plain JSON; references and handles only, never texts or personal values.
    actor: "contact", "assistant", "system" or "agent:<id>".
    """

    kind: str
    data: Mapping[str, Any] = field(default_factory=dict)
    actor: str = SYSTEM


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """An event of a stream. seq counts from 1 without gaps; at is aware UTC.

    cause: seq of the event in the same stream that this one follows from by pure rule; None for
    what came from outside (a message, the outcome of an effect, an agent's act).
    hash: SHA-256 over the canonical record, which names the predecessor's hash.
    """

    tenant: TenantId
    stream: ConversationId
    seq: int
    kind: str
    at: datetime
    actor: str
    cause: int | None
    data: Mapping[str, Any]
    hash: str
    position: int = 0  # place in the tenant's feed; 0 while not stored


def wire_time(moment: datetime) -> str:
    """ISO 8601 in UTC with microseconds and a Z: one spelling for each moment."""
    if moment.tzinfo is not UTC:
        moment = moment.astimezone(UTC)
    return f"{moment.isoformat(timespec='microseconds')[:-6]}Z"


def chained(
    *,
    tenant: TenantId,
    stream: ConversationId,
    seq: int,
    at: datetime,
    previous: str,
    new: NewEvent,
    cause: int | None,
) -> Event:
    """The event that follows the one whose hash is `previous`."""
    record = {
        "actor": new.actor,
        "at": wire_time(at),
        "cause": cause,
        "data": new.data,
        "kind": new.kind,
        "previous": previous,
        "seq": seq,
        "stream": stream,
        "tenant": tenant,
    }
    return Event(
        tenant=tenant,
        stream=stream,
        seq=seq,
        kind=new.kind,
        at=at,
        actor=new.actor,
        cause=cause,
        data=new.data,
        hash=sha256_hex(canonical_json(record)),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class NewEffect:
    """Something to be done in the outside world because of an event.

    after: how long after the event it falls due; zero means at once.
    """

    kind: str
    payload: Mapping[str, Any] = field(default_factory=dict)
    after: timedelta = timedelta(0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Lease:
    """A process's hold on effects. until: when others may take them, if it is not renewed."""

    holder: str
    until: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Effect:
    """An effect in the outbox.

    key: "<stream>:<seq>:<ordinal>": the same on every attempt, after every restart; connectors
    pass it on as their idempotency key.
    failures: starts that ended in an error.
    missing_ends: starts since then that had no end, for the process died or the lease ran out.
    unanswered_since: when the other system was first found not to answer; None: it never was.
    leased: to this process, which is to carry it out; else whoever claims it.
    """

    key: str
    tenant: TenantId
    stream: ConversationId
    seq: int
    kind: str
    payload: Mapping[str, Any]
    due_at: datetime
    failures: int = 0
    missing_ends: int = 0
    unanswered_since: datetime | None = None
    leased: bool = True


def effect_key(stream: str, seq: int, ordinal: int) -> str:
    return f"{stream}:{seq}:{ordinal}"

"""Sessions of agents and failed attempts to sign in. Tokens and addresses stand here as hashes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from answerable.desk.agent import Agent
from answerable.desk.agent_store import agent, to_agent
from answerable.kit.database import UtcDateTime, metadata
from answerable.kit.ids import AgentId

agent_session = sa.Table(
    "agent_session",
    metadata,
    sa.Column("token_hash", sa.Text, primary_key=True),
    sa.Column("id", sa.Text, nullable=False),
    sa.Column("agent_id", sa.Text, nullable=False, index=True),
    sa.Column("opened_at", UtcDateTime, nullable=False),
    sa.Column("seen_at", UtcDateTime, nullable=False),
)

sign_in_attempt = sa.Table(
    "sign_in_attempt",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("at", UtcDateTime, nullable=False, index=True),
)
sa.Index("sign_in_attempt_key", sign_in_attempt.c.key, sign_in_attempt.c.at)


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredSession:
    """A session as stored, with its agent as of now."""

    id: str
    token_hash: str
    agent: Agent
    opened_at: datetime
    seen_at: datetime


_SESSIONS = (
    sa.select(
        agent,
        agent_session.c.id.label("session_id"),
        agent_session.c.token_hash,
        agent_session.c.opened_at,
        agent_session.c.seen_at,
    )
    .join(agent, agent.c.id == agent_session.c.agent_id)
    .where(agent_session.c.token_hash.in_(sa.bindparam("hashes", expanding=True)))
)


def add_session(
    tx: Connection, *, token_hash: str, session_id: str, agent_id: AgentId, at: datetime
) -> None:
    tx.execute(
        sa.insert(agent_session).values(
            token_hash=token_hash, id=session_id, agent_id=agent_id, opened_at=at, seen_at=at
        )
    )


def find_sessions(tx: Connection, hashes: Sequence[str]) -> list[StoredSession]:
    """The sessions of these token hashes that still exist, each with its agent."""
    return [
        StoredSession(
            id=row.session_id,
            token_hash=row.token_hash,
            agent=to_agent(row),
            opened_at=row.opened_at,
            seen_at=row.seen_at,
        )
        for row in tx.execute(_SESSIONS, {"hashes": hashes})
    ]


def note_seen(tx: Connection, token_hash: str, at: datetime) -> None:
    tx.execute(
        sa.update(agent_session).where(agent_session.c.token_hash == token_hash).values(seen_at=at)
    )


def end_session(tx: Connection, token_hash: str) -> bool:
    """Returns whether it existed."""
    result = tx.execute(sa.delete(agent_session).where(agent_session.c.token_hash == token_hash))
    return result.rowcount > 0


def end_sessions_of(tx: Connection, agent_id: AgentId) -> int:
    """End all sessions of an agent; returns how many there were."""
    return tx.execute(sa.delete(agent_session).where(agent_session.c.agent_id == agent_id)).rowcount


def purge_sessions(tx: Connection, *, opened_before: datetime, seen_before: datetime) -> None:
    """Remove sessions that are over by their age or by disuse."""
    tx.execute(
        sa.delete(agent_session).where(
            sa.or_(agent_session.c.opened_at < opened_before, agent_session.c.seen_at < seen_before)
        )
    )


def count_attempts(tx: Connection, key: str, since: datetime) -> tuple[int, datetime | None]:
    """How many attempts since then, and when the oldest of them was."""
    row = tx.execute(
        sa.select(sa.func.count(), sa.func.min(sign_in_attempt.c.at)).where(
            sign_in_attempt.c.key == key, sign_in_attempt.c.at > since
        )
    ).one()
    return row[0], row[1]


def add_attempt(tx: Connection, attempt_id: str, key: str, at: datetime) -> None:
    tx.execute(sa.insert(sign_in_attempt).values(id=attempt_id, key=key, at=at))


def forget_attempts(tx: Connection, key: str) -> None:
    tx.execute(sa.delete(sign_in_attempt).where(sign_in_attempt.c.key == key))


def forget_attempt(tx: Connection, key: str, at: datetime) -> None:
    tx.execute(
        sa.delete(sign_in_attempt).where(sign_in_attempt.c.key == key, sign_in_attempt.c.at == at)
    )


def purge_attempts(tx: Connection, before: datetime) -> None:
    tx.execute(sa.delete(sign_in_attempt).where(sign_in_attempt.c.at < before))

"""Agents as a table. Passwords are kept as argon2 hashes only."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, Row

from answerable.desk.agent import Agent, Role
from answerable.kit.database import JsonText, UtcDateTime, is_of, lock_until_commit, metadata
from answerable.kit.ids import AgentId, TenantId
from answerable.kit.sought_rows import SoughtRows

agent = sa.Table(
    "agent",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("tenant", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("email", sa.Text, nullable=False, unique=True),
    sa.Column("password_hash", sa.Text, nullable=False),
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("teams", JsonText, nullable=False),
    sa.Column("suspended", sa.Boolean(create_constraint=False), nullable=False),
    sa.Column("known_as", JsonText, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
)
sa.Index("agent_of_tenant", agent.c.tenant, agent.c.id)
_NAMES = SoughtRows(
    sa.select(agent.c.id, agent.c.name).where(is_of(sa.bindparam("of"), agent.c.tenant)),
    agent.c.id,
)


def add_agent(tx: Connection, new: Agent, *, password_hash: str, at: datetime) -> None:
    """at: aware UTC. Raises sqlalchemy's IntegrityError if the address is taken."""
    tx.execute(
        sa.insert(agent).values(
            id=new.id,
            tenant=new.tenant,
            name=new.name,
            email=new.email,
            password_hash=password_hash,
            role=new.role.value,
            teams=list(new.teams),
            suspended=new.suspended,
            known_as=list(new.known_as),
            created_at=at,
        )
    )


def find_credentials(tx: Connection, email: str) -> tuple[Agent, str] | None:
    """The agent who signs in with this address, and the hash of the password."""
    row = tx.execute(sa.select(agent).where(agent.c.email == email)).first()
    return None if row is None else (to_agent(row), row.password_hash)


def hold_agent(tx: Connection, tenant: TenantId, agent_id: AgentId) -> Agent | None:
    """Nobody else changes them before this transaction ends: what is decided by what they may do
    now comes before a change of that, or after it."""
    lock_until_commit(tx, [f"agent {agent_id}"])
    row = tx.execute(
        sa.select(agent).where(agent.c.id == agent_id, agent.c.tenant == tenant)
    ).first()
    return None if row is None else to_agent(row)


def find_names(tx: Connection, tenant: TenantId, ids: Iterable[str]) -> dict[str, str]:
    """id -> name, for those of `ids` that are agents of this tenant."""
    return {row.id: row.name for row in _NAMES.read(tx, list(ids), of=tenant)}


def read_agents(
    tx: Connection, tenant: TenantId, *, after: str = "", limit: int = 100
) -> list[Agent]:
    """Agents of a tenant by id, those after `after`."""
    query = (
        sa.select(agent)
        .where(agent.c.tenant == tenant, agent.c.id > after)
        .order_by(agent.c.id)
        .limit(limit)
    )
    return [to_agent(row) for row in tx.execute(query)]


def save_agent(tx: Connection, changed: Agent) -> None:
    """Write name, role, teams, suspension and by what they are known. The address stays."""
    tx.execute(
        sa.update(agent)
        .where(agent.c.id == changed.id, agent.c.tenant == changed.tenant)
        .values(
            name=changed.name,
            role=changed.role.value,
            teams=list(changed.teams),
            suspended=changed.suspended,
            known_as=list(changed.known_as),
        )
    )


def save_password_hash(tx: Connection, agent_id: AgentId, password_hash: str) -> None:
    tx.execute(sa.update(agent).where(agent.c.id == agent_id).values(password_hash=password_hash))


def to_agent(row: Row[Any]) -> Agent:
    return Agent(
        id=AgentId(row.id),
        tenant=TenantId(row.tenant),
        name=row.name,
        email=row.email,
        role=Role(row.role),
        teams=tuple(row.teams),
        suspended=bool(row.suspended),
        known_as=tuple(row.known_as),
    )

"""Agents come, change and go: each change with its event on the administration stream."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from answerable.desk import agent_store, session_store
from answerable.desk.agent import Agent, Role, check_password, normalised_email
from answerable.desk.passwords import Passwords
from answerable.kit.clock import Clock
from answerable.kit.database import Database
from answerable.kit.errors import Conflict, InvalidInput, NotFound
from answerable.kit.ids import AgentId, TenantId, new_id
from answerable.ledger.administration import record_administration
from answerable.ledger.event import SYSTEM, NewEvent, agent_actor

NAME_LENGTH = 100


class Agents:
    """Use cases of administrators. `by`: who does it; None for the command line."""

    def __init__(self, database: Database, clock: Clock, passwords: Passwords) -> None:
        self._database = database
        self._clock = clock
        self._passwords = passwords

    async def create(
        self,
        tenant: TenantId,
        *,
        name: str,
        email: str,
        password: str,
        role: Role,
        teams: Sequence[str] = (),
        by: AgentId | None = None,
    ) -> Agent:
        """Raises InvalidInput for a bad name, address or password, Conflict `email_taken`."""
        check_password(password)
        agent = Agent(
            id=AgentId(new_id("agt")),
            tenant=tenant,
            name=_checked_name(name),
            email=normalised_email(email),
            role=role,
            teams=tuple(dict.fromkeys(teams)),
        )
        hashed = await self._passwords.hash(password)
        at = self._clock.now()

        def store(tx: Connection) -> None:
            agent_store.add_agent(tx, agent, password_hash=hashed, at=at)
            self._record(tx, agent, "agent_created", by, {"role": agent.role.value})

        try:
            await self._database.write(store, tenant=tenant)
        except IntegrityError as error:
            raise Conflict("email_taken", "Somebody signs in with this address already.") from error
        return agent

    async def suspend(
        self, tenant: TenantId, agent_id: AgentId, *, by: AgentId | None = None
    ) -> Agent:
        """Ends all sessions of the agent too. Doing so twice is fine."""
        if agent_id == by:
            raise Conflict("own_account", "Nobody suspends themselves.")
        return await self._change(
            tenant, agent_id, lambda agent: replace(agent, suspended=True), "agent_suspended", by
        )

    async def resume(
        self, tenant: TenantId, agent_id: AgentId, *, by: AgentId | None = None
    ) -> Agent:
        """Doing so twice is fine. The agent has to sign in again."""
        return await self._change(
            tenant, agent_id, lambda agent: replace(agent, suspended=False), "agent_resumed", by
        )

    async def change_role(
        self, tenant: TenantId, agent_id: AgentId, role: Role, *, by: AgentId | None = None
    ) -> Agent:
        """Ends all sessions of the agent: rights once granted to a page do not outlive the role."""
        if agent_id == by:
            raise Conflict("own_account", "Nobody changes their own role.")
        return await self._change(
            tenant, agent_id, lambda agent: replace(agent, role=role), "agent_role_changed", by
        )

    async def note_known_as(
        self, tenant: TenantId, agent_id: AgentId, lookups: Sequence[str], *, by: AgentId
    ) -> Agent:
        """Instead of what was noted before. lookups: see `Agent.known_as`. Ends their sessions."""
        if agent_id == by:
            raise Conflict("own_account", "Nobody changes by what they are known themselves.")
        known_as = tuple(dict.fromkeys(lookups))
        return await self._change(
            tenant, agent_id, lambda agent: replace(agent, known_as=known_as),
            "agent_known_as_changed", by,
        )  # fmt: skip

    async def _change(
        self,
        tenant: TenantId,
        agent_id: AgentId,
        change: Callable[[Agent], Agent],
        kind: str,
        by: AgentId | None,
    ) -> Agent:
        def store(tx: Connection) -> Agent:
            agent = agent_store.hold_agent(tx, tenant, agent_id)
            if agent is None:
                raise NotFound("not_found", "There is no such agent.")
            changed = change(agent)
            if changed != agent:
                agent_store.save_agent(tx, changed)
                session_store.end_sessions_of(tx, agent_id)
                self._record(tx, changed, kind, by, {"role": changed.role.value})
            return changed

        return await self._database.write(store, tenant=tenant)

    def _record(
        self,
        tx: Connection,
        agent: Agent,
        kind: str,
        by: AgentId | None,
        data: Mapping[str, Any],
    ) -> None:
        record_administration(
            tx,
            agent.tenant,
            NewEvent(
                kind=kind,
                data={"agent": agent.id, **data},
                actor=agent_actor(by) if by else SYSTEM,
            ),
            at=self._clock.now(),
        )


def _checked_name(name: str) -> str:
    name = " ".join(name.split())
    if not name or len(name) > NAME_LENGTH or not name.isprintable():
        raise InvalidInput("invalid_name", f"A name has 1 to {NAME_LENGTH} printable characters.")
    return name

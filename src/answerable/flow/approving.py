"""Who may decide on a change, and when: looked at in the transaction that holds the decision."""

from collections.abc import Collection
from datetime import datetime
from typing import Protocol

from sqlalchemy import Connection

from answerable.contacts.one_time_codes_store import find_code
from answerable.contacts.store import Lookup, contacts_known_as, lookups_of, same_person
from answerable.desk.agent import Agent
from answerable.desk.agent_store import hold_agent
from answerable.desk.permission import AgentIdentity, Permission, authorise
from answerable.flow.state import ConversationState
from answerable.kit.errors import Conflict, NotAllowed, NotFound
from answerable.kit.ids import AgentId, ContactId, TenantId
from answerable.ledger.event import agent_actor
from answerable.playbooks.change import APPROVAL, Change


class Decision(Protocol):
    """An agent's act on a change."""

    @property
    def tenant(self) -> TenantId: ...
    @property
    def agent(self) -> AgentId: ...
    @property
    def change(self) -> str: ...
    @property
    def commitment(self) -> str: ...


def check_decision(
    tx: Connection,
    decision: Decision,
    state: ConversationState,
    lookup: Lookup,
    *,
    systems: Collection[str],
    at: datetime,
) -> None:
    """Returns if the agent may decide this now. The stream's lock is held, so of several who
    decide at once one is first and the others meet what it has left. systems: integrations.

    Raises NotFound for no such change, NotAllowed if the agent's role does not suffice (any more)
    or the change is their own, Conflict if it is decided, over, or not what the agent has seen.
    """
    agent = hold_agent(tx, decision.tenant, decision.agent)
    if agent is None:
        raise NotAllowed("not_permitted", "Your role does not permit this.")
    identity = AgentIdentity(agent=agent, session="")
    authorise(identity, Permission.APPROVE, tenant=decision.tenant)
    change = state.change
    if change is None or change.id != decision.change:
        raise NotFound("approval_not_found", "There is no such approval.")
    if change.stage != APPROVAL or state.aside is None:
        raise Conflict("approval_decided", "This was decided already, or is over.")
    if at >= datetime.fromisoformat(change.approval_until):
        raise Conflict("approval_expired", "This was not decided in time.")
    if decision.commitment != change.commitment:
        raise Conflict("other_data", "This is not what the contact proved; look at it again.")
    entered = change.entered_by == agent_actor(agent.id)
    if entered or _is_of(tx, agent, change, state.contact, lookup, systems):
        raise NotAllowed("own_change", "Nobody approves a change of their own.")


def _is_of(
    tx: Connection,
    agent: Agent,
    change: Change,
    contact: ContactId,
    lookup: Lookup,
    systems: Collection[str],
) -> bool:
    """Whether the agent is the contact, or whom the back office named when the code was sent."""
    tenant = agent.tenant
    addresses, persons = lookups_of(lookup, tenant, agent.email, systems)
    # Hashes of addresses and of persons never meet, so one list does for both.
    known_as = {*addresses, *persons, *agent.known_as}
    theirs = contacts_known_as(tx, tenant, addresses=list(known_as), persons=list(known_as))
    code = find_code(tx, tenant, change.code)
    holder = [] if code is None else [code.person]
    whose = contacts_known_as(tx, tenant, addresses=[], persons=holder)
    whose |= set(tx.scalars(same_person(tenant, contact)))
    return bool(theirs & whose or known_as & set(holder))

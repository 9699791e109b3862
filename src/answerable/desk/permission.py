"""Who may do what: one table, and one function that everything asks.

An identity holds only what a credential proved. The tenant is part of the credential, so a request
cannot name another one: whatever belongs to another tenant does not exist for whoever asks.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from answerable.desk.agent import Agent, Role
from answerable.kit.errors import NotAllowed, NotFound
from answerable.kit.ids import TenantId


@dataclass(frozen=True, kw_only=True, slots=True)
class Anonymous:
    """Whoever holds no credential."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ContactIdentity:
    """A customer's session. session: its public id."""

    tenant: TenantId
    session: str


@dataclass(frozen=True, kw_only=True, slots=True)
class AgentIdentity:
    """An agent's session. session: its public id, harmless in logs and events."""

    agent: Agent
    session: str

    @property
    def tenant(self) -> TenantId:
        return self.agent.tenant


Identity = Anonymous | ContactIdentity | AgentIdentity
Kind = Role | Literal["anonymous", "contact"]


class Permission(StrEnum):
    """What can be permitted. Every route of the API declares one of these."""

    PUBLIC = "public"  # needs no credential
    SIGN_IN = "sign-in"
    CALL_HOOK = "call-hook"  # of other systems; each call is signed
    OPEN_LINK = "open-link"  # a page, with the token of a link
    OPEN_CHAT = "open-chat"  # ask for a customer session, with the public widget key
    CHAT = "chat"
    OWN_SESSION = "own-session"
    READ_INBOX = "read-inbox"
    READ_CONVERSATION = "read-conversation"
    READ_LEDGER = "read-ledger"
    ACT = "act"  # take over, release, reply, hand off, close, reopen, label
    READ_APPROVALS = "read-approvals"
    APPROVE = "approve"
    FOLLOW_INBOX = "follow-inbox"
    READ_TEAMS = "read-teams"
    READ_INTENTS = "read-intents"
    READ_MODEL = "read-model"
    READ_AGENTS = "read-agents"
    MANAGE_AGENTS = "manage-agents"


_EVERYBODY: frozenset[Kind] = frozenset({"anonymous", "contact", *Role})
_AGENTS: frozenset[Kind] = frozenset(Role)
_SUPERVISORS: frozenset[Kind] = frozenset({Role.SUPERVISOR, Role.ADMINISTRATOR})
_ADMINISTRATORS: frozenset[Kind] = frozenset({Role.ADMINISTRATOR})

PERMITTED: dict[Permission, frozenset[Kind]] = {
    Permission.PUBLIC: _EVERYBODY,
    Permission.SIGN_IN: _EVERYBODY,
    Permission.CALL_HOOK: _EVERYBODY,
    Permission.OPEN_LINK: _EVERYBODY,
    Permission.OPEN_CHAT: _EVERYBODY,
    Permission.CHAT: frozenset({"contact"}),
    Permission.OWN_SESSION: _AGENTS,
    Permission.READ_INBOX: _AGENTS,
    Permission.READ_CONVERSATION: _AGENTS,
    Permission.READ_LEDGER: _AGENTS,
    Permission.ACT: _AGENTS,
    Permission.READ_APPROVALS: _AGENTS,
    Permission.APPROVE: _AGENTS,
    Permission.FOLLOW_INBOX: _AGENTS,
    Permission.READ_TEAMS: _AGENTS,
    Permission.READ_INTENTS: _AGENTS,
    Permission.READ_MODEL: _SUPERVISORS,
    Permission.READ_AGENTS: _SUPERVISORS,
    Permission.MANAGE_AGENTS: _ADMINISTRATORS,
}


def authorise(identity: Identity, permission: Permission, *, tenant: TenantId | None) -> None:
    """Returns if `identity` may do this in `tenant`; None stands for what belongs to no tenant.

    Raises NotAllowed `not_signed_in` without a credential, NotAllowed `not_permitted` if the role
    does not suffice, and NotFound for another tenant, so that nobody learns what exists there.
    """
    if isinstance(identity, AgentIdentity) and identity.agent.suspended:
        raise NotAllowed("not_signed_in", "Sign in first.")
    if _kind(identity) not in PERMITTED[permission]:
        if isinstance(identity, Anonymous):
            raise NotAllowed("not_signed_in", "Sign in first.")
        raise NotAllowed("not_permitted", "Your role does not permit this.")
    if tenant is None or isinstance(identity, Anonymous):
        return
    if identity.tenant != tenant:
        raise NotFound("not_found", "There is no such thing here.")


def _kind(identity: Identity) -> Kind:
    match identity:
        case Anonymous():
            return "anonymous"
        case ContactIdentity():
            return "contact"
        case AgentIdentity():
            return identity.agent.role

"""What agents do to conversations: each act is checked, and becomes an event."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from answerable.contacts.book import ContactBook
from answerable.definition.schema import ServiceDefinition
from answerable.flow.advance import Advancer, Changes
from answerable.flow.approving import check_decision
from answerable.flow.hand_off import fallback_team
from answerable.flow.message import Accepted
from answerable.flow.state import ConversationState, evolve
from answerable.kit.errors import Conflict, InvalidInput, NotFound
from answerable.kit.ids import AgentId, ConversationId, TenantId
from answerable.ledger.append import Appender
from answerable.ledger.event import NewEvent, agent_actor
from answerable.ledger.reading import read_events, read_state
from answerable.privacy.mask import mask
from answerable.privacy.vault import Vault

LONGEST_REPLY = 20_000  # characters


@dataclass(frozen=True, kw_only=True)
class _Act:
    """Who does it, to which conversation. agent_name: as customers see it."""

    tenant: TenantId
    conversation: ConversationId
    agent: AgentId
    agent_name: str


@dataclass(frozen=True, kw_only=True)
class TakeOver(_Act):
    """Become the owner. From a colleague only with `force`, which supervisors may say."""

    force: bool = False


@dataclass(frozen=True, kw_only=True)
class Release(_Act):
    """Put it back into its team's queue."""


@dataclass(frozen=True, kw_only=True)
class Reply(_Act):
    """Answer the contact. version: seq of the last message or reply the agent had seen."""

    text: str
    version: int


@dataclass(frozen=True, kw_only=True)
class HandOffTo(_Act):
    """Give it to another team. note: for the colleagues, kept in the vault."""

    team: str
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Close(_Act):
    resolution: str = "resolved"


@dataclass(frozen=True, kw_only=True)
class Reopen(_Act):
    pass


@dataclass(frozen=True, kw_only=True)
class Label(_Act):
    """Say what a message asks for, so that models can learn it. Anybody who may read it can.

    message: its seq. intents: names of the definition; none: nothing that the definition knows.
    """

    message: int
    intents: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Approve(_Act):
    """Consent to a change. commitment: of what the agent has seen."""

    change: str
    commitment: str


@dataclass(frozen=True, kw_only=True)
class RefuseApproval(_Act):
    """Refuse a change. reason: for the colleagues, kept in the vault."""

    change: str
    commitment: str
    reason: str


AgentAct = (
    TakeOver | Release | Reply | HandOffTo | Close | Reopen | Label | Approve | RefuseApproval
)


class Desk:
    """Carries out agents' acts, each in one transaction with its check."""

    def __init__(self, vault: Vault, advancer: Advancer, contacts: ContactBook) -> None:
        self._vault = vault
        self._lookup = contacts.lookup
        self._advancer = advancer

    def act(
        self, tx: Connection, act: AgentAct, definition: ServiceDefinition, *, at: datetime
    ) -> tuple[Accepted, Sequence[Changes]]:
        """The act, after what was before, and with what follows from it. Raises NotFound, Conflict
        (somebody else was faster), or InvalidInput."""
        _check_stored(tx, act)
        before = self._advancer.catch_up(tx, act.conversation)
        appender = Appender(tx)
        appender.load([act.conversation], states=True)
        head = appender.head(act.conversation)
        state = ConversationState.from_data(head.state)
        if head.advanced < head.seq:  # it failed, and is left to be tried again
            for pending in read_events(tx, act.conversation, after=head.advanced):
                state = evolve(state, pending)
        if isinstance(act, Reply):
            _check_version(tx, act)
        if isinstance(act, Approve | RefuseApproval):
            systems = definition.integrations
            check_decision(tx, act, state, self._lookup, systems=systems, at=at)
        new = self._event(tx, act, state, definition)
        event = appender.append(act.conversation, new, at=at)
        accepted = Accepted(conversation=act.conversation, seq=event.seq, at=at)
        return accepted, (before, self._advancer.conclude(appender, always=True))

    def _event(
        self, tx: Connection, act: AgentAct, state: ConversationState, definition: ServiceDefinition
    ) -> NewEvent:
        actor = agent_actor(act.agent)
        owner = state.owner
        mine = owner.is_agent(act.agent)
        if isinstance(act, Label):
            return _label(tx, act, definition, actor)
        if state.status == "closed" and not isinstance(act, Reopen):
            raise Conflict("conversation_closed", "the conversation is closed; reopen it first")
        match act:
            case TakeOver():
                if owner.kind == "agent" and not mine and not act.force:
                    raise Conflict("owned_by_other", "a colleague has this conversation")
                if mine:
                    raise Conflict("already_yours", "you have this conversation already")
                data: dict[str, Any] = {"agent": act.agent, "name": act.agent_name}
                return NewEvent(kind="taken_over", actor=actor, data=data)
            case Release():
                _require_mine(mine)
                team = state.team or fallback_team(definition)
                return NewEvent(kind="released", actor=actor, data={"team": team})
            case Reply():
                _require_mine(mine)
                return self._reply(tx, act, state, actor)
            case HandOffTo():
                if owner.kind == "agent" and not mine:
                    raise Conflict("owned_by_other", "a colleague has this conversation")
                return self._hand_off(tx, act, state, definition, actor)
            case Close():
                _require_mine(mine)
                data = {"by": act.agent, "resolution": act.resolution[:200]}
                return NewEvent(kind="conversation_closed", actor=actor, data=data)
            case Approve():
                assert state.change is not None
                if actor in state.change.consents:
                    raise Conflict("consented", "You have approved this; a colleague has to, too.")
                left = state.change.approvers - len(state.change.consents) - 1
                data = {"change": act.change, "commitment": act.commitment, "left": left}
                return NewEvent(kind="approved", actor=actor, data=data)
            case RefuseApproval():
                if not act.reason.strip():
                    raise InvalidInput("reason_missing", "say why you refuse")
                reason = self._put_away(tx, act, state, act.reason.strip()[:LONGEST_REPLY])
                data = {"change": act.change, "commitment": act.commitment, "reason": reason}
                return NewEvent(kind="approval_refused", actor=actor, data=data)
            case Reopen():
                if state.status != "closed":
                    raise Conflict("conversation_open", "the conversation is open")
                data = {"why": "an agent reopened it", "owner": {"kind": "agent", "id": act.agent}}
                return NewEvent(kind="conversation_reopened", actor=actor, data=data)

    def _reply(self, tx: Connection, act: Reply, state: ConversationState, actor: str) -> NewEvent:
        text = act.text.strip()
        if not text or len(text) > LONGEST_REPLY:
            raise InvalidInput(
                "bad_reply", f"a reply has 1 to {LONGEST_REPLY} characters, this has {len(text)}"
            )
        data = {
            "text": self._put_away(tx, act, state, text),
            "author": "agent",
            "agent": act.agent,
        }
        return NewEvent(kind="reply_written", actor=actor, data=data)

    def _hand_off(
        self,
        tx: Connection,
        act: HandOffTo,
        state: ConversationState,
        definition: ServiceDefinition,
        actor: str,
    ) -> NewEvent:
        if act.team not in definition.teams:
            known = ", ".join(sorted(definition.teams)) or "none"
            raise InvalidInput("unknown_team", f"no team {act.team!r}; there are: {known}")
        data: dict[str, Any] = {
            "team": act.team,
            "priority": state.priority,
            "why": "an agent passed it on",
            "reasons": [{"rule": "agent", "text": "an agent passed it on"}],
        }
        if act.note.strip():
            data["note"] = self._put_away(tx, act, state, act.note.strip()[:LONGEST_REPLY])
        return NewEvent(kind="handed_off", actor=actor, data=data)

    def _put_away(
        self, tx: Connection, act: AgentAct, state: ConversationState, text: str
    ) -> dict[str, str]:
        """What an agent wrote, masked, in the vault; the reference for the event."""
        number = self._vault.numbering(
            tx, tenant=act.tenant, conversation_id=act.conversation, contact_id=state.contact
        )
        masked = mask(
            text,
            number=number,
            policy=self._advancer.treatments(act.tenant),
            regions=self._advancer.phone_countries(act.tenant),
        )
        reference = self._vault.put(
            tx,
            tenant=act.tenant,
            contact_id=state.contact,
            conversation_id=act.conversation,
            value={"text": masked.text, "values": dict(masked.values), "name": act.agent_name},
        )
        return {"ref": reference.id, "commitment": reference.commitment}


def _label(tx: Connection, act: Label, definition: ServiceDefinition, actor: str) -> NewEvent:
    found = read_events(tx, act.conversation, after=act.message - 1, limit=1)
    if not found or found[0].kind != "message_received":
        raise InvalidInput("no_such_message", f"the conversation has no message {act.message}")
    unknown = [name for name in act.intents if name not in definition.intents]
    if unknown:
        raise InvalidInput("unknown_intent", f"the definition has no intent {unknown[0]!r}")
    intents = list(dict.fromkeys(act.intents))
    return NewEvent(kind="labelled", actor=actor, data={"of": act.message, "intents": intents})


def _require_mine(mine: bool) -> None:
    if not mine:
        raise Conflict("not_yours", "take the conversation over first")


def _check_stored(tx: Connection, act: AgentAct) -> None:
    """Raises NotFound if the agent's tenant has no such conversation."""
    row = read_state(tx, act.conversation)
    if row is None or row.tenant != act.tenant or row.kind != "conversation":
        raise NotFound("conversation_not_found", "there is no such conversation")


def _check_version(tx: Connection, act: Reply) -> None:
    """Refuse to answer blind: something was said after what the agent had on the screen."""
    newer = read_events(tx, act.conversation, after=act.version)
    said = [e for e in newer if e.kind in {"message_received", "reply_written"}]
    if said:
        raise Conflict(
            "conversation_changed",
            "something was said since; read it and send again",
            seq=said[-1].seq,
        )

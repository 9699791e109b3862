"""Where a conversation stands: what `transition` needs to know, small whatever its length."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from answerable.contacts.reply_caps import QUICK
from answerable.definition.terms import Proof
from answerable.desk.owner import ASSISTANT_OWNS, Owner
from answerable.flow.trend import REMEMBERED_MOODS
from answerable.kit.ids import ContactId
from answerable.ledger.event import Event, wire_time
from answerable.playbooks.change import Change, evolve_change
from answerable.playbooks.run import PlaybookRun

NOBODY = ContactId("")  # until the first event says who
UNDECIDED = 5  # messages that wait while a playbook is in the middle of a step
REMEMBERED_TEXTS = 3  # of the contact, for what is written over several messages
REMEMBERED_REPLIES = 8  # automatic replies whose times are kept, for the brakes against loops


@dataclass(frozen=True, kw_only=True, slots=True)
class ConversationState:
    """The snapshot beside a stream. Everything in it follows from the events.

    contact_facts: what the back office said that decisions may use; None until it answered.
    undecided: data of `understood` events that wait, oldest first: for these facts, or for a
    playbook that is under way.
    moods: sentiments of the contact's latest messages, oldest first, for their trend.
    sketch: of what was understood last.
    attempts: clarifying questions since something was last understood.
    automatic_replies: times of the latest ones, oldest first.
    contact_refs: texts of the contact's latest messages, oldest first.
    aside: a playbook that waits for pages or for an approval while the conversation goes on.
    change: of the contact's data, the latest one.
    quick_answers: mails that came within seconds of an automatic reply of ours.
    """

    contact: ContactId = NOBODY
    channel: str = ""
    inbox: str = ""
    proof: Proof = Proof.ANONYMOUS
    status: str = "open"
    owner: Owner = ASSISTANT_OWNS
    language: str | None = None
    contact_facts: Mapping[str, Any] | None = None
    undecided: tuple[Mapping[str, Any], ...] = ()
    intent: str | None = None
    confidence: float | None = None
    decision: str | None = None
    team: str | None = None
    priority: str = "normal"
    sentiment: float | None = None
    moods: tuple[float, ...] = ()
    sketch: str = ""
    attempts: int = 0
    run: PlaybookRun | None = None
    noticed: bool = False
    automatic_replies: tuple[datetime, ...] = ()
    opened_at: datetime | None = None
    updated_at: datetime | None = None
    waiting_since: datetime | None = None
    first_response_due: datetime | None = None
    closed_at: datetime | None = None
    last_message: int = 0
    subject_ref: str | None = None
    last_ref: str | None = None
    contact_refs: tuple[str, ...] = ()
    quick_answers: int = 0
    last_author: str | None = None
    aside: PlaybookRun | None = None
    change: Change | None = None

    def as_data(self) -> dict[str, Any]:
        data = {name: getattr(self, name) for name in _PLAIN}
        data["proof"] = self.proof.value
        data["owner"] = {"kind": self.owner.kind, "id": self.owner.id}
        data["run"] = self.run.as_data() if self.run else None
        data["automatic_replies"] = [wire_time(at) for at in self.automatic_replies]
        data["undecided"] = [dict(understood) for understood in self.undecided]
        data["moods"] = list(self.moods)
        data["contact_refs"] = list(self.contact_refs)
        for name in _TIMES:
            moment = getattr(self, name)
            data[name] = wire_time(moment) if moment else None
        for name in _RARE:
            part = getattr(self, name)
            if part is not None:
                data[name] = part.as_data()
        return data

    @classmethod
    def from_data(cls, data: Mapping[str, Any] | None) -> "ConversationState":
        if data is None:
            return cls()
        read = dict(data)
        read["proof"] = Proof(data["proof"])
        read["undecided"] = tuple(data["undecided"])
        read["moods"] = tuple(data.get("moods", ()))  # older snapshots have none
        read["contact_refs"] = tuple(data.get("contact_refs", ()))
        read["owner"] = Owner(**data["owner"])
        read["run"] = PlaybookRun.from_data(data["run"]) if data["run"] else None
        read["automatic_replies"] = tuple(map(_moment, data["automatic_replies"]))
        for name in _TIMES:
            read[name] = _moment(data[name]) if data[name] else None
        if "aside" in data:
            read["aside"] = PlaybookRun.from_data(data["aside"])
        if "change" in data:
            read["change"] = Change.from_data(data["change"])
        return cls(**read)

    def automatic_replies_since(self, moment: datetime) -> int:
        return sum(1 for at in self.automatic_replies if at > moment)


_TIMES = ("opened_at", "updated_at", "waiting_since", "first_response_due", "closed_at")
_RARE = ("aside", "change")  # most conversations have neither, and no place for them
_CODED = {
    *_RARE,
    "proof",
    "undecided",
    "moods",
    "contact_refs",
    "owner",
    "run",
    "automatic_replies",
    *_TIMES,
}
_PLAIN = tuple(n for n in ConversationState.__dataclass_fields__ if n not in _CODED)


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def evolve(state: ConversationState, event: Event) -> ConversationState:
    """The state after `event`. Total: an unknown kind changes nothing but the time."""
    if event.kind in _REMARKS:
        return state
    rule = _RULES.get(event.kind)
    changed = rule(state, event) if rule else state
    return replace(changed, updated_at=event.at, change=evolve_change(state.change, event))


def _opened(state: ConversationState, event: Event) -> ConversationState:
    data = event.data
    return replace(
        state,
        contact=ContactId(data["contact"]),
        channel=data["channel"],
        inbox=data["inbox"],
        proof=Proof(data["proof"]),
        opened_at=event.at,
    )


def _received(state: ConversationState, event: Event) -> ConversationState:
    data = event.data
    proof = Proof(data["proof"])
    return replace(
        state,
        proof=proof,
        last_message=event.seq,
        last_ref=data["text"]["ref"],
        contact_refs=(*state.contact_refs, data["text"]["ref"])[-REMEMBERED_TEXTS:],
        subject_ref=state.subject_ref or data["text"]["ref"],
        quick_answers=state.quick_answers + _came_quickly(state, event),
        last_author="contact",
        waiting_since=state.waiting_since or event.at,
    )


def _came_quickly(state: ConversationState, event: Event) -> bool:
    """Whether a mail answers an automatic reply faster than a person reads and types."""
    if state.channel != "email" or not state.automatic_replies:
        return False
    return event.at - state.automatic_replies[-1] < QUICK


def _understood(state: ConversationState, event: Event) -> ConversationState:
    data = event.data
    best = data["intents"][0] if data["intents"] else None
    keep = state.run is not None and state.run.waiting is not None
    later = facts_outstanding(state) or is_busy(state)
    return replace(
        state,
        language=data["language"] or state.language,
        sentiment=data["sentiment"],
        sketch=data.get("sketch", ""),
        moods=(*state.moods, data["sentiment"])[-REMEMBERED_MOODS:],
        intent=state.intent if keep or best is None else best["name"],
        confidence=state.confidence if keep or best is None else best["confidence"],
        undecided=(*state.undecided, data)[-UNDECIDED:] if later else state.undecided,
    )


def facts_outstanding(state: ConversationState) -> bool:
    """Whether decisions wait for what the back office says of the contact."""
    return state.contact_facts is None and state.proof is not Proof.ANONYMOUS


def is_busy(state: ConversationState) -> bool:
    """Whether a playbook is in the middle of a step, for moments."""
    waiting = state.run.waiting if state.run else None
    return waiting is not None and waiting.kind == "outcome"


def _taken_up(state: ConversationState, event: Event) -> ConversationState:
    """An answer was taken: the message that held it is no longer undecided."""
    of = event.data.get("of")
    return replace(state, undecided=tuple(u for u in state.undecided if u["of"] != of))


def _decided(state: ConversationState, event: Event) -> ConversationState:
    data = event.data
    return replace(
        state,
        undecided=tuple(u for u in state.undecided if u["of"] > data["of"]),
        decision=data["decision"],
        priority=data["priority"],
        intent=data.get("intent", state.intent),
        attempts=state.attempts + 1 if data.get("template") == "clarify" else 0,
    )


def _handed_off(state: ConversationState, event: Event) -> ConversationState:
    data = event.data
    due = data.get("first_response_due")
    return replace(
        state,
        owner=Owner(kind="queue", id=data["team"]),
        team=data["team"],
        priority=data["priority"],
        run=None,
        first_response_due=_moment(due) if due else None,
    )


def _replied(state: ConversationState, event: Event) -> ConversationState:
    automatic = event.data["author"] == "assistant"
    times = state.automatic_replies
    if automatic:
        times = (*times, event.at)[-REMEMBERED_REPLIES:]
    by_person = event.data["author"] == "agent"
    return replace(
        state,
        automatic_replies=times,
        noticed=state.noticed or automatic,
        last_ref=event.data["text"]["ref"],
        last_author=event.data["author"],
        waiting_since=None if by_person or state.owner.kind == "assistant" else state.waiting_since,
        first_response_due=None if by_person else state.first_response_due,
    )


def _closed(state: ConversationState, event: Event) -> ConversationState:
    return replace(
        state, status="closed", closed_at=event.at, run=None, waiting_since=None,
        first_response_due=None, undecided=(),
    )  # fmt: skip


def _reopened(state: ConversationState, event: Event) -> ConversationState:
    owner = Owner(**event.data["owner"]) if "owner" in event.data else ASSISTANT_OWNS
    return replace(state, status="open", closed_at=None, owner=owner, attempts=0)


def _taken_over(state: ConversationState, event: Event) -> ConversationState:
    owner = Owner(kind="agent", id=event.data["agent"])
    return replace(state, owner=owner, run=None, undecided=())


def _released(state: ConversationState, event: Event) -> ConversationState:
    return replace(state, owner=Owner(kind="queue", id=event.data["team"]))


def _contact_known(state: ConversationState, event: Event) -> ConversationState:
    return replace(state, contact_facts=dict(event.data["facts"]))


def _run_saved(state: ConversationState, event: Event) -> ConversationState:
    run = PlaybookRun.from_data(event.data["run"])
    return replace(state, aside=run) if run.beside else replace(state, run=run)


_REMARKS = {"labelled"}  # said about a conversation, not in it: it does not come up again for that
_RULES = {
    "conversation_opened": _opened,
    "message_received": _received,
    "contact_known": _contact_known,
    "understood": _understood,
    "decided": _decided,
    "answered": _taken_up,
    "asked": _taken_up,
    "playbook_started": _run_saved,
    "reply_written": _replied,
    "handed_off": _handed_off,
    "taken_over": _taken_over,
    "released": _released,
    "conversation_closed": _closed,
    "conversation_reopened": _reopened,
}
MAX_SILENCE = timedelta(hours=72)  # an answered conversation closes after this without a word

"""Decisions, and the reasons they carry."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Reason:
    """One rule that spoke. value and threshold are what it compared, where it compared."""

    rule: str
    text: str
    value: Any = None
    threshold: Any = None

    def as_data(self) -> dict[str, Any]:
        data = {"rule": self.rule, "text": self.text}
        if self.value is not None:
            data["value"] = self.value
        if self.threshold is not None:
            data["threshold"] = self.threshold
        return data


@dataclass(frozen=True, kw_only=True, slots=True)
class RunPlaybook:
    """Let the assistant carry out this playbook."""

    playbook: str
    intent: str
    priority: str = "normal"
    reasons: tuple[Reason, ...] = ()
    kind: str = field(default="run_playbook", init=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Ask:
    """Ask the contact something before anything else is done.

    template: what to send. candidates: the intents between which we are unsure, best first;
    empty when it is a proof that is missing.
    """

    template: str
    candidates: tuple[str, ...] = ()
    intent: str | None = None
    priority: str = "normal"
    reasons: tuple[Reason, ...] = ()
    kind: str = field(default="ask", init=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class DraftReply:
    """Hand the conversation to a team together with a drafted reply for a person to send."""

    playbook: str
    intent: str
    team: str
    priority: str
    reasons: tuple[Reason, ...] = ()
    kind: str = field(default="draft", init=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class HandOff:
    """Give the conversation to people. alert: teams that are told at once, besides.

    offer: the playbook that the contact is offered meanwhile.
    """

    team: str
    priority: str
    intent: str | None = None
    alert: tuple[str, ...] = ()
    offer: str | None = None
    reasons: tuple[Reason, ...] = ()
    kind: str = field(default="hand_off", init=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class SetAside:
    """Do nothing: spam, automatic mail, a duplicate. It stays readable and can be taken back."""

    why: str
    priority: str = "low"
    reasons: tuple[Reason, ...] = ()
    kind: str = field(default="set_aside", init=False)


Decision = RunPlaybook | Ask | DraftReply | HandOff | SetAside


def as_data(decision: Decision) -> dict[str, Any]:
    """The decision as event data."""
    data: dict[str, Any] = {
        "decision": decision.kind,
        "priority": decision.priority,
        "reasons": [reason.as_data() for reason in decision.reasons],
    }
    for name in ("playbook", "offer", "intent", "team", "template", "why"):
        value = getattr(decision, name, None)
        if value is not None:
            data[name] = value
    for name in ("candidates", "alert"):
        value = getattr(decision, name, ())
        if value:
            data[name] = list(value)
    return data

"""The timeline: each event in one English sentence, for people who ask what happened and why."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from answerable.ledger.event import Event

Data = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Titles:
    """What people call things, by id or name; what is not in here is called by that."""

    agents: Mapping[str, str]
    teams: Mapping[str, str]
    intents: Mapping[str, str]


def title_of(event: Event, titles: Titles) -> str:
    """Total: a kind without a sentence is named."""
    told = _TITLES.get(event.kind)
    if told is None:
        return f"{event.kind.replace('_', ' ').capitalize()}."
    return told(_titled(event.data, titles), _who(event, titles.agents))


def _titled(data: Data, titles: Titles) -> Data:
    """The same with titles instead of the names of teams and intents."""
    shown = dict(data)
    if isinstance(data.get("team"), str):
        shown["team"] = titles.teams.get(data["team"], data["team"])
    if isinstance(data.get("intents"), (list, tuple)):
        shown["intents"] = [
            {**one, "name": titles.intents.get(one["name"], one["name"])}
            for one in map(_scored, data["intents"])
        ]
    return shown


def _scored(intent: Mapping[str, Any] | str) -> Mapping[str, Any]:
    """An agent's labels are bare names."""
    return {"name": intent} if isinstance(intent, str) else intent


def _who(event: Event, names: Mapping[str, str]) -> str:
    kind, _, agent = event.actor.partition(":")
    if kind == "agent":
        return names.get(agent, "An agent")
    return {"contact": "The contact", "assistant": "The assistant"}.get(kind, "Answerable")


def _received(data: Data, who: str) -> str:
    if data.get("bounce_of"):
        return f"Reply {data['bounce_of']} came back undelivered."
    if data.get("unparsable"):
        return "A message came that could not be read."
    if data.get("automatic"):
        return "An automatic message came."
    return "The contact wrote."


def _understood(data: Data, who: str) -> str:
    intents = data.get("intents") or []
    if not data.get("in_scope", True) or not intents:
        return "Understood: nothing that the service definition knows."
    best = intents[0]
    return f"Understood as “{best['name']}” with confidence {best['confidence']:.2f}."


def _decided(data: Data, who: str) -> str:
    decision = data.get("decision")
    because = _because(data)
    match decision:
        case "run_playbook":
            return f"Decided to run the playbook {data.get('playbook')}{because}."
        case "ask":
            return f"Decided to ask the contact{because}."
        case "draft":
            return f"Decided to draft a reply for {data.get('team')}{because}."
        case "hand_off":
            return f"Decided to hand off to {data.get('team')}{because}."
        case "set_aside":
            return f"Decided to set it aside{because}."
        case _:
            return f"Decided: {decision}{because}."


def _because(data: Data) -> str:
    texts = [str(reason.get("text")) for reason in data.get("reasons", ()) if reason.get("text")]
    return f", because {texts[0].rstrip('.')}" if texts else ""


def _looked_up(data: Data, who: str) -> str:
    fields = ", ".join(map(_words, data.get("fields", ()))) or "nothing"
    if data.get("result") == "refused":
        return f"{data.get('connector')} refused to tell {fields}."
    return f"Looked up {fields} in {data.get('connector')}."


def _words(name: object) -> str:
    return str(name).replace("_", " ")


def _reply(data: Data, who: str) -> str:
    return f"{who} replied."


def _handed_off(data: Data, who: str) -> str:
    why = str(data.get("why") or "").rstrip(".")
    return f"Handed off to {data.get('team')}{f': {why}' if why else ''}."


def _labelled(data: Data, who: str) -> str:
    names = " and ".join(f"“{one['name']}”" for one in data.get("intents", ()))
    return f"{who} labelled message {data.get('of')}: {names or 'none of the intents'}."


def _failed(data: Data, who: str) -> str:
    return f"{data.get('of', 'An effect')} failed after {data.get('attempts', 'several')} attempts."


_AWAITED = {
    "app": "The change is to be proven with the contact's authenticator app.",
    "email": "The change is to be proven with a code by e-mail.",
    "sms": "The change is to be proven with a code by text message.",
}
_TITLES: dict[str, Callable[[Data, str], str]] = {
    "conversation_opened": lambda data, who: f"A conversation began in {data.get('inbox')}.",
    "message_received": _received,
    "contact_known": lambda data, who: (
        "The back office did not say who the contact is."
        if data.get("failed")
        else "The back office said who the contact is."
    ),
    "understood": _understood,
    "decided": _decided,
    "playbook_started": lambda data, who: "The assistant began a playbook.",
    "step_skipped": lambda data, who: (
        f"A step was skipped: {data.get('why') or 'its condition did not hold'}."
    ),
    "looked_up": _looked_up,
    "asked": lambda data, who: "The contact was asked for something.",
    "answered": lambda data, who: "The contact told what was asked for.",
    "waiting": lambda data, who: "The playbook waits.",
    "playbook_ended": lambda data, who: "The playbook ended.",
    "reply_written": _reply,
    "draft_written": lambda data, who: "A reply was drafted for a person to send.",
    "reply_suppressed": lambda data, who: "A reply was held back: a limit was reached.",
    "reply_delivered": lambda data, who: "A reply was delivered.",
    "reply_failed": lambda data, who: "A reply could not be delivered.",
    "bounced": lambda data, who: "A reply came back undelivered.",
    "link_issued": lambda data, who: "The contact was sent a link to the page of a change.",
    "intent_confirmed": lambda data, who: "The contact confirmed that this is what they want.",
    "intent_declined": lambda data, who: "The contact says that this is not what they want.",
    "change_entered": lambda data, who: f"{who} entered the new data.",
    "code_awaited": lambda data, who: _AWAITED.get(str(data.get("by")), _AWAITED["sms"]),
    "code_entered": lambda data, who: f"{who} entered the digits of an authenticator app.",
    "code_not_checked": lambda data, who: (
        f"The digits could not be checked: {_words(data.get('why'))}."
    ),
    "code_requested": lambda data, who: "A one-time code was asked for.",
    "code_addressed": lambda data, who: "Looked up the mail address for the code.",
    "code_sent": lambda data, who: (
        "A code was sent to the mail address on record."
        if data.get("by") == "email"
        else f"A code was sent to the number ending in {data.get('to_last2')}."
    ),
    "code_send_uncertain": lambda data, who: "A code may have been sent; nobody knows.",
    "code_not_sent": lambda data, who: f"No code was sent: {_words(data.get('why'))}.",
    "code_refused": lambda data, who: (
        "Too many wrong codes: none is accepted any more."
        if data.get("why") == "locked"
        else "Too many wrong codes just before: this one was not looked at."
        if data.get("why") == "worn_out"
        else "A wrong code was entered."
    ),
    "code_accepted": lambda data, who: "The code was right: this change is proven.",
    "change_submitted": lambda data, who: "The back office has the change as a request.",
    "notice_sent": lambda data, who: (
        f"The number ending in {data.get('to_last2')} was told of the change."
    ),
    "notice_not_sent": lambda data, who: (
        f"The number on record was not told of the change: {_words(data.get('why'))}."
    ),
    "approval_requested": lambda data, who: (
        "An agent has to approve the change."
        if data.get("approvers") == 1
        else f"{data.get('approvers')} agents have to approve the change."
    ),
    "approved": lambda data, who: (
        f"{who} approved the change."
        if not data.get("left")
        else f"{who} approved the change; another agent has to, too."
    ),
    "approval_refused": lambda data, who: f"{who} refused the change.",
    "approval_expired": lambda data, who: "Nobody approved the change in time.",
    "change_applied": lambda data, who: "The back office applied the change.",
    "change_failed": lambda data, who: f"The change was stopped: {_words(data.get('why'))}.",
    "change_withdrawn": lambda data, who: f"The change ended: {data.get('why')}.",
    "change_dropped": lambda data, who: "The back office's request was taken back.",
    "handed_off": _handed_off,
    "alerted": lambda data, who: "Teams that must know at once were told.",
    "labelled": _labelled,
    "taken_over": lambda data, who: f"{who} took over.",
    "released": lambda data, who: f"{who} gave it back to {data.get('team')}.",
    "set_aside": lambda data, who: "Set aside: nothing is to be done.",
    "effect_failed": _failed,
    "timer_fired": lambda data, who: "A wait was over.",
    "conversation_closed": lambda data, who: f"{who} closed the conversation.",
    "conversation_reopened": lambda data, who: f"{who} reopened the conversation.",
}

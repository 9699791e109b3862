"""What follows while a change of a contact's data is under way: codes, consent, its end."""

from collections.abc import Callable

from answerable.flow.follows import NOTHING, Follows, Rules
from answerable.flow.hand_off import hand_off
from answerable.flow.running import on_aside
from answerable.flow.state import ConversationState
from answerable.ledger.event import Event, NewEvent
from answerable.playbooks.change import WITHDRAWN
from answerable.playbooks.changing import drop_change

# Why a code is not sent, and asking once more would not help.
HOPELESS = ("unknown", "no_number", "no_mailbox", "refused", "unavailable")


def withdrawn(state: ConversationState, why: str) -> Follows:
    """A person has taken the matter over, or it is closed: what was put aside ends. What an agent
    has approved is carried out, though nobody is told of it any more."""
    if state.aside is None:
        return NOTHING
    change = state.change
    if change is None or change.is_approved:
        return Follows(aside=(None,))
    data = {"change": change.id, "why": why}
    return Follows(events=(NewEvent(kind="change_withdrawn", data=data),), aside=(None,))


def _on_withdrawn(state: ConversationState, event: Event, rules: Rules) -> Follows:
    change = state.change
    if change is None or not change.request or change.id != event.data["change"]:
        return NOTHING
    return Follows(effects=(drop_change(change, str(event.data["why"])),))


def _on_submitted(state: ConversationState, event: Event, rules: Rules) -> Follows:
    """What ended while it was being submitted is taken back."""
    if state.change is not None and state.change.stage == WITHDRAWN:
        return Follows(effects=(drop_change(state.change, "it has ended meanwhile"),))
    return on_aside(state, event, rules)


def _on_taken_over(state: ConversationState, event: Event, rules: Rules) -> Follows:
    if state.aside is not None and state.aside.beside:
        return NOTHING  # it was offered beside the person who has the matter now
    return withdrawn(state, "an agent took the conversation over")


def _on_code_not_checked(state: ConversationState, event: Event, rules: Rules) -> Follows:
    """A system that does not check such codes never will: people help. One that is down may be up
    when the contact tries again."""
    if event.data["why"] != "refused" or state.team is not None:
        return NOTHING
    why = "the back office does not check codes of authenticator apps"
    reason = {"rule": "code_not_checked", "text": why}
    handed = hand_off(state, event, rules, reasons=[reason], why=why, notify=False)
    return Follows(events=(handed,))


def _on_code_not_sent(state: ConversationState, event: Event, rules: Rules) -> Follows:
    """Who cannot be sent a code is helped by people. The contact is told nothing of it: whether
    they are a customer is not for whoever has their mailbox to find out."""
    goes_on = on_aside(state, event, rules)
    if goes_on is not NOTHING or event.data["why"] not in HOPELESS or state.team is not None:
        return goes_on
    why = f"no code could be sent: {event.data['why'].replace('_', ' ')}"
    reason = {"rule": "code_not_sent", "text": why}
    handed = hand_off(state, event, rules, reasons=[reason], why=why, notify=False)
    return Follows(events=(handed,))


CHANGE_RULES: dict[str, Callable[[ConversationState, Event, Rules], Follows]] = {
    "taken_over": _on_taken_over,
    "intent_confirmed": on_aside,
    "intent_declined": on_aside,
    "change_entered": on_aside,
    "code_requested": on_aside,
    "code_addressed": on_aside,
    "code_entered": on_aside,
    "code_not_checked": _on_code_not_checked,
    "code_not_sent": _on_code_not_sent,
    "code_refused": on_aside,
    "code_accepted": on_aside,
    "change_submitted": _on_submitted,
    "notice_sent": on_aside,
    "notice_not_sent": on_aside,
    "approved": on_aside,
    "approval_refused": on_aside,
    "change_applied": on_aside,
    "change_failed": on_aside,
    "change_withdrawn": _on_withdrawn,
}

"""`decide`: from what was understood to what is done, rule by rule, each with its reason."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from answerable.decisions.decision import (
    Ask,
    Decision,
    DraftReply,
    HandOff,
    Reason,
    RunPlaybook,
    SetAside,
)
from answerable.definition.schema import Intent, Playbook, ServiceDefinition
from answerable.definition.terms import Proof
from answerable.understanding.understanding import IntentScore, Understanding

PRIORITIES = ("low", "normal", "high", "urgent")
SPAM_THRESHOLD = 0.9


@dataclass(frozen=True, kw_only=True, slots=True)
class ContactFacts:
    """What the back office says of the contact, as far as decisions may use it."""

    tier: str = ""
    vip: bool = False
    language: str = ""
    known: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Situation:
    """Where the conversation stands when a message is decided on.

    attempts: clarifying questions asked since something was last understood.
    trend: of the sentiment over the contact's messages, this one the last (`flow/trend.py`).
    """

    channel: str
    proof: Proof
    attempts: int
    contact: ContactFacts
    trend: str = "steady"


def decide(
    understanding: Understanding, situation: Situation, definition: ServiceDefinition
) -> Decision:
    """What to do about one message of a contact. Pure: no clock, no I/O, no chance.

    The rules stand in order of caution: what must not be automated comes first.
    """
    best = main_matter(understanding, definition)
    intent = definition.intents.get(best.name) if best else None
    confidence = best.confidence if best else 0.0
    router = _Router(understanding, situation, definition)

    sensitive = _sensitive_intent(understanding, definition)
    if sensitive is not None:
        return router.hand_off(
            sensitive,
            Reason(
                rule="sensitive",
                text=f"{sensitive.title} is never answered or drafted automatically",
                value=sensitive.sensitive,
            ),
        )
    if understanding.spam >= SPAM_THRESHOLD:
        return SetAside(
            why="spam",
            reasons=(_compared("spam", "looks like spam", understanding.spam, SPAM_THRESHOLD),),
        )
    angry = _too_negative(understanding, definition)
    if angry is not None:
        return router.hand_off(intent if understanding.in_scope else None, angry)
    if intent is None or not understanding.in_scope:
        return _out_of_scope(understanding, situation, definition, router)
    threshold = intent.confidence or definition.thresholds.confidence
    if confidence < threshold:
        return _unsure(understanding, situation, definition, router, threshold)

    sure = _compared("confidence", f'understood as "{intent.title}"', confidence, threshold)
    if intent.require_human:
        reason = Reason(rule="require_human", text="the definition asks for a person")
        return router.hand_off(intent, sure, reason)
    playbook = definition.playbook_for(intent.name)
    if playbook is None:
        reason = Reason(rule="no_playbook", text="no playbook answers this intent")
        return router.hand_off(intent, sure, reason)
    if not intent.auto_resolve:
        reason = Reason(rule="not_automatic", text="the definition wants a person to answer this")
        return _draft_or_hand_off(intent, playbook, definition, router, (sure, reason))
    unproven = _unproven(understanding, definition, intent)
    if unproven is not None:
        return _draft_or_hand_off(intent, playbook, definition, router, (unproven, sure))
    return _with_proof(intent, playbook, situation, router, sure)


def _with_proof(
    intent: Intent, playbook: Playbook, situation: Situation, router: "_Router", sure: Reason
) -> Decision:
    enough = situation.proof.satisfies(playbook.proof)
    proof = Reason(
        rule="proof",
        text="known well enough" if enough else "not known well enough for this",
        value=situation.proof.value,
        threshold=playbook.proof.value,
    )
    if enough:
        return RunPlaybook(
            playbook=playbook.name,
            intent=intent.name,
            priority=router.priority(intent),
            reasons=(sure, proof),
        )
    if playbook.on_missing_proof:
        return Ask(template=playbook.on_missing_proof, intent=intent.name, reasons=(sure, proof))
    return router.hand_off(intent, sure, proof)


def _unproven(
    understanding: Understanding, definition: ServiceDefinition, intent: Intent
) -> Reason | None:
    """Why a matter that is well understood is still not answered automatically."""
    asked = definition.thresholds.precision
    # What is shown is shown of the likeliest intent: a matter beside a greeting is another.
    shown = understanding.automatic and understanding.intents[0].name == intent.name
    if asked is None or shown:
        return None
    return Reason(
        rule="precision", text="not yet shown that enough such answers are right", threshold=asked
    )


def _draft_or_hand_off(
    intent: Intent,
    playbook: Playbook,
    definition: ServiceDefinition,
    router: "_Router",
    reasons: tuple[Reason, Reason],
) -> Decision:
    role = definition.resolution_types.get(intent.resolution_type or "")
    handed = router.hand_off(intent, *reasons)
    if role is None or role not in {"full-draft", "draft-and-review"}:
        return handed
    return DraftReply(
        playbook=playbook.name,
        intent=intent.name,
        team=handed.team,
        priority=handed.priority,
        reasons=handed.reasons,
    )


def _out_of_scope(
    understanding: Understanding,
    situation: Situation,
    definition: ServiceDefinition,
    router: "_Router",
) -> Decision:
    reason = _compared(
        "scope",
        "outside what this service knows",
        understanding.scope,
        definition.thresholds.scope,
    )
    may_ask = situation.attempts < min(1, definition.limits.clarifying_questions)
    if situation.channel == "chat" and may_ask and understanding.urgency == "low":
        return _ask(understanding, definition, router, reason)
    return router.hand_off(None, reason)


def _unsure(
    understanding: Understanding,
    situation: Situation,
    definition: ServiceDefinition,
    router: "_Router",
    threshold: float,
) -> Decision:
    best = main_matter(understanding, definition) or understanding.intents[0]
    reason = _compared("confidence", "not sure enough", best.confidence, threshold)
    clarify, questions = definition.thresholds.clarify, definition.limits.clarifying_questions
    if situation.channel != "chat":
        # By mail a question costs the customer a day; a person finds out faster.
        return router.hand_off(
            definition.intents[best.name], reason, Reason(rule="channel", text="no quick question")
        )
    if best.confidence < clarify:
        below = _compared("clarify", "too vague for a good question", best.confidence, clarify)
        if situation.attempts >= min(1, questions):
            return router.hand_off(None, reason, below)
        return _ask(understanding, definition, router, reason)
    if situation.attempts >= questions:
        tried = _compared("attempts", "asked often enough", situation.attempts, questions)
        return router.hand_off(definition.intents[best.name], reason, tried)
    return _ask(understanding, definition, router, reason)


def _ask(
    understanding: Understanding,
    definition: ServiceDefinition,
    router: "_Router",
    reason: Reason,
) -> Ask | HandOff:
    """A question, unless fraud is among what it would offer: that is not asked about twice."""
    suspicion = definition.thresholds.clarify / 2
    for score in understanding.intents:
        intent = definition.intents.get(score.name)
        if intent and intent.sensitive == "fraud" and score.confidence >= suspicion:
            possible = _compared("suspicion", "may be fraud", score.confidence, suspicion)
            return router.hand_off(intent, reason, possible)
    candidates = tuple(
        score.name
        for score in understanding.intents[:3]
        if score.name in definition.intents and score.confidence >= 0.1
    )
    return Ask(template="clarify", candidates=candidates, reasons=(reason,))


def _sensitive_intent(understanding: Understanding, definition: ServiceDefinition) -> Intent | None:
    """The most likely sensitive intent that is at all probable: here doubt means caution."""
    for rank, score in enumerate(understanding.intents):
        intent = definition.intents.get(score.name)
        if intent is None or not intent.sensitive:
            continue
        likely = score.confidence >= definition.thresholds.clarify
        possible = rank == 0 and understanding.in_scope and understanding.spam < SPAM_THRESHOLD
        if score.applies or likely or possible:
            return intent
    return None


def main_matter(understanding: Understanding, definition: ServiceDefinition) -> IntentScore | None:
    """The best intent; one that is a mere courtesy gives way to a real matter beside it."""
    scores = understanding.intents
    for score in scores:
        intent = definition.intents.get(score.name)
        courtesy = intent is not None and intent.courtesy
        real = score.applies and score.confidence >= definition.thresholds.clarify
        if not courtesy and (score is scores[0] or real):
            return score
    return scores[0] if scores else None


def _too_negative(understanding: Understanding, definition: ServiceDefinition) -> Reason | None:
    policy = definition.sentiment
    if policy is None or not policy.enabled or not policy.escalate_negative:
        return None
    if understanding.sentiment >= policy.threshold:
        return None
    return _compared("sentiment", "very dissatisfied", understanding.sentiment, policy.threshold)


def _compared(rule: str, text: str, value: float, threshold: float) -> Reason:
    return Reason(rule=rule, text=text, value=round(value, 4), threshold=threshold)


def condition_values(
    understanding: Understanding, situation: Situation, definition: ServiceDefinition
) -> dict[str, Any]:
    """The variables that routing conditions may name."""
    best = main_matter(understanding, definition)
    intent = definition.intents.get(best.name) if best else None
    return {
        "contact": {
            "tier": situation.contact.tier,
            "vip": situation.contact.vip,
            "language": situation.contact.language,
            "known": situation.contact.known,
        },
        "vip": situation.contact.vip,
        "intent": best.name if best else "",
        "category": intent.category if intent else "",
        "confidence": best.confidence if best else 0.0,
        "botConfidence": best.confidence if best else 0.0,
        "tier": situation.contact.tier,
        "spam": understanding.spam,
        "churn": understanding.churn,
        "abuse": understanding.abuse,
        "sentiment": understanding.sentiment,
        "trend": situation.trend,
        "urgency": understanding.urgency,
        "language": understanding.language,
        "channel": situation.channel,
        "proof": situation.proof.value,
        "attempts": situation.attempts,
    }


class _Router:
    """Which team, and how urgently."""

    def __init__(
        self, understanding: Understanding, situation: Situation, definition: ServiceDefinition
    ) -> None:
        self._understanding = understanding
        self._situation = situation
        self._definition = definition

    def hand_off(self, intent: Intent | None, *reasons: Reason) -> HandOff:
        team, priority, routed = self._route(intent)
        offer = self._definition.offer_for(intent.name) if intent else None
        return HandOff(
            team=team,
            priority=priority,
            intent=intent.name if intent else None,
            alert=tuple(intent.alert) if intent else (),
            offer=offer.name if offer else None,
            reasons=(*reasons, *routed),
        )

    def priority(self, intent: Intent | None) -> str:
        urgency = self._understanding.urgency
        levels: list[str] = [intent.priority if intent else "normal"]
        levels.append({"critical": "urgent", "high": "high"}.get(urgency, "low"))
        vip = self._definition.vip
        if self._situation.contact.vip and vip is not None:
            levels.append(vip.priority_level)
        return max(levels, key=PRIORITIES.index)

    def _route(self, intent: Intent | None) -> tuple[str, str, tuple[Reason, ...]]:
        priority = self.priority(intent)
        default = (intent.team if intent else None) or self._definition.default_team
        if intent is not None and intent.sensitive:
            reason = Reason(rule="team", text="the sensitive intent's own team", value=default)
            return default, priority, (reason,)
        values: Mapping[str, Any] = condition_values(
            self._understanding, self._situation, self._definition
        )
        for number, rule in enumerate(self._definition.routing, start=1):
            if rule.condition.evaluate(values):
                raised = max(priority, rule.priority or "low", key=PRIORITIES.index)
                text = f"routing rule {number}: {rule.condition.source}"
                return (
                    rule.team or default,
                    raised,
                    (Reason(rule="routing", text=text, value=rule.team),),
                )
        return default, priority, (Reason(rule="team", text="the intent's team", value=default),)

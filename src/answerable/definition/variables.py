"""What conditions may name, by the place where they stand."""

from collections.abc import Mapping

from answerable.definition.condition_text import CelType

_BOOL, _INT, _DOUBLE, _MONEY = CelType.BOOL, CelType.INT, CelType.DOUBLE, CelType.MONEY
_STRING, _DURATION = CelType.STRING, CelType.DURATION

_CONTACT: dict[str, CelType] = {
    "tier": _STRING,
    "loyaltyTier": _STRING,
    "plan": _STRING,
    "country": _STRING,
    "language": _STRING,
    "vip": _BOOL,
    "known": _BOOL,
    "lifetimeValue": _MONEY,
    "churnRisk": _DOUBLE,
}

CONTACT_VARIABLES: Mapping[str, CelType] = {
    **{f"contact.{name}": kind for name, kind in _CONTACT.items()},
    "vip": _BOOL,
    "tier": _STRING,
    "loyaltyTier": _STRING,
    "lifetimeValue": _MONEY,
    "accountPlan": _STRING,
    "churnRisk": _DOUBLE,
    "language": _STRING,
}
"""For `classification.vip.criteria`: what is known of the contact."""

MESSAGE_VARIABLES: Mapping[str, CelType] = {
    **CONTACT_VARIABLES,
    "intent": _STRING,
    "category": _STRING,
    "confidence": _DOUBLE,
    "botConfidence": _DOUBLE,
    "sentiment": _DOUBLE,
    "trend": _STRING,
    "urgency": _STRING,
    "priority": _STRING,
    "severity": _STRING,
    "spam": _DOUBLE,
    "churn": _DOUBLE,
    "abuse": _DOUBLE,
    "channel": _STRING,
    "inbox": _STRING,
    "proof": _STRING,
    "attempts": _INT,
    "responseTime": _DURATION,
    "customerRequest": _BOOL,
    "sensitiveRequest": _BOOL,
    "complianceConcern": _BOOL,
}
"""For routing, triggers and steps: the contact, the message and the conversation so far."""

PAGE_VARIABLES: Mapping[str, CelType] = {
    "timeOnPage": _INT,
    "chatStarted": _BOOL,
    "cartValue": _MONEY,
    "abandonmentRisk": _DOUBLE,
}
"""For `widget.proactive.triggers`: what the page tells of a visit; `timeOnPage` in seconds."""

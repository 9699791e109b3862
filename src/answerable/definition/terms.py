"""The closed vocabularies of a service definition."""

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator

Priority = Literal["low", "normal", "high", "urgent"]
Role = Literal["full-draft", "draft-and-review", "context-only", "human-only", "escalate"]
Sensitive = Literal["complaint", "fraud", "account-closure"]
ChannelKind = Literal["chat", "email", "sms", "phone", "slack"]

# The types of `answerable.privacy.spans`, and what may be done with each; "drop" is the strictest.
PersonalData = Literal[
    "card",
    "cvv",
    "iban",
    "bic",
    "phone",
    "email",
    "national_id",
    "tax_id",
    "date_of_birth",
    "account_number",
    "passport",
    "ip",
    "name",
    "address",
]
Treatment = Literal["drop", "mask", "vault", "keep"]
ALWAYS_DROPPED: tuple[PersonalData, ...] = ("card", "cvv")

# ISO 3166 countries whose telephone numbers are found as people of the country write them.
PHONE_COUNTRIES = ("DE", "GB", "US", "FR", "ES", "IT", "NL", "AT", "CH", "PL", "BE", "SE")

# Types of integrations of ours that keep no cases.
OTHER_SYSTEMS: tuple[str, ...] = ("core-banking", "twilio")

PRIORITIES: tuple[Priority, ...] = ("low", "normal", "high", "urgent")

# What a channel's `type` may be, and the kind of conversation it carries.
CHANNEL_KINDS: dict[str, ChannelKind] = {
    "chat": "chat",
    "in-app-chat": "chat",
    "secure-chat": "chat",
    "email": "email",
    "sms": "sms",
    "whatsapp": "sms",
    "phone": "phone",
    "voice": "phone",
    "slack": "slack",
}


class Proof(StrEnum):
    """How well we know who is speaking, weakest first. Compare with `satisfies`, never with `<`."""

    ANONYMOUS = "anonymous"
    EMAIL = "email"
    SIGNED_IN = "signed-in"
    ONE_TIME_CODE = "one-time-code"
    FRESH_ONE_TIME_CODE = "fresh-one-time-code"

    @property
    def rank(self) -> int:
        """0 for anonymous, one more for each stronger proof."""
        return list(Proof).index(self)

    def satisfies(self, needed: "Proof") -> bool:
        """Whether this proof is as strong as `needed`, or stronger."""
        return self.rank >= needed.rank


def _word(value: object) -> object:
    return str(value).lower() if isinstance(value, bool) else value


Words = Annotated[str, BeforeValidator(_word)]
"""A text where `true` and `false` are texts too."""


def _priority_word(value: object) -> object:
    return "urgent" if value == "critical" else value


PriorityWord = Annotated[Priority, BeforeValidator(_priority_word)]
"""A priority as definitions write it: `critical` is another word for `urgent`."""


def _criterion(value: object) -> object:
    if isinstance(value, str | dict):
        return value
    raise ValueError("write a condition such as 'sentiment < -0.5', or a name and its value")


Criterion = Annotated[Any, BeforeValidator(_criterion)]
"""A condition, or a mapping of names to the values they must have."""

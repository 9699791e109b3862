"""What one message means, as numbers and names: never its words."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Urgency = Literal["low", "normal", "high", "critical"]
URGENCIES: tuple[Urgency, ...] = ("low", "normal", "high", "critical")


@dataclass(frozen=True, kw_only=True, slots=True)
class IntentScore:
    """How likely one intent is.

    confidence: calibrated probability, 0..1, given that the message is in scope.
    applies: the message asks for this, perhaps beside something else.
    """

    name: str
    confidence: float
    applies: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Near:
    """A labelled example that the message is like.

    example: digest of its text, which stands in the definition. intent: None: it is of none.
    likeness: cosine of the meanings, -1..1.
    """

    example: str
    intent: str | None
    likeness: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Understanding:
    """What the models say of one message.

    intents: best first; always at least the best one, also out of scope (empty only where the
    model knows no intent at all).
    scope: how sure that the message concerns one of the known intents, 0..1.
    automatic: the best intent holds the asked precision on messages the model had not learnt.
    language: ISO 639-1. sentiment: -1 (bad) .. 1 (good). spam: 0..1. churn: 0..1, that the contact
    leaves or thinks of it. abuse: 0..1, that it insults, threatens or harasses our people.
    model: the version that said so. near: the examples that the message is most like, best first.
    sketch: of its meaning, to find messages that say the same (`sketch.py`); empty without letters.
    """

    intents: tuple[IntentScore, ...]
    scope: float
    in_scope: bool
    automatic: bool
    language: str
    sentiment: float
    urgency: Urgency
    spam: float
    churn: float
    abuse: float
    model: str
    near: tuple[Near, ...] = ()
    sketch: str = ""

    def to_data(self) -> dict[str, Any]:
        """As stored in an `understood` event and printed by `answerable understand`."""
        return {
            "intents": [
                {"name": score.name, "confidence": score.confidence, "applies": score.applies}
                for score in self.intents
            ],
            "scope": self.scope,
            "in_scope": self.in_scope,
            "automatic": self.automatic,
            "language": self.language,
            "sentiment": self.sentiment,
            "urgency": self.urgency,
            "spam": self.spam,
            "churn": self.churn,
            "abuse": self.abuse,
            "model": self.model,
            "near": [
                {"example": one.example, "intent": one.intent, "likeness": one.likeness}
                for one in self.near
            ],
            "sketch": self.sketch,
        }

    @staticmethod
    def from_data(data: Mapping[str, Any]) -> "Understanding":
        """The inverse of `to_data`; further keys are ignored.

        What was understood before churn, abuse, near examples and sketches were made shows none.
        """
        return Understanding(
            intents=tuple(
                IntentScore(
                    name=score["name"], confidence=score["confidence"], applies=score["applies"]
                )
                for score in data["intents"]
            ),
            scope=data["scope"],
            in_scope=data["in_scope"],
            automatic=data["automatic"],
            language=data["language"],
            sentiment=data["sentiment"],
            urgency=data["urgency"],
            spam=data["spam"],
            churn=data.get("churn", 0.0),
            abuse=data.get("abuse", 0.0),
            model=data["model"],
            near=near_from(data),
            sketch=data.get("sketch", ""),
        )


def near_from(data: Mapping[str, Any]) -> tuple[Near, ...]:
    """Of an `understood` event's data."""
    return tuple(
        Near(example=one["example"], intent=one["intent"], likeness=one["likeness"])
        for one in data.get("near", ())
    )

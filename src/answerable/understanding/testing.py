"""A fake reader: understands by keywords, exactly and at once."""

from collections.abc import Mapping, Sequence

from answerable.definition.schema import ServiceDefinition
from answerable.understanding.outcomes import text_digest
from answerable.understanding.understanding import IntentScore, Understanding, Urgency


class KeywordReader:
    """The intent whose keyword stands in the text; out of scope if none does.

    words: keyword -> (intent, confidence). Negative words lower the sentiment to -0.9.
    """

    def __init__(self, words: Mapping[str, tuple[str, float]]) -> None:
        self._words = words
        self.read: list[str] = []

    async def understand(
        self, definition: ServiceDefinition, texts: Sequence[str]
    ) -> Sequence[Understanding]:
        self.read.extend(texts)
        return [self._one(text) for text in texts]

    def _one(self, text: str) -> Understanding:
        lowered = text.lower()
        found = [
            IntentScore(name=intent, confidence=confidence, applies=confidence >= 0.5)
            for word, (intent, confidence) in self._words.items()
            if word in lowered
        ]
        found.sort(key=lambda score: -score.confidence)
        urgency: Urgency = "high" if "urgent" in lowered else "normal"
        return Understanding(
            intents=tuple(found) or (IntentScore(name="none", confidence=0.01, applies=False),),
            scope=0.95 if found else 0.05,
            in_scope=bool(found),
            automatic=bool(found) and found[0].confidence >= 0.8,
            language="de" if " ist " in lowered else "en",
            sentiment=-0.9 if "furious" in lowered else 0.0,
            urgency=urgency,
            spam=0.99 if "lottery" in lowered else 0.0,
            churn=0.95 if "leaving you" in lowered else 0.0,
            abuse=0.97 if "moron" in lowered else 0.0,
            model="keywords",
            sketch=text_digest(found[0].name) if found else "",
        )

"""Why a message was understood as it was, in the words of the definition in force."""

from answerable.api.desk.explaining import near_examples
from answerable.understanding.outcomes import text_digest
from tests.support.town import shop_definition


def near(text: str, intent: str | None, likeness: float = 0.8) -> dict[str, object]:
    return {"example": text_digest(text), "intent": intent, "likeness": likeness}


def test_an_example_is_shown_with_its_text_and_the_title_of_its_intent() -> None:
    definition = shop_definition()
    intent = next(one for one in definition.intents.values() if one.examples)

    (shown,) = near_examples({"near": [near(intent.examples[0], intent.name)]}, definition)

    assert (shown.text, shown.intent, shown.title, shown.likeness) == (
        intent.examples[0],
        intent.name,
        intent.title,
        0.8,
    )


def test_what_the_definition_no_longer_has_is_not_shown() -> None:
    definition = shop_definition()
    intent = next(iter(definition.intents))

    assert near_examples({"near": [near("Gone since", intent)]}, definition) == []
    assert near_examples({"near": [near("Gone since", "an-intent-of-before")]}, definition) == []


def test_nothing_is_shown_where_nothing_was_understood() -> None:
    assert near_examples({}, shop_definition()) == []

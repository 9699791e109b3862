"""Examples of two intents that say nearly the same are told; those that mean another thing not."""

from collections.abc import Sequence

import pytest

from answerable.definition.load import load_definition
from answerable.understanding.encoder import NgramsOnly, load_encoder
from answerable.understanding.likeness import likeness
from answerable.understanding.near_examples import near_contradictions
from tests.support.needs import left_out


def problems(one: Sequence[str], two: Sequence[str], alike: float = 0.99) -> list[str]:
    """What is said of an intent `card` with these examples and an intent `post` with those."""
    asked: list[tuple[str, str]] = []

    def fake(first: str, second: str) -> float:
        asked.append((first, second))
        return alike

    rows = [
        "service: x",
        "classification:",
        "  a:",
        f"    - {{name: card, examples: {list(one)}}}",
        f"    - {{name: post, examples: {list(two)}}}",
    ]
    loaded = load_definition(
        "d.yaml", "\n".join(rows).encode(), further=lambda d: near_contradictions(d, fake)
    )
    return [str(problem) for problem in loaded.problems if "nearly" in problem.message]


def test_a_pair_is_told_with_both_sentences_and_places() -> None:
    (said,) = problems(["my new card is late", "x"], ["y", "my card is late"])

    assert said == (
        'd.yaml:5:36: warning: "my card is late" is nearly the same as "my new card is late", an '
        "example of card: a model cannot tell them apart (the other: d.yaml:4:31)"
    )


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("my card is very late", "my parcel is very small"),  # two words differ
        ("balance", "transfer"),  # nothing is left without the one that differs
        ("late", "late card"),
    ],
)
def test_what_differs_more_is_not_asked_about(one: str, two: str) -> None:
    assert problems([one], [two]) == []


def test_a_word_may_turn_the_meaning() -> None:
    assert problems(["please open my account"], ["please close my account"], alike=0.8) == []


def test_the_encoder_tells_a_slip_from_another_meaning() -> None:
    if isinstance(load_encoder(), NgramsOnly):
        left_out("the sentence encoder is not built; n-grams see no meaning")

    assert likeness("Where is my new card?", "Where is my new card??") > 0.97
    assert likeness("please open my account", "please close my account") < 0.97
    assert likeness("I did receive a refund", "I did not receive a refund") < 0.97

"""What a message is like: the labelled examples nearest to it, without their texts in the model."""

import numpy as np
import pytest

from answerable.kit.errors import InvalidInput
from answerable.understanding.model import Model
from answerable.understanding.nearest import LearntExamples, texts_of
from answerable.understanding.outcomes import text_digest
from answerable.understanding.understanding import Understanding
from tests.unit.understanding.bank_sentences import bank_examples

TEXTS = ["My card is lost", "Where is my money?", "Sing me a song"]
TARGETS = np.array([[1, 0], [0, 1], [0, 0]], dtype=np.float32)
NAMES = ("card-lost", "payment")


def test_the_likest_come_first_and_what_is_unlike_is_left_out() -> None:
    learnt = LearntExamples.of(TEXTS, TARGETS)

    near = learnt.nearest(np.array([[0.1, 0.8, 0.35]], dtype=np.float32), NAMES)

    assert [(one.intent, one.likeness) for one in near] == [("payment", 0.8), (None, 0.35)]
    assert texts_of(near, TEXTS) == {
        text_digest(TEXTS[1]): TEXTS[1],
        text_digest(TEXTS[2]): TEXTS[2],
    }


def test_of_several_sentences_the_likest_counts() -> None:
    learnt = LearntExamples.of(TEXTS, TARGETS)

    near = learnt.nearest(np.array([[0.1, 0.4, 0], [0.9, 0, 0]], dtype=np.float32), NAMES)

    assert [one.intent for one in near] == ["card-lost", "payment"]


def test_a_learnt_message_is_like_itself(bank_model: Model) -> None:
    example = next(one for one in bank_examples() if one.intents)

    (understood,) = bank_model.understand([example.text])

    assert understood.near[0].intent == example.intents[0]
    assert understood.near[0].likeness > 0.99
    assert texts_of(understood.near, [example.text])
    assert Understanding.from_data(understood.to_data()) == understood


def test_what_else_stands_in_a_message_is_no_explanation_of_its_matter(bank_model: Model) -> None:
    text = (
        "I lost my card somewhere on the train this morning, my purse is gone with it too and I"
        " need help.\nWhat is my balance?"  # word for word an example of another intent
    )

    (understood,) = bank_model.understand([text])

    assert understood.intents[0].name == "card-lost"
    assert {one.intent for one in understood.near} == {"card-lost"}


@pytest.mark.parametrize(
    ("digests", "labels"),
    [
        (np.zeros(3, dtype=np.uint64), np.zeros(2, dtype=np.int16)),
        (np.zeros(2, dtype=np.float64), np.zeros(2, dtype=np.int16)),
        (np.zeros(2, dtype=np.uint64), np.array([0, 7], dtype=np.int16)),
    ],
)
def test_examples_that_do_not_fit_are_refused(digests: np.ndarray, labels: np.ndarray) -> None:
    arrays = {"examples.digests": digests, "examples.labels": labels}

    with pytest.raises(InvalidInput, match="do not fit"):
        LearntExamples.from_arrays(arrays, 2, 2)


def test_without_examples_nothing_is_near() -> None:
    learnt = LearntExamples.of([], np.zeros((0, 0), dtype=np.float32))

    assert learnt.nearest(np.zeros((1, 0), dtype=np.float32), ()) == ()

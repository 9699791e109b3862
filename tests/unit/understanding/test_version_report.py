"""What a report says of a model: shares with honest ends, and how many labels are wanted."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from answerable.kit.errors import InvalidInput
from answerable.understanding.calibration import NEVER
from answerable.understanding.evaluate import evaluate
from answerable.understanding.evaluation_file import read_evaluation
from answerable.understanding.examples import Example
from answerable.understanding.intervals import (
    chance_of_so_many,
    difference_interval,
    share_interval,
)
from answerable.understanding.labels_wanted import labels_wanted
from answerable.understanding.model import Model
from answerable.understanding.outcomes import Lines, Outcomes, text_digest
from answerable.understanding.version_report import curve, version_report, wanted_text


def said(
    *messages: tuple[tuple[int, ...], int, float],
    labels: tuple[str, ...] = ("card", "fees"),
    languages: tuple[str, ...] = (),
) -> Outcomes:
    """Messages as (labels that are true, label that was said, confidence)."""
    return Outcomes(
        labels=labels,
        confidence=np.array([sure for _, _, sure in messages], dtype=np.float64),
        best=np.array([best for _, best, _ in messages], dtype=np.int64),
        truth=tuple(truth for truth, _, _ in messages),
        texts=tuple(str(number) for number in range(len(messages))),
        languages=languages or ("",) * len(messages),
    )


def lines(*intents: float, **languages: float) -> Lines:
    return Lines(intents=np.array(intents), languages=languages)


@pytest.mark.parametrize(
    ("right", "tries"), [(0, 5), (5, 5), (3, 10), (149, 149), (980, 1000), (11_800, 12_000)]
)
def test_the_ends_of_a_share_are_those_of_the_exact_binomial(right: int, tries: int) -> None:
    low, high = share_interval(right, tries)

    exact = stats.binomtest(right, tries).proportion_ci(0.9, method="exact")
    assert (low, high) == pytest.approx((exact.low, exact.high), abs=1e-9)


def test_the_chance_of_so_many_is_the_binomial_tail() -> None:
    assert chance_of_so_many(9, 10) == pytest.approx(11 / 1024)
    assert chance_of_so_many(0, 10) == 1.0


def test_the_interval_of_a_difference_holds_what_it_promises() -> None:
    chance = np.random.default_rng(0)
    lost, won = 0.04, 0.02  # the truth: two points worse
    missed = 0
    for _ in range(400):
        drawn = chance.random(300)
        low, high = difference_interval(
            int((drawn < lost).sum()), int(((drawn >= lost) & (drawn < lost + won)).sum()), 300, 0.9
        )
        missed += not low <= won - lost <= high
    assert missed <= 400 * 0.2


@pytest.mark.parametrize(
    ("lost", "won"), [(3, 0), (4, 0), (6, 1), (6, 2), (10, 4), (10, 5), (0, 9)]
)
def test_the_interval_and_the_test_of_a_loss_say_the_same(lost: int, won: int) -> None:
    _, high = difference_interval(lost, won, 50, 0.9)

    assert (high < 0) == (chance_of_so_many(lost, lost + won) <= 0.1)


def test_an_automatic_intent_needs_no_more_labels() -> None:
    outcomes = said(*[((0,), 0, 0.99)] * 200, *[((1,), 0, 0.3)] * 10)

    card, fees = version_report(outcomes, lines(0.9, NEVER), 0.98)["intents"]

    assert wanted_text(card) == "none, it is automatic"
    assert card["answered"] == 200
    assert fees["threshold"] is None


def test_what_a_language_must_show_by_itself_is_not_counted_as_answered_before() -> None:
    english, german, french = [((0,), 0, 0.95)] * 200, [((0,), 0, 0.95)] * 40, [((0,), 0, 0.95)] * 4
    outcomes = said(
        *english, *german, *french, languages=("en",) * 200 + ("de",) * 40 + ("fr",) * 4
    )

    report = version_report(outcomes, lines(0.9, NEVER, en=0.0, de=0.97, fr=NEVER), 0.98)

    assert report["chosen"]["answered"] == 200
    assert [(one["name"], one["answered"], one["automatic"]) for one in report["languages"]] == [
        ("en", 200, True),
        ("de", 0, True),
        ("fr", 0, False),
    ]


def test_what_is_out_of_scope_and_taken_so_is_read_rightly_in_its_language() -> None:
    outcomes = said(((0,), 0, 0.9), ((), 0, 0.0), ((), 0, 0.6), languages=("en",) * 3)

    (english,) = version_report(outcomes, lines(0.9, NEVER, en=0.0), 0.98)["languages"]

    assert (english["labelled"], english["right"]) == (3, 2)


def test_a_language_wants_what_its_own_bound_is_short_of() -> None:
    """At 98 % the exact bound asks for 149 answers without an error; half reach their intent's."""
    sure, unsure = [((0,), 0, 0.95)] * 20, [((0,), 0, 0.5)] * 20
    outcomes = said(
        *[((0,), 0, 0.95)] * 400, *sure, *unsure, languages=("en",) * 400 + ("fr",) * 40
    )

    report = version_report(outcomes, lines(0.9, NEVER, en=0.0, fr=NEVER), 0.98)
    english, french = report["languages"]

    assert wanted_text(english) == "none, it is automatic"
    assert french["labels_wanted"] == (149 - 20) * 2


def test_where_one_language_is_spoken_none_is_told_apart() -> None:
    assert version_report(said(((0,), 0, 0.95)), lines(0.9, 0.9), 0.98)["languages"] == []


def test_a_faultless_intent_wants_what_the_bound_is_short_of() -> None:
    """At 98 % the exact bound asks for 149 answers without an error."""
    outcomes = said(*[((0,), 0, 0.99)] * 100)

    assert labels_wanted(outcomes, 0, 0.98) == 49


def test_messages_below_the_line_make_more_labels_wanted() -> None:
    surely = [((0,), 0, 0.99)] * 50
    unsurely = [((1,), 0, 0.4)] * 50

    alone = labels_wanted(said(*surely), 0, 0.98)
    beside = labels_wanted(said(*surely, *unsurely), 0, 0.98)

    assert alone is not None
    assert beside is not None
    assert beside > alone


def test_where_the_surest_are_wrong_errors_must_fall_first() -> None:
    outcomes = said(*[((0,), 0, 0.99), ((1,), 0, 0.99)] * 40)
    (card, _) = version_report(outcomes, lines(NEVER, NEVER), 0.98)["intents"]

    assert wanted_text(card) == "its errors must fall first"


def test_an_intent_that_is_never_recognised_is_not_helped_by_more_of_the_same() -> None:
    unseen = said(*[((0,), 1, 0.9)] * 20)
    untried = said(((1,), 1, 0.9))

    assert labels_wanted(unseen, 0, 0.98) is None
    assert labels_wanted(untried, 0, 0.98) == 149


def test_the_curve_never_cuts_between_equal_confidences() -> None:
    confidence = np.array([0.9, 0.9, 0.9, 0.5, 0.0])
    correct = np.array([True, True, False, True, True])

    points = curve(confidence, correct)

    assert [(point["answered"], point["right"]) for point in points] == [(3, 2), (4, 3)]
    assert points[-1]["coverage"] == 0.8  # what is taken for out of scope is not answered


def test_confusions_name_what_was_meant_and_what_was_said() -> None:
    outcomes = said(((0,), 1, 0.8), ((0,), 1, 0.8), ((), 0, 0.7), ((1,), 1, 0.0))

    confused = version_report(outcomes, lines(NEVER, NEVER), 0.98)["confused"]

    assert confused == [
        {"meant": "card", "said": "fees", "messages": 2},
        {"meant": None, "said": "card", "messages": 1},
        {"meant": "fees", "said": None, "messages": 1},
    ]


def test_evaluation_counts_labels_the_model_does_not_know(bank_model: Model) -> None:
    done = evaluate(bank_model, [Example(text="I want a mortgage", intents=("mortgage",))], 0.9)

    (mortgage,) = [one for one in done.to_data()["intents"] if one["name"] == "mortgage"]
    assert mortgage["threshold"] is None
    assert mortgage["labels_wanted"] > 0


def test_a_stored_model_keeps_what_its_training_showed(bank_model: Model, tmp_path: Path) -> None:
    bank_model.save(tmp_path / "model")

    stored = read_evaluation(tmp_path / "model")

    held_out = bank_model.intents.held_out
    assert stored.outcomes.correct.tolist() == held_out.correct.tolist()
    assert stored.report["messages"] == len(held_out.best)
    assert text_digest("Where is  my new card?") in stored.outcomes.texts
    assert "new card" not in (tmp_path / "model" / "evaluation.json").read_text()


def test_the_evaluation_of_an_earlier_release_tells_no_languages(
    bank_model: Model, tmp_path: Path
) -> None:
    assert bank_model.evaluation is not None
    rows = [row[:4] for row in bank_model.evaluation["messages"]]
    earlier = replace(bank_model, evaluation={**bank_model.evaluation, "messages": rows})
    earlier.save(tmp_path / "model")

    outcomes = read_evaluation(tmp_path / "model").outcomes

    assert outcomes.languages == ("",) * len(rows)
    assert outcomes.correct.any()


def test_a_changed_evaluation_is_refused(bank_model: Model, tmp_path: Path) -> None:
    bank_model.save(tmp_path / "model")
    path = tmp_path / "model" / "evaluation.json"
    data = json.loads(path.read_text())
    data["report"]["intents"][0]["labels_wanted"] = 0
    path.write_text(json.dumps(data))

    with pytest.raises(InvalidInput, match="not what its manifest says"):
        read_evaluation(tmp_path / "model")

"""Probabilities that can be taken at their word, and thresholds that keep theirs."""

import numpy as np
import pytest

from answerable.understanding.calibration import (
    NEVER,
    HeldOut,
    allowed_errors,
    auroc,
    expected_calibration_error,
    fit_logistic,
    fit_temperature,
    sigmoid,
    softmax,
)
from answerable.understanding.intervals import share_interval


def drawn(amount: int, *, classes: int = 4, seed: int = 0) -> HeldOut:
    """Messages whose confidence is right on average."""
    chance = np.random.default_rng(seed)
    confidence = chance.beta(6, 1, amount)
    return HeldOut(
        confidence=confidence,
        best=chance.integers(0, classes, amount),
        correct=chance.random(amount) < confidence,
    )


@pytest.mark.parametrize(
    ("answers", "precision", "errors"),
    # 0.98 ** 149 is the first power below 5 %; textbook values of the exact binomial test
    [(148, 0.98, -1), (149, 0.98, 0), (59, 0.95, 0), (58, 0.95, -1), (93, 0.95, 1)],
)
def test_the_bound_allows_as_many_errors_as_the_binomial(
    answers: int, precision: float, errors: int
) -> None:
    assert allowed_errors(1_000, precision)[answers - 1] == errors


def test_more_answers_never_allow_fewer_errors() -> None:
    assert (np.diff(allowed_errors(3_000, 0.97)) >= 0).all()


@pytest.mark.parametrize("asked", [0.9, 0.95, 0.98])
def test_thresholds_keep_the_asked_precision_on_new_messages(asked: float) -> None:
    new = drawn(50_000, seed=1)

    thresholds = drawn(10_000).thresholds(asked, 4)

    answered = new.confidence >= thresholds[new.best]
    assert answered.mean() > 0.02
    assert new.correct[answered].mean() >= asked - 0.003


def test_with_too_little_evidence_nothing_is_automatic() -> None:
    few = HeldOut(
        confidence=np.full(40, 0.99), best=np.zeros(40, dtype=int), correct=np.ones(40, dtype=bool)
    )

    assert few.thresholds(0.98, 3).tolist() == [NEVER, NEVER, NEVER]


def test_an_intent_with_a_bad_record_is_never_automatic() -> None:
    best = np.repeat([0, 1], [500, 60])
    correct = np.concatenate([np.ones(500, dtype=bool), np.tile([True, False], 30)])

    thresholds = HeldOut(confidence=np.full(560, 0.99), best=best, correct=correct).thresholds(
        0.95, 2
    )

    assert thresholds[0] <= 0.99
    assert thresholds[1] == NEVER


def test_without_any_message_nothing_is_automatic() -> None:
    nothing = HeldOut(
        confidence=np.zeros(0), best=np.zeros(0, dtype=int), correct=np.zeros(0, dtype=bool)
    )

    assert nothing.thresholds(0.9, 2).tolist() == [NEVER, NEVER]


def test_the_temperature_of_drawn_labels_is_found() -> None:
    chance = np.random.default_rng(0)
    scores = chance.normal(0, 1, (5_000, 3)).astype(np.float32)
    cumulative = softmax(scores, 0.5).cumsum(axis=1)
    labels = (chance.random((5_000, 1)) > cumulative).sum(axis=1).clip(0, 2)

    assert fit_temperature(scores, np.eye(3, dtype=np.float32)[labels]) == pytest.approx(
        0.5, rel=0.05
    )


def test_a_logistic_finds_its_slope_and_survives_separable_data() -> None:
    chance = np.random.default_rng(0)
    values = chance.normal(0, 1, (20_000, 1))
    truth = (chance.random(20_000) < sigmoid(2 * values[:, 0] - 1)).astype(float)

    slope, constant = fit_logistic(values, truth, np.ones(20_000), penalty=1e-6)
    separable = fit_logistic(values, (values[:, 0] > 0).astype(float), np.ones(20_000))

    assert slope == pytest.approx(2, abs=0.15)
    assert constant == pytest.approx(-1, abs=0.1)
    assert np.isfinite(separable).all()


def test_calibration_error_and_auroc_by_hand() -> None:
    sure = np.full(10, 0.8)

    assert expected_calibration_error(sure, np.arange(10) < 8) == pytest.approx(0)
    assert expected_calibration_error(sure, np.ones(10, dtype=bool)) == pytest.approx(0.2)
    assert auroc(np.array([0.9, 0.5]), np.array([0.5, 0.1])) == pytest.approx(0.875)
    assert auroc(np.array([]), np.array([0.1])) is None


def in_languages(right: int, wrong: int, language: int) -> HeldOut:
    """So many messages of one language, the wrong ones among the less sure."""
    number = right + wrong
    correct = np.ones(number, dtype=bool)
    correct[:wrong] = False
    return HeldOut(
        confidence=np.linspace(0.9, 1.0, number),
        best=np.zeros(number, dtype=np.int64),
        correct=correct,
        language=np.full(number, language, dtype=np.int8),
    )


def together(*parts: HeldOut) -> HeldOut:
    return HeldOut(
        confidence=np.concatenate([one.confidence for one in parts]),
        best=np.concatenate([one.best for one in parts]),
        correct=np.concatenate([one.correct for one in parts]),
        language=np.concatenate([one.language for one in parts if one.language is not None]),
    )


@pytest.mark.parametrize("seed", range(5))
def test_what_is_shown_of_automatic_answers_is_what_was_asked(seed: int) -> None:
    held_out = drawn(2_000, classes=40, seed=seed)

    _, apart = held_out.shown(0.95, 40)
    low, _ = share_interval(int(held_out.correct[apart].sum()), int(apart.sum()))
    assert apart.sum() > 200
    assert low >= 0.95


def test_a_language_of_few_messages_must_show_the_bound_by_its_own() -> None:
    low = np.array([0.9])
    held_out = together(in_languages(2_000, 0, 0), in_languages(280, 20, 1), in_languages(20, 0, 2))

    floors = held_out.floors(0.98, low)

    assert floors[0] == 0.0  # the bound over all is drawn on it
    assert 0.9 + 0.1 * 10 / 300 < floors[1] < 0.97  # above most of its errors
    sure = held_out.confidence[(held_out.language == 1) & (held_out.confidence >= floors[1])]
    assert len(sure) >= 149  # fewer could show nothing at .98
    assert floors[2] == NEVER  # twenty messages show nothing, also without an error
    assert 3 not in floors


def test_a_language_that_is_read_better_lends_the_usual_one_nothing() -> None:
    """No German answer is wrong; of the less sure half of the English ones every twenty-fifth."""
    english, german = in_languages(2_000, 0, 0), in_languages(1_500, 0, 1)
    english.correct[:1_000:25] = False
    both = together(english, german)

    lent = HeldOut(confidence=both.confidence, best=both.best, correct=both.correct)
    alone = both.thresholds(0.98, 1)

    assert lent.thresholds(0.98, 1)[0] < alone[0]  # if nobody told them apart
    answered = english.confidence >= alone[0]
    assert (~english.correct[answered]).sum() <= allowed_errors(2_000, 0.98)[answered.sum() - 1]


def test_where_all_are_in_one_language_no_floor_is_drawn() -> None:
    assert drawn(500).floors(0.98, np.zeros(4)) == {}
    assert in_languages(500, 0, 0).floors(0.98, np.array([0.9])) == {0: 0.0}

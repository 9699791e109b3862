"""A new version against the live one, and what becomes of versions."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from answerable.kit.errors import Conflict, NotFound
from answerable.understanding.compare_versions import compare_versions
from answerable.understanding.outcomes import Outcomes
from answerable.understanding.version_changes import refuse_worse
from answerable.understanding.versions import (
    ADDED,
    OWN,
    PROMOTED,
    ROLLED_BACK,
    SHADOWED,
    VersionEvent,
    Versions,
    VersionState,
    advanced,
)

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
LABELS = ("card", "fees")


def answers(said: str, *, truth: str | None = None, labels: tuple[str, ...] = LABELS) -> Outcomes:
    """A letter a message: c(ard), f(ees), or - for out of scope. truth: likewise."""
    number = {"c": labels.index("card"), "f": labels.index("fees"), "-": -1}
    meant = truth or "c" * len(said)
    return Outcomes(
        labels=labels,
        confidence=np.array([0.0 if letter == "-" else 0.9 for letter in said]),
        best=np.array([number[letter] for letter in said]),
        truth=tuple(() if letter == "-" else (number[letter],) for letter in meant),
        texts=tuple(f"text {place}" for place in range(len(said))),
        languages=("",) * len(said),
    )


def test_a_version_that_loses_an_intent_is_refused_with_numbers() -> None:
    truth = "c" * 60 + "f" * 8
    compared = compare_versions(
        answers("c" * 60 + "f" * 8, truth=truth), answers("c" * 60 + "fff" + "ccccc", truth=truth)
    )

    with pytest.raises(Conflict, match=r"fees: 8 of 8 right before, 3 now \(5 lost, 0 won"):
        refuse_worse("m4-new", compared)


def test_a_version_that_wins_more_than_it_loses_is_let_through() -> None:
    compared = compare_versions(answers("cccccfffff"), answers("ccccfccccc"))

    refuse_worse("m4-new", compared)

    assert (compared.overall.lost, compared.overall.won) == (1, 5)
    assert compared.overall.low < 0 < compared.overall.high


@pytest.mark.parametrize(("lost", "refused"), [(3, False), (4, True)])
def test_how_many_lost_messages_are_more_than_bad_luck(lost: int, refused: bool) -> None:
    before, now = answers("c" * 20), answers("f" * lost + "c" * (20 - lost))

    assert bool(compare_versions(before, now).worse) is refused


def test_what_is_out_of_scope_is_an_intent_of_its_own_here() -> None:
    truth = "-" * 8 + "c" * 8
    before = answers("-" * 8 + "c" * 8, truth=truth)

    compared = compare_versions(before, answers("c" * 16, truth=truth))

    assert [change.intent for change in compared.worse] == [None, ""]


def test_the_order_of_the_labels_does_not_matter() -> None:
    before = answers("cf", truth="cf")
    now = answers("cf", truth="cf", labels=("fees", "card"))

    compared = compare_versions(before, now)

    assert (compared.overall.right_before, compared.overall.right_now) == (2, 2)


def test_a_message_with_other_labels_now_tells_nothing() -> None:
    compared = compare_versions(answers("ccc", truth="ccc"), answers("ccf", truth="ccf"))

    assert (compared.overall.messages, compared.relabelled) == (2, 1)


def test_versions_without_a_message_in_common_are_not_compared() -> None:
    compared = compare_versions(Outcomes.of_nothing(), answers("c"))

    with pytest.raises(Conflict, match="--examples"):
        refuse_worse("m4-new", compared)
    assert compared.uncompared == LABELS


def happens(*events: tuple[str, str]) -> Versions:
    return advanced(
        Versions(),
        [
            VersionEvent(
                seq=place,
                kind=kind,
                at=NOON + timedelta(minutes=place),
                data={"name": name, "manifest_sha256": "ab", "facts": {}},
            )
            for place, (kind, name) in enumerate(events, start=1)
        ],
    )


def test_a_version_comes_is_tried_goes_live_and_back() -> None:
    story = [(ADDED, "one"), (SHADOWED, "one")]
    assert happens(*story).state("one") is VersionState.SHADOW

    story += [(PROMOTED, "one"), (ADDED, "two"), (PROMOTED, "two")]
    versions = happens(*story)
    assert (versions.live, versions.shadow, versions.before) == ("two", None, (None, "one"))
    assert versions.state("one") is VersionState.RETIRED

    back = happens(*story, (ROLLED_BACK, "one"))
    assert (back.live, back.before) == ("one", (None,))
    assert back.state("two") is VersionState.RETIRED

    first = happens(*story, (ROLLED_BACK, "one"), (ROLLED_BACK, OWN))
    assert (first.live, first.before) == (None, ())


def test_later_events_continue_what_is_known() -> None:
    story = [(ADDED, "one"), (PROMOTED, "one"), (ADDED, "two"), (SHADOWED, "two")]
    known = happens(*story[:2])
    event = VersionEvent(
        seq=3, kind=ADDED, at=NOON, data={"name": "two", "manifest_sha256": "ab", "facts": {}}
    )

    assert advanced(known, [event]).live == "one"
    assert advanced(known, [event]).seq == 3


def test_a_name_that_was_never_added_is_told_with_those_that_were() -> None:
    with pytest.raises(NotFound, match="there are: one"):
        happens((ADDED, "one")).get("two")

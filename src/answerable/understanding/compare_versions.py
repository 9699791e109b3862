"""Whether a new version is worse than the live one: the same messages, read by both."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from answerable.understanding.intervals import chance_of_so_many, difference_interval
from answerable.understanding.outcomes import NOBODY, Outcomes

# A version is called worse if two equally good models would so rarely lose so much: four messages
# lost and none won are enough, three are not.
DOUBT = 0.1


@dataclass(frozen=True, kw_only=True)
class Change:
    """Of messages that both read. lost: right before and wrong now; won: the other way round.

    intent: None: all of them; "": those out of scope. low, high: ends of the change of the share
    that is right, -1..1. chance: that two equally good models lose so many.
    """

    intent: str | None
    messages: int
    right_before: int
    right_now: int
    lost: int
    won: int
    low: float
    high: float
    chance: float

    @property
    def is_worse(self) -> bool:
        return self.lost > self.won and self.chance <= DOUBT

    @property
    def text(self) -> str:
        """For people, with numbers."""
        what = {None: "all messages", "": "out of scope"}.get(self.intent, self.intent)
        return (
            f"{what}: {self.right_before} of {self.messages} right before, {self.right_now} now "
            f"({self.lost} lost, {self.won} won; change between {100 * self.low:+.1f} and "
            f"{100 * self.high:+.1f} points)"
        )


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """overall and by intent. uncompared: intents without a message that both read. relabelled:
    messages that are left out, because they have other labels now."""

    overall: Change
    intents: tuple[Change, ...]
    uncompared: tuple[str, ...]
    relabelled: int

    @property
    def worse(self) -> list[Change]:
        return [change for change in (self.overall, *self.intents) if change.is_worse]

    def to_data(self) -> dict[str, Any]:
        """For the ledger: the whole, and what is worse; numbers only."""
        return {
            "overall": asdict(self.overall),
            "worse": [asdict(change) for change in self.worse if change.intent is not None],
            "uncompared": list(self.uncompared),
            "relabelled": self.relabelled,
        }


def compare_versions(before: Outcomes, now: Outcomes) -> Comparison:
    """Both models' answers to the messages that are in both, paired by their text.

    A message is right if its best intent is one of its labels; if it has none, if it was taken for
    out of scope. One whose labels are not the same in both tells nothing: each model would be
    judged by its own.
    Source: the exact test of McNemar 1947, one-sided.
    """
    old, new = _said(before), _said(now)
    pairs: list[tuple[frozenset[str], bool, bool]] = []
    relabelled = 0
    for text in sorted(old.keys() & new.keys()):
        truth = new[text][0]
        if truth != old[text][0]:
            relabelled += 1
            continue
        pairs.append((truth, _is_right(truth, old[text][1]), _is_right(truth, new[text][1])))
    names = sorted({name for truth, _, _ in pairs for name in truth})
    by_intent = [_change(name, [pair for pair in pairs if name in pair[0]]) for name in names]
    strange = [pair for pair in pairs if not pair[0]]
    if strange:
        by_intent.append(_change("", strange))
    return Comparison(
        overall=_change(None, pairs),
        intents=tuple(by_intent),
        uncompared=tuple(sorted(set(now.labels) - set(names))),
        relabelled=relabelled,
    )


def _said(outcomes: Outcomes) -> Mapping[str, tuple[frozenset[str], str | None]]:
    rows = zip(
        outcomes.texts,
        outcomes.truth,
        outcomes.best.tolist(),
        outcomes.confidence.tolist(),
        strict=True,
    )
    return {
        text: (
            frozenset(outcomes.labels[one] for one in truth),
            outcomes.labels[best] if sure > 0 and best != NOBODY else None,
        )
        for text, truth, best, sure in rows
    }


def _is_right(truth: frozenset[str], said: str | None) -> bool:
    return said in truth if truth else said is None


def _change(intent: str | None, pairs: Sequence[tuple[frozenset[str], bool, bool]]) -> Change:
    lost = sum(was and not is_now for _, was, is_now in pairs)
    won = sum(is_now and not was for _, was, is_now in pairs)
    low, high = difference_interval(lost, won, len(pairs), 1 - DOUBT)
    return Change(
        intent=intent,
        messages=len(pairs),
        right_before=sum(was for _, was, _ in pairs),
        right_now=sum(is_now for _, _, is_now in pairs),
        lost=lost,
        won=won,
        low=round(low, 4),
        high=round(high, 4),
        chance=round(chance_of_so_many(lost, lost + won), 4),
    )

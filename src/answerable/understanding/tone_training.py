"""Fitting the tones to our own lists: when an environment or a wheel is made.

Each list has its own head; what a list says of its own labels is trusted, what it borrows from
others as a picture of ordinary messages far less. All heads are then laid side by side.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from answerable.understanding.calibration import fit_logistic, fit_temperature
from answerable.understanding.fitting import Material, Tuning, fit
from answerable.understanding.kernel import KernelHead, emphasis_of, emphasised
from answerable.understanding.lexicon_file import read_lexicon
from answerable.understanding.ngrams import Ngrams, Rarity, rarity, rows_of
from answerable.understanding.ports import Encoder, Matrix
from answerable.understanding.prepare import as_one_line
from answerable.understanding.tones import LABELS, Scale, Tones, tones_name

# Chosen over sharpness 1-8, shares .1-1 and ridge .05-1; all lie close (benchmarks/heads.py).
# How a text is worded says more of its tone than what it is about: with the middle layers counted
# three times, held-out sentences of every list are read with less loss than with 1 or 2.
TUNING = Tuning(sharpness=3.0, shares=(0.25, 0.25), ridge=0.1, beside=3.0)
# Spam betrays itself by its words more than by its subject, which it shares with customers.
SPAM_TUNING = replace(TUNING, shares=(0.6, 0.6))
EVERYDAY = "everyday"  # greetings, short answers: of no list, and like nothing in them
_ORDINARY = {EVERYDAY: None, "sentiment": ("neutral", "positive"), "urgency": None}
# What a list takes from others as examples of its first label: all of them, or those so labelled.
BORROWED: Mapping[str, Mapping[str, Sequence[str] | None]] = {
    "spam": {EVERYDAY: None, "sentiment": None, "urgency": None},
    "churn": _ORDINARY,
    "abuse": _ORDINARY,
}
# Trusted alike, recall of spam falls from .87 to .79, and abuse and churn are told less well.
DISTRUST = 100.0


@dataclass(frozen=True, kw_only=True)
class _List:
    """start: the place of its first sentence among those of all lists."""

    labels: tuple[str, ...]
    truth: list[str]
    start: int

    def places(self, wanted: Sequence[str] | None = None) -> list[int]:
        return [
            self.start + place
            for place, label in enumerate(self.truth)
            if wanted is None or label in wanted
        ]

    def targets(self) -> Matrix:
        return np.array([[label == one for one in self.labels] for label in self.truth], np.float32)


def fit_tones(encoder: Encoder) -> Tones:
    """The same lists and encoder give the same tones."""
    lists, texts = _read_lists()
    ngrams = Ngrams(encoder.as_read)
    counts = [ngrams.counts(text) for text in texts]
    # As it will come back from a file, so that fitted and stored tones say the same.
    everything = Material(
        vectors=encoder.encode(texts).astype(np.float16).astype(np.float32),
        counts=counts,
        targets=np.zeros((len(texts), 0), dtype=np.float32),
        parts=encoder.parts,
    )
    rare = rarity(counts)
    columns = sum(map(len, LABELS.values()))
    pull = np.zeros((len(texts), columns), dtype=np.float32)
    gram_pull = np.zeros((len(rare.buckets), columns), dtype=np.float32)
    scales, start = {}, 0
    for name in LABELS:
        head, rows, scales[name] = _fit_list(name, lists, everything, rare)
        end = start + head.classes
        pull[rows, start:end] = head.pull
        at, _ = rows_of(rare.buckets, head.gram_buckets)
        gram_pull[at, start:end] = head.gram_pull.astype(np.float32) * _as_weighted(head)
        start = end
    used = np.abs(gram_pull).max(axis=1) > 1e-6
    emphasis = emphasis_of(everything.parts, TUNING.beside)
    return Tones(
        name=tones_name(encoder),
        head=KernelHead(
            sharpness=TUNING.sharpness,
            shares=TUNING.shares,
            emphasis=emphasis,
            centres=emphasised(everything.vectors, emphasis),
            pull=pull,
            rarity=Rarity(
                buckets=rare.buckets,
                weights=rare.weights.astype(np.float16).astype(np.float32),
            ),
            gram_buckets=rare.buckets[used],
            gram_pull=gram_pull[used].astype(np.float16),
        ),
        scales=scales,
    )


def list_material(name: str, encoder: Encoder) -> Material:
    """The sentences of one list alone."""
    lists, texts = _read_lists()
    places = lists[name].places()
    own = texts[places[0] : places[-1] + 1]
    ngrams = Ngrams(encoder.as_read)
    return Material(
        vectors=encoder.encode(own),
        counts=[ngrams.counts(text) for text in own],
        targets=lists[name].targets(),
        parts=encoder.parts,
    )


def _read_lists() -> tuple[dict[str, _List], list[str]]:
    lists: dict[str, _List] = {}
    texts: list[str] = []
    for name in (*LABELS, EVERYDAY):
        pairs = read_lexicon(name)
        lists[name] = _List(
            labels=LABELS.get(name, (EVERYDAY,)),
            truth=[label for label, _ in pairs],
            start=len(texts),
        )
        texts += [as_one_line(text) for _, text in pairs]
    return lists, texts


def _fit_list(
    name: str, lists: Mapping[str, _List], everything: Material, rare: Rarity
) -> tuple[KernelHead, NDArray[np.int64], Scale]:
    own = lists[name]
    rows, distrust = own.places(), [1.0] * len(own.truth)
    for other, wanted in BORROWED.get(name, {}).items():
        taken = lists[other].places(wanted)
        rows += taken
        distrust += [1.0 if other == EVERYDAY else DISTRUST] * len(taken)
    targets = np.zeros((len(rows), len(own.labels)), dtype=np.float32)
    targets[:, 0] = 1
    targets[: len(own.truth)] = own.targets()
    places = np.array(rows)
    material = Material(
        vectors=everything.vectors[places],
        counts=[everything.counts[row] for row in rows],
        targets=targets,
        parts=everything.parts,
        distrust=np.array(distrust, dtype=np.float32),
    )
    fitted = fit(material, SPAM_TUNING if name == "spam" else TUNING, rare)
    return fitted.head, places, _scale(fitted.held_out, targets, 1 / np.array(distrust))


def _scale(held_out: Matrix, targets: Matrix, weights: NDArray[np.float64]) -> Scale:
    """weights: how much each sentence counts; of three labels and more only the list's own do."""
    if targets.shape[1] > 2:
        slope = 1 / fit_temperature(held_out, targets)
        return Scale(slope=slope, offsets=(0.0,) * targets.shape[1])
    lead = (held_out[:, 1] - held_out[:, 0])[:, None].astype(np.float64)
    truth = targets[:, 1].astype(np.float64)
    slope, offset = fit_logistic(lead, truth, weights, penalty=1e-4).tolist()
    return Scale(slope=slope, offsets=(0.0, offset))


def _as_weighted(head: KernelHead) -> np.float32:
    """N-grams of a text are weighted once, with the shares of TUNING."""
    return np.float32((head.shares[0] / TUNING.shares[0]) ** 0.5)

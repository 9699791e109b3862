"""Train the tagger for names and addresses and lay its tables out to be mapped.

    python -m answerable.privacy.build_tagger --out DIR

Run when an environment or a wheel is made, never at run time. Learns from templates and lists in
`tagger/lists` alone, which were written for it: no text of a customer or of a data set. The same
lists make the same files.

An averaged perceptron over sequences (Collins 2002), learnt twice from other samples: what one run
takes by chance for a reason, the mean of both does not.
"""

import argparse
import json
import os
from array import array
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from random import Random

from answerable.privacy.tagger.features import TABLE, Features, features_of, open_tokens
from answerable.privacy.tagger.lists import listed_words
from answerable.privacy.tagger.model import (
    ADDRESS,
    NAME,
    NONE,
    SEPARATORS,
    Tagger,
    packed,
    unpacked,
)
from answerable.privacy.tagger.samples import Sample, samples
from answerable.privacy.tagger.tokens import (
    COMMON,
    FOREIGN,
    LISTED,
    NAME_LIKE,
    NUMBER,
    PLACE_LIKE,
    Reader,
    Token,
)
from answerable.privacy.tagger.vocabulary import Vocabulary

SEEDS = (20261121, 20261201)  # of the runs
ROUNDS = 40  # of all templates
EPOCHS = 3
SUM_BITS = 64  # sums over time outgrow the 32 bits that weights have
PRECISION = 64  # weights are whole numbers of this part of one
# How often a word's entry is hidden, so that words of no list are learnt as well.
NAMES_UNKNOWN, PLACES_UNKNOWN, COMMON_UNKNOWN = 0.35, 0.0, 0.06

Line = tuple[list[Token], list[Features], list[int]]


def build_tagger(out: Path, *, rounds: int = ROUNDS, epochs: int = EPOCHS) -> None:
    """Write weights.bin, words.bin and tagger.json into `out`. A repeat writes the same files."""
    known = Vocabulary.from_words(listed_words())
    workers = min(len(SEEDS), os.cpu_count() or 1)
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        runs = list(pool.map(partial(_learnt, known.to_bytes(), rounds, epochs), SEEDS))
    weights = array("q", map(_mean_weight, zip(*(run[0] for run in runs), strict=True)))
    steps = [round(sum(step) / len(runs)) for step in zip(*(run[1] for run in runs), strict=True)]
    out.mkdir(parents=True, exist_ok=True)
    (out / "weights.bin").write_bytes(weights.tobytes())
    (out / "words.bin").write_bytes(known.to_bytes())
    (out / "tagger.json").write_text(json.dumps({"steps": steps}), encoding="utf-8")


def _learnt(words: bytes, rounds: int, epochs: int, seed: int) -> tuple[Sequence[int], list[int]]:
    """Weights and steps of one run. words: as `Vocabulary.to_bytes` makes them."""
    random = Random(seed)
    known = Vocabulary.from_bytes(memoryview(words))
    reader = Reader(known)
    lines = [_line(random, sample, reader) for sample in samples(random, rounds)]
    learner = _Learner(known)
    for _ in range(epochs):
        random.shuffle(lines)
        for line in lines:
            learner.learn(line)
    weights, steps = learner.averaged()
    return array("q", weights), steps


def _mean_weight(weights: Sequence[int]) -> int:
    if not any(weights):
        return 0
    names, addresses = zip(*map(unpacked, weights), strict=True)
    return packed(round(sum(names) / len(weights)), round(sum(addresses) / len(weights)))


def _line(random: Random, sample: Sample, reader: Reader) -> Line:
    tokens = [_forgotten(random, token) for token in reader.tokens_of(sample.text)]
    labels = [sample.labels[token.start] for token in tokens]
    # A word that is closed for good is closed here too: what cannot be found cannot be learnt.
    return tokens, features_of(tokens, open_tokens(tokens)), labels


def _forgotten(random: Random, token: Token) -> Token:
    if token.shape >= NUMBER:
        return token
    if token.known & NAME_LIKE:
        chance = NAMES_UNKNOWN
    elif token.known & PLACE_LIKE:
        chance = PLACES_UNKNOWN
    elif token.known & (COMMON | FOREIGN) and not token.known & LISTED and len(token.lower) > 3:
        chance = COMMON_UNKNOWN
    else:
        return token
    return token._replace(known=0) if random.random() < chance else token


class _Learner:
    def __init__(self, known: Vocabulary) -> None:
        self._weights = [0] * TABLE
        self._steps = [0] * (9 * SEPARATORS)
        # Sums of weight times the time since when: the mean over all steps needs no more.
        self._sums = [0] * TABLE
        self._step_sums = [0] * (9 * SEPARATORS)
        self._tagger = Tagger(known, self._weights, self._steps)
        self._time = 1

    def learn(self, line: Line) -> None:
        tokens, features, labels = line
        self._time += 1
        said = self._tagger.decoded(tokens, features)
        last_said = last_right = NONE
        for token, found, mine, right in zip(tokens, features, said, labels, strict=True):
            if not found:
                last_said = last_right = NONE
                continue
            if mine != right:
                self._move(found, right, mine)
            if (mine, last_said) != (right, last_right):
                at = token.before * 9
                self._step(at + 3 * last_right + right, 1)
                self._step(at + 3 * last_said + mine, -1)
            last_said, last_right = mine, right

    def _move(self, found: Features, right: int, mine: int) -> None:
        name, address = (right == NAME) - (mine == NAME), (right == ADDRESS) - (mine == ADDRESS)
        change = packed(name, address)
        weighted = packed(name * self._time, address * self._time, SUM_BITS)
        for index in found:
            self._weights[index] += change
            self._sums[index] += weighted

    def _step(self, index: int, change: int) -> None:
        self._steps[index] += change
        self._step_sums[index] += change * self._time

    def averaged(self) -> tuple[list[int], list[int]]:
        weights = [0] * TABLE
        for index, weight in enumerate(self._weights):
            if weight or self._sums[index]:
                weights[index] = self._mean(weight, self._sums[index])
        steps = [
            round((step - total / self._time) * PRECISION)
            for step, total in zip(self._steps, self._step_sums, strict=True)
        ]
        return weights, steps

    def _mean(self, weight: int, total: int) -> int:
        from_weight, from_total = unpacked(weight), unpacked(total, SUM_BITS)
        return packed(
            *(
                round((now - past / self._time) * PRECISION)
                for now, past in zip(from_weight, from_total, strict=True)
            )
        )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    build_tagger(parser.parse_args().out)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

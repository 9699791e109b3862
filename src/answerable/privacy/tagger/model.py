"""The trained tagger: reads its files, and says which tokens belong to names and addresses."""

import json
import mmap
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

from answerable.kit.errors import InvalidInput
from answerable.privacy.tagger.features import TABLE, Features, features_of, is_anchor, open_tokens
from answerable.privacy.tagger.tokens import Reader, Token
from answerable.privacy.tagger.vocabulary import Vocabulary

SHIPPED = Path(__file__).resolve().parents[2] / "_models" / "tagger"
NONE, NAME, ADDRESS = 0, 1, 2
SEPARATORS = 8

# Both scores of a feature in one integer, so that one sum adds both: Python has no cheaper way.
BITS = 32
_WORST = -(1 << 60)


def packed(name: int, address: int, bits: int = BITS) -> int:
    return (name << bits) + address


def unpacked(total: int, bits: int = BITS) -> tuple[int, int]:
    half = 1 << (bits - 1)
    address = ((total + half) & ((half << 1) - 1)) - half
    return (total - address) >> bits, address


@dataclass(frozen=True)
class Tagger:
    """weights: `TABLE` packed scores of name and address, against neither.
    steps: (separator, label before, label) -> score, flat.
    """

    vocabulary: Vocabulary
    weights: Sequence[int]
    steps: Sequence[int]

    @cached_property
    def reader(self) -> Reader:
        return Reader(self.vocabulary)

    def labels(self, tokens: Sequence[Token], free: Sequence[bool]) -> list[int]:
        """NONE, NAME or ADDRESS for each token; `free`: not yet known to be something else."""
        wanted = [one and other for one, other in zip(free, open_tokens(tokens), strict=True)]
        if not any(w and is_anchor(t) for w, t in zip(wanted, tokens, strict=True)):
            return [NONE] * len(tokens)
        return self.decoded(tokens, features_of(tokens, wanted))

    def decoded(self, tokens: Sequence[Token], features: Sequence[Features]) -> list[int]:
        """The labels whose scores and steps sum highest, for each run of open tokens (Viterbi)."""
        labels = [NONE] * len(tokens)
        place = 0
        while place < len(tokens):
            if not features[place]:
                place += 1
                continue
            end = place
            while end < len(tokens) and features[end]:
                end += 1
            labels[place:end] = self._run(tokens[place:end], features[place:end])
            place = end
        return labels

    def _run(self, tokens: Sequence[Token], features: Sequence[Features]) -> list[int]:
        weigh = self.weights.__getitem__
        steps = self.steps
        best = [0, _WORST, _WORST]  # before the run there is nothing
        back: list[list[int]] = []
        for token, found in zip(tokens, features, strict=True):
            gains = (0, *unpacked(sum(map(weigh, found))))
            at = token.before * 9
            none, name, address = best
            best, pointers = [], []
            for label, gain in enumerate(gains, at):
                # The way to this label; of equals the first.
                score, last = none + steps[label], NONE
                if (other := name + steps[label + 3]) > score:
                    score, last = other, NAME
                if (other := address + steps[label + 6]) > score:
                    score, last = other, ADDRESS
                best.append(score + gain)
                pointers.append(last)
            back.append(pointers)
        label = best.index(max(best))
        labels = [label]
        for pointers in reversed(back[1:]):
            label = pointers[label]
            labels.append(label)
        labels.reverse()
        return labels


@lru_cache(maxsize=2)
def load(folder: Path = SHIPPED) -> Tagger | None:
    """The tagger in `folder`, its tables mapped, not read; None if none was built.

    Raises InvalidInput if it is there and damaged.
    """
    if not (folder / "tagger.json").exists():
        return None
    try:
        about = json.loads((folder / "tagger.json").read_text(encoding="utf-8"))
        weights = _mapped(folder / "weights.bin").cast("q")
        words = Vocabulary.from_bytes(_mapped(folder / "words.bin"))
        if len(weights) != TABLE or len(about["steps"]) != 9 * SEPARATORS:
            raise ValueError("another size than this version's")
        return Tagger(words, weights, tuple(about["steps"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InvalidInput(
            "damaged_tagger", f"{folder} does not hold the tagger: {error}"
        ) from error


def _mapped(file: Path) -> memoryview:
    with file.open("rb") as opened:
        return memoryview(mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ))

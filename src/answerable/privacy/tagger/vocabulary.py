"""What is known of words, as a table that is mapped: a dictionary would take 15 MB a process."""

from array import array
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from zlib import crc32

_ROW = 6  # bytes a word: four of its hash, two of its flags


def hashed(text: str) -> int:
    """The same number on every machine and in every process, unlike `hash`."""
    return crc32(text.encode("utf-8", "replace"))


@dataclass(frozen=True)
class Vocabulary:
    """hashes: of the words in lower case, ascending. flags: of `tokens`, one for each.

    A word of no list has the hash of one with a chance of 1 in 12,000, and is then read as it.
    """

    hashes: Sequence[int]
    flags: Sequence[int]

    def of(self, word: str) -> int:
        """Flags of a word in lower case; 0 for one of no list."""
        wanted = hashed(word)
        at = bisect_left(self.hashes, wanted)
        if at < len(self.hashes) and self.hashes[at] == wanted:
            return self.flags[at]
        return 0

    @staticmethod
    def from_words(words: Mapping[str, int]) -> "Vocabulary":
        known: dict[int, int] = {}
        for word, flags in words.items():
            known[hashed(word)] = known.get(hashed(word), 0) | flags
        rows = sorted(known.items())
        return Vocabulary(
            array("I", [row[0] for row in rows]), array("H", [row[1] for row in rows])
        )

    @staticmethod
    def from_bytes(data: memoryview) -> "Vocabulary":
        """Raises ValueError if `data` is not what `to_bytes` makes."""
        if len(data) == 0 or len(data) % _ROW:
            raise ValueError("a table of words with half a row")
        end = len(data) // _ROW * 4
        return Vocabulary(data[:end].cast("I"), data[end:].cast("H"))

    def to_bytes(self) -> bytes:
        return array("I", self.hashes).tobytes() + array("H", self.flags).tobytes()

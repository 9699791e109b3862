"""Which answers are the same letter with other names and dates: signatures that are compared.

A signature is what is left of a text: nothing can be read back from it.
Source: Broder 1997, min-wise hashing.
"""

import re
import zlib

import numpy as np
from numpy.typing import NDArray

from answerable.understanding.topics.request import body_sentences

LANES = 48
SAME_FROM = 0.5  # estimated share of common word triples, from which two answers are one template
CANDIDATES = 200  # answers of a topic that may be the one that is given most
_WORD = re.compile(r"<[a-z_]+:\d+>|\w+")
_MOST_WORDS = 400
_CHANCE = np.random.RandomState(3)  # its numbers are promised to stay the same
_FACTORS = _CHANCE.randint(1, 2**31, LANES).astype(np.uint64) * 2 + 1
_SHIFTS = _CHANCE.randint(0, 2**31, LANES).astype(np.uint64)

Signature = NDArray[np.uint32]


def signature(text: str) -> Signature | None:
    """(LANES,) of what an answer says between greeting and farewell; None if that is nothing.

    text: masked; values and numbers count as their kind only.
    """
    words: list[str] = []
    for sentence in body_sentences(text):
        for word in _WORD.findall(sentence.lower()):
            words.append(word.partition(":")[0] if word[0] == "<" else re.sub(r"\d+", "0", word))
    if not words:
        return None
    words = words[:_MOST_WORDS]
    triples = {" ".join(words[at : at + 3]) for at in range(max(1, len(words) - 2))}
    numbers = np.array(sorted(zlib.crc32(one.encode()) for one in triples), dtype=np.uint64)
    mixed = (numbers[:, None] * _FACTORS + _SHIFTS) & np.uint64(2**61 - 1)
    return np.asarray((mixed >> np.uint64(29)).min(axis=0), dtype=np.uint32)


def most_given(signatures: NDArray[np.uint32]) -> tuple[int, NDArray[np.bool_]]:
    """The answer that most others are like, by its row, and which rows are like it.

    signatures: (answers, LANES), at least one.
    """
    step = -(-len(signatures) // CANDIDATES)
    best, like = 0, np.zeros(len(signatures), dtype=np.bool_)
    for row in range(0, len(signatures), step):
        found = (signatures == signatures[row]).mean(axis=1) >= SAME_FROM
        if found.sum() > like.sum():
            best, like = row, found
    return best, like

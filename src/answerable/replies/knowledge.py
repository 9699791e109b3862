"""Knowledge search: which articles hold what a message asks for, best first."""

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from answerable.understanding.ports import Encoder, Matrix

SHORTEST, LONGEST = 12, 400  # characters of a passage
MOST_ASKED = 64  # sentences of a message that are looked for
BEST_PASSAGES = 2  # an article is as like a sentence as so many of its passages are on average
WORDS = 0.05  # share of the words beside the meaning: what the encoder cannot know, as codes
# How much a close sentence counts before many that are a little like everything. With 6 to 8, and
# a share of .05 to .15 of the words, recall differs by .02 (benchmarks/knowledge.py).
SHARPNESS = 7
FULL_MATCH = 5.0  # added to the best article's words: a sentence of common words says little
SATURATION, LENGTH_SHARE = 1.2, 0.75  # k1 and b of BM25
_BLOCK = 4096  # passages compared at a time

_LINE_MARKS = re.compile(r"^(?:[\s#>*|•-]+|\d+[.)]\s+)+|\*\*|`")
_CELLS = re.compile(r"[\s|]+")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")
_WORD = re.compile(r"\w+(?:[-./]\w+)*")


@dataclass(frozen=True, kw_only=True)
class Article:
    """text: plain or Markdown."""

    id: str
    title: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Found:
    """passage: what in the article is most like any sentence of the message. score: to compare
    the articles of one search, never those of two."""

    article: Article
    score: float
    passage: str


class KnowledgeSearch:
    """Articles in memory, cut into passages that each carry their title: about 2 KB a sentence.

    Making one reads every passage with the encoder, two or three milliseconds each.
    """

    def __init__(self, articles: Sequence[Article], encoder: Encoder) -> None:
        self._articles = list(articles)
        self._encoder = encoder
        cut = [[one.title, *passages(one.text)] for one in self._articles]
        self._passages = [passage for own in cut for passage in own]
        self._starts = np.cumsum([0, *(len(own) for own in cut)])
        with_title = [
            f"{one.title}: {passage}"
            for one, own in zip(self._articles, cut, strict=True)
            for passage in own
        ]
        self._vectors = encoder.encode(with_title).astype(np.float16)
        self._words = _Words([f"{one.title} {one.title} {one.text}" for one in self._articles])

    def search(self, text: str, *, limit: int = 10) -> list[Found]:
        """Best first; none if nothing was asked or there are no articles."""
        asked = (passages(text) or ([text] if text.strip() else []))[:MOST_ASKED]
        if not asked or not self._articles:
            return []
        cosines = self._cosines(self._encoder.encode(asked))
        likeness = (1 - WORDS) * self._by_article(cosines) + WORDS * self._words.likeness(asked)
        scores = (np.clip(likeness, 0, None) ** SHARPNESS).sum(axis=0)
        nearest = cosines.max(axis=0)
        return [
            Found(
                article=self._articles[row],
                score=float(scores[row]),
                passage=self._nearest(nearest, row),
            )
            for row in np.argsort(-scores, kind="stable")[:limit].tolist()
        ]

    def _cosines(self, asked: Matrix) -> Matrix:
        """(sentences asked, passages)."""
        blocks = range(0, len(self._vectors), _BLOCK)
        vectors = (self._vectors[at : at + _BLOCK].astype(np.float32) for at in blocks)
        return np.concatenate([asked @ block.T for block in vectors], axis=1)

    def _by_article(self, cosines: Matrix) -> Matrix:
        """(sentences asked, articles)."""
        ends = zip(self._starts[:-1].tolist(), self._starts[1:].tolist(), strict=True)
        columns = [np.sort(cosines[:, start:end], axis=1) for start, end in ends]
        return np.stack([best[:, -BEST_PASSAGES:].mean(axis=1) for best in columns], axis=1)

    def _nearest(self, nearest: NDArray[np.float32], row: int) -> str:
        start, end = int(self._starts[row]), int(self._starts[row + 1])
        return self._passages[start + int(nearest[start:end].argmax())]


class _Words:
    """BM25 over whole articles, as a likeness of 0 to 1."""

    def __init__(self, texts: Sequence[str]) -> None:
        counts = [Counter(_words(text)) for text in texts]
        lengths = [max(1, count.total()) for count in counts]
        usual = sum(lengths) / max(1, len(lengths))
        self._number = len(texts)
        places: dict[str, list[tuple[int, float]]] = {}
        for row, (count, length) in enumerate(zip(counts, lengths, strict=True)):
            slack = SATURATION * (1 - LENGTH_SHARE + LENGTH_SHARE * length / usual)
            for word, often in count.items():
                part = often * (SATURATION + 1) / (often + slack)
                places.setdefault(word, []).append((row, part))
        self._parts: dict[str, tuple[NDArray[np.int64], NDArray[np.float64]]] = {}
        for word, found in places.items():
            rare = math.log(1 + (len(texts) - len(found) + 0.5) / (len(found) + 0.5))
            rows, parts = zip(*found, strict=True)
            self._parts[word] = np.array(rows), np.array(parts) * rare

    def likeness(self, sentences: Sequence[str]) -> NDArray[np.float64]:
        """(sentences, articles)."""
        scores = np.zeros((len(sentences), self._number))
        for row, sentence in enumerate(sentences):
            for word in sorted(set(_words(sentence))):
                if (there := self._parts.get(word)) is not None:
                    scores[row, there[0]] += there[1]
        scores /= scores.max(axis=1, keepdims=True) + FULL_MATCH
        return scores


def passages(text: str) -> list[str]:
    """Sentences and lines of a text without its markup; what is very short says nothing."""
    found = []
    for line in text.splitlines():
        plain = _CELLS.sub(" ", _LINE_MARKS.sub("", line)).strip()
        found += [part[:LONGEST] for part in _SENTENCE_END.split(plain) if len(part) >= SHORTEST]
    return found


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())

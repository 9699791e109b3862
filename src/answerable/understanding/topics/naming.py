"""What a group of requests is called: by the words that it has and the others have not."""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from math import log

from answerable.understanding.topics.request import folded
from answerable.understanding.topics.stop_words import STOP_WORDS

# Small words that may stand within a phrase: "change of address", not "long does the delivery".
_JOINING = frozenset(
    """a an and at by for from in into my of on or the to up with your
    am an auf aus bei das dem den der des die ein eine fur im in ins meine meinem meinen meiner mit
    und von vom zu zum zur a au aux d de des du en et la le les l ma mes mon par pour sur un une
    al con de del e el en la las lo los mi mis para por su un una y
    da dal del della delle dei di il gli i nel per un una mia mio
    aan de een en het in met mijn op te uit van voor
    ao da das do dos em meu minha na no o os para um uma""".split()  # noqa: SIM905
)
_HANDLE = re.compile(r"<[a-z_]+:\d+>")
_WORD = re.compile(r"[^\W\d_]+(?:['’\-][^\W\d_]+)*")
_BREAK = re.compile(r"[^\w\s'’\-]+")
LONGEST_PHRASE = 4  # words, inner stop words among them
MOST_READ = 400  # texts of a group that phrases are taken from
FEWEST = 3  # customers who use a phrase, before it may name anything: one's own name is one's own
_LEAST_PART = 0.05
_COVERED = 0.45  # part of a group that a phrase of several words covers, to stand alone
_BESIDE = 0.12  # part of a group that a second phrase covers at least
_PER_CONTENT_WORD = (0.0, 1.0, 1.8, 2.1, 2.1)
_SHOWN = 6


@dataclass(frozen=True, kw_only=True)
class Name:
    """title: readable. name: kebab-case, unique among those named together. words: most telling."""

    title: str
    name: str
    words: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Found:
    phrase: str  # as it is written, in lower case
    content: tuple[str, ...]
    part: float
    score: float


def named(
    groups: Sequence[Sequence[tuple[str, int]]], *, never: Collection[str] = ()
) -> list[Name]:
    """A name for each group of (masked text, number of its customer), largest group first.

    never: words that name nothing, such as agents' names; in lower case, without accents.
    """
    read = [[_phrases(text, never) for text, _ in _some(group)] for group in groups]
    overall: Counter[str] = Counter()
    sizes = [max(1, len(texts)) for texts in read]
    everywhere = [Counter(phrase for text in texts for phrase in text) for texts in read]
    for group, counts, size in zip(groups, everywhere, sizes, strict=True):
        for phrase, count in counts.items():
            overall[phrase] += count * max(1, len(group) // size)
    total = max(1, sum(map(len, groups)))
    taken: set[str] = set()
    names = []
    for group, texts, counts in zip(groups, read, everywhere, strict=True):
        known = _used_by_several(group, texts, counts)
        found = _best(known, counts, max(1, len(texts)), overall, total)
        names.append(_name(found, taken))
    return names


def _some(group: Sequence[tuple[str, int]]) -> Sequence[tuple[str, int]]:
    return group[:: -(-len(group) // MOST_READ)] if group else group


def _phrases(text: str, never: Collection[str]) -> set[str]:
    """All runs of words that begin and end with one that says something."""
    found: set[str] = set()
    for piece in _BREAK.split(_HANDLE.sub(" . ", text)):
        words = _WORD.findall(piece.lower().replace("’", "'"))
        tells = [_tells(word, never) for word in words]
        for start, first in enumerate(tells):
            if not first:
                continue
            for end in range(start, min(start + LONGEST_PHRASE, len(words))):
                if tells[end]:
                    found.add(" ".join(words[start : end + 1]))
                elif folded(words[end]) not in _JOINING:
                    break
    return found


def _tells(word: str, never: Collection[str]) -> bool:
    plain = folded(word)
    parts = re.split(r"['\-]", plain)
    return (
        len(plain) > 2
        and plain not in STOP_WORDS
        and plain not in never
        and not all(part in STOP_WORDS or len(part) < 3 for part in parts)
    )


def _used_by_several(
    group: Sequence[tuple[str, int]], texts: Sequence[set[str]], counts: Counter[str]
) -> set[str]:
    customers: dict[str, set[int]] = {
        phrase: set() for phrase, count in counts.items() if count >= FEWEST
    }
    for (_, customer), phrases in zip(_some(group), texts, strict=True):
        for phrase in phrases:
            if phrase in customers:
                customers[phrase].add(customer)
    return {phrase for phrase, who in customers.items() if len(who) >= FEWEST}


def _best(
    known: Iterable[str], counts: Counter[str], size: int, overall: Counter[str], total: int
) -> list[_Found]:
    found = []
    for phrase in known:
        part = counts[phrase] / size
        content = tuple(w for w in phrase.split() if _tells(w, ()))
        if part < _LEAST_PART or not content:
            continue
        telling = log(part / max(overall[phrase] / total, 1e-9))
        # In the only group there is, nothing sets anything apart: then what is frequent tells.
        score = part * (max(telling, 0.0) + 0.05) * _PER_CONTENT_WORD[min(len(content), 4)]
        found.append(_Found(phrase=phrase, content=content, part=part, score=score))
    return sorted(found, key=lambda one: (-one.score, -len(one.content), one.phrase))


def _name(found: Sequence[_Found], taken: set[str]) -> Name:
    words: list[str] = []
    for one in found:
        words += [word for word in one.content if _stem(word) not in set(map(_stem, words))]
    chosen = list(found[:1])
    if chosen and (len(chosen[0].content) == 1 or chosen[0].part < _COVERED):
        used = {_stem(word) for word in chosen[0].content}
        other = (
            one
            for one in found[1:]
            if one.part >= _BESIDE and not used & {_stem(word) for word in one.content}
        )
        chosen += [one for one in [next(other, None)] if one is not None]
    title = ", ".join(one.phrase for one in chosen)
    base = [word for one in chosen for word in one.content] or ["topic"]
    further = (word for word in words if word not in base)
    name = kebab(base)
    while name in taken:
        word = next(further, None)
        if word is None:
            break
        base.append(word)
        title, name = f"{title}, {word}", kebab(base)
    if not chosen:  # what has no words of its own is numbered from the first
        name = f"{name}-1"
    number = 2
    while name in taken:
        number, name = number + 1, f"{kebab(base)}-{number}"
    taken.add(name)
    title = title or name.replace("-", " ")
    return Name(title=title[0].upper() + title[1:], name=name, words=tuple(words[:_SHOWN]))


def kebab(words: Iterable[str]) -> str:
    """Small letters, digits and single dashes; never empty."""
    plain = re.sub(r"[^a-z0-9]+", "-", folded(" ".join(words))).strip("-")
    return plain[:60].strip("-") or "topic"


def _stem(word: str) -> str:
    """Enough of it that "card" and "cards" are one."""
    return folded(word)[:5].rstrip("s")

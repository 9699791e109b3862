"""Words of other languages as English ones, for an encoder that reads English alone.

Word by word, the longest phrase first: "I have my card lost, please block" is no English, but the
encoder reads it as what it means, where of the German sentence it sees syllables. What the lists
do not know stays as it is: names, numbers, product words.
"""

import json
import re
import unicodedata
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from string import ascii_lowercase

import numpy as np
from numpy.typing import NDArray

from answerable.kit.errors import InvalidInput

SHIPPED = Path(__file__).resolve().parent.parent / "_models" / "dictionary"
ENGLISH = "en"
COMPOUNDING = frozenset({"de", "nl"})  # languages that write several words as one
SHORTEST_PART = 4  # letters of a part of a compound; shorter ones are in every other word
LONGEST_COMPOUND = 40  # letters
SHORTEST_MENDED = 5  # letters of a word that may be misspelt
MOST_MENDED = 40  # unknown words of a text; each takes half a millisecond when it is first met
MOST_REMEMBERED = 20_000  # words
MOST_LOOKED_AT = 60  # words of a text, to tell its language
# Pronouns that are written behind a verb, by language ("bloquearla", "bloccarla").
ATTACHED = {
    "es": ("nos", "les", "los", "las", "me", "te", "se", "le", "lo", "la", "os"),
    "it": ("gliela", "glielo", "mi", "ti", "si", "ci", "vi", "lo", "la", "li", "le", "ne", "gli"),
    "pt": ("me", "te", "se", "lhe", "nos", "lhes", "lo", "la", "los", "las"),
}
SHORTEST_VERB = 2  # letters before such a pronoun
FEWEST_KNOWN = 1 / 3  # of a text's words; English ones are known by half at least, all but 1 in 100
FEWEST_COVERED = 1 / 2  # of another language's: a third may be words that a neighbour writes alike
_LINKS = ("", "s", "n", "en", "es", "er", "e")  # between the parts of a compound
_WORD = re.compile(r"[^\W\d_]+")
_JOINED = re.compile(r"['’‘`´-]")
_SPELT_OUT = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})
_WITH_A_STROKE = str.maketrans("łøđß", "lods")


def form_hash(form: str) -> int:
    """64 bits, the same on every machine."""
    return int.from_bytes(blake2b(form.encode("utf-8", "replace"), digest_size=8).digest())


def without_accents(word: str) -> str:
    if word.isascii():
        return word
    apart = unicodedata.normalize("NFD", word.replace("ß", "ss").translate(_WITH_A_STROKE))
    return "".join(char for char in apart if not unicodedata.combining(char))


def spellings(form: str) -> list[str]:
    """As it is written, and as people type it whose keyboard lacks its letters."""
    return list(dict.fromkeys([form, form.translate(_SPELT_OUT), without_accents(form)]))


def begins_a_phrase(word: str) -> str:
    """The row whose meaning is how many words the longest phrase has that a word begins; no word
    ends in a space."""
    return f"{word} "


def one_error_away(word: str) -> Iterator[str]:
    """What may have been meant, likeliest first: letters swapped, doubled or one too many, missing,
    wrong; the first letter is believed."""
    for at in range(1, len(word) - 1):
        yield word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    for at in range(1, len(word)):
        yield word[:at] + word[at + 1 :]
    for at in range(1, len(word) + 1):
        yield from (word[:at] + letter + word[at:] for letter in ascii_lowercase)
    for at in range(1, len(word)):
        yield from (word[:at] + letter + word[at + 1 :] for letter in ascii_lowercase)


@dataclass(frozen=True, kw_only=True, eq=False)
class Dictionary:
    """A table of forms, each row one form of one language, ascending by hash.

    hashes, languages (places in `tags`), meanings (places in `glosses`): of each row. English words
    are rows too: they tell that a text needs no gloss. table: the hashes as an array.
    name: of its content; what was learnt with one dictionary is read with no other.
    """

    name: str
    tags: Sequence[str]
    glosses: Sequence[str]
    hashes: Sequence[int]
    table: NDArray[np.uint64]
    languages: Sequence[int]
    meanings: Sequence[int]
    _remembered: dict[str, Mapping[str, str]] = field(default_factory=dict, repr=False)
    _guessed: dict[tuple[str, str], str | None] = field(default_factory=dict, repr=False)

    @staticmethod
    def load(folder: Path = SHIPPED) -> "Dictionary":
        """Read what `build_dictionary` wrote; raises InvalidInput if that is damaged."""
        try:
            about = json.loads((folder / "dictionary.json").read_text(encoding="utf-8"))
            mapped = {
                name: np.load(folder / f"{name}.npy", mmap_mode="r")
                for name in ("hashes", "languages", "meanings")
            }
            if len({len(rows) for rows in mapped.values()}) != 1:
                raise ValueError("its tables differ in length")
            if mapped["meanings"].max(initial=0) >= len(about["glosses"]):
                raise ValueError("its tables name more meanings than it has")
            if mapped["languages"].max(initial=0) >= len(about["languages"]):
                raise ValueError("its tables name more languages than it has")
            return Dictionary(
                name=str(about["name"]),
                tags=tuple(map(str, about["languages"])),
                glosses=tuple(map(str, about["glosses"])),
                # As Python's own integers: `bisect` is much slower on numpy's.
                hashes=mapped["hashes"].data,
                table=mapped["hashes"],
                languages=mapped["languages"].data,
                meanings=mapped["meanings"].data,
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InvalidInput(
                "damaged_dictionary",
                f"{folder} does not hold the dictionary: {error}; run `make setup` or reinstall",
            ) from error

    def in_english(self, text: str) -> str:
        """The text with the words that are known replaced; the same text if it is English, or of no
        language of the dictionary."""
        language, _ = self._told(_words(text))
        if language is None:
            return text
        found = list(_WORD.finditer(text))
        words = [_plain(match[0]) for match in found]
        pieces: list[str] = []
        start = place = strange = 0
        while place < len(words):
            size, meaning = self._longest(words, place, language)
            if meaning is None and strange < MOST_MENDED:
                strange += 1
                meaning = self._made(words[place], language)
            here, end = found[place].start(), found[place + size - 1].end()
            between = text[start:here]
            pieces.append(" " if _JOINED.fullmatch(between) else between)
            pieces.append(text[here:end] if meaning is None else meaning)
            start, place = end, place + size
        return "".join([*pieces, text[start:]])

    def covers(self, text: str) -> bool:
        """Whether it is English or in one of the languages, as far as its words in Latin letters
        tell: a few letters that only look like these are a disguise and no language."""
        words = [word for word in _words(text) if without_accents(word).isascii()]
        return not words or self._told(words)[1]

    def _told(self, words: Sequence[str]) -> tuple[str | None, bool]:
        """The language of words in lower case, None for English and those that are not known, and
        whether it is covered.

        It is the one that has the most of them, but some that English has not, and no fewer than
        English. Fewer than a third of the words are no proof of any.
        """
        english = 0
        own: dict[str, int] = {}
        shared: dict[str, int] = {}
        for word in words:
            senses = self._senses(word)
            counted = own
            if ENGLISH in senses:
                english += 1
                counted = shared
            for tag in senses:
                counted[tag] = counted.get(tag, 0) + 1
        enough = len(words) * FEWEST_KNOWN
        had = {tag: number + shared.get(tag, 0) for tag, number in own.items()}
        best = max(had, key=lambda tag: (had[tag], own[tag]), default=None)
        if best is not None and had[best] >= max(english, enough):
            return best, had[best] >= len(words) * FEWEST_COVERED
        return None, english >= enough

    def _longest(self, words: Sequence[str], place: int, language: str) -> tuple[int, str | None]:
        """How many words from `place` on are read together, and as what; None: they stay."""
        word = words[place]
        longest = int(self._senses(begins_a_phrase(word)).get(language, 1))
        for size in range(min(longest, len(words) - place), 1, -1):
            # Not remembered: what one knows of words may be kept, not what customers wrote.
            meaning = self._looked_up(" ".join(words[place : place + size])).get(language)
            if meaning is not None:
                return size, meaning
        return 1, self._senses(word).get(language)

    def _senses(self, word: str) -> Mapping[str, str]:
        """By language, what a word in lower case means."""
        senses = self._remembered.get(word)
        if senses is None:
            if len(self._remembered) >= MOST_REMEMBERED:
                self._remembered.clear()
            senses = self._remembered[word] = self._looked_up(word)
        return senses

    def _looked_up(self, form: str) -> Mapping[str, str]:
        return self._rows(form) or self._rows(without_accents(form))

    def _rows(self, form: str) -> dict[str, str]:
        wanted = form_hash(form)
        at = bisect_left(self.hashes, wanted)
        found = {}
        while at < len(self.hashes) and self.hashes[at] == wanted:
            found[self.tags[self.languages[at]]] = self.glosses[self.meanings[at]]
            at += 1
        return found

    def _made(self, word: str, language: str) -> str | None:
        """What a word means that is made of others, or is one letter away from a known one; None if
        it is not."""
        if len(word) > LONGEST_COMPOUND:
            return None
        key = (language, word)
        if key not in self._guessed:
            if len(self._guessed) >= MOST_REMEMBERED:
                self._guessed.clear()
            meaning = None
            if language in COMPOUNDING:
                meaning = self._apart(word, language)
            elif language in ATTACHED:
                meaning = self._with_pronoun(word, language)
            self._guessed[key] = meaning or self._nearly(word, language)
        return self._guessed[key]

    def _nearly(self, word: str, language: str) -> str | None:
        """What a misspelt word means."""
        plain = without_accents(word)
        if len(plain) < SHORTEST_MENDED or ENGLISH in self._senses(word):
            return None
        tried = list(dict.fromkeys(one_error_away(plain)))
        wanted = np.array([form_hash(form) for form in tried], dtype=np.uint64)
        # All at once: one by one it would take a millisecond.
        at = np.searchsorted(self.table, wanted)
        there = self.table[np.minimum(at, len(self.table) - 1)] == wanted
        for place in np.flatnonzero(there).tolist():
            meaning = self._rows(tried[place]).get(language)
            if meaning is not None:
                return meaning
        return None

    def _with_pronoun(self, word: str, language: str) -> str | None:
        """What a verb means with the pronouns that are written behind it."""
        for pronoun in ATTACHED[language]:
            verb = word.removesuffix(pronoun)
            if verb == word or len(verb) < SHORTEST_VERB:
                continue
            # An Italian infinitive has lost its last letter.
            whole = f"{verb}e" if language == "it" else verb
            meaning = (
                self._senses(verb).get(language)
                or self._senses(whole).get(language)
                or self._with_pronoun(verb, language)
            )
            if meaning:
                behind = self._senses(pronoun).get(language, "")
                # What is an article before a noun is a pronoun behind a verb.
                return f"{meaning} {'it' if behind == 'the' else behind}".rstrip()
        return None

    def _apart(self, word: str, language: str) -> str | None:
        """The last part first, for it is what the whole is; the longest one that leaves a rest
        which is known."""
        for cut in range(SHORTEST_PART, len(word) - SHORTEST_PART + 1):
            last = self._part(word[cut:], language)
            if last is None:
                continue
            for link in _LINKS:
                rest = word[:cut].removesuffix(link) if word[:cut].endswith(link) else ""
                if len(rest) < SHORTEST_PART:
                    continue
                first = self._part(rest, language) or self._apart(rest, language)
                if first is not None:
                    return f"{first} {last}"
        return None

    def _part(self, word: str, language: str) -> str | None:
        """What a part of a compound means; a word that the language leaves out is none."""
        senses = self._senses(word)
        meaning = senses.get(language)
        if meaning is None and ENGLISH in senses:
            return word  # "onlinebanking"
        return meaning or None


@cache
def load_dictionary() -> Dictionary:
    """The shipped one, once for the process. Raises InvalidInput if it is missing or damaged."""
    return Dictionary.load()


def _words(text: str) -> list[str]:
    """The first ones, to tell the language by."""
    return [_plain(found[0]) for found in islice(_WORD.finditer(text), MOST_LOOKED_AT)]


def _plain(word: str) -> str:
    return word.lower() if word.isascii() else unicodedata.normalize("NFC", word.lower())

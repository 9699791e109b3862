"""Words as the search knows them: stemmed, and only by a keyed hash.

Masking takes personal data out of a text, but not every name is seen. An index of readable words
would keep what was overlooked outside the vault; this one says nothing to whoever has the database
without the key.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from threading import Lock

import snowballstemmer  # type: ignore[import-untyped]

from answerable.contacts.store import Lookup
from answerable.kit.ids import TenantId
from answerable.privacy.mask import HANDLE

MOST_CHARACTERS = 64  # of a word; what is longer is no word, and is not looked for
SHORTEST_STEMMED = 4
REMEMBERED = 50_000  # words whose stem is known, about 150 bytes each

_STEMMERS = {
    "de": "german",
    "en": "english",
    "es": "spanish",
    "fr": "french",
    "it": "italian",
    "nl": "dutch",
    "pt": "portuguese",
}
_DEFAULT = "en"
_WORD = re.compile(r"[^\W_]+")
# English, German, French. They tell no message from another, and are half of all that is said.
_COMMON = (
    "a about after all also am an and any are as at be because been but by can could did do "
    "does for from get had has have he her him his how i if in into is it its just me more my "
    "no not now of on or our out she so some than that the their them then there they this to "
    "too up us was we were what when where which who why will with would you your aber als am "
    "an auch auf aus bei bin bis da dann das dass dem den der des die dir du ein eine einem "
    "einen einer eines er es für habe haben hat ich ihr im ist ja kann kein keine können man "
    "mein meine mich mir mit nach nicht noch nur oder schon sein sich sie sind so um und uns "
    "vom von war was wenn wie wir wird zu zum zur über au aux avec ce ces cette dans de des "
    "du elle en est et il ils je la le les leur lui ma mais mes mon ne nous on ou où par pas "
    "plus pour que qui sa se ses son sont sur ta tu un une vos votre vous à été"
)
_EVERYWHERE = frozenset(_COMMON.split())


@dataclass(frozen=True, slots=True)
class Word:
    """A word where it stands in its text."""

    start: int
    end: int
    folded: str


def hashes_of_text(lookup: Lookup, tenant: TenantId, text: str, language: str | None) -> set[int]:
    """What a text can be found by. language: that it is written in, if that is known."""
    return {
        lookup.word(tenant, _stem(word.folded, language or _DEFAULT))
        for word in words_of(text)
        if word.folded not in _EVERYWHERE
    }


def hashes_of_word(lookup: Lookup, tenant: TenantId, folded: str) -> frozenset[int]:
    """What a text has that contains this word, in whichever language it is written."""
    return frozenset(lookup.word(tenant, stem) for stem in stems_of(folded))


def words_of(text: str) -> Iterator[Word]:
    """Its words, but for the handles that stand for personal data."""
    handles = [found.span() for found in HANDLE.finditer(text)] if "<" in text else []
    for found in _WORD.finditer(text):
        start, end = found.span()
        if end - start <= MOST_CHARACTERS and not _within(handles, start):
            yield Word(start, end, found[0].casefold())


def to_look_for(query: str) -> tuple[list[str], list[str]]:
    """The different words of a query, and those among its words that are not looked for."""
    words = list(dict.fromkeys(word.folded for word in words_of(query)))
    wanted = [word for word in words if word not in _EVERYWHERE]
    return wanted, [word for word in words if word in _EVERYWHERE]


def stems_of(folded: str) -> frozenset[str]:
    """The stems that a word has in the languages that are known."""
    return frozenset(_stem(folded, language) for language in _STEMMERS)


def _within(spans: Sequence[tuple[int, int]], place: int) -> bool:
    return any(start <= place < end for start, end in spans)


_stemmers = {language: snowballstemmer.stemmer(name) for language, name in _STEMMERS.items()}
_one_at_a_time = Lock()  # a stemmer works on a word of its own


@lru_cache(maxsize=REMEMBERED)
def _stem(folded: str, language: str) -> str:
    if len(folded) >= SHORTEST_STEMMED and not any(map(str.isdigit, folded)):
        stemmer = _stemmers.get(language) or _stemmers[_DEFAULT]
        with _one_at_a_time:
            folded = stemmer.stemWord(folded)
    marked = unicodedata.normalize("NFKD", folded)
    return "".join(one for one in marked if not unicodedata.combining(one))

"""Words and numbers of a text, with what can be told about each without its neighbours."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from answerable.privacy.tagger.vocabulary import Vocabulary

# What is known of a word; a word may be several of these.
COMMON, FOREIGN, FIRST, LAST, TOWN, COUNTRY, STREET, UNIT, TITLE, PARTICLE = (
    1 << n for n in range(10)
)
WIDER = 1 << 10  # in the longer list of another language; no token that `tokens_of` gives has it
NAME_LIKE = FIRST | LAST
_DAILY = COMMON | FOREIGN
PLACE_LIKE = TOWN | COUNTRY
LISTED = FIRST | LAST | TOWN | COUNTRY | STREET | UNIT | PARTICLE

# Function words that no other of our languages has.
_GERMAN_WORDS = """und ich nicht das ist der die mit für auf ein eine meine mein von bei wie den
dem zum zur bitte wir sie ihre ihr haben wurde kann mich mir"""
_GERMAN = frozenset(_GERMAN_WORDS.split())

_TOKEN = re.compile(r"[^\W_]+(?:['’\-/](?!s\b)[^\W_]+)*")
_DIGIT = re.compile(r"\d")
LONGEST_NUMBER = 9  # house numbers and postcodes; longer ones belong to others
LONGEST_WORD = 32
_REMEMBERED = 4096  # words, about 1 MB

# How the piece between two tokens parts them.
START, SPACE, COMMA, LINE, STOP, COLON, OTHER = range(7)
_SEPARATORS = {" ": SPACE, ", ": COMMA, ",": COMMA, "\n": LINE, ". ": STOP, ".": STOP, ": ": COLON}

# Shapes.
SMALL, CAPITALISED, CAPITALS, INITIAL, MIXED, NUMBER, LETTERED = range(7)


class Token(NamedTuple):
    """One word or number.

    start, end: offsets, end exclusive. known: flags of the word list. before: how it is parted
    from the token before. opens: it stands where any word gets a capital letter.
    """

    lower: str
    start: int
    end: int
    shape: int
    known: int
    before: int
    opens: bool

    @property
    def is_number(self) -> bool:
        return self.shape >= NUMBER


def separator(between: str) -> int:
    """How `between`, what stands between two tokens, parts them."""
    found = _SEPARATORS.get(between)
    if found is not None:
        return found
    if "\n" in between:
        return LINE
    if between.isspace():
        return SPACE
    if any(mark in between for mark in ".!?…"):
        return STOP
    if ":" in between:
        return COLON
    return COMMA if "," in between else OTHER


def shape_of(word: str) -> int:
    if word[0].isdigit() or _DIGIT.search(word):
        return NUMBER if word.isdigit() else LETTERED
    if word.islower():
        return SMALL
    if len(word) == 1:
        return INITIAL
    if word.istitle() or (word[0].isupper() and word[1:].islower()):
        return CAPITALISED
    return CAPITALS if word.isupper() else MIXED


_Word = tuple[str, int, int]  # in lower case, its shape, and what is known of it


class Reader:
    """Makes tokens of texts.

    It remembers the words that it met, as most of any text is a few hundred of them: those that
    are in a dictionary and in no list of names, so that nothing personal stays in memory.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._words: dict[str, _Word] = {}

    def tokens_of(self, text: str) -> list[Token]:
        """The tokens of `text` in order."""
        tokens: list[Token] = []
        wider: list[int] = []
        end = 0
        met = self._words.get
        for found in _TOKEN.finditer(text):
            start, stop = found.span()
            word = found[0]
            before = separator(text[end:start]) if tokens else START
            lower, shape, known = met(word) or self._read(word)
            if known & WIDER:
                wider.append(len(tokens))
                known ^= WIDER
            opens = before not in (SPACE, COMMA)
            tokens.append(Token(lower, start, stop, shape, known, before, opens))
            end = stop
        if wider and _is_in_another_language(tokens, wider):
            _make_common(tokens, wider)
        return tokens

    def _read(self, word: str) -> _Word:
        lower = word.lower()
        read = lower, shape_of(word), self._vocabulary.of(lower)
        if read[2] & (COMMON | FOREIGN | WIDER) and not read[2] & LISTED:
            if len(self._words) >= _REMEMBERED:
                self._words.clear()
            self._words[word] = read
        return read


def _is_in_another_language(tokens: Sequence[Token], wider: Sequence[int]) -> bool:
    """True for a text with more words of others than of English. wider: places of words that are in
    a longer list."""
    other = sum(
        tokens[place].shape == SMALL and not tokens[place].known & _DAILY for place in wider
    )
    for token in tokens:
        if token.known & COMMON:
            other -= not token.known & FOREIGN
        elif token.known & FOREIGN and token.shape == SMALL:
            other += 1
    return other > 0


def _make_common(tokens: list[Token], wider: Sequence[int]) -> None:
    """Words of the longer lists are common words where a text is in another language than English.

    With a capital letter they may be names, "Fleur", or part of one, "Calle Mayor": unless they
    begin a sentence or are German nouns, and are in no list of names.
    """
    german = is_german(tokens)
    for place in wider:
        token = tokens[place]
        noun = (german or token.opens) and not token.known & NAME_LIKE
        if token.shape == SMALL or noun:
            tokens[place] = token._replace(known=token.known | FOREIGN)


def is_german(tokens: Sequence[Token]) -> bool:
    """True for a text that writes all nouns with a capital letter."""
    return sum(token.lower in _GERMAN for token in tokens) * 8 >= len(tokens)

"""What the tagger looks at: a word, its parts, its neighbours, and what parts them.

Each feature is an index into one table of weights, by hashing (Weinberger et al. 2009,
arXiv:0902.2206), so that there is no dictionary of features to keep in memory.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache

from answerable.privacy.tagger.tokens import (
    CAPITALISED,
    CAPITALS,
    COMMON,
    FOREIGN,
    INITIAL,
    LISTED,
    LONGEST_NUMBER,
    LONGEST_WORD,
    NAME_LIKE,
    NUMBER,
    PARTICLE,
    SMALL,
    STREET,
    TITLE,
    UNIT,
    Token,
    is_german,
)
from answerable.privacy.tagger.vocabulary import hashed

TABLE = 1 << 19  # weights, of 8 bytes each
_MASK = TABLE - 1
_EDGE = (hashed("edge of the text"), hashed("nothing"))
_UNKNOWN = hashed("unknown word")
_FEWEST_WORDS = 5  # in small letters, to tell that a text is in a language that no list is of
_UNREAD = 0.6  # of them unknown; of our languages' messages one in a hundred has half

Features = list[int]


def open_tokens(tokens: Sequence[Token]) -> list[bool]:
    """Which tokens may be a part of a name or an address."""
    opened = [is_open(token) for token in tokens]
    if is_unread(tokens):
        # That no list has a word says nothing where they have hardly any: a capital must.
        for place, token in enumerate(tokens):
            if token.shape == SMALL or (token.opens and not token.known):
                opened[place] = opened[place] and bool(token.known & (PARTICLE | STREET | UNIT))
    for place, token in enumerate(tokens):
        # "Calle Mayor 5", "Springfield, IL 62704", "floor 3": a number makes worth a look.
        if not opened[place] and not token.known & TITLE:
            beside = [*tokens[max(0, place - 1) : place], *tokens[place + 1 : place + 2]]
            if token.shape != SMALL:
                opened[place] = any(one.shape >= NUMBER or one.known & STREET for one in beside)
            elif token.known & UNIT:
                opened[place] = any(
                    one.shape >= NUMBER or one.shape == INITIAL or one.known & UNIT
                    for one in beside
                )
    return opened


def is_unread(tokens: Sequence[Token]) -> bool:
    """True for a text in a language of which no list has the words."""
    small = unknown = 0
    for token in tokens:
        if token.shape == SMALL and token.end - token.start > 1:
            small += 1
            unknown += not token.known
    return small >= _FEWEST_WORDS and unknown > _UNREAD * small


def is_open(token: Token) -> bool:
    """False if the token cannot be a part of a name or an address, whatever stands beside it."""
    known = token.known
    if token.shape >= NUMBER:
        return token.end - token.start <= LONGEST_NUMBER
    if token.end - token.start > LONGEST_WORD or known & TITLE:
        return False
    if known & COMMON and "'" in token.lower:  # "I'm"
        return False
    if not known:
        return True
    if known & LISTED:
        return token.shape != SMALL or not known & (COMMON | FOREIGN) or known & LISTED != UNIT
    return token.shape != SMALL and not token.opens and not known & FOREIGN


def is_anchor(token: Token) -> bool:
    """True if the token may begin a find; a text without any need not be looked at closer."""
    known = token.known
    if token.shape >= NUMBER:
        return False
    if known & (COMMON | FOREIGN):
        if token.shape == SMALL or token.opens:
            named = token.shape == CAPITALISED and known & NAME_LIKE and not known & FOREIGN
            return bool(known & STREET or named)
        return not known & FOREIGN and token.lower != "i"
    return not known & TITLE


def writing(tokens: Sequence[Token]) -> int:
    """How the text as a whole uses capitals: 0 as in English, 1 as in German, 2 none, 3 only."""
    shapes = {token.shape for token in tokens if token.end - token.start > 1}
    if CAPITALISED not in shapes:
        return 3 if CAPITALS in shapes and SMALL not in shapes else 2
    return 1 if is_german(tokens) else 0


@lru_cache(maxsize=1 << 12)
def _flags(known: int, shape: int, opens: bool) -> int:
    return hashed(f"k{known},{shape},{opens}")


def _look(token: Token) -> tuple[int, int]:
    """The token as its neighbours see it: which word, and what kind."""
    if token.shape >= NUMBER:
        length = min(token.end - token.start, 8)
        look = hashed(f"n{length},{token.shape}")
        return look, look
    known = token.known
    word = hashed(token.lower) if known else _UNKNOWN
    return word, _flags(known, token.shape, token.opens)


def features_of(tokens: Sequence[Token], wanted: Sequence[bool]) -> list[Features]:
    """Features of the `wanted` tokens; an empty list for each of the others."""
    looks = [_EDGE] * (len(tokens) + 6)
    for place in _beside(wanted):
        looks[place + 3] = _look(tokens[place])
    style = writing(tokens) * 31
    features: list[Features] = []
    for place, token in enumerate(tokens):
        if not wanted[place]:
            features.append([])
            continue
        after = tokens[place + 1].before if place + 1 < len(tokens) else 0
        found = _of_one(looks, place + 3, token.before, after, style)
        if token.shape < NUMBER:
            found += _of_parts(token.lower, style)
        features.append(found)
    return features


def _beside(wanted: Sequence[bool]) -> Iterator[int]:
    """The places that the wanted ones look at: themselves, and three on either side."""
    following = 0
    for place, one in enumerate(wanted):
        if one:
            end = min(place + 4, len(wanted))
            yield from range(max(following, place - 3), end)
            following = end


def _of_one(
    looks: Sequence[tuple[int, int]], at: int, before: int, after: int, style: int
) -> Features:
    (w3, _), (w2, k2), (w1, k1), (w, k), (n1, q1), (n2, q2), (n3, _) = looks[at - 3 : at + 4]
    b, a = (before + 1) * 40503, (after + 1) * 69069
    # Odd multipliers keep the places apart; their values mean nothing else.
    return [
        w * 3 & _MASK,
        k * 5 & _MASK,
        (k + style) * 7 & _MASK,
        w1 * 11 & _MASK,
        w2 * 13 & _MASK,
        w3 * 17 & _MASK,
        n1 * 19 & _MASK,
        n2 * 23 & _MASK,
        n3 * 29 & _MASK,
        k1 * 31 & _MASK,
        k2 * 37 & _MASK,
        q1 * 41 & _MASK,
        q2 * 43 & _MASK,
        (b + k) * 47 & _MASK,
        (a + k) * 53 & _MASK,
        (b + a) * 59 & _MASK,
        (w1 * 3 + w2) * 61 & _MASK,
        (w1 + k * 3 + b) * 67 & _MASK,
        (n1 + k * 3 + a) * 71 & _MASK,
        (k1 * 3 + k * 5 + q1) * 73 & _MASK,
        (w1 * 3 + w2 * 5 + k + b) * 79 & _MASK,
        (k1 * 3 + k2 * 5 + k + b) * 83 & _MASK,
        (q1 * 3 + q2 * 5 + k + a) * 89 & _MASK,
        (w1 + b) * 97 & _MASK,
        (k + b * 3 + a + style) * 101 & _MASK,
        (k1 + k * 3 + b + style) * 103 & _MASK,
        (w1 * 3 + w2 * 5 + w3 * 7) * 107 & _MASK,
    ]


def _of_parts(lower: str, style: int) -> Features:
    """Beginning and end of a word: "-ski", "-straße", "Mc-"; they speak for words never seen."""
    last3 = hashed(lower[-3:])
    return [
        hashed(lower[-2:]) * 109 & _MASK,
        last3 * 113 & _MASK,
        (last3 + style) * 127 & _MASK,
        hashed(lower[-4:]) * 131 & _MASK,
        hashed(lower[-6:]) * 137 & _MASK,
        hashed(lower[:2]) * 139 & _MASK,
        hashed(lower[:3]) * 149 & _MASK,
        hashed(lower[:4]) * 151 & _MASK,
        (min(len(lower), 12) + 1) * 157157 & _MASK,
    ]

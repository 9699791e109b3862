"""Names of persons and postal addresses, as the tagger reads them."""

import re
from bisect import bisect_right

from answerable.privacy.introduced import find_called, find_introduced, has_such_writing
from answerable.privacy.spans import ADDRESS, NAME
from answerable.privacy.tagger import model
from answerable.privacy.tagger.tokens import (
    CAPITALISED,
    COMMA,
    COMMON,
    COUNTRY,
    FIRST,
    FOREIGN,
    INITIAL,
    LINE,
    NAME_LIKE,
    PARTICLE,
    SMALL,
    SPACE,
    START,
    STOP,
    STREET,
    TITLE,
    TOWN,
    UNIT,
    Token,
)
from answerable.privacy.view import View
from answerable.privacy.whole_addresses import complete, ends_like_a_street

# A postcode alone is an address when it is called one.
_POSTCODE = re.compile(
    r"(?:\bzip(?: ?code)?|\bpost ?code|\bpostal code|\bplz|\bpostleitzahl|\bcode postal"
    r"|\bcódigo postal|\bkod pocztowy)(?: is| ist| lautet| est| es|:){0,2} {0,2}"
    r"(\d{4,6}(?:-\d{3,4})?|[a-z]{1,2}\d[a-z\d]? ?\d[a-z]{2}|\d{4} ?[a-z]{2}|\d\d-\d{3})(?![\w-])"
)
# A run without spaces that holds one of these is a link, markup, code or a file's name. What mail
# programs put before quoted lines, and a backslash before a mark ("\\n", "\\"") are none of them.
# Each sign first, and then what has to stand around it: so they are searched for like one letter.
_CODE_SIGN = re.compile(
    r"[:<>{}=#_|~`\\./](?:(?<=[<{}=_|~`])|(?<=#)(?!\d{1,4}\b)|(?<=[^\s>]>)(?!\s|$)"
    r"|(?<=\\)(?![nrt\"'\s\\])"
    r"|(?<=:)(?://|:)|(?<=[^\W\d_]{2}\.)[a-z]{2}|(?<=\w/)(?!\d+/\d+\b)\w+/)"
)
_RUN = re.compile(r"\S+")
_DRAWN_OUT = re.compile(r"([^\W\d])\1\1")  # "soooo", "shhh"
_DIGIT = re.compile(r"\d")
_AMOUNT = re.compile(r"(?<=\d)[.,:](?=\d)")  # "1.284,50" and "14:05" are no house's number
_CALLING = """dear hi hello hey thanks hallo lieber liebe danke cher chère bonjour merci hola
querida querido gracias ciao cara caro grazie beste hoi cześć olá obrigado"""
_CALLS = frozenset(_CALLING.split())
_TITLES_AFTER = "jr sr ii iii iv phd md dds dvm esq mba msc bsc"
_AFTER_NAMES = frozenset(_TITLES_AFTER.split())
_HERE = frozenset(("sir", "madam", "madame", "monsieur"))  # they call as well as they name
_LONGEST_LIST = 3  # digits and the stop of the number before an entry
_LONGEST_GAP = 6  # characters between two lines of one address


def find_people(view: View, tagger: model.Tagger) -> None:
    """Names and addresses in what nothing else was found in."""
    find_introduced(view)
    find_called(view)
    tokens = tagger.reader.tokens_of(view.text)
    if not tokens:
        return
    free = _free(view, tokens)
    labels = tagger.labels(tokens, free)
    if "p" in view.lower or "z" in view.lower:
        _find_postcodes(view)
    if model.ADDRESS in labels or _DIGIT.search(view.text):
        complete(labels, tokens, free)
    if not any(labels):
        return
    place = 0
    while place < len(tokens):
        label = labels[place]
        end = place + 1
        while end < len(tokens) and labels[end] == label and _goes_on(view, label, tokens, end):
            end += 1
        if label == model.NAME and _may_be_a_name(tokens, place, end):
            place = _with_initials(tokens, free, place)
            _add_name(view, tokens[place:end], *_titles(tokens, place, end))
        elif label == model.ADDRESS:
            if _is_address(tokens[place:end]):
                _add_address(view, tokens[place:end])
            else:
                _find_persons(view, tokens, place, end)
        place = end


def _free(view: View, tokens: list[Token]) -> list[bool]:
    """Which tokens are neither found to be something else, nor part of a link or of code, nor in a
    writing that the tagger cannot read."""
    if view.found:
        free = [view.is_free(token.start, token.end) for token in tokens]
    else:
        free = [True] * len(tokens)
    if has_such_writing(view.text):
        for place, token in enumerate(tokens):
            free[place] = free[place] and not has_such_writing(token.lower)
    if _CODE_SIGN.search(view.text):
        code = [run.span() for run in _RUN.finditer(view.text) if _CODE_SIGN.search(run[0])]
        for place, token in enumerate(tokens):
            at = bisect_right(code, (token.start, len(view.text))) - 1
            if at >= 0 and token.start < code[at][1]:
                free[place] = False
    with_hosts = "@" in view.text
    for place, token in enumerate(tokens):
        in_a_list = token.is_number and _is_in_a_list(tokens, place)
        if in_a_list or (with_hosts and _is_a_host(view.text, token)):
            free[place] = False
    if _AMOUNT.search(view.text):
        marks = {mark.start() for mark in _AMOUNT.finditer(view.text)}
        for place, token in enumerate(tokens):
            if token.is_number and (token.end in marks or token.start - 1 in marks):
                free[place] = False
    return free


def _is_in_a_list(tokens: list[Token], place: int) -> bool:
    """True for the "2." before an entry: it is no house's number. "2. OG" is a floor."""
    token = tokens[place]
    if token.before not in (START, LINE) or place + 1 == len(tokens):
        return False
    entry = tokens[place + 1]
    listed = entry.before == STOP and entry.shape == CAPITALISED and not entry.known & UNIT
    return listed and token.end - token.start < _LONGEST_LIST


def _is_a_host(text: str, token: Token) -> bool:
    """True for what stands behind the "@" of "me@localhost"."""
    at = token.start - 1
    return text[at : at + 1] == "@" and text[at - 1 : at].isalnum()


def _find_postcodes(view: View) -> None:
    for found in _POSTCODE.finditer(view.lower):
        if view.is_free(*found.span(1)):
            view.add(ADDRESS, *found.span(1), found[1])


def _goes_on(view: View, label: int, tokens: list[Token], place: int) -> bool:
    """True if the token at `place` belongs to the same name or address as the one before."""
    token = tokens[place]
    gap = token.start - tokens[place - 1].end
    if label == model.ADDRESS:
        if token.before == STOP and tokens[place - 1].is_number and token.shape == CAPITALISED:
            return not token.known & COMMON or bool(token.known & (STREET | UNIT))
        between = view.text[tokens[place - 1].end : token.start]
        if between[:1] == "." and "\n" in between:  # "London NW10 4AU.", and then another line
            return token.is_number or not token.known & (COMMON | FOREIGN)
        return gap <= _LONGEST_GAP and ".." not in between and "!" not in between
    if token.before == STOP:  # "E. M. Castellano", but not "… Anna. Tom …"
        return tokens[place - 1].end - tokens[place - 1].start <= 2
    return token.before == SPACE


def _may_be_a_name(tokens: list[Token], start: int, end: int) -> bool:
    """False for "Europe" and "Mastercard", unless with a name, a title or a greeting."""
    if all(
        token.known & (COMMON | FOREIGN | TOWN | COUNTRY) and not token.known & NAME_LIKE
        for token in tokens[start:end]
    ):
        if not start:
            return False
        before = tokens[start - 1]
        return bool(before.known & TITLE) or (
            before.lower in _CALLS and tokens[start].shape == CAPITALISED
        )
    if end == start + 1 and tokens[start].shape == SMALL:
        known = tokens[start].known
        if known & COMMON and not known & FIRST:  # "cash" and "long" are family names as well
            return False
    if any(_DRAWN_OUT.search(token.lower) for token in tokens[start:end]):
        return False
    # One letter tells nobody, and spelt abbreviations ("u. s. d.") are no names.
    return any(not t.is_number and t.end - t.start > 1 for t in tokens[start:end])


def _with_initials(tokens: list[Token], free: list[bool], start: int) -> int:
    """Where "E. M. Castellano" begins, of which "Castellano" begins at `start`."""
    while start and tokens[start].before == STOP and free[start - 1]:
        before = tokens[start - 1]
        if before.shape != INITIAL or (before.before == STOP and before.lower == "i"):
            break
        start -= 1
    return start


def _titles(tokens: list[Token], start: int, end: int) -> tuple[Token | None, Token | None]:
    """What people put before and after a name: "Dr. …", "… PhD"; it tells of them too."""
    before = tokens[start - 1] if start else None
    if before is not None and not (
        before.known & TITLE and tokens[start].before in (SPACE, STOP) and before.lower not in _HERE
    ):
        before = None
    after = tokens[end] if end < len(tokens) else None
    if after is not None and not (after.lower in _AFTER_NAMES and after.before in (SPACE, COMMA)):
        after = None
    return before, after


def _add_name(view: View, tokens: list[Token], before: Token | None, after: Token | None) -> None:
    while tokens and tokens[-1].known & PARTICLE and len(tokens) > 1:
        tokens, after = tokens[:-1], None
    start, end = (before or tokens[0]).start, (after or tokens[-1]).end
    view.add(NAME, start, end, " ".join(token.lower for token in tokens))


def _is_located(tokens: list[Token]) -> bool:
    """True if the numbers alone make an address of the words: "24 hours" and "3 rates" are none."""
    numbers = [token for token in tokens if token.is_number]
    if any(token.end - token.start > 3 for token in numbers):
        return any(not t.known & (COMMON | FOREIGN | UNIT) and not t.is_number for t in tokens)
    words = [t for t in tokens if not t.is_number and not t.known & (COMMON | UNIT)]
    return len(numbers) > 1 and len(tokens) > 2 and bool(words)


def _is_address(tokens: list[Token]) -> bool:
    """A street or a number must be in it: a town alone tells nobody where somebody lives."""
    numbered = any(token.is_number for token in tokens)
    streets = any(
        (t.known & STREET and (numbered or (t.end - t.start > 1 and not t.known & PARTICLE)))
        or ends_like_a_street(t)
        for t in tokens
    )
    worded = any(not t.is_number and t.end - t.start > 1 for t in tokens)
    return worded and len(tokens) > 1 and (streets or _is_located(tokens))


def _find_persons(view: View, tokens: list[Token], start: int, end: int) -> None:
    """ "Thomas Okonkwo" in what was taken for an address and is none: a first name, and then one
    that is of no list of places."""
    while start < end - 1:
        first, start = start, start + 1
        if not tokens[first].known & FIRST or tokens[first].shape != CAPITALISED:
            continue
        while start < end and _continues_a_name(tokens[start]):
            start += 1
        if start > first + 1:
            _add_name(view, tokens[first:start], *_titles(tokens, first, start))


def _continues_a_name(token: Token) -> bool:
    named = token.known & NAME_LIKE or not token.known
    return token.before == SPACE and token.shape == CAPITALISED and bool(named)


def _add_address(view: View, tokens: list[Token]) -> None:
    start, end = tokens[0].start, tokens[-1].end
    view.add(ADDRESS, start, end, " ".join(token.lower for token in tokens))

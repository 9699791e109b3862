"""National identity numbers, tax numbers, and numbers that the words before them name."""

import re
from collections.abc import Callable, Sequence

from stdnum.at import vnr
from stdnum.be import nn
from stdnum.ca import sin
from stdnum.ch import ssn as ahv
from stdnum.cz import rc
from stdnum.de import idnr
from stdnum.dk import cpr
from stdnum.es import dni, nie
from stdnum.eu import vat
from stdnum.fi import hetu
from stdnum.fr import nir
from stdnum.gb import nhs
from stdnum.ie import pps
from stdnum.it import codicefiscale
from stdnum.nl import bsn
from stdnum.no import fodselsnummer
from stdnum.pl import pesel
from stdnum.se import personnummer

from answerable.privacy import context
from answerable.privacy.dates import DATE
from answerable.privacy.spans import ACCOUNT_NUMBER, CARD, NATIONAL_ID, PASSPORT, TAX_ID
from answerable.privacy.view import View


def _is_ssn(number: str) -> bool:
    """Social Security Administration, randomised since 2011: areas 000, 666, 9xx never issued."""
    digits = re.sub(r"\D", "", number)
    return (
        digits[:3] not in ("000", "666")
        and digits[0] != "9"
        and digits[3:5] != "00"
        and digits[5:] != "0000"
    )


def _is_nino(number: str) -> bool:
    return number[:2].upper() not in ("BG", "GB", "NK", "KN", "TN", "NT", "ZZ")


def _is_rvnr(number: str) -> bool:
    """The German pension number: an area, a date of birth, a letter, a series."""
    digits = re.sub(r"\D", "", number)
    return 1 <= int(digits[2:4]) <= 31 and 1 <= int(digits[4:6]) <= 12


# shape, check, and whether these are proof enough without a word beside the number
_Rule = tuple[str, re.Pattern[str], Callable[[str], bool], bool]


_NOT_BEFORE, _NOT_AFTER = r"(?<![A-Za-z0-9.,/\-])", r"(?![A-Za-z0-9]|[.,\-/]\d)"


def _rule(kind: str, shape: str, check: Callable[[str], bool], *, alone: bool) -> _Rule:
    pattern = re.compile(f"{_NOT_BEFORE}(?:{shape}){_NOT_AFTER}", re.IGNORECASE)
    return kind, pattern, check, alone


def _any_of(rules: Sequence[_Rule], *, first: str) -> re.Pattern[str]:
    """Found at each place where a rule would find something: one scan instead of one for each.

    first: what all their shapes begin with.
    """
    shapes = "|".join(pattern.pattern for _, pattern, _, _ in rules)
    return re.compile(f"{_NOT_BEFORE}(?={first})(?={shapes})", re.IGNORECASE)


_NUMERIC_RULES = (
    _rule(NATIONAL_ID, r"\d{3}-\d\d-\d{4}", _is_ssn, alone=True),
    _rule(NATIONAL_ID, r"\d{3} \d\d \d{4}", _is_ssn, alone=False),
    _rule(
        NATIONAL_ID,
        r"[1-478] ?\d\d ?[0-9]\d ?[0-9][\dab] ?\d{3} ?\d{3}(?: ?/? ?\d\d)",
        nir.is_valid,
        alone=True,
    ),
    _rule(NATIONAL_ID, r"756[. ]?\d{4}[. ]?\d{4}[. ]?\d\d", ahv.is_valid, alone=True),
    _rule(NATIONAL_ID, r"\d\d\.\d\d\.\d\d[ \-]\d{3}[. ]\d\d", nn.is_valid, alone=True),
    _rule(NATIONAL_ID, r"\d{6}[ \-]?\d{3}[ .\-]?\d\d", nn.is_valid, alone=False),
    _rule(NATIONAL_ID, r"(?:19|20)?\d{6}[\-+]\d{4}", personnummer.is_valid, alone=True),
    _rule(NATIONAL_ID, r"\d{6}[\-+a-f]\d{3}[0-9a-y]", hetu.is_valid, alone=True),
    _rule(NATIONAL_ID, r"\d{6}/\d{4}", rc.is_valid, alone=True),
    _rule(NATIONAL_ID, r"\d{6} ?\d{5}", fodselsnummer.is_valid, alone=True),
    _rule(NATIONAL_ID, r"\d{6}-\d{4}", cpr.is_valid, alone=False),
    _rule(NATIONAL_ID, r"\d{11}", pesel.is_valid, alone=False),
    _rule(
        NATIONAL_ID,
        r"\d{9}|\d{4}[. ]\d\d[. ]\d{3}|\d{3}[. ]\d{3}[. ]\d{3}",
        bsn.is_valid,
        alone=False,
    ),
    _rule(NATIONAL_ID, r"\d{4} ?\d{6}", vnr.is_valid, alone=False),
    _rule(NATIONAL_ID, r"\d{3}[ \-]?\d{3}[ \-]?\d{4}", nhs.is_valid, alone=False),
    _rule(NATIONAL_ID, r"\d{3}[ \-]?\d{3}[ \-]?\d{3}", sin.is_valid, alone=False),
    _rule(NATIONAL_ID, r"\d\d?\.?\d{3}\.?\d{3}[ \-]?[a-z]", dni.is_valid, alone=True),
    _rule(NATIONAL_ID, r"\d{7}[a-w][a-i]?", pps.is_valid, alone=False),
    _rule(NATIONAL_ID, r"\d\d ?\d{6} ?[a-z] ?\d{3}", _is_rvnr, alone=False),
    _rule(TAX_ID, r"\d\d \d{3} \d{3} \d{3}", idnr.is_valid, alone=True),
    _rule(TAX_ID, r"\d{11}", idnr.is_valid, alone=False),
)
_LETTERED_RULES = (
    _rule(NATIONAL_ID, r"(?:[a-ceghj-prtw-z][a-ceghj-nprtw-z]|qq) ?\d\d ?\d\d ?\d\d ?[a-d]",
          _is_nino, alone=True),
    _rule(NATIONAL_ID, r"[xyz][ \-]?\d{7}[ \-]?[a-z]", nie.is_valid, alone=True),
    _rule(NATIONAL_ID, r"[a-z]{6} ?\d[\da-z] ?[a-z]\d[\da-z] ?[a-z]\d[\da-z]\d ?[a-z]",
          codicefiscale.is_valid, alone=True),
    _rule(TAX_ID,
          r"(?:AT|BE|BG|CY|CZ|DE|DK|EE|EL|ES|FI|FR|HR|HU|IE|IT|LT|LU|LV|MT|NL|PL|PT|RO|SE|SI|SK)"
          r"[ ]?[a-z0-9]{8,12}", vat.is_valid, alone=True),
)  # fmt: skip
_HAS_LETTERED = re.compile(r"\d(?:(?<=[A-Za-z]\d)|(?<=[A-Za-z] \d))")
_HAS_NUMERIC = re.compile(r"\d[\d .\-/+]{5}")
_ANY_LETTERED = _any_of(_LETTERED_RULES, first="[a-z]")
_ANY_NUMERIC = _any_of(_NUMERIC_RULES, first=r"\d")

_TOKEN = re.compile(
    r"(?<![A-Za-z0-9.,])(?:[A-Za-z]{1,5}|[A-Z]{1,2} )?\d[A-Za-z0-9]{0,24}"
    r"(?:[ .\-/]\d[A-Za-z0-9]{0,18}){0,7}"
)
_NAMED_HINT = re.compile(
    r"a/c|ac[ck]|konto|kto|compte|cuenta|conto|reken|rachun|routing|aba\b|blz|bankleit|sort|iban|clabe|"
    r"depot|pass|ausweis|pasap|licen|führ|permis|driver|ssn|nino|dni|nie\b|pesel|bsn|sofi|person|cpr|"
    r"hetu|fiscal|nir|insee|écu|svnr|versich|ahv|cnp|egn|aadh|cpf|curp|føds|fods|pps|security|insur|"
    r"national|steuer|tin\b|ein\b|utr|tax|iva|vat|siren|siret|nip\b|ust|mwst|uid|id num|id card|"
    r"identi|sin\b|nhs|nas\b|oib|jmbg|rodn|card|karte|tarjeta|carta|kaart|cart|kort|visa|amex|master"
)
# type, most words between the word and the number, fewest digits
_NAMED = {
    context.NATIONAL: (NATIONAL_ID, 5, 6),
    context.TAX: (TAX_ID, 5, 7),
    context.PASSPORT: (PASSPORT, 4, 4),
    context.ACCOUNT: (ACCOUNT_NUMBER, 4, 6),
    context.CARD: (CARD, 2, 14),  # with a digit mistyped: `cards` finds those that are right
}
_YEAR = re.compile(r"(?:19|20)\d\d")
_CARD_OF_IDENTITY = re.compile(r"[A-Z][A-Z0-9]{8}")  # since 2010: letters and digits as they come
_NOT_A_NUMBER = re.compile(r" ?(?:[€$£%]|eur\b|euro|usd|gbp|chf|dollar|pound)", re.IGNORECASE)


def find_identity_numbers(view: View) -> None:
    if _HAS_NUMERIC.search(view.text):
        _find_by_rules(view, _NUMERIC_RULES, _ANY_NUMERIC)
    if _HAS_LETTERED.search(view.text):
        _find_by_rules(view, _LETTERED_RULES, _ANY_LETTERED)


def _find_by_rules(view: View, rules: Sequence[_Rule], anything: re.Pattern[str]) -> None:
    starts = [place.start() for place in anything.finditer(view.text)]
    for kind, pattern, check, alone in rules if starts else ():
        end = 0
        for start in starts:
            candidate = pattern.match(view.text, start) if start >= end else None
            if candidate is None:
                continue
            end = candidate.end()
            if not view.is_free(start, end):
                continue
            right = check(candidate[0]) and _is_meant(view, kind, start, alone)
            if right or _is_misspelt(view, kind, candidate):
                view.add(kind, start, end, _normal(candidate[0]))


def _is_misspelt(view: View, kind: str, candidate: re.Match[str]) -> bool:
    """True for "C.F. DSNGLC71B03A662X", of which a letter is wrong: who mistypes it means it. Of
    digits alone those that are called so are found by that."""
    if candidate[0].replace(" ", "").isdigit():
        return False
    wanted = context.NATIONAL if kind == NATIONAL_ID else context.TAX
    return context.nearest(view.labels_before(candidate.start()), within=2) == wanted


def _is_meant(view: View, kind: str, start: int, alone: bool) -> bool:
    wanted = context.TAX if kind == TAX_ID else context.NATIONAL
    meaning = context.nearest(view.labels_before(start), within=6)
    if meaning == wanted:
        return True
    return alone and meaning not in (context.OTHER, context.PHONE)


def find_named_numbers(view: View) -> None:
    """Account, identity, tax and passport numbers that carry no checksum but are called so."""
    if not _NAMED_HINT.search(view.lower):
        return
    for token in _TOKEN.finditer(view.text):
        labels = view.labels_before(token.start())
        rule = _NAMED.get(context.nearest(labels) or "")
        if rule is None or not view.is_free(*token.span()):
            continue
        kind, within, fewest_digits = rule
        if kind == PASSPORT and _CARD_OF_IDENTITY.fullmatch(token[0]):
            fewest_digits = 2
        if kind == PASSPORT and _YEAR.fullmatch(token[0]):
            continue  # "valid until 2031"
        if min(labels.values()) > within or not _looks_like_a_number(view, token, fewest_digits):
            continue
        view.add(kind, *token.span(), _normal(token[0]))


def _looks_like_a_number(view: View, token: re.Match[str], fewest_digits: int) -> bool:
    written = token[0]
    digits = sum(map(str.isdigit, written))
    return (
        fewest_digits <= digits <= 34
        and (DATE.fullmatch(written) is None or _is_sort_code(view, token))
        and _NOT_A_NUMBER.match(view.text, token.end()) is None
        and not (view.text[token.end() : token.end() + 1] == "," and digits < 8
                 and view.text[token.end() + 1 : token.end() + 2].isdigit())
    )  # fmt: skip


def _is_sort_code(view: View, token: re.Match[str]) -> bool:
    """The British 20-00-00, which looks like a date."""
    before = view.lower[max(0, token.start() - 24) : token.start()]
    return re.fullmatch(r"\d\d-\d\d-\d\d", token[0]) is not None and "sort" in before


def _normal(written: str) -> str:
    return re.sub(r"[^A-Za-z0-9]", "", written).upper()

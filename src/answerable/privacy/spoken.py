"""Numbers written as they are read out: "four two four two", "null eins sieben", "double five"."""

import re

from answerable.privacy import context
from answerable.privacy.cards import is_card_number
from answerable.privacy.spans import CARD, PHONE
from answerable.privacy.view import View

_WORDS = """zero=0 oh=0 nought=0 one=1 two=2 three=3 four=4 five=5 six=6 seven=7 eight=8 nine=9
null=0 eins=1 zwei=2 zwo=2 drei=3 vier=4 fünf=5 fuenf=5 sechs=6 sieben=7 acht=8 neun=9
zéro=0 un=1 deux=2 trois=3 quatre=4 cinq=5 sept=7 huit=8 neuf=9
cero=0 uno=1 dos=2 tres=3 cuatro=4 cinco=5 seis=6 siete=7 ocho=8 nueve=9"""
_DIGIT = dict(entry.split("=") for entry in _WORDS.split())
_TIMES = {"double": 2, "doppelt": 2, "triple": 3, "treble": 3}
_HUNDRED = "hundred"
_ANY = "|".join(sorted([*_DIGIT, *_TIMES, _HUNDRED], key=len, reverse=True))
# Possessive, so that a long run is read once.
_RUN = re.compile(rf"\b(?:(?:{_ANY})\b[ ,.\-]{{0,3}}+){{6,}}+")
_WORD = re.compile(_ANY)
_FEWEST, _MOST = 8, 15  # digits of a telephone number


def find_spoken(view: View) -> None:
    """Card numbers by their check digit; telephone numbers where they are called so."""
    for run in _RUN.finditer(view.lower):
        end = run.start() + len(run[0].rstrip(" ,.-"))
        digits = _digits(_WORD.findall(run[0]))
        if not view.is_free(run.start(), end):
            continue
        if is_card_number(digits):
            view.add(CARD, run.start(), end, digits)
        elif _FEWEST <= len(digits) <= _MOST and _is_phone(view, run.start(), end):
            view.add(PHONE, run.start(), end, digits)


def _digits(words: list[str]) -> str:
    digits, times = "", 1
    for word in words:
        if word in _TIMES:
            times = _TIMES[word]
        elif word == _HUNDRED:
            digits += "00"
        else:
            digits += _DIGIT[word] * times
            times = 1
    return digits


def _is_phone(view: View, start: int, end: int) -> bool:
    before = context.nearest(view.labels_before(start), within=6)
    return before == context.PHONE or context.PHONE in view.labels_after(end)

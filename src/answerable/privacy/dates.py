"""Dates of birth: a date beside a word for birth, or right behind a name."""

import re
from collections.abc import Collection

from answerable.privacy import context
from answerable.privacy.spans import DATE_OF_BIRTH, NAME
from answerable.privacy.view import View

FIRST_BIRTH, LAST_BIRTH = 1910, 2009  # years
_LONGEST_GAP = 3  # characters between a name and its date
_YEAR = re.compile(r"\d{4}")
_HINT = re.compile(
    "birth|born|dob|d\\.o\\.b|geb|naiss|né|naci|nato|nata|nasc|urodz|född|föd|fød|geboor|synty"
)
DATE = re.compile(
    r"(?<![\w.\-/])(?:\d{1,2}[./\-] ?\d{1,2}[./\-] ?(?:\d{4}|\d{2})|"
    r"\d{4}[./\-]\d{1,2}[./\-]\d{1,2})"
    r"(?!\d|[./\-]\d)"
)
_WORDED = re.compile(
    r"(?<![\w])(?:\d{1,2}(?:st|nd|rd|th|er|\.)? ?(?:of |de |-)?[^\W\d_]{3,12}\.?,? ?(?:de |-)?\d{4}"
    r"|[^\W\d_]{3,12}\.? \d{1,2}(?:st|nd|rd|th)?,? \d{4})(?!\d)"
)
_MONTH_STEMS = """jan feb mär mar apr may mai jun jul aug sep okt oct nov dez dec janv fév fev avr
juin juil aoû dic ene abr ago gen mag giu lug set ott sty lut kwi maj cze lip sie wrz paź lis gru
maart mei augu mrt"""
_MONTHS = tuple(_MONTH_STEMS.split())


def find_dates_of_birth(view: View) -> None:
    if not (_HINT.search(view.lower) or "d.o.b" in view.lower):
        return
    for pattern in (DATE, _WORDED):
        for date in pattern.finditer(view.text):
            value = _normal(date[0].lower(), worded=pattern is _WORDED)
            if value is not None and _is_birth(view, *date.span()):
                view.add(DATE_OF_BIRTH, *date.span(), value)


def find_dates_of_persons(view: View) -> None:
    """Dates right behind names, which must have been found."""
    names = {span.end for span in view.found if span.type == NAME}
    if not names:
        return
    for date in DATE.finditer(view.text):
        value = _normal(date[0], worded=False)
        start, end = date.span()
        if value is None or not view.is_free(start, end):
            continue
        if _is_of_a_person(view.text, names, start, value):
            view.add(DATE_OF_BIRTH, start, end, value)


def _is_of_a_person(text: str, names: Collection[int], start: int, date: str) -> bool:
    """True for "Amara Diallo, 17.06.1985": nobody writes what happened so long ago to a company.

    names: where names end.
    """
    years = [int(year) for year in _YEAR.findall(date)]
    if not years or not FIRST_BIRTH <= years[0] <= LAST_BIRTH:
        return False
    return any(
        start - gap in names and not text[start - gap : start].strip(" ,(*\n")
        for gap in range(1, _LONGEST_GAP + 1)
    )


def _is_birth(view: View, start: int, end: int) -> bool:
    before = view.labels_before(start).get(context.BIRTH)
    if before is not None and before <= 8:
        return True
    if "d.o.b" in view.lower[max(0, start - 24) : start]:
        return True
    return view.labels_after(end).get(context.BIRTH, 9) <= 2


def _normal(date: str, *, worded: bool) -> str | None:
    if worded and not any(month in date for month in _MONTHS):
        return None
    numbers = [int(number) for number in re.findall(r"\d+", date)]
    year = next((number for number in numbers if number > 31), None)
    if year is not None and year > 99 and not 1900 <= year <= 2100:
        return None
    if not worded and not any(1 <= number <= 12 for number in numbers):
        return None
    return re.sub(r"[ ,]+", " ", date).strip()

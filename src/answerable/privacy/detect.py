"""Finds personal data in one text."""

import re
from collections.abc import Sequence

from answerable.definition.terms import PHONE_COUNTRIES
from answerable.privacy.addresses import find_emails, find_ip_addresses, find_spelt_emails
from answerable.privacy.bank import find_bics, find_ibans
from answerable.privacy.cards import find_cards, find_security_codes
from answerable.privacy.dates import find_dates_of_birth, find_dates_of_persons
from answerable.privacy.identity import find_identity_numbers, find_named_numbers
from answerable.privacy.own import find_own, find_own_phones
from answerable.privacy.people import find_people
from answerable.privacy.phones import find_phones
from answerable.privacy.record import Record
from answerable.privacy.spans import Span, resolve
from answerable.privacy.spoken import find_spoken
from answerable.privacy.tagger import model
from answerable.privacy.view import View, plain

__all__ = ["Record", "Span", "find"]

# Everything but a BIC holds three digits within a few characters, or an "@".
_ANYTHING = re.compile(r"@|\d[^\d]?[^\d]?\d")
_DIGITS = re.compile(r"\d")
_SPELT = re.compile(r"[(\[{<] ?at\b| dot | punkt | point | punto | kropka ", re.IGNORECASE)
_BIC_WORDS = re.compile(r"[bB][iI][cC](?![a-z])|[sS][wW][iI][fF][tT]")


def find(
    text: str, *, regions: Sequence[str] = PHONE_COUNTRIES, record: Record | None = None
) -> list[Span]:
    """Personal data in `text`, in order and without overlaps; offsets count characters of `text`.

    regions: ISO countries whose national telephone format is tried, likeliest first.
    record: what is known of who wrote it, to be found again however it is written.
    Cost grows linearly with the length; text without digits and "@" costs a few microseconds.
    """
    digits = _DIGITS.search(text) is not None
    at = "@" in text
    bic = _BIC_WORDS.search(text) is not None
    tagger = model.load()
    spelt = _SPELT.search(text) is not None
    if tagger is None and record is None and not (digits or at or bic or spelt):
        return []
    view = View(plain(text))
    if "@" in view.text:
        find_emails(view)
    if at or spelt:
        find_spelt_emails(view)
    if bic:
        find_bics(view)
    if digits and _ANYTHING.search(view.text):
        _find_numbers(view, regions, record)
    find_spoken(view)
    if record is not None:
        find_own(view, record)
    if tagger is not None:
        find_people(view, tagger)
        if digits:
            find_dates_of_persons(view)
    return resolve(view.found)


def _find_numbers(view: View, regions: Sequence[str], record: Record | None) -> None:
    # Strongest first: later families skip what an earlier one has taken.
    find_ibans(view)
    find_cards(view)
    find_security_codes(view)
    find_ip_addresses(view)
    find_identity_numbers(view)
    find_dates_of_birth(view)
    find_named_numbers(view)
    if record is not None:
        find_own_phones(view, record)
    find_phones(view, regions)

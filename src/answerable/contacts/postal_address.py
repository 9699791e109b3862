"""A postal address as a contact types it: put into one form, or told what is wrong with it."""

import re
from collections.abc import Mapping

from answerable.contacts.plain_text import plain

# ISO 3166-1, with the name in the country's own words, in the order in which a list shows them.
COUNTRIES: dict[str, str] = {
    "AT": "Österreich", "BE": "België / Belgique", "BG": "България", "HR": "Hrvatska",
    "CY": "Κύπρος", "CZ": "Česko", "DK": "Danmark", "EE": "Eesti", "FI": "Suomi", "FR": "France",
    "DE": "Deutschland", "GR": "Ελλάδα", "HU": "Magyarország", "IS": "Ísland", "IE": "Ireland",
    "IT": "Italia", "LV": "Latvija", "LI": "Liechtenstein", "LT": "Lietuva", "LU": "Luxembourg",
    "MT": "Malta", "NL": "Nederland", "NO": "Norge", "PL": "Polska", "PT": "Portugal",
    "RO": "România", "SK": "Slovensko", "SI": "Slovenija", "ES": "España", "SE": "Sverige",
    "CH": "Schweiz / Suisse / Svizzera", "GB": "United Kingdom", "US": "United States",
    "CA": "Canada",
}  # fmt: skip
# Where a slip is easily seen; elsewhere letters, digits, spaces and hyphens.
_POSTAL_CODES = {
    "AT": r"\d{4}", "BE": r"\d{4}", "CH": r"\d{4}", "LI": r"\d{4}", "LU": r"\d{4}", "DK": r"\d{4}",
    "DE": r"\d{5}", "FR": r"\d{5}", "IT": r"\d{5}", "ES": r"\d{5}", "US": r"\d{5}(-\d{4})?",
    "NL": r"\d{4} ?[A-Z]{2}", "PL": r"\d{2}-?\d{3}",
    "GB": r"[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}",
}  # fmt: skip
POSTAL_CODE_EXAMPLES = {
    "AT": "1010", "BE": "1000", "CH": "8001", "LI": "9490", "LU": "1009", "DK": "1050",
    "DE": "10115", "FR": "75001", "IT": "00118", "ES": "28001", "US": "10001",
    "NL": "1012 AB", "PL": "00-001", "GB": "SW1A 1AA",
}  # fmt: skip
_ANY_POSTAL_CODE = r"[A-Z0-9][A-Z0-9 -]{1,8}[A-Z0-9]"
_LONGEST = {"street": 100, "postal_code": 12, "city": 60}


def read_address(given: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """(values, wrong): the address in one form, and by field what is wrong: "missing", "too_long"
    or "invalid". With anything wrong, the values are for showing again only."""
    values = {name: plain(given.get(name, "")) for name in ("street", "city")}
    values["postal_code"] = plain(given.get("postal_code", "")).upper()
    values["country"] = plain(given.get("country", "")).upper()
    wrong = {name: "missing" for name, value in values.items() if not value}
    for name, most in _LONGEST.items():
        if len(values[name]) > most:
            wrong[name] = "too_long"
    for name in ("street", "city"):
        if name not in wrong and not any(one.isalpha() for one in values[name]):
            wrong[name] = "invalid"
    if "country" not in wrong and values["country"] not in COUNTRIES:
        wrong["country"] = "invalid"
    shape = _POSTAL_CODES.get(values["country"], _ANY_POSTAL_CODE)
    if "postal_code" not in wrong and not re.fullmatch(shape, values["postal_code"], re.ASCII):
        wrong["postal_code"] = "invalid"
    return values, wrong

"""What a contact types on the page of a change: by kind of change, the fields and how each is read.

A reader takes what was typed and gives (values, wrong): the values in one form, and by field what
is wrong: "missing", "too_long", "invalid" or "before_first". With anything wrong, the values are
for showing again only.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import phonenumbers

from answerable.contacts.plain_text import plain
from answerable.contacts.postal_address import read_address
from answerable.contacts.typed import read_amount, read_day, read_last4
from answerable.privacy.bank import is_iban

Control = Literal[
    "text", "tel", "email", "country", "choice", "date", "digits", "amount", "document"
]
Read = tuple[dict[str, str], dict[str, str]]
LONGEST_NAME = 100
LONGEST_MERCHANT = 60
LONGEST_MAIL_ADDRESS = 254  # RFC 5321, with its brackets 256
# One name of a domain, and the local part as people have them: no quoted strings, no comments.
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_MAIL_ADDRESS = re.compile(rf"[\w.!#$%&'*+/=?^`{{|}}~-]{{1,64}}@(?:{_LABEL}\.)+[a-z]{{2,63}}", re.I)


@dataclass(frozen=True, kw_only=True)
class Field:
    """control: how it is entered. autocomplete: HTML's token. most: characters that fit in.

    choices: of a "choice", the values; their words are in the pages' texts. digits, amount: a
    keyboard of digits is shown. A "document" is a file, and is read by itself
    (`contacts.documents`).
    """

    name: str
    control: Control = "text"
    autocomplete: str = "off"
    most: int = 200
    choices: tuple[str, ...] = ()


def read_phone(given: Mapping[str, str]) -> Read:
    """In E.164. With the country's code, for the same digits are another number elsewhere."""
    typed = plain(given.get("phone", ""))
    if not typed:
        return {"phone": ""}, {"phone": "missing"}
    international = re.sub(r"^00", "+", typed)
    try:
        number = phonenumbers.parse(international, None)
    except phonenumbers.NumberParseException:
        return {"phone": typed}, {"phone": "invalid"}
    if not phonenumbers.is_valid_number(number):
        return {"phone": typed}, {"phone": "invalid"}
    e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return {"phone": e164}, {}


def read_mail_address(given: Mapping[str, str]) -> Read:
    """With the domain in small letters: the local part is its owner's business."""
    typed = plain(given.get("email", ""))
    if not typed:
        return {"email": ""}, {"email": "missing"}
    if len(typed) > LONGEST_MAIL_ADDRESS:
        return {"email": typed}, {"email": "too_long"}
    local, _, domain = typed.rpartition("@")
    try:
        domain = domain.encode("idna").decode("ascii").lower()
    except UnicodeError:
        return {"email": typed}, {"email": "invalid"}
    address = f"{local}@{domain}"
    dots = local.startswith(".") or local.endswith(".") or ".." in local
    if dots or not _MAIL_ADDRESS.fullmatch(address):
        return {"email": typed}, {"email": "invalid"}
    return {"email": address}, {}


def read_iban(given: Mapping[str, str]) -> Read:
    """In the form that machines exchange: no blanks, capital letters, and the sum is right."""
    typed = plain(given.get("iban", ""))
    if not typed:
        return {"iban": ""}, {"iban": "missing"}
    iban = re.sub(r"[ -]", "", typed).upper()
    if not is_iban(iban):
        return {"iban": typed}, {"iban": "invalid"}
    return {"iban": iban}, {}


def read_name(given: Mapping[str, str]) -> Read:
    """As a whole, for not everybody has a first and a last one."""
    name = plain(given.get("name", ""))
    if not name:
        return {"name": ""}, {"name": "missing"}
    if len(name) > LONGEST_NAME:
        return {"name": name}, {"name": "too_long"}
    ours = all(one.isalpha() or one in " '’.-·" for one in name)
    if not ours or sum(one.isalpha() for one in name) < 2:
        return {"name": name}, {"name": "invalid"}
    return {"name": name}, {}


def read_consent(given: Mapping[str, str]) -> Read:
    return _each(given, marketing=_one_of(CONSENTS))


def read_card(given: Mapping[str, str]) -> Read:
    return _each(given, card=read_last4)


def read_replacement(given: Mapping[str, str]) -> Read:
    return _each(given, card=read_last4, reason=_one_of(REASONS))


def read_limit(given: Mapping[str, str]) -> Read:
    return _each(given, card=read_last4, limit=read_amount)


def read_dispute(given: Mapping[str, str]) -> Read:
    values, wrong = _each(
        given, merchant=lambda text: text, amount=read_amount, booked_on=read_day,
        problem=_one_of(PROBLEMS),
    )  # fmt: skip
    if len(values["merchant"]) > LONGEST_MERCHANT:
        wrong["merchant"] = "too_long"
    return values, wrong


def read_period(given: Mapping[str, str]) -> Read:
    values, wrong = _each(given, first_day=read_day, last_day=read_day)
    if not wrong and values["last_day"] < values["first_day"]:
        wrong["last_day"] = "before_first"
    return values, wrong


def _each(given: Mapping[str, str], **readers: Callable[[str], str | None]) -> Read:
    """Each field by itself; a reader says None of what it cannot take."""
    values, wrong = {}, {}
    for name, reader in readers.items():
        typed = plain(given.get(name, ""))
        read = reader(typed)
        values[name] = typed if read is None else read
        if not typed:
            wrong[name] = "missing"
        elif read is None:
            wrong[name] = "invalid"
    return values, wrong


def _one_of(choices: tuple[str, ...]) -> Callable[[str], str | None]:
    return lambda text: text if text in choices else None


CONSENTS = ("yes", "no")
REASONS = ("damaged", "worn", "other")
PROBLEMS = ("twice", "amount", "goods", "unknown")
_CARD = Field(name="card", control="digits", most=23)
FORMS: Mapping[str, tuple[Field, ...]] = {
    "address": (
        Field(name="street", autocomplete="street-address"),
        Field(name="postal_code", autocomplete="postal-code", most=20),
        Field(name="city", autocomplete="address-level2", most=100),
        Field(name="country", control="country", autocomplete="country"),
    ),
    "phone": (Field(name="phone", control="tel", autocomplete="tel", most=40),),
    "email": (Field(name="email", control="email", autocomplete="email", most=254),),
    "payout-account": (Field(name="iban", most=42),),
    "name": (
        Field(name="name", autocomplete="name"),
        Field(name="document", control="document"),
    ),
    "marketing-consent": (Field(name="marketing", control="choice", choices=CONSENTS),),
    "card-block": (_CARD,),
    "card-replacement": (_CARD, Field(name="reason", control="choice", choices=REASONS)),
    "card-limit": (_CARD, Field(name="limit", control="amount", most=20)),
    "dispute": (
        Field(name="merchant", most=LONGEST_MERCHANT),
        Field(name="amount", control="amount", most=20),
        Field(name="booked_on", control="date"),
        Field(name="problem", control="choice", choices=PROBLEMS),
    ),
    "statement": (
        Field(name="first_day", control="date"),
        Field(name="last_day", control="date"),
    ),
    "balance": (),
}
_READERS: Mapping[str, Callable[[Mapping[str, str]], Read]] = {
    "address": read_address,
    "phone": read_phone,
    "email": read_mail_address,
    "payout-account": read_iban,
    "name": read_name,
    "marketing-consent": read_consent,
    "card-block": read_card,
    "card-replacement": read_replacement,
    "card-limit": read_limit,
    "dispute": read_dispute,
    "statement": read_period,
}


def read_entry(kind: str, given: Mapping[str, str]) -> Read:
    """What was typed into the form of this kind of change."""
    return _READERS[kind](given)

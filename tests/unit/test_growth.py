"""What strangers send costs in proportion to its length, whatever it is made of (B08)."""

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from answerable.api.pagination import parse_cursor
from answerable.channels.email.addresses import is_address, read_addresses
from answerable.channels.email.bounces import read_bounce
from answerable.channels.email.charsets import clean, one_line
from answerable.channels.email.headers import (
    Headers,
    decode_words,
    message_ids,
    parameterised,
    read_headers,
)
from answerable.channels.email.html_text import html_to_text
from answerable.channels.email.parsed_mail import MailLimits
from answerable.channels.email.reply_text import reply_text
from answerable.desk.agent import normalised_email
from answerable.kit.errors import AnswerableError
from answerable.privacy.detect import find
from answerable.privacy.mask import mask
from answerable.understanding.prepare import prepared, units

# Repeated, each has sent a parser like ours back to the start again and again.
ATTACKS = (
    "a", "1", " ", "\n", "-", ".", "@", "<", "(", '"', "=", "_", "/", ":", ",", "+", "&", "?", "é",
    "a.", "a@", "a ", "1 ", "1-", "1.", " \n", "a\n", "=\n", "<a", "<!--", "<![", "</", "> ", "On ",
    "On a wrote:\n", "from: a\n", "--\n", "=?a?q?", "%a", "a=b;", "4111 ", "DE89 ", "+49 ",
    "01.01.", "cvv ", "bic ", "a,b@c,", "\u200b", "1\u00a02",
)  # fmt: skip
FEW = 500
UNSEEN = 0.02  # seconds: less is not looked at
MOST = 3.0  # times what it should take; a quadratic one takes 16 times that of 16 times the length
_LIMITS = MailLimits()


def _bounce(text: str) -> object:
    return read_bounce(b"", Headers(), (), "mailer-daemon@example.com", "undeliverable", text)


READERS: dict[str, Callable[[str], Any]] = {
    "personal data": find,
    "masking": lambda text: mask(text, number=lambda *_: 1),
    "reply": reply_text,
    "html": lambda text: html_to_text(text, most=10**6),
    "encoded words": lambda text: decode_words(text, 10**6),
    "message ids": lambda text: message_ids(text, 100),
    "headers": lambda text: read_headers(text.encode(), _LIMITS),
    "parameters": lambda text: parameterised(text, _LIMITS),
    "addresses": lambda text: read_addresses(text, 100),
    "address": is_address,
    "bounce": _bounce,
    "charset": clean,
    "line": one_line,
    "understanding": prepared,
    "sentences": units,
    "sign-in": normalised_email,
    "cursor": parse_cursor,
}


def seconds(read: Callable[[str], Any], attack: str, length: int) -> float:
    text = attack * (length // len(attack))
    taken = []
    for _ in range(2):
        began = time.process_time()
        with suppress(AnswerableError, ValueError):  # it may well be refused
            read(text)
        taken.append(time.process_time() - began)
    return min(taken)


def is_worse(read: Callable[[str], Any], attack: str) -> bool:
    little = seconds(read, attack, FEW)
    for times in (4, 16):
        much = seconds(read, attack, FEW * times)
        if much > max(UNSEEN, MOST * times * little):
            return True
    return False


@pytest.mark.parametrize("name", READERS)
def test_what_strangers_send_costs_by_its_length(name: str) -> None:
    read = READERS[name]

    suspects = [attack for attack in ATTACKS if is_worse(read, attack)]

    # Asked again: something else may have run meanwhile.
    assert [attack for attack in suspects if is_worse(read, attack)] == []


def test_a_reader_that_starts_again_at_each_place_is_found() -> None:
    def starts_again(text: str) -> int:
        return sum(len(text[place:].lstrip("a")) for place in range(len(text)))

    assert is_worse(starts_again, "a")

"""Whose address a header holds, and that a display name is never taken for one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from answerable.channels.email.addresses import is_address, read_addresses


@pytest.mark.parametrize(
    ("header", "addresses"),
    [
        ("anna@x.example", ["anna@x.example"]),
        ("Anna <anna@X.Example>", ["anna@x.example"]),
        ('"Schmidt, Anna" <anna@x.example>, b@y.example', ["anna@x.example", "b@y.example"]),
        ('"boss@bank.example" <mallory@evil.example>', ["mallory@evil.example"]),
        ('"boss@bank.example"', []),
        ('"boss@bank.example" mallory@evil.example', []),
        ("boss@bank.example <mallory@evil.example>", ["mallory@evil.example"]),
        ("<boss@bank.example> <mallory@evil.example>", []),
        ("mallory@evil.example(<boss@bank.example>)", ["mallory@evil.example"]),
        ("(boss@bank.example) mallory@evil.example", ["mallory@evil.example"]),
        ("=?utf-8?q?boss=40bank=2Eexample?= <mallory@evil.example>", ["mallory@evil.example"]),
        ("=?utf-8?q?=3Cboss=40bank=2Eexample=3E?= <m@evil.example>", ["m@evil.example"]),
        ("alice@x.example]bob@y.example", []),
        ("a@b@c.example", []),
        ("Team: a@x.example, b@x.example;", ["a@x.example", "b@x.example"]),
        ("Undisclosed recipients:;", []),
        ("<@relay.example:anna@x.example>", ["anna@x.example"]),
        ("anna@x.example, ANNA@x.example", ["anna@x.example"]),
        ("anna@[192.0.2.1]", ["anna@[192.0.2.1]"]),
        ("jörg@müller.example", ["jörg@müller.example"]),
        ("anna@x..example", []),
        ("anna@-x.example", []),
        (".anna@x.example", []),
        ("an na@x.example", []),
        ("", []),
        ("((((((", []),
        ('"""', []),
    ],
)
def test_addresses_come_only_from_where_addresses_stand(header: str, addresses: list[str]) -> None:
    assert [one.address for one in read_addresses(header, 10)] == addresses


def test_names_are_decoded_and_cannot_turn_the_line_around() -> None:
    (anna,) = read_addresses("=?utf-8?b?QW5uYQ0KQmNjOiB4?= \u202e <anna@x.example>", 10)

    assert anna.name == "Anna Bcc: x"


def test_a_hundred_thousand_brackets_take_no_recursion() -> None:
    assert read_addresses("anna@x.example " + "(" * 100_000, 10)[0].address == "anna@x.example"


@given(st.text(max_size=200))
def test_whatever_is_read_may_be_written(header: str) -> None:
    for one in read_addresses(header, 10):
        assert is_address(one.address)
        assert not any(character in one.address for character in '\r\n\x00 <>,;"')

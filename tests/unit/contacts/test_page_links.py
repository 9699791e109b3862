"""A link is a key that nobody guesses, and that is stored nowhere."""

import pytest

from answerable.contacts.links import Links, token_hash
from answerable.kit.errors import InvalidInput

LINKS = Links(b"k" * 32, "https://help.bank.example/")


def test_a_mail_that_is_sent_again_has_the_same_link() -> None:
    url = LINKS.url("chg_1")
    assert url == Links(b"k" * 32, "https://help.bank.example").url("chg_1")
    assert url.startswith("https://help.bank.example/c/")
    assert len(url.rpartition("/")[2]) == 32


def test_another_change_or_another_key_is_another_link() -> None:
    tokens = {LINKS.token("chg_1"), LINKS.token("chg_2"), Links(b"l" * 32, None).token("chg_1")}
    assert len(tokens) == 3


def test_what_is_stored_does_not_open_anything() -> None:
    token = LINKS.token("chg_1")
    assert token not in token_hash(token)
    assert token_hash(token_hash(token)) != token_hash(token)


def test_without_an_address_no_link_leaves() -> None:
    with pytest.raises(InvalidInput, match="ANSWERABLE_PUBLIC_URL"):
        Links(b"k" * 32, None).url("chg_1")


def test_a_token_may_be_any_text() -> None:
    assert token_hash("\udcff") != token_hash("ÿ")

"""Tokens route replies; only we can make them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from answerable.channels.email.addresses import is_address
from answerable.channels.email.parsed_mail import MailAddress
from answerable.channels.email.reply_token import ReplyTokens
from answerable.kit.errors import InvalidInput
from answerable.kit.ids import ConversationId, TenantId, new_id

TENANT = TenantId("northwind-bank")
TOKENS = ReplyTokens(b"s" * 32)
INBOX = "support@northwind.example"


def test_a_token_in_the_reply_address_finds_its_conversation() -> None:
    conversation = ConversationId(new_id("cnv"))

    address = TOKENS.address(TENANT, INBOX, conversation)

    assert is_address(address)
    assert len(address.partition("@")[0]) <= 64
    for written in (address, address.upper()):
        found = TOKENS.find(TENANT, INBOX, (MailAddress(address=written),))
        assert found == conversation


def test_a_token_is_worth_nothing_elsewhere() -> None:
    conversation = ConversationId(new_id("cnv"))
    token = TOKENS.sign(TENANT, conversation)

    assert TOKENS.verify(TenantId("other-bank"), token) is None
    assert ReplyTokens(b"t" * 32).verify(TENANT, token) is None
    other = (MailAddress(address=f"sales+c_{token}@northwind.example"),)
    assert TOKENS.find(TENANT, INBOX, other) is None


@given(st.integers(0, 41), st.sampled_from("abcdefghjkmnpqrstvwxyz234567"))
def test_a_changed_token_is_refused(position: int, letter: str) -> None:
    token = TOKENS.sign(TENANT, ConversationId("cnv_01KAH2J8E0ZZZZZZZZZZZZZZZZ"))
    changed = token[:position] + letter + token[position + 1 :]

    assert changed == token or TOKENS.verify(TENANT, changed) is None


def test_a_long_inbox_name_goes_without_a_token() -> None:
    inbox = f"{'customer-care-' * 3}@northwind.example"

    assert TOKENS.address(TENANT, inbox, ConversationId(new_id("cnv"))) == inbox


def test_a_short_secret_is_refused() -> None:
    with pytest.raises(InvalidInput):
        ReplyTokens(b"short")

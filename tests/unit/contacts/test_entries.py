"""What people type on the page of a change, and in which form it is kept."""

import pytest

from answerable.api.customer.page_view import LANGUAGES, texts
from answerable.contacts.entries import FORMS, read_entry
from answerable.contacts.typed import read_amount, read_day, read_last4
from answerable.definition.changes import CHANGES


@pytest.mark.parametrize(
    ("typed", "amount"),
    [
        ("1250", "1250.00"), ("1250,5", "1250.50"), ("1.250,00", "1250.00"),
        ("1,250.00", "1250.00"), ("1.250", "1250.00"), ("12.50", "12.50"), ("€ 20", "20.00"),
        ("20 EUR", "20.00"), ("1 250,00 €", "1250.00"), ("1'250.00", "1250.00"),
        ("0", None), ("-5", None), ("1e3", None), ("1000000", None), ("12,345,6", None),
        ("", None), ("five", None), ("1.2.3", None), ("٣", None),
    ],
)  # fmt: skip
def test_amounts(typed: str, amount: str | None) -> None:
    assert read_amount(typed) == amount


@pytest.mark.parametrize(
    ("typed", "day"),
    [
        ("2026-11-30", "2026-11-30"), ("30.11.2026", "2026-11-30"), ("1/2/2026", "2026-02-01"),
        ("2026-02-30", None), ("30.11.26", None), ("yesterday", None), ("", None),
        ("0000-01-01", None),
    ],
)  # fmt: skip
def test_days(typed: str, day: str | None) -> None:
    assert read_day(typed) == day


@pytest.mark.parametrize(
    ("typed", "last4"),
    [
        ("7316", "7316"), (" 73 16", "7316"), ("**** 7316", "7316"), ("999900xxxxxx7316", "7316"),
        ("9999 0012 3456 7316", "7316"), ("316", None), ("seven", None), ("", None),
        ("1" * 20, None), ("٧٣١٦", None),
    ],
)  # fmt: skip
def test_of_a_card_no_more_than_four_digits_are_kept(typed: str, last4: str | None) -> None:
    assert read_last4(typed) == last4


@pytest.mark.parametrize(
    ("typed", "iban"),
    [
        ("DE89 3704 0044 0532 0130 00", "DE89370400440532013000"),
        ("gb82-west-1234-5698-7654-32", "GB82WEST12345698765432"),
        ("DE88 3704 0044 0532 0130 00", None), ("DE89", None), ("1234567890", None),
    ],
)  # fmt: skip
def test_an_account_is_kept_if_its_check_digits_are_right(typed: str, iban: str | None) -> None:
    values, wrong = read_entry("payout-account", {"iban": typed})

    assert wrong == ({} if iban else {"iban": "invalid"})
    assert values["iban"] == (iban or typed)


def test_a_period_does_not_end_before_it_begins() -> None:
    given = {"first_day": "2026-11-30", "last_day": "2026-11-01"}
    assert read_entry("statement", given)[1] == {"last_day": "before_first"}


def test_every_kind_of_change_has_a_form_with_its_fields() -> None:
    assert {kind: tuple(one.name for one in form) for kind, form in FORMS.items()} == {
        kind: (*one.fields, *one.documents) for kind, one in CHANGES.items()
    }
    for kind, form in FORMS.items():
        if form:
            typed = {one.name for one in form if one.control != "document"}
            assert set(read_entry(kind, {})[0]) == typed


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_form_has_its_words_in_each_language(language: str) -> None:
    said = texts(language)
    for kind, form in FORMS.items():
        assert {"confirm_heading", "confirm_text", "confirm_yes", "review_text"} <= set(
            said["changes"][kind]
        )
        assert not form or {"form_heading", "form_text"} <= set(said["changes"][kind])
        for field in form:
            assert said["fields"][field.name]
            for choice in field.choices:
                assert said["choices"][field.name][choice]

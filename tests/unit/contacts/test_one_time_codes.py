"""A code is good for one change, once, for ten minutes, and is not guessed."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from answerable.contacts.one_time_codes import (
    APP_CODE_LASTS,
    LASTS,
    TRIES,
    WRONG_IN_A_ROW,
    WRONG_IN_AN_HOUR,
    Bound,
    Codes,
    Standing,
    StoredCode,
    Verdict,
    no_code,
    typed_digits,
)
from answerable.kit.ids import ContactId, ConversationId, TenantId

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
CODES = Codes(b"k" * 32)
CLEAN = Standing()
BOUND = Bound(
    tenant=TenantId("bank"),
    conversation=ConversationId("cnv_1"),
    contact=ContactId("con_1"),
    sent_to="keyed",
    commitment="c" * 64,
)


def code(digits: str = "123456", **changes: object) -> StoredCode:
    mac = CODES.mac("cod_1", BOUND, digits)
    made = StoredCode(id="cod_1", bound=BOUND, person="person", mac=mac, made_at=NOW)
    return replace(made, **changes)  # type: ignore[arg-type]


def judged(
    stored: StoredCode | None,
    digits: str = "123456",
    *,
    wanted: Bound = BOUND,
    standing: Standing = CLEAN,
    at: datetime = NOW,
) -> Verdict:
    return CODES.judge(stored, digits, wanted=wanted, standing=standing, now=at)


def test_the_right_digits_are_accepted_until_ten_minutes_are_over() -> None:
    almost = LASTS - timedelta(microseconds=1)

    assert judged(code(), at=NOW + almost) is Verdict.ACCEPTED
    assert judged(code(), at=NOW + LASTS) is Verdict.EXPIRED
    assert judged(code(), "123457") is Verdict.WRONG


def test_a_code_is_accepted_once() -> None:
    assert judged(code(used_at=NOW)) is Verdict.USED


@pytest.mark.parametrize(
    "other",
    [
        {"tenant": TenantId("other")},
        {"conversation": ConversationId("cnv_2")},
        {"contact": ContactId("con_2")},
        {"commitment": "d" * 64},
    ],
)
def test_a_code_for_one_change_is_no_code_for_another(other: dict[str, str]) -> None:
    assert judged(code(), wanted=replace(BOUND, **other)) is Verdict.OTHER_CHANGE


def test_the_number_is_the_one_that_the_code_went_to() -> None:
    """Who asks does not say which number it is, so nothing can be put in its place."""
    assert judged(code(), wanted=replace(BOUND, sent_to="")) is Verdict.ACCEPTED
    moved = code(bound=replace(BOUND, sent_to="another number"))
    assert judged(moved, wanted=BOUND) is Verdict.WRONG


def test_a_code_is_worn_out_after_five_wrong_tries() -> None:
    assert judged(code(tries=TRIES - 1)) is Verdict.ACCEPTED
    assert judged(code(tries=TRIES)) is Verdict.WORN_OUT


def test_ten_wrong_tries_within_an_hour_lock_whatever_the_code() -> None:
    standing = Standing()
    for minute in range(WRONG_IN_AN_HOUR):
        assert not standing.is_locked(NOW + timedelta(minutes=minute))
        standing = standing.after_wrong(NOW + timedelta(minutes=minute))

    at = NOW + timedelta(minutes=10)
    assert judged(code(made_at=at), standing=standing, at=at) is Verdict.LOCKED
    later = NOW + timedelta(hours=1)
    assert judged(code(made_at=later), standing=standing, at=later) is Verdict.ACCEPTED


def test_a_right_code_does_not_reset_the_count_of_the_hour() -> None:
    standing = Standing()
    for _ in range(WRONG_IN_AN_HOUR - 1):
        standing = standing.after_wrong(NOW)

    assert standing.after_right().after_wrong(NOW).is_locked(NOW)


def test_a_hundred_wrong_tries_in_a_row_lock_for_good() -> None:
    standing, at = Standing(), NOW
    for _ in range(WRONG_IN_A_ROW):
        at += timedelta(hours=1)
        assert not standing.is_locked(at)
        standing = standing.after_wrong(at)

    assert standing.is_locked(at + timedelta(days=365))
    assert not standing.after_right().is_locked(at + timedelta(days=365))


def test_five_wrong_digits_of_an_app_within_ninety_seconds_are_enough_for_now() -> None:
    """So long one code of an app is accepted: no code has more tries, as none sent by text has."""
    standing = Standing()
    for second in range(TRIES):
        assert standing.refuses_app_code(NOW + timedelta(seconds=second)) is None
        standing = standing.after_wrong(NOW + timedelta(seconds=second))

    almost = NOW + APP_CODE_LASTS - timedelta(microseconds=1)
    assert standing.refuses_app_code(almost) is Verdict.WORN_OUT
    assert standing.refuses_app_code(NOW + APP_CODE_LASTS) is None


def test_who_is_locked_has_no_digits_of_an_app_looked_at() -> None:
    standing = Standing()
    for minute in range(WRONG_IN_AN_HOUR):
        standing = standing.after_wrong(NOW + timedelta(minutes=minute * 2))

    assert standing.refuses_app_code(NOW + timedelta(minutes=30)) is Verdict.LOCKED
    assert standing.refuses_app_code(NOW + timedelta(hours=1)) is None


def test_a_try_that_was_none_is_taken_back_alone() -> None:
    first, second = NOW, NOW + timedelta(minutes=1)
    standing = Standing().after_wrong(first).after_wrong(second)

    assert standing.without(second) == Standing().after_wrong(first)
    assert standing.after_right().without(second) == Standing(wrong_at=(first,))
    assert Standing().without(NOW) == Standing()


def test_where_nobody_was_sent_a_code_every_digit_is_wrong() -> None:
    stored = code(mac=no_code())
    assert all(judged(stored, f"{n:06d}") is Verdict.WRONG for n in range(0, 1_000_000, 9973))


def test_what_is_kept_is_no_hash_of_the_digits_alone() -> None:
    kept = {Codes(key * 32).mac("cod_1", BOUND, "123456") for key in (b"a", b"b")}
    kept |= {CODES.mac(code_id, BOUND, "123456") for code_id in ("cod_1", "cod_2")}
    assert len(kept) == 4


def test_digits_are_drawn_from_all_there_are() -> None:
    drawn = {CODES.new_digits() for _ in range(500)}
    assert len(drawn) > 490
    assert all(typed_digits(digits) == digits for digits in drawn)


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        (" 123 456 ", "123456"),
        ("12345", None),
        ("1234567", None),
        ("12345a", None),
        ("١٢٣٤٥٦", None),
    ],
)
def test_spaces_are_forgiven_and_nothing_else(text: str, digits: str | None) -> None:
    assert typed_digits(text) == digits

"""What a change has come to follows from its events alone, also where an answer comes late."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from answerable.contacts.one_time_codes import CHECK_WITHIN
from answerable.definition.changes import CHANGES, ChangeKind
from answerable.definition.terms import Proof
from answerable.kit.ids import ConversationId, TenantId
from answerable.ledger.event import Event
from answerable.playbooks.change import (
    CODE,
    FORM,
    LOCKED,
    PROVEN,
    REVIEW,
    WITHDRAWN,
    Change,
    evolve_change,
)

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
ONE, OTHER = "a" * 64, "b" * 64


def told(event: str, /, **data: Any) -> Event:
    return Event(
        stream=ConversationId("cnv_1"), seq=1, tenant=TenantId("bank"), kind=event, at=NOW,
        actor="contact", data={"change": "chg_1", **data}, cause=None, hash="",
    )  # fmt: skip


def entered(commitment: str = ONE) -> Event:
    payload = {"ref": "val_1", "commitment": commitment}
    return told("change_entered", payload=payload, session="s")


def digits(code: str = "cod_1", commitment: str = ONE) -> Event:
    return told("code_entered", code=code, commitment=commitment, by="app", digits="val_2")


def accepted(code: str = "cod_1", commitment: str = ONE) -> Event:
    return told("code_accepted", code=code, commitment=commitment, by="app")


def after(*events: Event, kind: str = "email") -> Change:
    issued = told(
        "link_issued", kind=kind, connector="core", expires_at="2026-11-30T09:00:00+00:00"
    )
    change: Change | None = None
    for event in (issued, *events):
        change = evolve_change(change, event)
    assert change is not None
    return change


BY_APP = (told("intent_confirmed"), entered(), told("code_awaited", by="app"))


def test_digits_of_an_app_are_asked_for_at_once_and_again_after_an_edit() -> None:
    assert after(*BY_APP).stage == CODE
    assert after(*BY_APP, entered(OTHER)).stage == CODE
    assert after(*BY_APP[:2], told("code_awaited", by="sms")).stage == REVIEW


def test_the_app_is_asked_about_until_an_answer_or_a_minute_is_over() -> None:
    asking = after(*BY_APP, digits())
    almost = NOW + CHECK_WITHIN - timedelta(microseconds=1)

    assert asking.is_checking(almost)
    assert not asking.is_checking(NOW + CHECK_WITHIN)
    for answer in (
        told("code_refused", code="cod_1", why="wrong", left=0),
        told("code_not_checked", code="cod_1", why="unavailable"),
        accepted(),
        entered(OTHER),
    ):
        assert not after(*BY_APP, digits(), answer).is_checking(NOW)
    assert after(*BY_APP, digits(), digits("cod_2")).is_checking(NOW)


@pytest.mark.parametrize(
    "between",
    [(entered(OTHER),), (digits("cod_2"),), (told("change_withdrawn", why="taken over"),)],
    ids=["something else was entered", "other digits were entered", "it is over"],
)
def test_an_answer_that_comes_too_late_proves_nothing(between: tuple[Event, ...]) -> None:
    before = after(*BY_APP, digits(), *between)

    late = evolve_change(before, accepted())

    assert late == before
    assert not before.is_proven


def test_an_answer_about_other_digits_is_not_shown_for_these() -> None:
    late = told("code_refused", code="cod_1", why="wrong", left=0)
    assert after(*BY_APP, digits(), digits("cod_2"), late).verdict == ""


def test_who_is_locked_stays_so_and_what_is_over_stays_over() -> None:
    locked = told("code_refused", code="cod_1", why=LOCKED, left=0)
    assert after(*BY_APP, digits(), locked).stage == LOCKED
    over = told("change_withdrawn", why="taken over")
    assert after(*BY_APP, digits(), over, locked).stage == WITHDRAWN


def test_the_link_shows_the_mailbox_and_the_code_that_it_is_wanted() -> None:
    assert after().proof is Proof.ANONYMOUS
    assert after(told("intent_declined")).proof is Proof.ANONYMOUS
    confirmed = after(BY_APP[0])
    assert (confirmed.stage, confirmed.proof) == (FORM, Proof.EMAIL)
    proven = after(*BY_APP, digits(), accepted())
    assert (proven.stage, proven.proof) == (PROVEN, Proof.FRESH_ONE_TIME_CODE)


def by_mail(kind: str) -> Change:
    """A change for which a code that came by e-mail was right."""
    asked = told("code_requested", code="cod_1", commitment=ONE, by="email")
    awaited = told("code_awaited", by="email")
    right = told("code_accepted", code="cod_1", commitment=ONE, by="email")
    confirmed = told("intent_confirmed", session="s", commitment=ONE)
    return after(confirmed, entered(), awaited, asked, right, kind=kind)


@pytest.mark.parametrize(("kind", "rules"), CHANGES.items())
def test_a_code_by_e_mail_proves_the_mailbox_and_only_what_that_is_enough_for(
    kind: str, rules: ChangeKind
) -> None:
    """Whatever the definition says, and however it came into force."""
    change = by_mail(kind)

    assert change.proof is Proof.EMAIL
    assert change.is_proven is (rules.code is Proof.EMAIL)
    consented = replace(change, consents=("agent:1", "agent:2"), approved=ONE)
    assert consented.is_approved is (rules.code is Proof.EMAIL)


def test_what_was_proven_by_e_mail_stays_so_whatever_is_awaited_next() -> None:
    later = evolve_change(by_mail("address"), told("code_awaited", by="sms"))
    assert later is not None
    assert not later.is_proven


def test_a_change_is_the_same_after_it_was_kept() -> None:
    change = after(*BY_APP, digits(), told("code_refused", code="cod_1", why="wrong", left=0))
    assert Change.from_data(change.as_data()) == change

"""The pages behind links say the same in each language."""

from collections.abc import Iterator
from typing import Any

import pytest

from answerable.api.customer.page_view import LANGUAGES, render_page, texts
from answerable.contacts.one_time_codes import Verdict
from answerable.definition.changes import APP, EMAIL, SMS
from answerable.definition.schema import Brand
from answerable.flow.self_service import Visit
from answerable.kit.ids import TenantId
from answerable.playbooks.change import CODE, Change


def places(told: Any, at: str = "") -> Iterator[str]:
    if isinstance(told, dict):
        for name, inner in told.items():
            yield from places(inner, f"{at}/{name}")
    else:
        yield at


def page(
    language: str,
    *,
    by: str,
    verdict: str = "",
    checking: bool = False,
    notice: str | None = None,
) -> str:
    change = Change(
        id="chg_1", kind="email", connector="core", expires_at="2026-11-30T09:00:00+00:00",
        stage=CODE, code_by=by, code="cod_1", verdict=verdict, commitment="c" * 64,
    )  # fmt: skip
    visit = Visit(
        tenant=TenantId("bank"), language=language, change=change, checking=checking,
        values={"email": "anna@new.example"},
    )  # fmt: skip
    brand = Brand(name="Bank")
    return render_page(visit, language=language, brand=brand, form_token="t", notice=notice)


def test_every_text_is_there_in_every_language() -> None:
    english = set(places(texts("en")))
    for language in LANGUAGES:
        assert set(places(texts(language))) == english, language


@pytest.mark.parametrize(
    ("language", "asks", "wrong"),
    [
        ("en", "open your authenticator app", "were used already"),
        ("de", "Authenticator-App", "schon verwendet"),
        ("fr", "application d&#39;authentification", "ont déjà servi"),
    ],
)
def test_an_app_is_asked_for_in_the_contacts_language(language: str, asks: str, wrong: str) -> None:
    plain = page(language, by=APP)
    assert asks in plain
    assert 'role="alert"' not in plain
    assert 'value="send-code"' not in plain
    assert wrong in page(language, by=APP, verdict=Verdict.WRONG.value)
    assert asks not in page(language, by=SMS)
    assert 'value="send-code"' in page(language, by=SMS)


@pytest.mark.parametrize(
    ("language", "sent", "wrong"),
    [
        ("en", "a mail with a code is on its way", "look at the latest mail again"),
        ("de", "eine E-Mail mit einem Code dorthin", "in der neuesten E-Mail nach"),
        ("fr", "un e-mail avec un code est en route", "Veuillez regarder le dernier e-mail"),
    ],
)
def test_a_code_by_e_mail_is_told_of_in_the_contacts_language(
    language: str, sent: str, wrong: str
) -> None:
    plain = page(language, by=EMAIL)
    assert sent in plain
    assert 'value="send-code"' in plain
    assert wrong in page(language, by=EMAIL, notice="wrong")
    for by in (SMS, APP):
        assert sent not in page(language, by=by)
        assert wrong not in page(language, by=by, notice="wrong")


@pytest.mark.parametrize("verdict", [Verdict.WRONG, Verdict.WORN_OUT, Verdict.NOT_CHECKED])
def test_what_became_of_the_digits_is_told_beside_their_field(verdict: Verdict) -> None:
    told = page("en", by=APP, verdict=verdict.value)
    assert 'role="alert" id="notice"' in told
    assert 'aria-invalid="true" aria-describedby="notice"' in told


def test_while_the_digits_are_checked_there_is_nothing_to_type() -> None:
    checking = page("en", by=APP, checking=True)
    assert "We are checking the digits" in checking
    assert 'name="digits"' not in checking


@pytest.mark.parametrize(
    ("language", "amount", "day"),
    [
        ("en", "12.50", "24 November 2026"),
        ("de", "12,50", "24.11.2026"),
        ("fr", "12,50", "24/11/2026"),
    ],
)
def test_amounts_and_days_are_shown_as_they_are_written_there(
    language: str, amount: str, day: str
) -> None:
    change = Change(
        id="chg_1", kind="dispute", connector="core", expires_at="2026-11-30T09:00:00+00:00",
        stage=CODE, commitment="c" * 64,
    )  # fmt: skip
    entered = {"merchant": "Bakery", "amount": "12.50", "booked_on": "2026-11-24"}
    visit = Visit(
        tenant=TenantId("bank"), language=language, change=change, checking=False,
        values={**entered, "problem": "twice"},
    )  # fmt: skip

    shown = render_page(visit, language=language, brand=None, form_token="t")

    assert f"<bdi>{amount}</bdi>" in shown
    assert f"<bdi>{day}</bdi>" in shown

"""What no person wrote must not be answered by us (RFC 3834)."""

import pytest

from answerable.channels.email.automatic import OwnNames, automatic_reason
from answerable.channels.email.parse import parse

OWN = OwnNames(
    addresses=frozenset({"support@northwind.example", "help@northwind.example"}), instance="nw-1"
)
FROM = "From: Anna <anna@customer.example>\n"


def reason(head: str, body: str = "Hello, my card has not arrived. What now?") -> str | None:
    if "From:" not in head:
        head = FROM + head
    return automatic_reason(parse(f"{head}\n{body}\n".encode()), OWN)


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ("Auto-Submitted: auto-replied\n", "auto-submitted"),
        ("Auto-Submitted: auto-generated (vacation)\n", "auto-submitted"),
        ("Precedence: bulk\n", "precedence"),
        ("Precedence: junk\n", "precedence"),
        ("Precedence: list\n", "precedence"),
        ("X-Autoreply: yes\n", "autoreply-header"),
        ("X-Autorespond: vacation\n", "autoreply-header"),
        ("X-Auto-Response-Suppress: OOF, AutoReply\n", "response-suppressed"),
        ("List-Id: <news.shop.example>\n", "mailing-list"),
        ("List-Unsubscribe: <https://shop.example/u>\n", "mailing-list"),
        ("Return-Path: <>\n", "null-return-path"),
        ("Content-Type: multipart/report; report-type=disposition-notification\n", "receipt"),
        ("From: MAILER-DAEMON@mx.example\n", "mailer-daemon"),
        ("From: Postmaster <postmaster@mx.example>\n", "mailer-daemon"),
        ("From: no-reply@shop.example\n", "no-reply-address"),
        ("From: noreply-orders@shop.example\n", "no-reply-address"),
        ("From: do.not.reply@shop.example\n", "no-reply-address"),
        ("From: news-bounces@list.example\n", "no-reply-address"),
        ("From: shop@shop.example\nReply-To: noreply@shop.example\n", "no-reply-address"),
        ("From: support@northwind.example\n", "from-ourselves"),
        ("From: Help <HELP@Northwind.example>\n", "from-ourselves"),
        ("From: support+c_abc@northwind.example\n", "from-ourselves"),
        ("X-Answerable-Instance: nw-1\n", "from-ourselves"),
        ("Subject: Automatic reply: Your card\n", "vacation"),
        ("Subject: Out of Office: back on Monday\n", "vacation"),
        ("Subject: Out of office\n", "vacation"),
        ("Subject: Abwesenheitsnotiz: Ihre Karte\n", "vacation"),
        ("Subject: Automatische Antwort: Ihre Karte\n", "vacation"),
        ("Subject: =?utf-8?q?R=C3=A9ponse_automatique?= : Carte\n", "vacation"),
        ("Subject: Respuesta automática: Tarjeta\n", "vacation"),
        ("Subject: Risposta automatica: Carta\n", "vacation"),
        ("Subject: Automatisch antwoord: Kaart\n", "vacation"),
        ("Subject: Odpowiedź automatyczna: Karta\n", "vacation"),
        ("Subject: Autosvar: Kort\n", "vacation"),
        ("Subject: 自動返信: カード\n", "vacation"),
        ("Subject: Auto: Re: card\n", "vacation"),
    ],
)
def test_robots_are_recognised(head: str, expected: str) -> None:
    assert reason(head) == expected


@pytest.mark.parametrize(
    "head",
    [
        "Subject: Your automatic reply was useless\n",
        "Subject: I was out of office, what happened to my card?\n",
        "Subject: Auto-Versicherung kündigen\n",
        "Subject: Automatic payment failed\n",
        "Subject: Absent money\n",
        "Auto-Submitted: no\n",
        "Precedence: first-class\n",
        "X-Auto-Response-Suppress: None\n",
        "Return-Path: <anna@customer.example>\n",
        "From: bouncer@club.example\n",
        "From: norepl@club.example\n",
        "From: supporter@northwind.example\n",
        "X-Answerable-Instance: somebody-else\n",
        "X-Autoreply: no\n",
    ],
)
def test_people_are_not_taken_for_robots(head: str) -> None:
    assert reason(head) is None


@pytest.mark.parametrize(
    "body",
    [
        "I am out of the office until Monday.",
        "Hello,\n\nthank you for your e-mail. I am currently on annual leave.",
        "Vielen Dank für Ihre Nachricht. Ich bin bis 30.11. nicht im Büro.",
        "Bonjour,\nje suis actuellement absent.",
        "Gracias por su mensaje. Estoy de vacaciones.",
    ],
)
def test_a_vacation_answer_without_any_header_is_recognised(body: str) -> None:
    assert reason("In-Reply-To: <a.1@northwind.example>\n", body) == "vacation"


def test_a_holiday_in_a_first_mail_or_with_a_question_is_a_persons() -> None:
    text = "I am on vacation in Rome and my card was stolen."

    assert reason("", text) is None
    assert reason("In-Reply-To: <a.1@northwind.example>\n", text + " What can I do?") is None

"""The new part of a mail, in the styles and languages of real mail programs."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from answerable.channels.email.parse import parse
from answerable.channels.email.reply_text import reply_text
from tests.support.needs import needs_shared_data

MAILS = Path(__file__).parents[2] / "data" / "mails"

ANNOUNCEMENTS = [
    "On Mon, 23 Nov 2026 at 09:15, Northwind <support@northwind.example> wrote:",
    "On Mon, 23 Nov 2026 at 09:15, Northwind Bank Support <\nsupport@northwind.example> wrote:",
    "On Nov 23, 2026, at 9:15 AM, Northwind <s@n.example> wrote:",
    "Am Mo., 23. Nov. 2026 um 09:15 Uhr schrieb Northwind <s@n.example>:",
    "Am 23.11.2026 um 09:15 schrieb Northwind:",
    "Northwind <s@n.example> schrieb am Mo., 23. Nov. 2026, 09:15:",
    "Le lun. 23 nov. 2026 à 09:15, Northwind <s@n.example> a écrit :",
    "Le 23/11/2026 à 09:15, Northwind a écrit :",
    "El lun, 23 nov 2026 a las 9:15, Northwind (<s@n.example>) escribió:",
    "Il giorno lun 23 nov 2026 alle ore 09:15 Northwind <s@n.example> ha scritto:",
    "Em seg., 23 de nov. de 2026 às 09:15, Northwind <s@n.example> escreveu:",
    "Op ma 23 nov 2026 om 09:15 schreef Northwind <s@n.example>:",
    "pon., 23 lis 2026 o 09:15 Northwind <s@n.example> napisał(a):",
    "Den mån 23 nov. 2026 kl 09:15 skrev Northwind <s@n.example>:",
    "pe 20. marraskuuta 2026 klo 17.50 Northwind <s@n.example> kirjoitti:",
    "пн, 23 нояб. 2026 г. в 09:15, Northwind <s@n.example>:",
    "2026年11月23日(月) 9:15 Northwind <s@n.example>:",
    "-----Original Message-----\nFrom: s@n.example\nSent: Monday\nTo: a@x.example\nSubject: Re",
    "________________________________\nVon: Northwind <s@n.example>\nGesendet: Montag\n"
    "An: a@x.example\nBetreff: Ihre Karte",
    "From: Northwind <s@n.example>\nSent: Monday, 23 November 2026 09:15\nTo: Anna\nSubject: Card",
    "De : Northwind <s@n.example>\nEnvoyé : lundi 23 novembre 2026 09:15\nÀ : Anna\nObjet : Carte",
    "Da: Northwind\nInviato: lunedì 23 novembre 2026\nA: Anna\nOggetto: Carta",
    "Van: Northwind\nVerzonden: maandag\nAan: Anna\nOnderwerp: Kaart",
    "---- On Mon, 23 Nov 2026 09:15:00 +0100 s@n.example wrote ----",
]


@pytest.mark.parametrize("announcement", ANNOUNCEMENTS)
@pytest.mark.parametrize("mark", ["> ", ""])
def test_the_quoted_mail_is_cut(announcement: str, mark: str) -> None:
    quoted = "\n".join(f"{mark}{line}" for line in ("Dear Anna,", "which card?", "Northwind"))

    assert reply_text(f"The one ending in 4242.\n\n{announcement}\n{quoted}") == (
        "The one ending in 4242."
    )


@pytest.mark.parametrize(
    "signature",
    [
        "-- \nAnna Schmidt\n+49 30 1234567",
        "--\nAnna",
        "—\nAnna Schmidt\nAccountant",
        "Sent from my iPhone",
        "Von meinem iPhone gesendet",
        "Gesendet mit der GMX Mail App",
        "Envoyé de mon iPhone",
        "Enviado desde mi iPhone",
        "Inviato da iPhone",
        "Verzonden vanaf mijn Samsung-telefoon",
        "Get Outlook for iOS<https://aka.ms/o0ukef>",
        "Sent from Yahoo Mail on Android",
    ],
)
def test_signatures_are_cut(signature: str) -> None:
    assert reply_text(f"My card is lost.\n\n{signature}") == "My card is lost."


@pytest.mark.parametrize(
    "text",
    [
        "On Monday I wrote: please block it.",
        "I wrote to you on 3 March at 10:00 and nobody answered.\n\nWhy?",
        "Sent from my desk, is much easier than my mobile phone.",
        "From: where does this money come?\n\nPlease tell me.",
        "Am Montag, den 3.3., war ich da.\nNiemand war da.",
        "Table:\n--------------\na | b\n--------------\nIs that right?",
        "On the other hand, I paid on 3 March 2026.\nWhat now:\nnothing came.",
    ],
)
def test_a_persons_own_sentences_stay(text: str) -> None:
    assert reply_text(text) == text


def test_answers_between_quoted_lines_keep_what_they_answer() -> None:
    text = (
        "On 3 March 2026 at 10:00, Bank wrote:\n> Which card?\n\nThis one.\n\n> Since when?\n\nMay."
    )

    assert reply_text(text) == text


def test_an_answer_below_the_quote_is_found() -> None:
    mail = parse((MAILS / "reply-below-quote.eml").read_bytes())

    assert "The one ending in 4242." in reply_text(mail.text)


@pytest.mark.parametrize(
    "text",
    [
        "> only\n> a quote",
        "---------- Forwarded message ----------\nFrom: b@y.example\nDate: now\nSubject: x\n\nHelp",
        "On 3 March 2026 at 10:00, Bank wrote:\n> hello",
        "--\nAnna",
        "Sent from my iPhone",
    ],
)
def test_a_mail_that_is_only_a_quote_is_kept_whole(text: str) -> None:
    assert reply_text(text) == text


@given(st.text(max_size=400))
def test_only_a_blank_mail_gives_an_empty_reply(text: str) -> None:
    assert bool(reply_text(text)) == bool(text.strip())


CORPUS = [
    # file below the shared data, the last words of what the sender wrote this time
    ("crisp-reply-parser/email_10.txt", "nec nec nibh."),
    ("crisp-reply-parser/email_14.txt", "nec nec nibh."),
    ("crisp-reply-parser/email_23.txt", "nec nec nibh."),
    ("crisp-reply-parser/email_25.txt", "nec nec nibh."),
    ("crisp-reply-parser/email_8.txt", "nec nec nibh."),
    ("crisp-reply-parser/email_finnish.txt", "nec nec nibh."),
    ("crisp-reply-parser/email_german.txt", "nec nec nibh."),
    ("crisp-reply-parser/email_german_3.txt", "nec nec nibh."),
    ("crisp-reply-parser/email_ios_outlook_fr.txt", "nec nec nibh."),
    ("crisp-reply-parser/email_italian.txt", "nec nec nibh."),
    ("crisp-reply-parser/email_portuguese.txt", "nec nec nibh."),
    ("crisp-reply-parser/email_russian.txt", "nec nec nibh."),
    ("crisp-reply-parser/email_tricky_12_no_space_after_header.txt", "nec nec nibh."),
    ("crisp-reply-parser/email_custom_quote_header.txt", "Thank you!"),
    ("crisp-reply-parser/email_customer_quote_header_3.txt", "merci d'avance"),
    ("crisp-reply-parser/email_emoji.txt", "🎉"),
    ("crisp-reply-parser/email_unquoted_reply.txt", "This is my reply."),
    ("crisp-reply-parser/email_zoho.txt", "running a test?"),
    ("crisp-reply-parser/email_tricky_16_unicode_signatures.txt", "Sarah"),
    ("crisp-reply-parser/email_tricky_18_inline_reply.txt", "for our use case."),
    ("crisp-reply-parser/email_tricky_6_regards_in_sentence.txt", "should be visible."),
    ("crisp-reply-parser/email_sent_from_my_not_signature.txt", "then my mobile phone."),
    ("zapier-reply-parser/test/emails/email_1_1.txt", "-Abhishek Kona"),
    ("zapier-reply-parser/test/emails/email_1_6.txt", "rendering as well."),
    ("zapier-reply-parser/test/emails/email_1_7.txt", ":+1:"),
    ("zapier-reply-parser/test/emails/email_1_8.txt", "and under this."),
    ("zapier-reply-parser/test/emails/email_2_2.txt", "directly above line"),
    ("zapier-reply-parser/test/emails/email_2_3.txt", "using unusual format"),
    ("zapier-reply-parser/test/emails/email_bullets.txt", "- and another"),
    ("zapier-reply-parser/test/emails/email_gmail.txt", "to a github message."),
    ("zapier-reply-parser/test/emails/email_headers_no_delimiter.txt", "And another reply!"),
    ("zapier-reply-parser/test/emails/email_partial_quote_header.txt", "is not working."),
    ("zapier-reply-parser/test/emails/pathological.txt", "get back to a computer."),
]


@pytest.mark.parametrize(("name", "end"), CORPUS)
def test_real_replies_end_where_their_senders_ended(name: str, end: str) -> None:
    path = needs_shared_data("data", "email", name)

    assert reply_text(path.read_text(encoding="utf-8")).endswith(end)


@pytest.mark.parametrize(
    "program",
    [
        *("android", "aol", "apple_mail", "apple_mail_2", "comcast", "gmail", "hotmail"),
        *("iphone", "outlook", "sparrow", "thunderbird", "yahoo"),
    ],
)
def test_twelve_mail_programs_say_hello(program: str) -> None:
    path = needs_shared_data("data", "email", "talon", "standard_replies", f"{program}.eml")

    text = reply_text(parse(path.read_bytes()).text)

    assert text.endswith("Hello")
    assert text == "Hello" or program == "thunderbird"

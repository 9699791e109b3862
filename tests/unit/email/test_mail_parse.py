"""Mails as they really come: odd, broken, in many charsets."""

from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from answerable.channels.email.parse import parse
from answerable.channels.email.parsed_mail import MailLimits, ParsedMail, UnreadableMail

MAILS = Path(__file__).parents[2] / "data" / "mails"


def read(name: str) -> ParsedMail:
    return parse((MAILS / f"{name}.eml").read_bytes())


def test_a_plain_mail_is_read_whole() -> None:
    mail = read("plain-question")

    assert mail.sender[0].address == "anna@customer.example"
    assert mail.sender[0].name == "Anna Schmidt"
    assert mail.subject == "Where is my card?"
    assert mail.date == datetime(2026, 11, 23, 8, 15, tzinfo=UTC)
    assert mail.message_id == "<plain@customer.example>"
    assert mail.text.startswith("Hello,\n\nmy new card")
    assert mail.defects == ()


@pytest.mark.parametrize("path", sorted(MAILS.glob("*.eml")), ids=lambda path: path.stem)
def test_every_odd_mail_is_read_without_an_error(path: Path) -> None:
    if path.stem == "no-header-at-all":
        assert "headers-missing" in parse(path.read_bytes()).defects
        return

    mail = parse(path.read_bytes())

    assert mail.sender or path.stem == "address-without-brackets-in-quotes"


@pytest.mark.parametrize(
    ("name", "subject"),
    [
        ("subject-in-two-charsets", "Grüße aus München und mehr"),
        ("character-split-between-encoded-words", "üüü"),
        ("japanese-iso-2022-jp", "カード"),
        ("nul-and-control-characters", "ab"),
    ],
)
def test_subjects_are_decoded_to_one_clean_line(name: str, subject: str) -> None:
    assert read(name).subject == subject


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("declared-utf-8-but-latin-1", "Ich möchte kündigen."),
        ("unknown-charset", "Où est ma carte ?"),
        ("utf-7", "Meine Karte ist verschwunden. Grüße"),
        ("japanese-iso-2022-jp", "カードが届きません。"),
        ("empty-plain-beside-html", "Only in HTML"),
        ("apple-mail-text-around-picture", "See this:\n\nThat is my card."),
        ("boundary-never-closed", "The connection broke"),
        ("boundary-missing", "There is no part at all here."),
        ("header-only", ""),
        ("nul-and-control-characters", "NUL: , escape: [31mred"),
        ("flowed", "This line goes on in the next one.\n> and this quoted one too\n-- \nAnna"),
    ],
)
def test_text_comes_out_whatever_was_declared(name: str, text: str) -> None:
    assert read(name).text.strip() == text


def test_html_becomes_text_without_what_is_hidden_or_runs() -> None:
    text = read("html-only-with-hidden-text").text

    assert text == (
        "Dear bank,\n\nmy card was swallowed.\nWhat now?\n\n- Visa\n- Giro\n\n> We wrote something"
    )


def test_attachments_have_harmless_names_and_true_digests() -> None:
    (picture,) = read("apple-mail-text-around-picture").attachments
    (letter,) = read("file-name-in-pieces").attachments

    assert picture.name == "pass.png"
    assert picture.size_bytes == 8
    assert picture.digest == "4c4b6a3be1314ab86138bef4314dde022e600960d8689a2c8f8631802d20dab6"
    assert letter.name == "Kündigung 2026.pdf"
    assert letter.media_type == "application/pdf"


def test_a_forwarded_mail_and_an_invitation_are_attachments() -> None:
    forwarded = read("forwarded-as-attachment")
    invitation = read("calendar-invitation")

    assert forwarded.text == "See below."
    assert [one.name for one in forwarded.attachments] == ["Inner.eml"]
    assert [one.media_type for one in invitation.attachments] == ["text/calendar"]


def test_broken_references_match_nothing() -> None:
    mail = read("no-date-and-broken-date")

    assert mail.date is None
    assert mail.in_reply_to == ("<a.1@northwind.example>",)
    assert mail.references == ("<a.1@northwind.example>", "<a.2@northwind.example>")


def test_a_bounce_names_the_mail_the_recipient_and_the_reason() -> None:
    bounce = read("bounce-rfc3464").bounce

    assert bounce is not None
    assert bounce.original_message_id == "<a.0123456789@northwind.example>"
    assert (bounce.recipient, bounce.action, bounce.status) == (
        "anna@customer.example",
        "failed",
        "5.1.1",
    )
    assert bounce.is_final


def test_a_delay_is_no_final_bounce() -> None:
    bounce = read("bounce-delayed").bounce

    assert bounce is not None
    assert not bounce.is_final


def test_a_bounce_in_free_text_is_understood() -> None:
    bounce = read("bounce-in-free-text").bounce

    assert bounce is not None
    assert bounce.original_message_id == "<a.777@northwind.example>"
    assert bounce.status == "5.2.2"
    assert bounce.is_final


def test_two_from_headers_are_two_senders() -> None:
    senders = [one.address for one in read("two-from-headers").sender]

    assert senders == ["mallory@evil.example", "anna@customer.example"]


def test_an_empty_mail_and_a_huge_one_are_refused_by_name() -> None:
    with pytest.raises(UnreadableMail, match="empty"):
        parse(b"\r\n \x00")
    with pytest.raises(UnreadableMail, match="too-large"):
        parse(b"a: b\r\n\r\n" + b"x" * 100, MailLimits(size_bytes=50))


def test_the_body_digest_does_not_depend_on_the_route() -> None:
    raw = (MAILS / "plain-question.eml").read_bytes()
    other = b"Received: from x by y; Mon, 23 Nov 2026 09:15:00 +0100\r\n" + raw

    assert parse(raw).body_digest == parse(other).body_digest
    assert parse(raw).digest != parse(other).digest


_words = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp", "Cn", "Co")),
    max_size=60,
)


@given(subject=_words, text=_words, html=st.booleans(), file=st.binary(max_size=300))
def test_what_the_standard_library_writes_is_read_back(
    subject: str, text: str, html: bool, file: bytes
) -> None:
    message = EmailMessage()
    message["From"] = "Anna <anna@customer.example>"
    message["Subject"] = " ".join(subject.split())
    message.set_content(f"x{text}y\n")
    if html:
        message.add_alternative("<p>another text</p>", subtype="html")
    message.add_attachment(file, maintype="application", subtype="zip", filename="a.zip")

    mail = parse(bytes(message))

    assert mail.text.split() == f"x{text}y".split()
    assert [one.size_bytes for one in mail.attachments] == [len(file)]


@given(st.binary(max_size=2000))
def test_any_bytes_are_read_or_refused_by_name(raw: bytes) -> None:
    try:
        mail = parse(raw)
    except UnreadableMail:
        return
    assert "\x00" not in mail.text + mail.subject


@pytest.mark.parametrize(
    ("written", "message_id"),
    [("<a@b>", "<a@b>"), ("a@b", "<a@b>"), ("<>", None), ("", None), ("broken", None)],
)
def test_a_message_id_without_brackets_is_still_one(written: str, message_id: str | None) -> None:
    mail = parse(f"From: anna@customer.example\r\nMessage-ID: {written}\r\n\r\nx".encode())

    assert mail.message_id == message_id

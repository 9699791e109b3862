"""What leaves has exactly the headers and recipients that we mean, whatever is filled in."""

import email
import email.policy
from datetime import UTC, datetime
from email.utils import getaddresses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from answerable.channels.email.compose import ComposedMail, MailIdentity, compose
from answerable.channels.email.parse import parse
from answerable.channels.email.reply_token import ReplyTokens
from answerable.channels.email.team_mail import TeamMail, compose_team_mail
from answerable.definition.schema import Team
from answerable.flow.message import OutboundReply, Sender
from answerable.kit.errors import InvalidInput
from answerable.kit.ids import ConversationId, TenantId

TOKENS = ReplyTokens(b"s" * 32)
IDENTITY = MailIdentity(address="support@northwind.example", name="Northwind Bank", instance="nw-1")
AT = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
CONVERSATION = ConversationId("cnv_01KAH2J8E0ZZZZZZZZZZZZZZZZ")


def reply(**changes: object) -> OutboundReply:
    fields: dict[str, object] = {
        "tenant": TenantId("northwind-bank"),
        "conversation": CONVERSATION,
        "inbox": "support-mail",
        "key": "deliver/1",
        "to": Sender(kind="email", address="anna@customer.example", name="Anna Schmidt"),
        "subject": "Where is my card?",
        "text": "Dear Anna,\n\nit is on its way.\nYour bank",
        "automatic": True,
        "language": "en",
        "in_reply_to": "<q@customer.example>",
        "references": ("<q@customer.example>",),
    }
    return OutboundReply(**{**fields, **changes})  # type: ignore[arg-type]


def composed(**changes: object) -> ComposedMail:
    return compose(reply(**changes), identity=IDENTITY, tokens=TOKENS, at=AT)


def test_what_belongs_to_no_thread_leads_into_no_conversation() -> None:
    mail = composed(apart=True, in_reply_to=None, references=(), subject="Your code")
    read = email.message_from_bytes(mail.content, policy=email.policy.default)

    assert mail.envelope_sender == ""
    assert read["Reply-To"] == "support@northwind.example"
    assert read["Auto-Submitted"] == "auto-generated"
    assert (read["Subject"], read["In-Reply-To"]) == ("Your code", None)


def test_an_automatic_reply_says_so_and_cannot_be_answered_by_a_robot() -> None:
    mail = composed()
    read = email.message_from_bytes(mail.content, policy=email.policy.default)

    assert mail.envelope_sender == ""
    assert read["Auto-Submitted"] == "auto-replied"
    assert read["X-Auto-Response-Suppress"] == "All"
    assert read["X-Answerable-Instance"] == "nw-1"
    assert read["In-Reply-To"] == "<q@customer.example>"
    assert read["Subject"] == "Re: Where is my card?"
    assert read["Message-ID"] == mail.message_id
    assert read["Content-Language"] == "en"
    token = read["Reply-To"].addresses[0].username.partition("+c_")[2]
    assert TOKENS.verify(TenantId("northwind-bank"), token) == CONVERSATION
    plain = read.get_body(("plain",))
    html = read.get_body(("html",))
    assert plain is not None
    assert html is not None
    assert plain.get_content().split("\r\n") == [
        "Dear Anna,",
        "",
        "it is on its way.",
        "Your bank",
        "",
    ]
    assert "<p>it is on its way.<br>" in html.get_content()


def test_a_teams_mail_is_for_it_alone_and_nothing_in_a_definition_adds_a_header() -> None:
    team = Team(name="fraud", title="Fraud\r\nBcc: x@evil.example", alert_email="desk@bank.example")
    about = TeamMail(
        team=team, conversation=CONVERSATION, matter="Fraud\nCc: y@evil.example", key="k"
    )
    mail = compose_team_mail(about, identity=IDENTITY, tokens=TOKENS, at=AT)
    read = email.message_from_bytes(mail.content, policy=email.policy.default)

    assert mail.recipient == "desk@bank.example"
    assert (mail.envelope_sender, read["Auto-Submitted"]) == ("", "auto-generated")
    assert read["X-Answerable-Instance"] == "nw-1"  # so that we know it if it comes back
    assert (read["Bcc"], read["Cc"], read["Reply-To"]) == (None, None, None)
    assert CONVERSATION in read.get_content()
    again = compose_team_mail(about, identity=IDENTITY, tokens=TOKENS, at=AT)
    assert again.message_id == mail.message_id


def test_a_persons_reply_is_no_automatic_mail_and_its_bounce_comes_back() -> None:
    mail = composed(automatic=False, agent_name="Bea Weiß")
    read = email.message_from_bytes(mail.content, policy=email.policy.default)

    assert read["Auto-Submitted"] is None
    assert mail.envelope_sender == read["Reply-To"].addresses[0].addr_spec
    assert read["From"].addresses[0].display_name == "Bea Weiß (Northwind Bank)"


def test_a_retry_is_the_same_mail() -> None:
    assert composed() == composed()
    assert composed(key="deliver/2").message_id != composed().message_id


@pytest.mark.parametrize(
    "subject", ["Re: Card", "RE: re: AW: Card", "Card", "Sv: Card"], ids=lambda text: text
)
def test_one_re_is_enough(subject: str) -> None:
    assert parse(composed(subject=subject).content).subject == "Re: Card"


@pytest.mark.parametrize(
    "address",
    [
        "",
        "anna",
        "a@b\r\nBcc: x@y.example",
        "a@b.example,c@d.example",
        "<a@b.example>",
        "jörg@x.example",
    ],
)
def test_an_address_that_cannot_be_written_to_is_refused(address: str) -> None:
    with pytest.raises(InvalidInput):
        composed(to=Sender(kind="email", address=address))


def test_an_international_domain_is_written_in_ascii() -> None:
    assert composed(to=Sender(kind="email", address="a@müller.example")).recipient == (
        "a@xn--mller-kva.example"
    )


NASTY = st.lists(
    st.one_of(
        st.sampled_from(
            [
                *("\r\n", "\n", "\r", "\x00", "\u2028", "\u2029", "\x85", "\x0b", "\x0c"),
                *("\u202e", "Bcc: evil@x.example", "\r\n\r\n", "\r\n ", "=?", "=\r\n", "=0D=0A"),
                *("=?utf-8?q?=0ABcc:_e@x.example?=", "<evil@x.example>", '"', "\\", ",", ";"),
                *(":", "@", "(", "--", "."),
            ]
        ),
        st.text(max_size=40),
    ),
    max_size=12,
).map("".join)
HEADERS = [
    "From", "To", "Reply-To", "Subject", "Date", "Message-ID", "In-Reply-To", "References",
    "X-Answerable-Instance", "Auto-Submitted", "X-Auto-Response-Suppress", "MIME-Version",
    "Content-Language", "Content-Type",
]  # fmt: skip


@settings(max_examples=500)
@given(
    subject=NASTY,
    name=NASTY,
    agent=NASTY,
    text=NASTY,
    parent=st.one_of(NASTY, NASTY.map(lambda text: f"<{text}>")),
    references=st.lists(NASTY.map(lambda text: f"<{text}>"), max_size=4),
    key=st.text(st.characters(exclude_categories=("Cs",)), max_size=50),
    language=st.one_of(st.just("en"), NASTY),
)
def test_nothing_filled_in_can_add_a_header_or_a_recipient(
    subject: str,
    name: str,
    agent: str,
    text: str,
    parent: str,
    references: list[str],
    key: str,
    language: str,
) -> None:
    mail = composed(
        subject=subject,
        to=Sender(kind="email", address="anna@customer.example", name=name),
        agent_name=agent or None,
        text=text,
        in_reply_to=parent,
        references=tuple(references),
        key=key,
        language=language,
    )

    head, _, body = mail.content.partition(b"\r\n\r\n")
    assert all(len(line) < 998 for line in mail.content.split(b"\r\n"))
    assert not set(head.replace(b"\r\n", b"")) & {0, 10, 13}
    assert b"\n" not in body.replace(b"\r\n", b"")
    for policy in (email.policy.compat32, email.policy.SMTP):
        read = email.message_from_bytes(mail.content, policy=policy)
        optional = {"In-Reply-To", "References", "Content-Language"}
        names = list(read.keys())
        assert [key for key in HEADERS if key in names or key not in optional] == names
        assert not read.defects
        assert [part.get_content_type() for part in read.walk()] == [
            "multipart/alternative", "text/plain", "text/html",
        ]  # fmt: skip
    raw = email.message_from_bytes(mail.content, policy=email.policy.compat32)
    assert [found for _, found in getaddresses([raw["To"]])] == ["anna@customer.example"]
    assert [found for _, found in getaddresses([raw["From"]])] == ["support@northwind.example"]
    ours = parse(mail.content)
    assert [one.address for one in ours.to] == ["anna@customer.example"]
    assert [one.address for one in ours.sender] == ["support@northwind.example"]
    assert ours.cc == ()


@given(st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), max_size=300))
def test_the_text_arrives_as_it_was_written(text: str) -> None:
    read = parse(composed(text=f"a\n{text}\n.\nFrom x\nb").content)

    assert read.text == f"a\n{text}\n.\nFrom x\nb".replace("\ufffe", "").replace("\uffff", "")

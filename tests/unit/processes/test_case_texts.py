"""Whole texts as comments of a case, and back."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from answerable.api.desk.timeline import Titles
from answerable.connectors.crm.mapping import CrmMapping, comment_fields, comment_of
from answerable.desk.cases import CaseComment
from answerable.kit.ids import ConversationId, TenantId
from answerable.ledger.event import Event
from answerable.processes.case_texts import MOST_PARTS, PART_BYTES, text_comments, texts_of

TALK = "cnv_1"
TITLES = Titles(agents={}, teams={}, intents={})


def said(seq: int = 3) -> Event:
    return Event(
        tenant=TenantId("shop"),
        stream=ConversationId(TALK),
        seq=seq,
        kind="message_received",
        at=datetime(2026, 11, 30, 10, 0, tzinfo=UTC),
        actor="contact",
        cause=0,
        data={"author": "contact"},
        hash="",
        position=1,
    )


def told(text: str, **value: Any) -> list[CaseComment]:
    return list(text_comments(said(), {"text": text, **value}, TITLES))


@given(text=st.text(max_size=6_000))
def test_a_text_comes_back_as_it_was(text: str) -> None:
    assert texts_of(TALK, told(text)[::-1]) == {3: text}


def test_personal_values_stand_in_it_and_not_their_handles() -> None:
    [comment] = told(
        "My IBAN is <iban:1>.", values={"iban:1": "DE89"}, subject="About <iban:1>",
        attachments=["a.pdf"],
    )  # fmt: skip

    heading, _, text = comment.text.partition("\n\n")
    assert text == "My IBAN is DE89."
    assert heading.splitlines()[1:] == ["Subject: About DE89", "Attached: a.pdf"]


def test_a_very_long_text_is_cut_where_it_says_so() -> None:
    comments = told("x" * (PART_BYTES * MOST_PARTS + 1))

    assert len(comments) == MOST_PARTS
    assert comments[-1].text.endswith("[…]")


@pytest.mark.parametrize("text", ["@{x}" * 2_000, "🙂" * 3_000, "\n" * 5_000, "a\n\nb"])
def test_each_part_fits_into_a_comment_of_the_crm(text: str) -> None:
    for comment in told(text, subject="s" * 200):
        body = comment_fields(comment, "500", CrmMapping())["CommentBody"]
        read = comment_of(body)
        assert len(body.encode()) <= 4_000
        assert read is not None
        assert read.text.replace("@ {", "@{") == comment.text


def test_other_comments_are_passed_over() -> None:
    others = [
        CaseComment(key="cnv_1:7", text="a story"),
        CaseComment(key="cnv_2:3/1", text="of another\n\nconversation"),
        CaseComment(key="cnv_1:4/2", text="a part without its beginning"),
    ]

    assert texts_of(TALK, [*others, *told("mine")]) == {3: "mine"}
    assert comment_of("written by somebody in the CRM") is None
    assert comment_of("x\n[answerable cnv_9:1/1]\n[answerable cnv_1:3/1]") == CaseComment(
        key="cnv_1:3/1", text="x\n[answerable cnv_9:1/1]"
    )

"""Frames: what is read, what is refused, and that a refusal repeats nothing."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from answerable.channels.chat.protocol import (
    FRAME_BYTES,
    TEXT_CHARACTERS,
    EventFrame,
    FrameRefused,
    Hello,
    Message,
    MessageShown,
    Ping,
    frame_text,
    parse_frame,
)

ID = "7a0a6a3e-5d0e-4b63-8a6b-6b8a0c2b7f10"


def message(text: object, client_id: object = ID) -> str:
    return json.dumps({"type": "message", "client_id": client_id, "text": text})


@pytest.mark.parametrize(
    ("text", "frame"),
    [
        ('{"type":"hello","session":"s","after":7}', Hello(session="s", after=7)),
        ('{"type":"hello","session":"s"}', Hello(session="s", after=0)),
        (message("Hi 👋"), Message(client_id=ID, text="Hi 👋")),
        (message("x" * TEXT_CHARACTERS), Message(client_id=ID, text="x" * TEXT_CHARACTERS)),
        ('{"type":"ping","n":3,"later":"added"}', Ping(n=3)),
    ],
)
def test_a_frame_is_read(text: str, frame: object) -> None:
    assert parse_frame(text) == frame


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "invalid_frame"),
        ("null", "invalid_frame"),
        ("[]", "invalid_frame"),
        ("[" * 16_000, "invalid_frame"),
        ('{"type":"secret-word"}', "invalid_frame"),
        ('{"type":["hello"]}', "invalid_frame"),
        ('{"session":"secret-word"}', "invalid_frame"),
        ('{"type":"hello","session":7}', "invalid_frame"),
        ('{"type":"hello","session":"s","after":-1}', "invalid_frame"),
        ('{"type":"hello","session":"s","after":"1"}', "invalid_frame"),
        ('{"type":"hello","session":"s","after":1e400}', "invalid_frame"),
        ('{"type":"hello","session":"s","after":' + "9" * 5_000 + "}", "invalid_frame"),
        ('{"type":"hello","session":"' + "s" * 201 + '"}', "invalid_frame"),
        ('{"type":"message","text":"secret-word"}', "invalid_frame"),
        (message("secret-word", "short"), "invalid_frame"),
        (message("secret-word", "x" * 65), "invalid_frame"),
        (message("secret-word", "../../etc/passwd"), "invalid_frame"),
        (message(["secret-word"]), "invalid_frame"),
        ('{"type":"message","client_id":"' + ID + '","text":"\\ud800"}', "invalid_frame"),
        (message("secret-word\x00"), "text_invalid"),
        (message(""), "text_empty"),
        (message(" \n\t\u2003 "), "text_empty"),
        (message("x" * (TEXT_CHARACTERS + 1)), "text_too_long"),
        ('{"type":"typing","on":1}', "invalid_frame"),
    ],
)
def test_what_is_no_frame_is_refused_without_an_echo(text: str, code: str) -> None:
    with pytest.raises(FrameRefused) as refusal:
        parse_frame(text)
    assert refusal.value.code == code
    assert "secret-word" not in refusal.value.message
    assert len(refusal.value.message) < 200


def test_a_refused_text_names_the_message_it_belongs_to() -> None:
    with pytest.raises(FrameRefused) as refusal:
        parse_frame(message(""))
    assert refusal.value.client_id == ID


def test_the_longest_message_fits_into_a_frame() -> None:
    longest = json.dumps(
        {"type": "message", "client_id": "x" * 64, "text": "👋" * TEXT_CHARACTERS},
        ensure_ascii=False,
    )
    assert len(longest.encode()) <= FRAME_BYTES


@given(st.text(max_size=300) | st.binary(max_size=300).map(lambda b: b.decode("latin-1")))
def test_whatever_comes_is_a_frame_or_a_refusal(text: str) -> None:
    with contextlib.suppress(FrameRefused):
        parse_frame(text)


def test_absent_optional_fields_are_left_out() -> None:
    shown = MessageShown(author="assistant", name=None, text="Hi", at="2026-11-23T09:00:00Z")
    frame = json.loads(frame_text(EventFrame(seq=2, previous=0, event=shown)))
    assert "client_id" not in frame["event"]
    assert frame["event"]["name"] is None

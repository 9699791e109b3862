"""An auditor who comes every day: each export begins where the one before ended."""

import json
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from answerable.kit.errors import NotFound
from answerable.ledger import verify
from answerable.ledger.checkpoint import SigningKey
from tests.unit.ledger.conftest import Archive, codes, lines_of, records_of, run_alone


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "accepted.db"


@pytest.fixture
def second_day(archive: Archive, state: Path) -> bytes:
    """What came after the first day, whose export was accepted."""
    assert codes(archive.export(), state=state) == set()
    after = archive.last()
    archive.append("cnv_one", "conversation_reopened")
    archive.append("cnv_four", "conversation_opened", channel="chat")
    archive.append("cnv_four", "message_received", text={"ref": "val_9"}, author="contact")
    return archive.export(after=after)


def test_what_is_new_is_accepted_after_what_was_accepted(
    archive: Archive, state: Path, second_day: bytes
) -> None:
    done = verify.verify(BytesIO(second_day), state=state)

    assert done.findings == []
    assert (done.events, done.checkpoints) == (3, 1)
    after = archive.last()
    archive.append("cnv_four", "conversation_closed")
    assert codes(archive.export(after=after), state=state) == set()


def test_it_holds_nothing_that_was_there_before(second_day: bytes) -> None:
    header, *events = records_of(second_day)

    assert header["after"]["number"] == 3
    assert [(one["stream"], one["seq"]) for one in events if "stream" in one] == [
        ("cnv_one", 5),
        ("cnv_four", 1),
        ("cnv_four", 2),
    ]


def test_without_what_was_accepted_before_it_proves_nothing(
    second_day: bytes, tmp_path: Path
) -> None:
    assert "not_next" in codes(second_day)
    assert "not_next" in codes(second_day, state=tmp_path / "nothing-yet.db")


def test_a_day_left_out_is_found(archive: Archive, state: Path, second_day: bytes) -> None:
    after = archive.last()
    archive.append("cnv_four", "conversation_closed")

    assert "not_next" in codes(archive.export(after=after), state=state)
    assert codes(second_day, state=state) == set()


def test_what_is_not_accepted_is_not_noted(state: Path, second_day: bytes) -> None:
    lines = lines_of(second_day)

    for missing in range(len(lines)):
        assert codes(b"".join(lines[:missing] + lines[missing + 1 :]), state=state), missing
    for place in range(0, len(second_day), 7):
        changed = bytearray(second_day)
        changed[place] ^= 1
        assert codes(bytes(changed), state=state), place

    assert codes(second_day, state=state) == set()


def _remove_first_day(archive: Archive) -> None:
    with archive.engine.begin() as tx:
        tx.execute(sa.text("DELETE FROM event WHERE stream = 'cnv_one' AND seq = 4"))


def _rewrite_first_day(archive: Archive) -> None:
    with archive.engine.begin() as tx:
        tx.execute(sa.text("UPDATE event SET hash = :h WHERE stream = 'cnv_one' AND seq = 4"),
                   {"h": "0" * 64})  # fmt: skip


@pytest.mark.parametrize("tamper", [_remove_first_day, _rewrite_first_day])
def test_a_first_day_that_was_changed_since_is_found_on_the_second(
    archive: Archive, state: Path, tamper: Callable[[Archive], None]
) -> None:
    assert codes(archive.export(), state=state) == set()
    after = archive.last()
    archive.append("cnv_one", "conversation_reopened")
    tamper(archive)

    assert "broken_link" in codes(archive.export(after=after), state=state)


def test_a_ledger_signed_with_another_key_is_no_continuation(archive: Archive, state: Path) -> None:
    assert codes(archive.export(), state=state) == set()
    archive.key = SigningKey(Ed25519PrivateKey.generate())

    assert "other_key" in codes(archive.export(), state=state)


def test_a_whole_export_must_hold_what_was_accepted(archive: Archive, state: Path) -> None:
    archive.seal()
    early = archive.export()
    archive.append("cnv_one", "conversation_reopened")
    assert codes(archive.export(), state=state) == set()

    assert codes(archive.export(), state=state) == set()
    assert "truncated" in codes(early, state=state)


def test_checkpoints_kept_outside_are_compared_where_they_are_new(
    archive: Archive, state: Path, second_day: bytes, tmp_path: Path
) -> None:
    kept = tmp_path / "checkpoints.jsonl"
    kept.write_text(archive.outside())
    outside = verify.read_outside(kept)

    assert codes(second_day, state=state, outside=outside) == set()
    after = archive.last()
    archive.append("cnv_one", "conversation_closed")
    third_day = archive.export(after=after)
    archive.append("cnv_one", "conversation_reopened")
    archive.seal()
    kept.write_text(archive.outside())

    assert codes(third_day, state=state, outside=verify.read_outside(kept)) == {"truncated"}


def test_an_export_after_a_checkpoint_that_is_not_there_is_refused(archive: Archive) -> None:
    with pytest.raises(NotFound, match="no checkpoint 99"):
        archive.export(after=99)


def test_the_verifier_alone_notes_and_goes_on(
    archive: Archive, tmp_path: Path, state: Path
) -> None:
    first = run_alone("-", "--state", state, "--json", stdin=archive.export())
    after = archive.last()
    archive.append("cnv_two", "conversation_closed")
    second = run_alone("-", "--state", state, "--json", stdin=archive.export(after=after))

    assert (first.returncode, second.returncode) == (0, 0)
    assert json.loads(second.stdout)["events"] == 1
    (tmp_path / "letter.txt").write_text("Dear auditor, this is no database at all. " * 40)
    wrong = run_alone("-", "--state", tmp_path / "letter.txt", stdin=archive.export())
    assert wrong.returncode == 2
    assert b"Traceback" not in wrong.stderr

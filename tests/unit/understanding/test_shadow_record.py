"""What is kept of a shadow's differences: counts and conversations, bounded, never texts."""

import os
from datetime import UTC, datetime
from pathlib import Path

from answerable.understanding.shadow_record import (
    MOST_BYTES,
    TOLD,
    Reading,
    ShadowRecord,
    shadow_summary,
)

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
CARD, FEES = Reading(intent="card", automatic=True), Reading(intent=None, automatic=False)


def test_a_pair_names_a_few_conversations_and_counts_all(tmp_path: Path) -> None:
    record = ShadowRecord(path=tmp_path / "shadow.jsonl")
    for number in range(TOLD + 3):
        record.add(f"cnv_{number}", CARD, FEES, NOON)
    record.add("cnv_x", CARD, CARD, NOON)
    record.write()

    summary = shadow_summary(record.path)

    (difference,) = summary.differences
    assert (difference.messages, len(difference.conversations)) == (TOLD + 3, TOLD)
    assert (summary.read, summary.same) == (TOLD + 4, 1)


def test_two_processes_share_a_file_and_a_half_written_line_is_nothing(tmp_path: Path) -> None:
    path = tmp_path / "shadow.jsonl"
    for name in ("one", "two"):
        record = ShadowRecord(path=path)
        record.add(name, CARD, FEES, NOON)
        record.write()
    with path.open("a") as file:
        file.write('{"conversation": "cnv_3", "li')

    assert shadow_summary(path).read == 2


def test_a_full_file_goes_on_counting(tmp_path: Path) -> None:
    path = tmp_path / "shadow.jsonl"
    path.touch()
    os.truncate(path, MOST_BYTES + 1)
    with path.open("a") as file:
        file.write("\n")
    record = ShadowRecord(path=path)
    record.add("cnv_1", CARD, FEES, NOON)
    record.add("cnv_2", CARD, CARD, NOON)
    record.write()

    summary = shadow_summary(path)

    assert (summary.read, summary.same, summary.untold, summary.differences) == (2, 1, 1, ())


def test_without_a_file_nothing_was_read(tmp_path: Path) -> None:
    assert shadow_summary(tmp_path / "none").read == 0

"""Hostile mail costs little, or is put before a person; the next mail is read on time."""

import pytest
from torture import torture_mails

from answerable.channels.email.parsed_mail import ReaderLimits
from answerable.channels.email.reader import MailReader, Read, Unparsable

GOOD = (
    b"From: anna@customer.example\r\nSubject: next\r\n\r\nmy card 4111 1111 1111 1111 is lost\r\n"
)
REASONS = {
    "cpu-limit", "depth-cut", "empty", "headers-missing", "memory-limit", "nested-too-deep",
    "parts-cut", "reader-died", "time-limit", "too-large",
}  # fmt: skip


async def test_every_torture_mail_is_read_or_named_and_the_next_one_is_read() -> None:
    reader = MailReader()
    try:
        for name, raw in torture_mails():
            outcome = await reader.read(raw)
            after = await reader.read(GOOD)

            assert isinstance(outcome, Read) or outcome.reason in REASONS, name
            assert isinstance(after, Read), name
    finally:
        await reader.close()


async def test_a_mail_that_takes_too_much_memory_ends_only_its_worker() -> None:
    reader = MailReader(limits=ReaderLimits(memory_bytes=8 * 2**20))
    try:
        digits = GOOD + b"4111 " * 2**20

        outcome = await reader.read(digits)

        assert isinstance(outcome, Unparsable)
        assert isinstance(await reader.read(GOOD), Read)
    finally:
        await reader.close()


async def test_card_numbers_are_gone_from_what_is_kept() -> None:
    reader = MailReader()
    try:
        outcome = await reader.read(GOOD)
    finally:
        await reader.close()

    assert isinstance(outcome, Read)
    assert outcome.masked is not None
    assert b"4111 1111" not in outcome.masked
    assert "4111 1111" not in outcome.mail.text


async def test_a_worker_is_replaced_after_its_share() -> None:
    reader = MailReader(limits=ReaderLimits(mails_per_worker=1))
    try:
        assert all([isinstance(await reader.read(GOOD), Read) for _ in range(3)])
    finally:
        await reader.close()


@pytest.mark.parametrize("size", [0, 1, 7])
async def test_tiny_inputs_do_not_confuse_the_frames(size: int) -> None:
    reader = MailReader()
    try:
        outcome = await reader.read(b"x" * size)
    finally:
        await reader.close()

    assert isinstance(outcome, Read | Unparsable)

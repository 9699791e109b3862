"""Mail from mboxes."""

from pathlib import Path

from answerable.channels.email.mbox import read_mbox

FIRST = b"From anna@customer.example Mon Nov 23 09:15:00 2026\n"


def test_an_mbox_gives_its_mails_one_by_one(tmp_path: Path) -> None:
    path = tmp_path / "mails"
    path.write_bytes(
        FIRST + b"Subject: one\n\nFrom here on I waited.\n>From 09:15 on.\n\n"
        + FIRST + b"Subject: two\r\n\r\nx\r\n\r\n"
        + FIRST + b"Subject: three\n\nlast"
    )  # fmt: skip

    assert list(read_mbox(path)) == [
        b"Subject: one\n\nFrom here on I waited.\nFrom 09:15 on.\n",
        b"Subject: two\r\n\r\nx\r\n",
        b"Subject: three\n\nlast",
    ]


def test_a_file_that_is_one_mail_is_not_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "mail"
    path.write_bytes(b"Subject: one\n\nx\n")

    assert list(read_mbox(path)) == [b"Subject: one\n\nx\n"]


def test_an_empty_mbox_has_no_mail(tmp_path: Path) -> None:
    path = tmp_path / "none"
    path.write_bytes(b"")

    assert list(read_mbox(path)) == []

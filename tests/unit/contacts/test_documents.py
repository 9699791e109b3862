"""What is taken as a document: told by the bytes alone, whatever the file is called."""

import struct
import time

import pytest

from answerable.contacts.documents import (
    LONGEST_FILE_NAME,
    MOST_BYTES,
    MOST_PIXELS,
    Document,
    Upload,
    read_document,
    read_documents,
    safe_name,
)
from answerable.contacts.file_types import file_type
from tests.support.files import jpeg, pdf, png

HTML = b"<!doctype html><script>alert(1)</script>"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (png(), "image/png"),
        (jpeg(), "image/jpeg"),
        (jpeg(segments=60), "image/jpeg"),
        (pdf(), "application/pdf"),
        (b"%PDF-2.0\n" + b"x" * 5000 + b"%%EOF\r\n", "application/pdf"),
        (png() + HTML, "image/png"),  # shown as nothing else than a picture
        (pdf() + b"PK\x03\x04", "application/pdf"),
    ],
)
def test_a_file_is_what_its_bytes_say(content: bytes, media_type: str) -> None:
    read = read_document(Upload(name="x", content=content))
    assert isinstance(read, Document)
    assert read.media_type == media_type
    assert read.content == content


@pytest.mark.parametrize(
    "content",
    [
        HTML,
        SVG,
        b"GIF89a" + b"\x00" * 50,
        b"MZ" + b"\x00" * 50,
        b"PK\x03\x04" + b"\x00" * 50,
        b"RIFF\x00\x00\x00\x00WEBP",
        b"II*\x00" + b"\x00" * 50,
        b"\x89PNG\r\n\x1a\n" + HTML,
        png()[:30],
        png()[:20] + b"\xff" + png()[21:],  # the head's sum is not right
        png(0, 5),
        b"\xff\xd8\xff" + HTML,
        b"\xff\xd8" + b"\xff" * 100_000,
        jpeg()[:16],
        jpeg(0, 5),
        jpeg(segments=1000),
        b"\xff\xd8\xff\xda\x00\x02" + jpeg()[2:],
        b"\xff\xd8\xff\xe0\x00\x01" + jpeg()[2:],
        HTML + pdf(),
        b"%PDF-1.7\nand no end",
        b"%PDF-x.y\n%%EOF",
    ],
)
def test_whatever_else_it_looks_like_is_refused(content: bytes) -> None:
    assert read_document(Upload(name="certificate.png", content=content)) == "wrong_type"


def test_a_picture_that_would_fill_the_memory_is_refused() -> None:
    assert read_document(Upload(name="x.png", content=png(8_000, 8_000))) != "too_many_pixels"
    assert MOST_PIXELS == 8_000 * 8_000
    for bomb in (png(8_000, 8_001), jpeg(60_000, 60_000)):
        assert read_document(Upload(name="x", content=bomb)) == "too_many_pixels"


@pytest.mark.parametrize(
    ("upload", "wrong"),
    [
        (None, "no_file"),
        (Upload(name="", content=b""), "no_file"),  # as browsers send a field that is left empty
        (Upload(name="scan.pdf", content=b""), "empty"),
        (Upload(name="scan.pdf", content=None), "too_large"),
    ],
)
def test_nothing_and_too_much_are_told_apart(upload: Upload | None, wrong: str) -> None:
    assert read_document(upload) == wrong


def test_a_file_that_was_handed_in_stays_unless_another_is_chosen() -> None:
    empty, other = Upload(name="", content=b""), Upload(name="b.pdf", content=pdf())

    assert read_documents(["document"], {"document": empty}, kept=["document"]) == ({}, {})
    taken, wrong = read_documents(["document"], {"document": other}, kept=["document"])
    assert (taken["document"].name, wrong) == ("b.pdf", {})
    bad = Upload(name="b.html", content=HTML)
    _, wrong = read_documents(["document"], {"document": bad}, kept=["document"])
    assert wrong == {"document": "wrong_type"}
    assert read_documents(["document"], {}, kept=[]) == ({}, {"document": "no_file"})
    assert read_documents([], {"document": other}, kept=[]) == ({}, {})


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("Heiratsurkunde Müller.PDF", "Heiratsurkunde Müller.pdf"),
        ("../../etc/passwd", "passwd.pdf"),
        ("C:\\Users\\Anna\\scan.pdf", "scan.pdf"),
        ("photo.png.html", "photo.png.pdf"),
        ("harmless\u202efdp.exe", "harmlessfdp.pdf"),
        ('a"b\r\nSet-Cookie: x=1;.pdf', "a_b Set-Cookie_ x_1_.pdf"),
        ("<script>.pdf", "_script_.pdf"),
        (".pdf", "document.pdf"),
        ("", "document.pdf"),
        ("..", "document.pdf"),
        ("\x00\x01", "document.pdf"),
        ("证书", "证书.pdf"),
    ],
)
def test_a_file_gets_a_name_that_is_safe_to_show_and_to_save_under(name: str, safe: str) -> None:
    assert safe_name(name, "application/pdf") == safe
    assert safe_name(safe, "application/pdf") == safe


def test_a_long_name_is_cut_before_its_ending() -> None:
    cut = safe_name("a" * 5_000 + ".jpeg", "image/jpeg")
    assert (len(cut), cut[-6:]) == (LONGEST_FILE_NAME, "a.jpeg")


def test_a_hostile_picture_is_looked_at_for_a_moment_only() -> None:
    small = b"\xff\xe1\x00\x02"
    head = b"\xff\xd8"
    began = time.process_time()
    assert file_type(head + small * (MOST_BYTES // 4)) is None
    assert file_type(head + b"\xff\xe1" + struct.pack(">H", 3) + b"\xff" * MOST_BYTES) is None
    assert time.process_time() - began < 0.5

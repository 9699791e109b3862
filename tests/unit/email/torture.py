"""Hostile mails, made here because nobody wants them in a repository."""

from collections.abc import Iterator

HEAD = b"From: anna@customer.example\r\nTo: support@bank.example\r\nSubject: Where is my card?\r\n"
_TEXT = b"Content-Type: text/plain\r\n\r\nhello there\r\n"


def deep_multipart(depth: int) -> bytes:
    out = [HEAD, b"MIME-Version: 1.0\r\n"]
    for level in range(depth):
        out.append(
            b'Content-Type: multipart/mixed; boundary="b%d"\r\n\r\n--b%d\r\n' % (level, level)
        )
    out.append(_TEXT)
    for level in reversed(range(depth)):
        out.append(b"--b%d--\r\n" % level)
    return b"".join(out)


def many_parts(count: int) -> bytes:
    head = HEAD + b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n'
    return head + b"".join([b"--b\r\n" + _TEXT] * count) + b"--b--\r\n"


def many_parameters(size: int) -> bytes:
    parameters = b"".join(b"; p%d=value" % number for number in range(size // 14))
    return HEAD + b"Content-Type: text/plain" + parameters + b"\r\n\r\nhello\r\n"


def unclosed_quotes(size: int) -> bytes:
    return HEAD + b'Content-Type: text/plain; a="' + b'x; a="' * (size // 6) + b"\r\n\r\nhello\r\n"


def nested_comments(depth: int) -> bytes:
    return b"From: anna@customer.example " + b"(" * depth + b"\r\nSubject: hi\r\n\r\nhello\r\n"


def nested_messages(depth: int) -> bytes:
    return (
        HEAD
        + b"Content-Type: message/rfc822\r\n\r\n" * 1
        + (b"Content-Type: message/rfc822\r\n\r\n" * depth)
        + b"hello\r\n"
    )


def same_boundary_inside(depth: int) -> bytes:
    """A multipart whose child claims the very boundary of its parent: a circle."""
    piece = b'--b\r\nContent-Type: multipart/mixed; boundary="b"\r\n\r\n'
    return (
        HEAD + b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n' + piece * depth + b"--b--\r\n"
    )


def long_address_list(count: int) -> bytes:
    to = b", ".join(b"Person %d <p%d@x.example>" % (n, n) for n in range(count))
    return b"From: anna@customer.example\r\nTo: " + to + b"\r\nSubject: all\r\n\r\nhello\r\n"


def encoded_word_flood(count: int) -> bytes:
    return HEAD + b"Subject: " + b"=?utf-8?q?a?= " * count + b"\r\n\r\nhello\r\n"


def deep_html(depth: int) -> bytes:
    return (
        HEAD + b"Content-Type: text/html\r\n\r\n" + b"<div>" * depth + b"hello" + b"</div>" * depth
    )


def quote_tower(lines: int) -> bytes:
    body = b"".join(
        b">" * (n % 500) + b" On 3 March 2026 at 10:00, x wrote:\r\n" for n in range(lines)
    )
    return HEAD + b"\r\n" + body


def torture_mails() -> Iterator[tuple[str, bytes]]:
    yield "deep-multipart-2000", deep_multipart(2000)
    yield "parts-100k", many_parts(100_000)
    yield "parameters-400k", many_parameters(400 * 1024)
    yield "unclosed-quotes-400k", unclosed_quotes(400 * 1024)
    yield "nested-comments-10k", nested_comments(10_000)
    yield "nested-messages-5k", nested_messages(5000)
    yield "same-boundary-5k", same_boundary_inside(5000)
    yield "addresses-100k", long_address_list(100_000)
    yield "encoded-words-50k", encoded_word_flood(50_000)
    yield "html-100k-deep", deep_html(100_000)
    yield "html-unclosed-200k", HEAD + b"Content-Type: text/html\r\n\r\n" + b"<b><i><p>" * 200_000
    yield "quote-tower", quote_tower(4000)
    yield "one-line-25mb", HEAD + b"\r\n" + b"a" * (25 * 2**20)
    yield "one-line-50mb", HEAD + b"\r\n" + b"a" * (50 * 2**20)
    yield "header-20mb", HEAD + b"X-Long: " + b"a" * (20 * 2**20) + b"\r\n\r\nhello\r\n"
    yield "headers-300k", HEAD + b"X-A: b\r\n" * 300_000 + b"\r\nhello\r\n"
    yield "spaces-10mb", HEAD + b"\r\n" + b" \t" * (5 * 2**20)
    yield "newlines-10mb", HEAD + b"\r\n" + b"\r\n" * (5 * 2**20)
    yield (
        "dashes-5mb",
        HEAD + b'Content-Type: multipart/mixed; boundary="-"\r\n\r\n' + b"\n--" * (2**20),
    )
    yield "nul-everywhere", b"\x00".join([HEAD, b"\r\n", b"hello\x00world" * 1000])
    yield "only-nul", b"\x00" * 1_000_000
    yield "digits-5mb", HEAD + b"\r\n" + b"4111 " * 2**20
    yield "announcements", HEAD + b"\r\n" + b"On 1.1.2026 10:00 <a@b.example> wrote \r\n" * 20_000
    yield (
        "answered-announcements",
        HEAD + b"\r\n" + (b"On 1.1.2026 10:00 a wrote:\r\n> x\r\nyes\r\n\r\n" * 20_000),
    )
    yield "devices", HEAD + b"\r\n" + b"Sent from my iPhone\r\n" * 50_000
    yield "header-lines-in-body", HEAD + b"\r\n" + b"From: a\r\n" * 100_000
    yield "charset-liar", HEAD + b"Content-Type: text/plain; charset=utf-16\r\n\r\nhello\xff"
    yield "base64-garbage", (HEAD + b"Content-Transfer-Encoding: base64\r\n\r\n" + b"=?*" * 500_000)
    yield (
        "quoted-printable-5mb",
        (HEAD + b"Content-Transfer-Encoding: quoted-printable\r\n\r\n" + b"=C3=BC" * (2**20)),
    )

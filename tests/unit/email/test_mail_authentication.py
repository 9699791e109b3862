"""Only our own mail server's word counts, and only where it puts it."""

import pytest

from answerable.channels.email.authentication import is_aligned
from answerable.channels.email.parse import parse

OURS = "Authentication-Results: mx.northwind.example; dmarc=pass header.from=customer.example\n"
HOP = "Received: from a by b; Mon, 23 Nov 2026 09:15:00 +0100\n"
FROM = "From: anna@customer.example\n"


@pytest.mark.parametrize(
    ("head", "aligned"),
    [
        (OURS + HOP + FROM, True),
        (HOP + OURS + HOP + FROM, True),
        (OURS.replace("mx.", "MX.") + FROM, True),
        (OURS.replace("pass header", "pass (p=reject; x) header") + FROM, True),
        (FROM, False),
        (HOP + HOP + OURS + FROM, False),  # below the hop of a stranger: the sender wrote it
        (OURS.replace("dmarc=pass", "dmarc=fail") + OURS + FROM, False),
        (OURS.replace("dmarc=pass", "dkim=pass") + OURS + FROM, False),
        (OURS.replace("mx.northwind.example", "mx.evil.example") + FROM, False),
        (OURS.replace("customer.example", "evil.example") + FROM, False),
        (OURS.replace("header.from=customer.example", "") + FROM, False),
        (OURS + FROM + "From: b@customer.example\n", False),
        (OURS + "From: anna@customer.example, b@customer.example\n", False),
        (OURS.replace("dmarc=pass", "dmarc=fail (dmarc=pass)") + FROM, False),
        (
            "Authentication-Results: mx.northwind.example; dmarc=fail header.from=x.example;"
            ' smtp.mailfrom="; dmarc=pass header.from=customer.example"\n' + FROM,
            False,
        ),
        (
            "Authentication-Results: mx.northwind.example; dmarc=fail; dmarc=pass"
            " header.from=customer.example\n" + FROM,
            False,
        ),
        (
            "Authentication-Results: mx.evil.example (mx.northwind.example); dmarc=pass"
            " header.from=customer.example\n" + FROM,
            False,
        ),
    ],
)
def test_alignment_is_believed_only_from_our_server(head: str, aligned: bool) -> None:
    mail = parse(f"{head}Subject: x\n\nx\n".encode())

    assert is_aligned(mail, trusted_server="mx.northwind.example") is aligned


def test_without_a_trusted_server_nothing_is_aligned() -> None:
    assert not is_aligned(parse(f"{OURS}{FROM}\nx".encode()), trusted_server=None)

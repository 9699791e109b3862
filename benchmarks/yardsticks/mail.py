"""Mail by the standard library alone: parsing it, and sending it into aiosmtpd."""

import email
import email.policy
import smtplib
import time
from collections.abc import Sequence


def parsed(mails: Sequence[bytes], *, seconds: float) -> float:
    """Mails a second: parsed, with headers and the text's content decoded."""
    count, began = 0, time.perf_counter()
    while time.perf_counter() - began < seconds:
        for raw in mails:
            mail = email.message_from_bytes(raw, policy=email.policy.default)
            for _name, _value in mail.items():
                pass
            body = mail.get_body(("plain", "html"))
            assert body is not None
            body.get_content()
            count += 1
    return count / (time.perf_counter() - began)


def sent(raw: bytes, port: int, *, seconds: float) -> float:
    """Mails a second over one connection to a server on this machine."""
    count, began = 0, time.perf_counter()
    with smtplib.SMTP("127.0.0.1", port) as server:
        while time.perf_counter() - began < seconds:
            server.sendmail("bank@northwind.example", [f"c{count}@example.com"], raw)
            count += 1
    return count / (time.perf_counter() - began)

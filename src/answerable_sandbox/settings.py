"""What may be set about the sandbox."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

Clock = Callable[[], datetime]  # returns an aware UTC datetime

DEMO_SECRET = "northwind-demo-secret-for-local-use-only"  # noqa: S105 - signs demo customers only


def utc_now() -> datetime:
    """The real time, aware, UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Where Answerable is found, and what proves a customer to it.

    answerable_url: origin (scheme, host, port) that serves the chat widget, without a final slash.
    secret: signs customer tokens (HS256); Answerable must hold the same one.
    intake_host, intake_port: the SMTP server that takes mails from customers to the bank.
    intake_address: the bank's address, offered as the recipient of such mails.
    api_key: what the core banking system expects in `X-Api-Key`.
    crm_client_id, crm_username: of the connected app, and of the user it acts for.
    crm_public_key: PEM of the key that signs the app's statements; without one nobody gets in.
    crm_hook: address that is told of cases which came by e-mail; "" for none.
    crm_hook_secret: what it is told is signed with.
    sms_token: the SMS gateway's auth token: callers show it, and its reports are signed with it.
    """

    answerable_url: str = "http://127.0.0.1:8080"
    secret: str = DEMO_SECRET
    intake_host: str = "127.0.0.1"
    intake_port: int = 2526
    intake_address: str = "support@northwind.example"
    api_key: str = "sandbox"
    crm_client_id: str = "northwind-answerable"
    crm_username: str = "answerable@northwind.example"
    crm_public_key: str = ""
    crm_hook: str = ""
    crm_hook_secret: str = "a-demo-secret-of-thirty-two-bytes"  # noqa: S105 - for the demo only
    sms_token: str = "sandbox"  # noqa: S105 - of an invented account

"""The CRM's e-mail-to-case feed: a mail becomes a case, and whoever wants to know is told.

The call is signed: HMAC-SHA256 over the time, a full stop and the body, in hex after `v1=`.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Annotated, Any

import httpx
from fastapi import APIRouter, Form
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, ConfigDict

from answerable_sandbox.systems.crm import Record
from answerable_sandbox.world import World

TOLD = ("Id", "CaseNumber", "Subject", "Description", "SuppliedEmail", "SuppliedName", "Origin")
FEED_SECONDS = 5.0


class MailToCase(BaseModel):
    """A mail that comes to the CRM. times: how often the call about it is made."""

    model_config = ConfigDict(extra="forbid")
    sender: str
    name: str = ""
    subject: str = ""
    text: str
    times: int = 1


def feed_routes(world: World) -> APIRouter:
    """`/crm/feed`: by program and by form."""
    router = APIRouter()

    @router.post("/feed", status_code=201)
    async def feed(mail: MailToCase) -> dict[str, Any]:
        record = _case_of(world, mail)
        answers = [await tell(world, record) for _ in range(mail.times)]
        return {"case": record["Id"], "answered": answers}

    @router.post("/feed/form", include_in_schema=False)
    async def feed_by_form(
        sender: Annotated[str, Form()],
        text: Annotated[str, Form()],
        subject: Annotated[str, Form()] = "",
        name: Annotated[str, Form()] = "",
    ) -> RedirectResponse:
        mail = MailToCase(sender=sender, name=name, subject=subject, text=text)
        await tell(world, _case_of(world, mail))
        return RedirectResponse("../../crm", status_code=303)

    return router


def _case_of(world: World, mail: MailToCase) -> Record:
    fields = {
        "Subject": mail.subject[:255],
        "Description": mail.text,
        "SuppliedEmail": mail.sender,
        "SuppliedName": mail.name,
        "Origin": "Email",
    }
    made = world.crm.create("Case", fields, idempotency_key=None)
    return world.crm.get("Case", made["id"])


async def tell(world: World, case: Record) -> int | None:
    """Tell of a case as it is; the HTTP status of the answer, None without one."""
    address = world.settings.crm_hook
    if not address:
        return None
    told = {"attributes": {"type": "Case"}} | {name: case.get(name) for name in TOLD}
    body = json.dumps(told, ensure_ascii=False).encode()
    headers = {
        "Content-Type": "application/json",
        **signed(body, world.settings.crm_hook_secret, int(world.clock().timestamp())),
    }
    try:
        async with httpx.AsyncClient(timeout=FEED_SECONDS, trust_env=False) as client:
            status = (await client.post(address, content=body, headers=headers)).status_code
    except (httpx.HTTPError, httpx.InvalidURL):
        status = None
    payload = {"Id": case["Id"], "answered": status}
    world.journal.record("crm", "case told", payload, kind="report")
    return status


def signed(body: bytes, secret: str, at: int) -> dict[str, str]:
    """The headers of a call made at this second."""
    text = f"{at}.".encode() + body
    digest = hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()
    return {"X-Answerable-Timestamp": str(at), "X-Answerable-Signature": f"v1={digest}"}

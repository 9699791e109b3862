"""The SMS gateway over HTTP, in Twilio's dialect (API of 2010-04-01)."""

from __future__ import annotations

import base64
import hmac
from typing import Annotated, Any

import httpx
from fastapi import APIRouter, Depends, Form, Header, Query

from answerable_sandbox.problems import Problem
from answerable_sandbox.systems.sms import Report, sign
from answerable_sandbox.world import World

REPORT_SECONDS = 5.0

Json = dict[str, Any]
Key = Annotated[str | None, Header(alias="Idempotency-Key")]


def sms_routes(world: World) -> APIRouter:
    """All of `/sms`."""

    async def check_credentials(
        sid: str, authorization: Annotated[str | None, Header()] = None
    ) -> None:
        user, password = _credentials(authorization or "")
        known = user == sid or user.startswith("SK")  # the account itself, or a key of it
        if not known or not hmac.compare_digest(password, world.settings.sms_token):
            raise Problem(401, "20003", "Authenticate")

    outer = APIRouter(prefix="/sms", tags=["sms"])
    router = APIRouter(
        prefix="/2010-04-01/Accounts/{sid}", dependencies=[Depends(check_credentials)]
    )
    _message_routes(router, world)
    outer.include_router(router)

    @outer.post("/reports")
    async def send_reports() -> Json:
        """Send what is due now, and say how it was answered."""
        return {"items": await tell_reports(world)}

    return outer


def _credentials(authorization: str) -> tuple[str, str]:
    scheme, _, encoded = authorization.partition(" ")
    try:
        user, _, password = base64.b64decode(encoded, validate=True).decode("ascii").partition(":")
    except ValueError:
        return "", ""
    return (user, password) if scheme.lower() == "basic" else ("", "")


async def tell_reports(world: World) -> list[Json]:
    """Tell those who asked for it what became of their messages, signed as the vendor signs."""
    told = []
    async with httpx.AsyncClient(timeout=REPORT_SECONDS, trust_env=False) as client:
        for report in world.sms.due_reports():
            answer = await _tell(client, report, world.settings.sms_token)
            world.sms.reported(report, answer)
            told.append({"sid": report.message.sid, "status": report.status, "answered": answer})
    return told


async def _tell(client: httpx.AsyncClient, report: Report, token: str) -> int | None:
    address = str(report.message.callback)
    headers = {"X-Twilio-Signature": sign(address, report.fields, token)}
    try:
        answer = await client.post(address, data=report.fields, headers=headers)
    except (httpx.HTTPError, httpx.InvalidURL):
        return None
    return answer.status_code


def _message_routes(router: APIRouter, world: World) -> None:
    @router.post("/Messages.json", status_code=201)
    async def send(
        sid: str,
        to: Annotated[str, Form(alias="To")] = "",
        sender: Annotated[str, Form(alias="From")] = "",
        service: Annotated[str, Form(alias="MessagingServiceSid")] = "",
        body: Annotated[str, Form(alias="Body")] = "",
        callback: Annotated[str, Form(alias="StatusCallback")] = "",
        idempotency_key: Key = None,
    ) -> Json:
        return world.sms.send(
            account_sid=sid,
            to=to,
            sender=sender,
            service=service,
            callback=callback,
            body=body,
            idempotency_key=idempotency_key,
        )

    @router.get("/Messages.json")
    async def messages(
        sid: str,
        to: Annotated[str | None, Query(alias="To")] = None,
        page_size: Annotated[int, Query(alias="PageSize", ge=1, le=1000)] = 50,
        page: Annotated[int, Query(alias="Page", ge=0)] = 0,
    ) -> Json:
        found = [
            message
            for message in reversed(world.sms.messages)
            if message.account_sid == sid and to in (None, message.to)
        ]
        here = found[page * page_size : (page + 1) * page_size]
        more = len(found) > (page + 1) * page_size
        path = f"/2010-04-01/Accounts/{sid}/Messages.json?PageSize={page_size}&Page="
        return {
            "messages": [message.as_json(world.clock()) for message in here],
            "page": page,
            "page_size": page_size,
            "next_page_uri": f"{path}{page + 1}" if more else None,
        }

    @router.get("/Messages/{message_sid}.json")
    async def message(sid: str, message_sid: str) -> Json:
        found = world.sms.get(message_sid)
        if found.account_sid != sid:
            raise Problem(404, "20404", "The requested resource was not found")
        return found.as_json(world.clock())

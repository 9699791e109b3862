"""The SMS gateway over HTTP, in Twilio's dialect (API of 2010-04-01)."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Header, Query

from answerable_sandbox.problems import Problem
from answerable_sandbox.world import World

Json = dict[str, Any]
Key = Annotated[str | None, Header(alias="Idempotency-Key")]


async def _check_credentials(authorization: Annotated[str | None, Header()] = None) -> None:
    if not (authorization or "").startswith("Basic "):
        raise Problem(401, "20003", "Authenticate")


def sms_routes(world: World) -> APIRouter:
    """All of `/sms`."""
    router = APIRouter(
        prefix="/sms/2010-04-01/Accounts/{sid}",
        tags=["sms"],
        dependencies=[Depends(_check_credentials)],
    )

    @router.post("/Messages.json", status_code=201)
    async def send(
        sid: str,
        to: Annotated[str, Form(alias="To")] = "",
        sender: Annotated[str, Form(alias="From")] = "",
        service: Annotated[str, Form(alias="MessagingServiceSid")] = "",
        body: Annotated[str, Form(alias="Body")] = "",
        idempotency_key: Key = None,
    ) -> Json:
        return world.sms.send(
            account_sid=sid,
            to=to,
            sender=sender or service,
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

    return router

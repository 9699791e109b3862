"""The customers' mail program: read what arrived, write to the bank."""

from __future__ import annotations

from typing import Annotated, Any

import aiosmtplib
from fastapi import APIRouter, Form
from fastapi.responses import HTMLResponse, PlainTextResponse
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from answerable_sandbox.pages import page
from answerable_sandbox.problems import Problem
from answerable_sandbox.systems.mail import Sending, write_mail
from answerable_sandbox.systems.seed import CUSTOMERS
from answerable_sandbox.world import World

DELIVERY_TIMEOUT_SECONDS = 15
SHOWN = 200


class Draft(BaseModel):
    """A mail that a customer wants to send; `to` defaults to the bank's address."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)
    sender: Annotated[str, Field(alias="from", min_length=3, max_length=254)]
    to: Annotated[str, Field(max_length=254)] | None = None
    subject: Annotated[str, Field(max_length=500)] = ""
    text: Annotated[str, Field(max_length=1_000_000)]
    in_reply_to: Annotated[str, Field(max_length=998)] | None = None


def mail_routes(world: World) -> APIRouter:
    """All of `/mail`."""
    router = APIRouter(prefix="/mail", tags=["mail"])
    _json_routes(router, world)
    _page_routes(router, world)
    _form_route(router, world)
    return router


async def deliver(world: World, draft: Draft) -> str:
    """Hand a customer's mail to Answerable by SMTP; its Message-ID.

    Raises Problem 502 if the intake cannot be reached or does not take it.
    """
    to = draft.to or world.settings.intake_address
    message = write_mail(
        sender=draft.sender,
        to=to,
        subject=draft.subject,
        text=draft.text,
        now=world.clock(),
        in_reply_to=draft.in_reply_to,
    )
    message_id = str(message["Message-ID"])
    outcome = "delivered"
    try:
        await aiosmtplib.send(
            message,
            sender=draft.sender,
            recipients=[to],
            hostname=world.settings.intake_host,
            port=world.settings.intake_port,
            timeout=DELIVERY_TIMEOUT_SECONDS,
            start_tls=False,
            local_hostname="customers.example.com",
        )
    except (TimeoutError, aiosmtplib.SMTPException, OSError) as error:
        outcome = f"not delivered: {error}"
        raise Problem(
            502, "intake_refused", f"The bank's mail server did not take it: {error}"
        ) from error
    finally:
        world.mail.sent.append(
            Sending(
                at=world.clock(),
                sender=draft.sender,
                to=to,
                subject=draft.subject,
                message_id=message_id,
                outcome=outcome,
            )
        )
    return message_id


def _json_routes(router: APIRouter, world: World) -> None:
    @router.get("/messages")
    async def messages(to: str | None = None) -> dict[str, Any]:
        return {"items": [mail.as_json() for mail in world.mail.mails(to)]}

    @router.get("/messages/{mail_id}")
    async def message(mail_id: int) -> dict[str, Any]:
        return world.mail.get(mail_id).as_json()

    @router.post("/send", status_code=202)
    async def send(draft: Draft) -> dict[str, Any]:
        return {"message_id": await deliver(world, draft)}


def _page_routes(router: APIRouter, world: World) -> None:
    @router.get("", response_class=HTMLResponse)
    async def mailbox(to: str | None = None) -> HTMLResponse:
        mails = world.mail.mails(to)
        return page(
            "mail.html",
            mails=mails[: -SHOWN - 1 : -1],
            total=len(mails),
            sent=list(world.mail.sent)[:-21:-1],
            to=to,
            customers=CUSTOMERS,
        )

    @router.get("/compose", response_class=HTMLResponse)
    async def compose(sender: str = "", reply_to: int | None = None) -> HTMLResponse:
        replied = world.mail.get(reply_to) if reply_to is not None else None
        subject = replied.subject if replied else ""
        draft = {
            "sender": replied.recipients[0] if replied else sender or CUSTOMERS[0].email,
            "to": (replied.sender if replied else "") or world.settings.intake_address,
            "subject": f"Re: {subject.removeprefix('Re: ')}" if replied else "",
            "text": "",
            "in_reply_to": replied.headers.get("Message-ID", "") if replied else "",
        }
        return page("compose.html", draft=draft, customers=CUSTOMERS, error=None, sent=None)

    @router.get("/{mail_id}", response_class=HTMLResponse)
    async def one_mail(mail_id: int) -> HTMLResponse:
        return page("one_mail.html", mail=world.mail.get(mail_id))

    @router.get("/{mail_id}/raw", response_class=PlainTextResponse)
    async def raw_mail(mail_id: int) -> PlainTextResponse:
        # Decoded byte by byte: what is shown is exactly what came, and never rendered.
        return PlainTextResponse(world.mail.get(mail_id).raw.decode("utf-8", "replace"))


def _form_route(router: APIRouter, world: World) -> None:
    @router.post("/compose", response_class=HTMLResponse, include_in_schema=False)
    async def send_form(
        sender: Annotated[str, Form()],
        to: Annotated[str, Form()],
        text: Annotated[str, Form()],
        subject: Annotated[str, Form()] = "",
        in_reply_to: Annotated[str, Form()] = "",
    ) -> HTMLResponse:
        shown = {
            "sender": sender,
            "to": to,
            "subject": subject,
            "text": text,
            "in_reply_to": in_reply_to,
        }
        try:
            draft = Draft.model_validate({**shown, "in_reply_to": in_reply_to or None})
            message_id = await deliver(world, draft)
        except (Problem, ValidationError) as error:
            problem = (
                error
                if isinstance(error, Problem)
                else Problem(422, "mail_invalid", "A field is empty or too long.")
            )
            return page(
                "compose.html",
                status=problem.status,
                draft=shown,
                customers=CUSTOMERS,
                error=problem.detail,
                sent=None,
            )
        return page("compose.html", draft=shown, customers=CUSTOMERS, error=None, sent=message_id)

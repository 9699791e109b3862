"""POST /v1/hooks/{tenant}/{integration}/cases: a mail that came to the CRM and became a case."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel
from starlette.requests import Request

from answerable.api.access import Open
from answerable.api.errors import problem_responses
from answerable.api.hooks.callers import HookCaller, Name, Tenant, caller_of, count, outcome_of
from answerable.channels.email.addresses import is_address
from answerable.channels.email.inbound import NOBODY
from answerable.channels.email.reply_text import reply_text
from answerable.connectors.crm.feed import FedCase, read_feed_call
from answerable.contacts.threading import Evidence
from answerable.desk.case_store import case_accepted, give_case
from answerable.desk.permission import Permission
from answerable.flow.message import Accepted, InboundMessage, Sender, ThreadHints
from answerable.kit.errors import AnswerableError, NotFound
from answerable.kit.ids import ConversationId

router = APIRouter(prefix="/v1/hooks", tags=["hooks"])
_HOOK = "cases"


class CaseTaken(BaseModel):
    """duplicate: it was taken before, as this message."""

    conversation: str
    message: int
    duplicate: bool


@router.post(
    "/{tenant}/{integration}/cases",
    operation_id="take_case",
    summary="A case that came to the CRM by mail",
    responses=problem_responses(403, 404, 413, 422, 429, 503),
)
async def take_case(
    tenant: Tenant,
    integration: Name,
    request: Request,
    _: Annotated[None, Depends(Open(Permission.CALL_HOOK))],
) -> CaseTaken:
    """JSON, signed in `X-Answerable-Signature` with the time in `X-Answerable-Timestamp`. It is
    stored when this answers; the same case again is the same message."""
    body = await request.body()
    try:
        caller = caller_of(request, tenant, integration, types=("salesforce",))
        fed = read_feed_call(
            body,
            timestamp=request.headers.get("x-answerable-timestamp", ""),
            signature=request.headers.get("x-answerable-signature", ""),
            secret=caller.secret,
            now=caller.api.service.clock.now(),
        )
        accepted = await _accept(caller, fed)
    except AnswerableError as error:
        count(_HOOK, outcome_of(error))
        raise
    count(_HOOK, "repeated" if accepted.duplicate else "taken")
    return CaseTaken(
        conversation=accepted.conversation, message=accepted.seq, duplicate=accepted.duplicate
    )


async def _accept(caller: HookCaller, fed: FedCase) -> Accepted:
    inbox = str(caller.integration.settings.get("inbox") or "")
    channel = caller.definition.channel(inbox)
    if channel is None or channel.kind != "email":
        raise NotFound("unknown_inbox", "There is no inbox of this name for messages.")
    service, tenant = caller.api.service, caller.tenant
    key = service.contacts.lookup.external(tenant, inbox, f"case {fed.case}")
    # Before the message: or the mirror might meet it first, and make a case of its own.
    before = await service.database.write(
        lambda tx: give_case(tx, tenant, fed.Id, key=fed.case, received_key=key), tenant=tenant
    )
    accepted = await service.accept_new(_message(caller, fed, inbox, before))
    await service.database.write(
        lambda tx: case_accepted(tx, tenant, fed.case, accepted.conversation), tenant=tenant
    )
    return accepted


def _message(
    caller: HookCaller, fed: FedCase, inbox: str, before: ConversationId | None
) -> InboundMessage:
    """Who wrote is a claim, as in any mail: it routes, and proves nothing."""
    text = (fed.Description or "").replace("\x00", "").replace("\r\n", "\n")
    own = reply_text(text)
    address = (fed.SuppliedEmail or "").strip().lower()
    known = is_address(address)
    return InboundMessage(
        tenant=caller.tenant,
        inbox=inbox,
        channel="email",
        external_id=fed.external_id,
        text=own,
        original=text if text != own else None,
        subject=(fed.Subject or "").replace("\x00", "").strip() or None,
        sender=Sender(
            kind="email",
            address=address if known else NOBODY,
            name=(fed.SuppliedName or "").replace("\x00", "").strip() or None,
        ),
        at=caller.api.service.clock.now(),
        unparsable=None if known else "no-sender",
        thread=ThreadHints(conversation=before, required=Evidence.TOKEN),
    )

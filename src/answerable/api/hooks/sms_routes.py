"""POST /v1/hooks/{tenant}/{integration}/sms-status: how far a text message has come."""

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from answerable.api.access import Open
from answerable.api.errors import problem_responses
from answerable.api.hooks.callers import Name, Tenant, caller_of, count, outcome_of, unknown
from answerable.connectors.sms.callback import read_report
from answerable.contacts.sms_store import note_report
from answerable.desk.permission import Permission
from answerable.kit.errors import AnswerableError
from answerable.kit.telemetry import get_logger

log = get_logger("api")

router = APIRouter(prefix="/v1/hooks", tags=["hooks"])
_HOOK = "sms-status"


@router.post(
    "/{tenant}/{integration}/sms-status",
    status_code=204,
    operation_id="report_sms_status",
    summary="A gateway's report of a text message",
    responses=problem_responses(403, 413, 422, 429),
)
async def report_sms_status(
    tenant: Tenant,
    integration: Name,
    request: Request,
    _: Annotated[None, Depends(Open(Permission.CALL_HOOK))],
) -> Response:
    """A form, signed by the gateway in `X-Twilio-Signature`. A report that comes late or again
    changes nothing; one about no message of ours is taken and dropped."""
    body = await request.body()
    try:
        caller = caller_of(request, tenant, integration, types=("twilio",))
        callback = str(caller.integration.settings.get("statusCallback") or "")
        if not callback.endswith(request.url.path):  # the signature is over the whole of it
            unknown()
        report = read_report(
            callback=callback,
            secret=caller.secret,
            query=request.url.query,
            body=body,
            signature=request.headers.get("x-twilio-signature", ""),
        )
    except AnswerableError as error:
        count(_HOOK, outcome_of(error))
        raise
    if report is None:
        count(_HOOK, "ignored")
        return Response(status_code=204)
    at = caller.api.service.clock.now()
    news = await caller.api.service.database.write(
        lambda tx: note_report(tx, caller.tenant, report, at=at), tenant=caller.tenant
    )
    count(_HOOK, "taken" if news else "repeated")
    if news and report.error is not None:
        log.warning("sms_not_delivered", effect=report.key, code=report.error)
    return Response(status_code=204)

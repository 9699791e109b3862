"""Approvals: changes that contacts have proven, and that an agent consents to or refuses."""

import re
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, Path, Query
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from answerable.api.access import ByAgent, Caller, api_of
from answerable.api.desk.approval_shapes import ApprovalDetail, Approvals, Approving, Refusing
from answerable.api.desk.approvals import Revealing, get_approval, page_of_approvals
from answerable.api.desk.reading import reader_for
from answerable.api.desk.shapes import Acted
from answerable.api.errors import problem_responses
from answerable.api.idempotency import Once, once
from answerable.contacts.documents import MEDIA_TYPES, StoredDocument
from answerable.desk.permission import Permission
from answerable.flow.acts import Approve, RefuseApproval

router = APIRouter(prefix="/v1/desk/approvals", tags=["approvals"])
_read = ByAgent(Permission.READ_APPROVALS)
_approve = ByAgent(Permission.APPROVE)
_DECIDING = problem_responses(401, 403, 404, 409, 413, 422)

Id = Annotated[str, Path(alias="id", pattern=r"^[A-Za-z0-9_]{1,64}$")]
FieldName = Annotated[str, Path(pattern=r"^[a-z_]{1,40}$")]
# Whatever a file turns out to be besides a picture: it runs nothing, loads nothing, and is no page
# of ours.
_IN_A_SANDBOX = "sandbox; default-src 'none'; frame-ancestors 'none'"
_FILE = {"schema": {"type": "string", "format": "binary"}}


@router.get(
    "",
    operation_id="approvals",
    summary="Changes that wait for a decision",
    responses=problem_responses(401, 403, 422),
)
async def approvals(
    request: Request,
    caller: Annotated[Caller, Depends(_read)],
    after: Annotated[str, Query(pattern=r"^[A-Za-z0-9_]{0,64}$")] = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Approvals:
    """The oldest first. What is to be changed is shown one by one only."""
    reader = reader_for(request, caller)
    return await api_of(request).service.database.read(
        lambda tx: page_of_approvals(tx, reader, after=after, limit=limit), tenant=caller.tenant
    )


@router.get(
    "/{id}",
    operation_id="approval",
    summary="One change with old and new values, proof and history",
    responses=problem_responses(401, 403, 404, 422),
)
async def approval(
    change_id: Id, request: Request, caller: Annotated[Caller, Depends(_read)]
) -> ApprovalDetail:
    """Shows personal data: the ledger notes who looked (`data_revealed`)."""
    revealing = _revealing(request, caller)
    return await api_of(request).service.database.write(
        lambda tx: revealing.detail(tx, change_id), tenant=caller.tenant
    )


@router.get(
    "/{id}/documents/{field}",
    response_class=Response,
    operation_id="approvalDocument",
    summary="A document that was handed in with a change",
    responses={
        200: {"description": "The file", "content": dict.fromkeys(MEDIA_TYPES, _FILE)},
        **problem_responses(401, 403, 404, 422),
    },
)
async def document(
    change_id: Id, field: FieldName, request: Request, caller: Annotated[Caller, Depends(_read)]
) -> Response:
    """Exactly what the change's commitment covers. The ledger notes who looked (`data_revealed`);
    404 `document_not_found` also once it was erased."""
    revealing, database = _revealing(request, caller), api_of(request).service.database
    found, content = await database.read(
        lambda tx: revealing.document(tx, change_id, field), tenant=caller.tenant
    )
    await database.write(
        lambda tx: revealing.note_document(tx, change_id, field), tenant=caller.tenant
    )
    headers = {
        "Content-Disposition": _disposition(found),
        "Content-Security-Policy": _IN_A_SANDBOX,
        # Browsers show nothing that is in a sandbox and wants a window of its own kind.
        "Cross-Origin-Opener-Policy": "unsafe-none",
    }
    return Response(content, media_type=found.media_type, headers=headers)


@router.post(
    "/{id}/approve",
    response_model=Acted,
    operation_id="approve",
    summary="Consent to a change",
    responses=_DECIDING,
)
async def approve(
    change_id: Id,
    asked: Approving,
    request: Request,
    caller: Annotated[Caller, Depends(_approve)],
    once: Annotated[Once, Depends(once)],
) -> JSONResponse:
    """403 `own_change` for one's own; 409 `approval_decided`, `approval_expired`, `consented` for
    who has done so already, or `other_data` if it is not what the commitment says."""
    return await _decide(request, caller, once, change_id, asked)


@router.post(
    "/{id}/refuse",
    response_model=Acted,
    operation_id="refuse",
    summary="Refuse a change, with a reason",
    responses=_DECIDING,
)
async def refuse(
    change_id: Id,
    asked: Refusing,
    request: Request,
    caller: Annotated[Caller, Depends(_approve)],
    once: Annotated[Once, Depends(once)],
) -> JSONResponse:
    """As `approve`, also for who has consented; the conversation then goes to people."""
    return await _decide(request, caller, once, change_id, asked)


def _revealing(request: Request, caller: Caller) -> Revealing:
    return Revealing(
        reader=reader_for(request, caller),
        agent=caller.identity.agent.id,
        at=api_of(request).service.clock.now(),
    )


def _disposition(document: StoredDocument) -> str:
    """Pictures are shown; a PDF is saved, because no browser shows one in a sandbox."""
    shown = "inline" if document.media_type.startswith("image/") else "attachment"
    plain = re.sub(r"[^A-Za-z0-9 ._()-]", "_", document.name)
    return f"{shown}; filename=\"{plain}\"; filename*=UTF-8''{quote(document.name, safe='')}"


async def _decide(
    request: Request, caller: Caller, once: Once, change_id: str, asked: Approving | Refusing
) -> JSONResponse:
    service, agent = api_of(request).service, caller.identity.agent

    async def work() -> Acted:
        approval = await service.database.read(
            lambda tx: get_approval(tx, caller.tenant, change_id), tenant=caller.tenant
        )
        act = Approve(
            tenant=caller.tenant, conversation=approval.conversation, agent=agent.id,
            agent_name=agent.name, change=change_id, commitment=asked.commitment,
        )  # fmt: skip
        if isinstance(asked, Refusing):
            refused = RefuseApproval(
                tenant=act.tenant, conversation=act.conversation, agent=act.agent,
                agent_name=act.agent_name, change=act.change, commitment=act.commitment,
                reason=asked.reason,
            )  # fmt: skip
            return Acted(seq=(await service.act(refused)).seq)
        return Acted(seq=(await service.act(act)).seq)

    return await once.run(work)

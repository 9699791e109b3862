"""Signing in and out."""

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from answerable.api.access import COOKIE, ByAgent, Caller, Open, api_of, check_origin
from answerable.api.desk.shapes import SessionShape, SignedInAgent, SignIn, TenantShape
from answerable.api.errors import problem_responses
from answerable.api.plain_route import PlainRoute
from answerable.desk.permission import AgentIdentity, Permission
from answerable.desk.sessions import ABSOLUTE, csrf_token

router = APIRouter(route_class=PlainRoute, prefix="/v1/desk", tags=["sessions"])
_own = ByAgent(Permission.OWN_SESSION)
_LOCAL = frozenset({"localhost", "127.0.0.1", "[::1]"})


@router.post(
    "/sessions",
    operation_id="sign_in",
    summary="Sign in",
    responses=problem_responses(401, 403, 413, 422, 429),
)
async def sign_in(
    asked: SignIn,
    request: Request,
    response: Response,
    _: Annotated[None, Depends(Open(Permission.SIGN_IN))],
) -> SessionShape:
    """Sets the session's cookie. A session that the browser held before ends: a cookie planted
    by somebody else is never the one that becomes signed in."""
    check_origin(request)
    opened = await api_of(request).sessions.open(
        asked.email,
        asked.password,
        ip=request.client.host if request.client else "",
        replaced=request.cookies.get(COOKIE),
    )
    api_of(request).watch.look_now()
    response.set_cookie(
        COOKIE,
        opened.token,
        max_age=int(ABSOLUTE.total_seconds()),
        path="/v1/desk",
        httponly=True,
        samesite="strict",
        secure=not _is_local(request),
    )
    return _shape(request, opened.identity, opened.token)


@router.get(
    "/sessions/current",
    operation_id="current_session",
    summary="Who is signed in",
    responses=problem_responses(401, 403),
)
async def current(request: Request, caller: Annotated[Caller, Depends(_own)]) -> SessionShape:
    return _shape(request, caller.identity, caller.token)


@router.delete(
    "/sessions/current",
    status_code=204,
    operation_id="sign_out",
    summary="Sign out",
    responses=problem_responses(401, 403),
)
async def sign_out(
    request: Request, response: Response, caller: Annotated[Caller, Depends(_own)]
) -> None:
    """Ends the session here, in every tab, and the live connections with it."""
    api = api_of(request)
    await api.sessions.close(caller.token, caller.identity)
    api.watch.look_now()
    response.delete_cookie(
        COOKIE, path="/v1/desk", httponly=True, samesite="strict", secure=not _is_local(request)
    )


def _shape(request: Request, identity: AgentIdentity, token: str) -> SessionShape:
    agent = identity.agent
    definition = api_of(request).service.definitions.active(agent.tenant)
    return SessionShape(
        agent=SignedInAgent(
            id=agent.id,
            name=agent.name,
            email=agent.email,
            role=agent.role,
            teams=list(agent.teams),
            tenant=TenantShape(id=agent.tenant, name=definition.brand.name),
        ),
        csrf=csrf_token(token),
    )


def _is_local(request: Request) -> bool:
    """Browsers take Secure cookies over plain HTTP from no host; Chrome alone from localhost."""
    host = request.headers.get("host", "")
    return host.rpartition(":")[0] in _LOCAL or host in _LOCAL

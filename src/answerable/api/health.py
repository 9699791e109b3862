"""For operators: alive, ready, and the numbers."""

import hmac
from ipaddress import ip_address
from typing import Annotated, Literal

import sqlalchemy as sa
from fastapi import APIRouter, Depends
from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from answerable.api.access import Open, api_of
from answerable.api.errors import problem_responses
from answerable.api.plain_route import PlainRoute
from answerable.desk.permission import Permission
from answerable.kit.database import DatabaseClosed
from answerable.kit.errors import NotAllowed
from answerable.kit.telemetry import registry

router = APIRouter(route_class=PlainRoute, tags=["health"])
_open = Open(Permission.PUBLIC)


class Health(BaseModel):
    status: Literal["ok", "unavailable"]


@router.get("/healthz", operation_id="live", summary="The process runs")
async def live(_: Annotated[None, Depends(_open)]) -> Health:
    return Health(status="ok")


@router.get(
    "/readyz",
    operation_id="ready",
    summary="The process can serve",
    responses={503: {"model": Health, "description": "The database does not answer"}},
)
async def ready(request: Request, _: Annotated[None, Depends(_open)]) -> Response:
    """Reads from the database and commits to it: only what can be stored is acknowledged."""
    database = api_of(request).service.database
    try:
        await database.read(lambda tx: tx.execute(sa.select(1)))
        await database.write(lambda tx: tx.execute(sa.select(1)))
    except (sa.exc.SQLAlchemyError, DatabaseClosed):
        return JSONResponse({"status": "unavailable"}, 503)
    return JSONResponse({"status": "ok"})


@router.get(
    "/metrics",
    operation_id="metrics",
    summary="Prometheus metrics",
    response_class=PlainTextResponse,
    responses=problem_responses(403),
)
async def metrics(request: Request, _: Annotated[None, Depends(_open)]) -> Response:
    """For this machine, or for whoever has the metrics token."""
    if not _may_measure(request):
        raise NotAllowed("metrics_not_allowed", "Send the metrics token as a bearer.")
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_PLAIN_0_0_4)


def _may_measure(request: Request) -> bool:
    token = api_of(request).settings.metrics_token
    if token is not None:
        sent = request.headers.get("authorization", "")
        return hmac.compare_digest(sent.encode(), f"Bearer {token}".encode())
    try:
        return request.client is not None and ip_address(request.client.host).is_loopback
    except ValueError:
        return False

"""The CRM over HTTP, in Salesforce's dialect (REST API v61.0)."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Header, Request, Response
from fastapi.responses import JSONResponse

from answerable_sandbox.problems import Problem
from answerable_sandbox.routes.crm_feed import feed_routes
from answerable_sandbox.systems.crm import Record
from answerable_sandbox.systems.crm_composite import Composite
from answerable_sandbox.systems.crm_sessions import JWT_BEARER
from answerable_sandbox.world import World

DATA = "/services/data/v61.0"
Key = Annotated[str | None, Header(alias="Idempotency-Key")]


def crm_routes(world: World) -> APIRouter:
    """All of `/crm`."""
    router = APIRouter(prefix="/crm", tags=["crm"])
    _token_route(router, world)
    _control_routes(router, world)
    router.include_router(feed_routes(world))

    async def check_token(
        response: Response, authorization: Annotated[str | None, Header()] = None
    ) -> None:
        world.crm_sessions.check(authorization)
        world.crm.count_call()
        response.headers["Sforce-Limit-Info"] = world.crm.usage

    data = APIRouter(prefix=DATA, dependencies=[Depends(check_token)])
    _record_routes(data, world)
    _query_route(data, world)
    _composite_routes(data, world)
    router.include_router(data)
    return router


def _token_route(router: APIRouter, world: World) -> None:
    @router.post("/services/oauth2/token")
    async def token(
        request: Request,
        grant_type: Annotated[str, Form()] = "",
        assertion: Annotated[str, Form()] = "",
    ) -> Response:
        if grant_type != JWT_BEARER:
            return _oauth_error("unsupported_grant_type", "grant type not supported")
        base = f"{request.url.scheme}://{request.url.netloc}/crm"
        try:
            granted = world.crm_sessions.grant(assertion, base=base)
        except Problem as problem:
            return _oauth_error(problem.code, problem.detail)
        return JSONResponse(
            {
                "access_token": granted,
                "scope": "api",
                "instance_url": base,
                "id": f"{base}/id/00D000000000001AAA/005000000000001AAA",
                "token_type": "Bearer",
            }
        )


def _oauth_error(error: str, description: str) -> JSONResponse:
    return JSONResponse({"error": error, "error_description": description}, status_code=400)


def _control_routes(router: APIRouter, world: World) -> None:
    @router.post("/sessions/end", status_code=204)
    async def end_sessions() -> None:
        """All tokens end, as if their time were over."""
        world.crm_sessions.end_all()

    @router.put("/daily-calls", status_code=204)
    async def set_daily_calls(most: int) -> None:
        """How many calls a day are good; with as many as were made, the next one is refused."""
        world.crm.daily_calls = most


def _composite_routes(data: APIRouter, world: World) -> None:
    composite = Composite(world.crm, DATA)

    @data.post("/composite")
    async def several(request: Request) -> Record:
        return composite.run(await _fields(request))

    @data.post("/composite/graph")
    async def graphs(request: Request) -> Record:
        return composite.run_graphs(await _fields(request))


def _record_routes(data: APIRouter, world: World) -> None:
    crm = world.crm

    @data.post("/sobjects/{name}", status_code=201)
    @data.post("/sobjects/{name}/", status_code=201, include_in_schema=False)
    async def create(name: str, request: Request, idempotency_key: Key = None) -> Record:
        return crm.create(name, await _fields(request), idempotency_key=idempotency_key)

    @data.get("/sobjects/{name}/{id_}")
    async def get(name: str, id_: str) -> Record:
        record = crm.get(name, id_)
        world.journal.record("crm", f"{name} read", {"Id": id_}, kind="read")
        return _shown(name, record)

    @data.patch("/sobjects/{name}/{id_}", status_code=204)
    async def update(name: str, id_: str, request: Request, idempotency_key: Key = None) -> None:
        crm.update(name, id_, await _fields(request), idempotency_key=idempotency_key)

    @data.get("/sobjects/{name}/{field}/{value}")
    async def get_by_external_id(name: str, field: str, value: str) -> Record:
        record = crm.find(name, field, value)
        if record is None:
            raise Problem(404, "NOT_FOUND", "The requested resource does not exist")
        return _shown(name, record)

    @data.patch("/sobjects/{name}/{field}/{value}")
    async def upsert(
        name: str, field: str, value: str, request: Request, response: Response
    ) -> Record:
        result, created = crm.upsert(name, field, value, await _fields(request))
        response.status_code = 201 if created else 200
        return {**result, "created": created}


def _query_route(data: APIRouter, world: World) -> None:
    @data.get("/query")
    @data.get("/query/", include_in_schema=False)
    async def query(q: str) -> dict[str, Any]:
        world.journal.record("crm", "query", {"q": q}, kind="read")
        records = [_shown(name, row) for name, row in world.crm.query(q)]
        return {"totalSize": len(records), "done": True, "records": records}

    @data.get("/limits")
    async def limits() -> dict[str, Any]:
        most = world.crm.daily_calls
        left = max(0, most - world.crm.api_usage)
        return {"DailyApiRequests": {"Max": most, "Remaining": left}}


async def _fields(request: Request) -> Record:
    try:
        fields = await request.json()
        json.dumps(fields, ensure_ascii=False).encode()  # half a surrogate pair is not text
    except ValueError as error:
        raise Problem(400, "JSON_PARSER_ERROR", "The body is not JSON") from error
    if not isinstance(fields, dict):
        raise Problem(400, "JSON_PARSER_ERROR", "The body is not a JSON object")
    return fields


def _shown(name: str, record: Record) -> Record:
    attributes: Record = {"type": name}
    if "Id" in record:
        attributes["url"] = f"{DATA}/sobjects/{name}/{record['Id']}"
    return {"attributes": attributes, **record}

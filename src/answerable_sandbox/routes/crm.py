"""The CRM over HTTP, in Salesforce's dialect (REST API v61.0)."""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Header, Request, Response
from fastapi.responses import JSONResponse

from answerable_sandbox.problems import Problem
from answerable_sandbox.systems.crm import Record
from answerable_sandbox.world import World

DATA = "/services/data/v61.0"
DAILY_CALLS = 15_000
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
Key = Annotated[str | None, Header(alias="Idempotency-Key")]


def crm_routes(world: World) -> APIRouter:
    """All of `/crm`."""
    router = APIRouter(prefix="/crm", tags=["crm"])
    _token_route(router)

    async def check_token(
        response: Response, authorization: Annotated[str | None, Header()] = None
    ) -> None:
        if not (authorization or "").startswith("Bearer 00D"):
            raise Problem(401, "INVALID_SESSION_ID", "Session expired or invalid")
        world.crm.api_usage += 1
        response.headers["Sforce-Limit-Info"] = f"api-usage={world.crm.api_usage}/{DAILY_CALLS}"

    data = APIRouter(prefix=DATA, dependencies=[Depends(check_token)])
    _record_routes(data, world)
    _query_route(data, world)
    router.include_router(data)
    return router


def _token_route(router: APIRouter) -> None:
    @router.post("/services/oauth2/token")
    async def token(
        request: Request,
        grant_type: Annotated[str, Form()] = "",
        assertion: Annotated[str, Form()] = "",
    ) -> Response:
        if grant_type != JWT_BEARER:
            return _oauth_error("unsupported_grant_type", "grant type not supported")
        if assertion.count(".") != 2:
            return _oauth_error("invalid_grant", "invalid assertion")
        base = f"{request.url.scheme}://{request.url.netloc}/crm"
        digest = hashlib.sha256(assertion.encode()).hexdigest()
        return JSONResponse(
            {
                "access_token": f"00D000000000001!{digest}",
                "scope": "api",
                "instance_url": base,
                "id": f"{base}/id/00D000000000001AAA/005000000000001AAA",
                "token_type": "Bearer",
            }
        )


def _oauth_error(error: str, description: str) -> JSONResponse:
    return JSONResponse({"error": error, "error_description": description}, status_code=400)


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
        left = max(0, DAILY_CALLS - world.crm.api_usage)
        return {"DailyApiRequests": {"Max": DAILY_CALLS, "Remaining": left}}


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

"""The generated documents: OpenAPI, AsyncAPI, and one page without scripts that links them."""

from collections.abc import Mapping
from html import escape
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from answerable.api.access import Open
from answerable.api.asyncapi import asyncapi_document
from answerable.api.bus.asyncapi import bus_document
from answerable.api.errors import FieldError, Problem
from answerable.api.plain_route import PlainRoute
from answerable.desk.permission import Permission

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'"
_METHODS = ("get", "post", "put", "patch", "delete")


def openapi_document(app: FastAPI) -> dict[str, Any]:
    """Made once from the live routes."""
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes
        )
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        for shape in (Problem, FieldError):
            made = shape.model_json_schema(ref_template="#/components/schemas/{model}")
            made.pop("$defs", None)
            schemas[shape.__name__] = made
        for unused in ("HTTPValidationError", "ValidationError"):
            schemas.pop(unused, None)
        document["components"]["securitySchemes"] = {
            "session": {"type": "apiKey", "in": "cookie", "name": "answerable_session"},
            "csrf": {"type": "apiKey", "in": "header", "name": "X-CSRF-Token"},
        }
        for path, operations in document["paths"].items():
            for method in _METHODS:
                if method in operations and _needs_session(path, method):
                    needed: dict[str, list[str]] = {"session": []}
                    if method != "get":
                        needed["csrf"] = []
                    operations[method]["security"] = [needed]
        app.openapi_schema = document
    return app.openapi_schema


def _needs_session(path: str, method: str) -> bool:
    return path.startswith("/v1/desk/") and (path, method) != ("/v1/desk/sessions", "post")


def document_routes(app: FastAPI) -> APIRouter:
    router = APIRouter(route_class=PlainRoute, include_in_schema=False)
    opened = Depends(Open(Permission.PUBLIC))

    @router.get("/openapi.json")
    async def openapi(_: Annotated[None, opened]) -> Response:
        return JSONResponse(openapi_document(app))

    @router.get("/asyncapi.json")
    async def asyncapi(_: Annotated[None, opened]) -> Response:
        return JSONResponse(asyncapi_document(app.version))

    @router.get("/asyncapi-bus.json")
    async def bus(_: Annotated[None, opened]) -> Response:
        return JSONResponse(bus_document(app.version))

    @router.get("/docs")
    async def docs(request: Request, _: Annotated[None, opened]) -> Response:
        page = operations_page(openapi_document(app))
        return HTMLResponse(page, headers={"Content-Security-Policy": _POLICY})

    return router


def operations(document: Mapping[str, Any]) -> list[tuple[str, str, str, str]]:
    """(method, path, summary, statuses) of each operation."""
    return [
        (
            method.upper(),
            path,
            str(described[method].get("summary", "")),
            ", ".join(sorted(described[method]["responses"])),
        )
        for path, described in document["paths"].items()
        for method in _METHODS
        if method in described
    ]


def operations_page(document: Mapping[str, Any]) -> str:
    rows = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>"
        for row in operations(document)
    )
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><title>Answerable: API</title>"
        "<style>body{font:16px/1.5 system-ui;margin:2rem auto;max-width:70rem;padding:0 1rem}"
        "td,th{text-align:left;padding:.2rem 1rem .2rem 0;vertical-align:top}</style>"
        "<h1>Answerable: API</h1><p>Documents for programs: <a href=/openapi.json>OpenAPI</a> and "
        "AsyncAPI of <a href=/asyncapi.json>the chat</a> and of "
        "<a href=/asyncapi-bus.json>the bus</a>.</p><table><tr><th>Method<th>Path<th>What it does"
        f"<th>Answers</tr>{rows}</table></html>"
    )

"""The outside world as one web application."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse, Response

from answerable_sandbox.pages import STATIC
from answerable_sandbox.problems import Problem
from answerable_sandbox.routes.control import control_routes
from answerable_sandbox.routes.core import core_routes
from answerable_sandbox.routes.crm import crm_routes
from answerable_sandbox.routes.mail import mail_routes
from answerable_sandbox.routes.sms import sms_routes
from answerable_sandbox.routes.website import bank_pages
from answerable_sandbox.wire import FaultMiddleware, HeadersMiddleware
from answerable_sandbox.world import World


def create_app(world: World) -> FastAPI:
    """All outside systems of one world on one port: `/core`, `/crm`, `/sms`, `/mail`, `/bank`."""
    app = FastAPI(title="Answerable sandbox", version="1", docs_url=None, redoc_url=None)
    app.state.crm = world.crm
    app.include_router(control_routes(world))
    app.include_router(core_routes(world))
    app.include_router(crm_routes(world))
    app.include_router(sms_routes(world))
    app.include_router(mail_routes(world))
    settings = world.settings
    app.include_router(bank_pages(settings.answerable_url, settings.secret, clock=world.clock))

    @app.get("/sandbox.css", include_in_schema=False)
    async def stylesheet() -> FileResponse:
        return FileResponse(STATIC / "sandbox.css", media_type="text/css")

    @app.get("/favicon.ico", include_in_schema=False)
    async def icon() -> FileResponse:
        return FileResponse(STATIC / "mark.svg", media_type="image/svg+xml")

    app.add_exception_handler(Problem, _refuse)
    app.add_exception_handler(RequestValidationError, _refuse_invalid)
    app.add_middleware(
        FaultMiddleware,
        faults=world.faults,
        journal=world.journal,
        connections=world.connections,
    )
    app.add_middleware(HeadersMiddleware)
    return app


async def _refuse(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    answer = _in_dialect(request.url.path, error)
    if request.url.path.startswith("/crm/services/data/") and error.status != 401:
        answer.headers["Sforce-Limit-Info"] = request.app.state.crm.usage  # also of refusals
    return answer


async def _refuse_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    places = [".".join(str(part) for part in item["loc"]) for item in error.errors()]
    detail = f"Not valid: {', '.join(places)}"
    return _in_dialect(request.url.path, Problem(422, "invalid_input", detail))


def _in_dialect(path: str, problem: Problem) -> Response:
    body: Any = problem.as_json()
    media_type = "application/problem+json"
    if path.startswith("/crm/"):
        body = [{"errorCode": problem.code, "message": problem.detail}]
        media_type = "application/json"
    elif path.startswith("/sms/"):
        code = int(problem.code) if problem.code.isdecimal() else 20001
        body = {"code": code, "message": problem.detail, "status": problem.status}
        media_type = "application/json"
    return JSONResponse(body, status_code=problem.status, media_type=media_type)

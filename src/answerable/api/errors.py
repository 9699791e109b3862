"""Refusals on the wire: RFC 9457 problems. The only place that knows HTTP status codes.

What was sent is never repeated in an answer, and no answer says how the inside looks.
"""

import math
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

from answerable.kit.errors import (
    AnswerableError,
    Conflict,
    ConnectorRefused,
    ConnectorUnavailable,
    InvalidInput,
    NotAllowed,
    NotFound,
    StoreUnavailable,
    TooMany,
)

PROBLEM = "application/problem+json"

_BY_TYPE: tuple[tuple[type[AnswerableError], int], ...] = (
    (NotFound, 404),
    (Conflict, 409),
    (InvalidInput, 422),
    (NotAllowed, 403),
    (TooMany, 429),
    (ConnectorUnavailable, 503),
    (StoreUnavailable, 503),
    (ConnectorRefused, 502),
)
# Codes of NotAllowed that mean "show a (better) credential", and errors that are our own fault.
_BY_CODE = {
    "busy": 503,
    "not_signed_in": 401,
    "wrong_credentials": 401,
    "customer_token_invalid": 401,
    "session_unknown": 401,
    "signature_invalid": 401,
    "question_too_old": 401,
    "vault_damaged": 500,
    "wrong_master_key": 500,
}
_OF_HTTP = {
    400: "malformed_request",
    404: "not_found",
    405: "method_not_allowed",
    408: "request_too_slow",
    413: "body_too_large",
    415: "unsupported_media_type",
}


class FieldError(BaseModel):
    """What is wrong with one field; its value is not repeated."""

    field: str
    message: str


class Problem(BaseModel):
    """RFC 9457. `code` is stable and listed in docs/reference/http-api.md."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(examples=["urn:answerable:problem:conversation_changed"])
    title: str
    status: int
    detail: str
    code: str
    errors: list[FieldError] | None = None
    retry_after_seconds: int | None = None


def problem_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """For a route's documentation: these statuses answer with a problem.

    A route that has a body (and so may answer 413) may also get one that is no text at all: 400.
    """
    every = sorted({*statuses, *([400] if 413 in statuses else [])})
    return {
        status: {
            "description": HTTPStatus(status).phrase,
            "content": {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status in every
    }


def status_of(error: AnswerableError) -> int:
    if error.code in _BY_CODE:
        return _BY_CODE[error.code]
    return next((status for kind, status in _BY_TYPE if isinstance(error, kind)), 500)


def problem_of(error: AnswerableError) -> tuple[int, dict[str, Any], dict[str, str]]:
    """(status, body, headers) of a refusal."""
    status = status_of(error)
    if status == 500:
        return status, problem(500, "internal_error", "Something went wrong on our side."), {}
    details = {name: value for name, value in error.details.items() if value is not None}
    headers: dict[str, str] = {}
    retry_after = getattr(error, "retry_after", None)
    if retry_after is not None:
        seconds = max(1, math.ceil(retry_after.total_seconds()))
        details["retry_after_seconds"] = seconds
        headers["Retry-After"] = str(seconds)
    return status, problem(status, error.code, error.message, **details), headers


def problem(status: int, code: str, detail: str, **details: Any) -> dict[str, Any]:
    fixed = {
        "type": f"urn:answerable:problem:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
    }
    return {**details, **fixed}


def problem_response(
    status: int, body: Mapping[str, Any], headers: Mapping[str, str] | None = None
) -> JSONResponse:
    return JSONResponse(dict(body), status, dict(headers or {}), media_type=PROBLEM)


def internal_error() -> JSONResponse:
    return problem_response(
        500, problem(500, "internal_error", "Something went wrong on our side.")
    )


def add_error_handlers(app: FastAPI) -> None:
    app.add_exception_handler(AnswerableError, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)


async def _refused(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, AnswerableError)
    status, body, headers = problem_of(error)
    return problem_response(status, body, headers)


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    errors = [
        {"field": ".".join(str(part) for part in one["loc"]), "message": _message(one)}
        for one in error.errors()[:20]
    ]
    body = problem(422, "invalid_request", "The request does not fit its schema.", errors=errors)
    return problem_response(422, body)


def _message(error: Mapping[str, Any]) -> str:
    """Pydantic's sentence, without those kinds that quote the input."""
    if error["type"] in ("json_invalid", "enum", "literal_error"):
        return {"json_invalid": "not JSON"}.get(error["type"], "not one of the known values")
    return str(error["msg"])


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    code = _OF_HTTP.get(error.status_code, "request_refused")
    detail = HTTPStatus(error.status_code).description or HTTPStatus(error.status_code).phrase
    return problem_response(
        error.status_code, problem(error.status_code, code, detail), error.headers
    )

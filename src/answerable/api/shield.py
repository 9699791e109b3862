"""What holds for every answer: size limits, security headers, and no traceback, ever."""

import asyncio
from collections.abc import Callable

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from answerable.api.errors import internal_error, problem, problem_of, problem_response
from answerable.flow.admission import Admission
from answerable.kit.errors import TooMany
from answerable.kit.telemetry import get_logger

log = get_logger("api")

BODY_BYTES = 256 * 1024
BODY_SECONDS = 30.0  # for a whole body
ROOM_FOR_AGENTS = 4.0  # of what customers may fill: agents end work rather than begin it
_NO_CONTENT = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "Content-Security-Policy": _NO_CONTENT,
    "Cache-Control": "no-store",
}
_CUSTOMER = "/v1/customer/"


class Shield:
    """The outermost layer. embedding_origin: whether pages of an origin may embed the widget.

    admission: asked for all requests but those of operators.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        embedding_origin: Callable[[str], bool],
        admission: Admission | None = None,
    ) -> None:
        self._app = app
        self._admission = admission
        self._embedding_origin = embedding_origin

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answer = _Answer(scope, send, self._cors(scope))
        if _declared_size(scope) > BODY_BYTES:
            await _too_large()(scope, receive, answer)
            return
        if scope["method"] == "OPTIONS" and scope["path"].startswith(_CUSTOMER):
            await Response(status_code=204)(scope, receive, answer)
            return
        try:
            self._admit(scope["path"])
            await self._app(scope, _limited(receive), answer)
        except TooMany as error:
            status, body, headers = problem_of(error)
            await problem_response(status, body, headers)(scope, receive, answer)
        except Exception as error:
            # Only where, not what: the message of an exception may quote what a person wrote.
            log.error("request_failed", path=scope["path"], error=type(error).__name__,
                      where=_place_of(error))  # fmt: skip
            if answer.started:
                raise
            await internal_error()(scope, receive, answer)

    def _admit(self, path: str) -> None:
        """Raises TooMany. How we are is told whatever happens."""
        if self._admission is not None and path.startswith("/v1/"):
            room = 1.0 if path.startswith(_CUSTOMER) else ROOM_FOR_AGENTS
            self._admission.check("http", room=room)

    def _cors(self, scope: Scope) -> dict[str, str]:
        """Customers' pages are on other origins; no cookie is involved, so none is allowed."""
        if not scope["path"].startswith(_CUSTOMER):
            return {}
        origin = Headers(scope=scope).get("origin")
        if origin is None or not self._embedding_origin(origin):
            return {"Vary": "Origin"}
        return {
            "Vary": "Origin",
            "Access-Control-Allow-Origin": origin,
            "Access-Control-Allow-Methods": "POST",
            "Access-Control-Allow-Headers": "Content-Type, Idempotency-Key",
            "Access-Control-Expose-Headers": "Retry-After",
            "Access-Control-Max-Age": "600",
            "Cross-Origin-Resource-Policy": "cross-origin",
        }


class _Answer:
    """Sends on, with the headers that every answer has unless it has its own."""

    def __init__(self, scope: Scope, send: Send, own: dict[str, str]) -> None:
        self.started = False
        self._send = send
        self._headers = {**_HEADERS, **own}
        if scope["scheme"] == "https":
            self._headers["Strict-Transport-Security"] = "max-age=31536000"

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            headers = MutableHeaders(scope=message)
            for name, value in self._headers.items():
                headers.setdefault(name, value)
        await self._send(message)


def _declared_size(scope: Scope) -> int:
    try:
        return int(Headers(scope=scope).get("content-length", "0"))
    except ValueError:
        return 0


def _too_large() -> Response:
    detail = f"A request body has at most {BODY_BYTES} bytes."
    return problem_response(413, problem(413, "body_too_large", detail))


def _limited(receive: Receive) -> Receive:
    taken, more = 0, True
    until = asyncio.get_running_loop().time() + BODY_SECONDS

    async def limited() -> Message:
        nonlocal taken, more
        try:
            async with asyncio.timeout_at(until if more else None):
                message = await receive()
        except TimeoutError:
            raise HTTPException(408) from None
        more = bool(message.get("more_body"))
        if message["type"] == "http.request":
            taken += len(message.get("body", b""))
            if taken > BODY_BYTES:
                raise HTTPException(413)
        return message

    return limited


def _place_of(error: Exception) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return ""
    return f"{trace.tb_frame.f_globals.get('__name__', '')}:{trace.tb_lineno}"

"""What holds for every answer: size limits, security headers, and no traceback, ever."""

import asyncio
from collections.abc import Callable, Mapping

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from answerable.api.errors import internal_error, problem, problem_of, problem_response
from answerable.contacts.links import PATH
from answerable.flow.admission import Admission
from answerable.kit.errors import TooMany
from answerable.kit.telemetry import get_logger

log = get_logger("api")

BODY_BYTES = 256 * 1024
BODY_SECONDS = 30.0  # for a whole body
# Of a form with a file. More than a file may have: a browser that is cut off while it sends shows a
# fault of the network, and its page could not say that the file is too large.
UPLOAD_BYTES = 16 * 1024 * 1024
UPLOAD_SECONDS = 120.0
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
_OVER_TLS = {"Strict-Transport-Security": "max-age=31536000"}
_CUSTOMER = "/v1/customer/"
Wire = list[tuple[bytes, bytes]]


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
        uploads = _may_upload(scope)
        if declared_size(scope) > BODY_BYTES and not uploads:  # of a form its page says so itself
            await _too_large()(scope, receive, answer)
            return
        if scope["method"] == "OPTIONS" and scope["path"].startswith(_CUSTOMER):
            await Response(status_code=204)(scope, receive, answer)
            return
        try:
            self._admit(scope["path"])
            await self._app(scope, _limited(receive, uploads=uploads), answer)
        except TooMany as error:
            status, body, headers = problem_of(error)
            await problem_response(status, body, headers)(scope, receive, answer)
        except Exception as error:
            # Only where, not what: the message of an exception may quote what a person wrote.
            log.error("request_failed", path=_loggable(scope["path"]), error=type(error).__name__,
                      where=_place_of(error))  # fmt: skip
            if answer.started:
                raise
            await internal_error()(scope, receive, answer)

    def _admit(self, path: str) -> None:
        """Raises TooMany. How we are is told whatever happens."""
        if self._admission is not None and path.startswith(("/v1/", PATH)):
            room = 1.0 if path.startswith((_CUSTOMER, PATH)) else ROOM_FOR_AGENTS
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
        over_tls = _WIRE_OVER_TLS if scope["scheme"] == "https" else []
        self._headers = [*_on_the_wire(own), *_WIRE, *over_tls]

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            headers = dict(reversed(self._headers))  # of two with one name the first counts
            for name, _ in message["headers"]:
                headers.pop(name, None)
            message["headers"] = [*message["headers"], *headers.items()]
        await self._send(message)


def _on_the_wire(headers: Mapping[str, str]) -> Wire:
    """As ASGI has them."""
    return [
        (name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()
    ]


_WIRE, _WIRE_OVER_TLS = _on_the_wire(_HEADERS), _on_the_wire(_OVER_TLS)


def _may_upload(scope: Scope) -> bool:
    """Whether it is a form with files, and for where there are such forms."""
    kind = Headers(scope=scope).get("content-type", "").lower()
    at_page = scope["method"] == "POST" and scope["path"].startswith(PATH)
    return at_page and kind.startswith("multipart/form-data")


def declared_size(scope: Scope) -> int:
    """Bytes that a request says its body has; 0 if it does not say."""
    try:
        return int(Headers(scope=scope).get("content-length", "0"))
    except ValueError:
        return 0


def _too_large() -> Response:
    detail = f"A request body has at most {BODY_BYTES} bytes."
    return problem_response(413, problem(413, "body_too_large", detail))


def _limited(receive: Receive, *, uploads: bool) -> Receive:
    taken, more = 0, True
    most, seconds = (UPLOAD_BYTES, UPLOAD_SECONDS) if uploads else (BODY_BYTES, BODY_SECONDS)
    until = asyncio.get_running_loop().time() + seconds

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
            if taken > most:
                raise HTTPException(413)
        return message

    return limited


def _loggable(path: str) -> str:
    """Without what follows the path of the pages: it opens them."""
    return PATH if path.startswith(PATH) else path


def _place_of(error: Exception) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return ""
    return f"{trace.tb_frame.f_globals.get('__name__', '')}:{trace.tb_lineno}"

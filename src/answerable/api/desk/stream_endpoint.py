"""The WebSocket /v1/desk/stream: session cookie and Origin are checked before the first frame."""

from starlette.requests import HTTPConnection
from starlette.types import Receive, Scope, Send

from answerable.api.access import COOKIE, OnceKnown, same_origin
from answerable.api.context import Api
from answerable.api.desk.stream import DeskConnection
from answerable.api.wire import AsgiSocket
from answerable.channels.chat.protocol import CloseCode
from answerable.desk.permission import Permission
from answerable.kit.errors import NotAllowed
from answerable.kit.telemetry import CONNECTIONS, get_logger

log = get_logger("api")
PATH = "/v1/desk/stream"


class StreamEndpoint:
    """An ASGI application for one path.

    It accepts before it refuses: browsers tell scripts a close code, but no HTTP status.
    """

    requires = OnceKnown(Permission.FOLLOW_INBOX)

    def __init__(self, api: Api) -> None:
        self._api = api

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        socket = AsgiSocket(scope, receive, send)
        await socket.accept()
        with self._api.place_for(scope) as taken:
            if taken:
                await self._serve(scope, socket)
            else:
                await socket.close(CloseCode.COME_AGAIN, "too many connections")

    async def _serve(self, scope: Scope, socket: AsgiSocket) -> None:
        connection = HTTPConnection(scope)
        origin = connection.headers.get("origin")
        if origin is not None and not same_origin(connection, origin):
            await socket.close(CloseCode.ORIGIN_REFUSED, "origin not allowed")
            return
        token = connection.cookies.get(COOKIE, "")
        identity = await self._api.sessions.find(token) if token else None
        try:
            self.requires.allow(identity)
        except NotAllowed:
            await socket.close(CloseCode.SESSION_ENDED, "not signed in")
            return
        assert identity is not None
        with CONNECTIONS.labels("desk").track_inprogress():
            try:
                await DeskConnection(self._api, socket, identity, token).run()
            except Exception as error:
                log.error("stream_failed", error=type(error).__name__)

"""The WebSocket /v1/customer/chat, directly on ASGI: one idle customer costs two tasks."""

from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send

from answerable.api.access import OnceKnown
from answerable.api.context import Api
from answerable.api.wire import AsgiSocket
from answerable.channels.chat.connection import ChatConnection
from answerable.channels.chat.protocol import CloseCode
from answerable.desk.permission import ContactIdentity, Permission
from answerable.kit.errors import AnswerableError
from answerable.kit.telemetry import CONNECTIONS, get_logger

log = get_logger("api")
PATH = "/v1/customer/chat"


class ChatEndpoint:
    """An ASGI application for one path."""

    requires = OnceKnown(Permission.CHAT)

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
        origin = Headers(scope=scope).get("origin")
        if origin is not None and not self._api.inboxes.may_embed(origin):
            await socket.close(CloseCode.ORIGIN_REFUSED, "origin not allowed")
            return
        connection = ChatConnection(
            self._api.chat, socket, origin=origin, permitted=self._permitted
        )
        with CONNECTIONS.labels("customer").track_inprogress():
            try:
                await connection.run()
            except Exception as error:
                log.error("chat_failed", error=type(error).__name__)

    def _permitted(self, identity: ContactIdentity) -> bool:
        try:
            self.requires.allow(identity)
        except AnswerableError:
            return False
        return True

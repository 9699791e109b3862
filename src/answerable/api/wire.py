"""A WebSocket of the ASGI server, as our connections use it."""

import asyncio
from collections.abc import Callable

from starlette.types import Receive, Scope, Send

# Extensions of the scope that `api.server` adds.
ABORT = "answerable.abort"
WRITE = "answerable.write"
CUT_AFTER_SECONDS = 5.0  # a peer that does not answer our close in this time is cut off


class AsgiSocket:
    """Whole messages in and out, without an object per frame."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        extensions = scope.get("extensions") or {}
        self._abort: Callable[[], None] | None = extensions.get(ABORT)
        self._write: Callable[[str], bool] | None = extensions.get(WRITE)
        self._waiting = 0  # to be sent; nothing may overtake them

    async def accept(self) -> None:
        await self._receive()  # websocket.connect
        await self._send({"type": "websocket.accept"})

    async def receive(self) -> str | bytes | None:
        message = await self._receive()
        if message["type"] == "websocket.disconnect":
            return None
        text = message.get("text")
        return text if text is not None else bytes(message.get("bytes") or b"")

    async def send(self, text: str) -> None:
        self._waiting += 1
        try:
            await self._send({"type": "websocket.send", "text": text})
        except (OSError, RuntimeError) as error:
            raise ConnectionError from error
        finally:
            self._waiting -= 1

    def send_now(self, text: str) -> bool:
        return self._write is not None and not self._waiting and self._write(text)

    async def close(self, code: int, reason: str) -> None:
        if self._abort is not None:
            asyncio.get_running_loop().call_later(CUT_AFTER_SECONDS, self._abort)
        try:
            await self._send({"type": "websocket.close", "code": int(code), "reason": reason})
        except (OSError, RuntimeError) as error:
            raise ConnectionError from error

    def abort(self) -> None:
        if self._abort is not None:
            self._abort()

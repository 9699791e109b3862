"""How the application is served: uvicorn with limits that the protocols rely on."""

import asyncio
import socket
import struct
from typing import Any, cast

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame
from websockets.http11 import Request
from websockets.protocol import State

from answerable.api.wire import ABORT, WRITE
from answerable.channels.chat.protocol import FRAME_BYTES

FRAGMENTS = 256  # in one message; nobody but an attacker needs many
HEAD_SECONDS = 10.0  # for a request's line and headers
HEAD_BYTES = 32 * 1024
SILENT_SECONDS = 30  # between requests
GOODBYE_SECONDS = 2.0  # for the peer to answer our close; less than timeout_graceful_shutdown


class CarefulHttp(H11Protocol):
    """uvicorn's HTTP, which does not wait for ever for a request to be complete."""

    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait_or_not()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._wait_or_not()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def _wait_or_not(self) -> None:
        under_way = self.cycle is not None and not self.cycle.response_complete
        if under_way or self.transport.get_protocol() is not self:  # it became a WebSocket
            self._stop_waiting()
        elif self._timer is None:
            self._timer = self.loop.call_later(HEAD_SECONDS, self.transport.abort)

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class CarefulWebSocket(WebSocketsSansIOProtocol):
    """uvicorn's WebSocket, which can be cut, counts fragments, and says 1001 when it leaves."""

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if self.response.status_code == 101:
            extensions = cast("dict[str, Any]", self.scope["extensions"])
            extensions[ABORT] = self.transport.abort
            extensions[WRITE] = self.write_text

    def write_text(self, text: str) -> bool:
        """Send a message at once; False if it would have to wait or cannot be sent.

        Without the layers between, which cost more than the message.
        """
        if not self.writable.is_set() or self.close_sent or self.conn.state is not State.OPEN:
            return False
        if not self.handshake_complete or self.transport.is_closing():
            return False
        data = text.encode()
        self.transport.write(_text_head(len(data)) + data)
        return True

    def shutdown(self) -> None:
        """Tell the peer that we are leaving (1001), so that it comes back to another process."""
        if self.handshake_complete and not self.close_sent and not self.transport.is_closing():
            self.stop_keepalive()
            self.queue.put_nowait({"type": "websocket.disconnect", "code": 1001, "reason": ""})
            self.conn.send_close(1001, "going away")
            self.transport.write(b"".join(self.conn.data_to_send()))
            self.close_sent = True
            # Not closed before the peer has answered, and read until then, although nobody listens
            # any more: what it sends meanwhile would be refused, and with that its system throws
            # away our goodbye.
            if self.read_paused:
                self.read_paused = False
                self.transport.resume_reading()
            self.close_timer = self.loop.call_later(GOODBYE_SECONDS, self.transport.close)
            return
        super().shutdown()

    def handle_cont(self, event: Frame) -> None:
        if len(self.frames) >= FRAGMENTS:
            self.conn.fail(1009, "too many fragments")
            self.handle_parser_exception()
            return
        super().handle_cont(event)


def _text_head(length: int) -> bytes:
    """The header of an unmasked text frame (RFC 6455, 5.2)."""
    if length < 126:
        return bytes((0x81, length))
    if length < 2**16:
        return struct.pack("!BBH", 0x81, 126, length)
    return struct.pack("!BBQ", 0x81, 127, length)


def listening_socket(host: str, port: int) -> socket.socket:
    """A socket to serve on; port 0 for any that is free. Raises OSError if it is taken.

    asyncio switches Nagle's algorithm off only for sockets that say they are TCP; with it on, the
    second of two small frames waits 40 ms for the first one's acknowledgement.
    """
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP, flags=socket.AI_PASSIVE
    )[0]
    listening = socket.socket(family, kind, protocol)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(2048)
        listening.setblocking(False)
    except OSError:
        listening.close()
        raise
    return listening


def server_config(app: ASGIApp, *, host: str, port: int, **options: Any) -> uvicorn.Config:
    """Messages of at most FRAME_BYTES and no compression: neither big frames nor deflate bombs.

    Our own heartbeat replaces WebSocket pings. Access logs are off: paths hold ids, and the
    metrics say the rest. options: of uvicorn.Config, such as `fd` or `ssl_certfile`.
    """
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        http=CarefulHttp,
        ws=CarefulWebSocket,
        ws_max_size=FRAME_BYTES,
        ws_per_message_deflate=False,
        ws_ping_interval=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=SILENT_SECONDS,
        timeout_graceful_shutdown=5,
        h11_max_incomplete_event_size=HEAD_BYTES,
        **{"log_config": None, "lifespan": "on", **options},
    )

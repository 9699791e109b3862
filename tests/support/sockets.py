"""WebSocket clients for tests: one that behaves, and one that sends whatever bytes it is told."""

import asyncio
import base64
import contextlib
import json
import os
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect

from tests.support.service import ORIGIN, SHOP_KEY, Address

PATIENCE = 20.0
CHAT = "/v1/customer/chat"
STREAM = "/v1/desk/stream"


async def opened_session(at: Address, *, token: str | None = None) -> str:
    async with httpx.AsyncClient(base_url=at.http) as client:
        body = {"key": SHOP_KEY} | ({"token": token} if token else {})
        response = await client.post("/v1/customer/sessions", json=body, headers={"Origin": ORIGIN})
    assert response.status_code == 201, response.text
    return str(response.json()["session"])


@dataclass
class Chat:
    """A customer's side that keeps what it saw, as the widget does."""

    socket: ClientConnection
    session: str
    seen: list[dict[str, Any]] = field(default_factory=list)

    async def sends(self, **frame: Any) -> None:
        await self.socket.send(json.dumps(frame))

    async def gets(self, *kinds: str) -> dict[str, Any]:
        while True:
            async with asyncio.timeout(PATIENCE):
                frame: dict[str, Any] = json.loads(await self.socket.recv())
            if frame["type"] == "event":
                self.seen.append(frame)
            if not kinds or frame["type"] in kinds:
                return frame

    async def hello(self, after: int = 0) -> dict[str, Any]:
        await self.sends(type="hello", session=self.session, after=after)
        return await self.gets("welcome", "resync")

    async def says(self, text: str, client_id: str) -> dict[str, Any]:
        await self.sends(type="message", client_id=client_id, text=text)
        while True:
            frame = await self.gets("ack", "error")
            if frame.get("client_id") == client_id:
                return frame


@asynccontextmanager
async def chatting(
    at: Address, session: str, *, origin: str | None = ORIGIN
) -> AsyncIterator[Chat]:
    async with connect(
        at.ws + CHAT,
        origin=origin,  # type: ignore[arg-type]
        ping_interval=None,
        max_queue=None,  # else the client cannot close while it has much unread
    ) as socket_:
        yield Chat(socket_, session)


class RawSocket:
    """Bytes in, bytes out. Frames are built by hand, so that they can be wrong."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def open(
        cls,
        at: Address,
        path: str = CHAT,
        *,
        receive_buffer: int | None = None,
        headers: dict[str, str] | None = None,
    ) -> "RawSocket":
        plain = socket.socket()
        if receive_buffer is not None:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        plain.setblocking(False)
        await asyncio.get_running_loop().sock_connect(plain, (at.host, at.port))
        reader, writer = await asyncio.open_connection(sock=plain, limit=2**16)
        raw = cls(reader, writer)
        key = base64.b64encode(os.urandom(16)).decode()
        lines = {
            "Host": f"{at.host}:{at.port}",
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Key": key,
            "Sec-WebSocket-Version": "13",
            "Origin": ORIGIN,
            **(headers or {}),
        }
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        writer.write(f"GET {path} HTTP/1.1\r\n{head}\r\n".encode())
        return raw

    async def upgraded(self) -> bytes:
        """The head of the answer."""
        async with asyncio.timeout(PATIENCE):
            return await self.reader.readuntil(b"\r\n\r\n")

    def sends(self, data: bytes) -> None:
        self.writer.write(data)

    async def frame(self) -> tuple[int, bytes]:
        """(opcode, payload) of the next frame. Raises IncompleteReadError at the end."""
        async with asyncio.timeout(PATIENCE):
            head = await self.reader.readexactly(2)
            length = head[1] & 127
            if length == 126:
                [length] = struct.unpack("!H", await self.reader.readexactly(2))
            elif length == 127:
                [length] = struct.unpack("!Q", await self.reader.readexactly(8))
            return head[0] & 15, await self.reader.readexactly(length)

    async def close_code(self) -> int | None:
        """How the server ended it; None if it just cut the line."""
        try:
            while True:
                opcode, payload = await self.frame()
                if opcode == 8:
                    return int(struct.unpack("!H", payload[:2])[0]) if payload else 1005
        except (asyncio.IncompleteReadError, ConnectionError):
            return None

    async def json(self, kind: str) -> dict[str, Any]:
        while True:
            opcode, payload = await self.frame()
            assert opcode == 1, (opcode, payload)
            frame: dict[str, Any] = json.loads(payload)
            if frame["type"] == kind:
                return frame

    async def cut(self) -> None:
        """Without any goodbye."""
        self.writer.transport.abort()
        with contextlib.suppress(OSError):
            await self.writer.wait_closed()


def frame(
    payload: bytes | str,
    *,
    opcode: int = 1,
    final: bool = True,
    reserved: int = 0,
    masked: bool = True,
    length: int | None = None,
) -> bytes:
    """A client's frame. length: what the header claims, if that is not the truth."""
    data = payload.encode() if isinstance(payload, str) else payload
    size = len(data) if length is None else length
    first = (0x80 if final else 0) | reserved << 4 | opcode
    mask_bit = 0x80 if masked else 0
    if size < 126:
        head = struct.pack("!BB", first, mask_bit | size)
    elif size < 2**16:
        head = struct.pack("!BBH", first, mask_bit | 126, size)
    else:
        head = struct.pack("!BBQ", first, mask_bit | 127, size)
    if not masked:
        return head + data
    mask = os.urandom(4)
    return head + mask + bytes(byte ^ mask[n % 4] for n, byte in enumerate(data))

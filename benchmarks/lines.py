"""WebSocket clients that cost little, so that the load does not measure itself."""

import asyncio
import base64
import json
import os
import struct
import time
from collections.abc import Callable
from typing import Any

ARE_YOU_THERE = b'{"n":0,"type":"ping"}'  # whoever does not answer is closed as silent


class Line(asyncio.Protocol):
    """One connection. taken: called with each text frame's payload."""

    def __init__(self, path: str, headers: dict[str, str], taken: Callable[["Line", bytes], None]):
        self._path, self._headers, self._taken = path, headers, taken
        self._buffer = bytearray()
        self._upgraded = False
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.transport: asyncio.Transport

    @classmethod
    async def open(
        cls,
        port: int,
        path: str,
        taken: Callable[["Line", bytes], None],
        headers: dict[str, str] | None = None,
    ) -> "Line":
        loop = asyncio.get_running_loop()
        _, line = await loop.create_connection(
            lambda: cls(path, headers or {}, taken), "127.0.0.1", port
        )
        await line.opened
        return line

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        host = "{}:{}".format(*transport.get_extra_info("peername"))
        lines = {
            "Host": host, "Upgrade": "websocket", "Connection": "Upgrade",
            "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
            "Sec-WebSocket-Version": "13", **self._headers,
        }  # fmt: skip
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        transport.write(f"GET {self._path} HTTP/1.1\r\n{head}\r\n".encode())

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._upgraded:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            assert self._buffer.startswith(b"HTTP/1.1 101"), bytes(self._buffer)
            del self._buffer[: end + 4]
            self._upgraded = True
            self.opened.set_result(None)
        self._frames()

    def _frames(self) -> None:
        buffer, at = self._buffer, 0
        while len(buffer) - at >= 2:
            length, start = buffer[at + 1], at + 2
            if length == 126:
                if len(buffer) - at < 4:
                    break
                [length], start = struct.unpack_from("!H", buffer, at + 2), at + 4
            elif length == 127:
                if len(buffer) - at < 10:
                    break
                [length], start = struct.unpack_from("!Q", buffer, at + 2), at + 10
            if len(buffer) < start + length:
                break
            if buffer[at] & 15 == 1:
                self._take(bytes(buffer[start : start + length]))
            at = start + length
        del buffer[:at]

    def _take(self, payload: bytes) -> None:
        if payload == ARE_YOU_THERE:
            self.send({"type": "pong"})
        else:
            self._taken(self, payload)

    def send(self, frame: dict[str, Any]) -> None:
        """As a masked frame; the mask is zero, which the protocol allows and costs nothing."""
        data = json.dumps(frame).encode()
        head = bytes([0x81])
        head += bytes([0x80 | len(data)]) if len(data) < 126 else struct.pack("!BH", 254, len(data))
        self.transport.write(head + b"\0\0\0\0" + data)

    def close(self) -> None:
        self.transport.abort()


def percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


async def sleep_until(moment: float) -> None:
    await asyncio.sleep(max(0.0, moment - time.perf_counter()))

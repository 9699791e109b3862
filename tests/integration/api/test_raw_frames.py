"""Frames that no honest client sends: each has its right close code, and none does harm."""

import asyncio
import contextlib
import json
import struct
import zlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from answerable.api import server, shield
from answerable.api.context import ApiSettings
from answerable.channels.chat.protocol import FRAME_BYTES
from answerable.channels.chat.service import Timing
from tests.support.service import SECRET, Address, House, open_house, serving
from tests.support.sockets import CHAT, STREAM, RawSocket, chatting, frame, opened_session

PING = '{"type":"ping","n":1}'


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    settings = ApiSettings(
        secrets={"SHOP_SECRET": SECRET}, timing=Timing(hello_within=1, close_within=0.2)
    )
    house = await open_house(tmp_path / "house.db", settings=settings)
    yield house
    await house.close()


@pytest.fixture
async def at(house: House) -> AsyncIterator[Address]:
    async with serving(house) as address:
        yield address


async def greeted(at: Address, session: str | None = None) -> RawSocket:
    raw = await RawSocket.open(at)
    await raw.upgraded()
    bearer = session or await opened_session(at)
    raw.sends(frame(json.dumps({"type": "hello", "session": bearer})))
    await raw.json("welcome")
    return raw


WRONG: dict[str, tuple[bytes, int | None]] = {
    # Reserved bits without an extension that gives them a meaning: protocol errors.
    **{f"rsv {bits:03b}": (frame(PING, reserved=bits), 1002) for bits in range(1, 8)},
    # Opcodes that do not exist.
    **{f"opcode {n}": (frame(b"", opcode=n), 1002) for n in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)},
    # Control frames: short and whole, or not at all.
    "ping of 126 bytes": (frame(b"x" * 126, opcode=9), 1002),
    "pong of 126 bytes": (frame(b"x" * 126, opcode=10), 1002),
    "close of 126 bytes": (frame(b"x" * 126, opcode=8), 1002),
    "fragmented ping": (frame(b"x", opcode=9, final=False), 1002),
    "fragmented pong": (frame(b"x", opcode=10, final=False), 1002),
    "fragmented close": (frame(b"", opcode=8, final=False), 1002),
    # Fragments out of order.
    "continuation of nothing": (frame(b"x", opcode=0), 1002),
    "unfinished continuation of nothing": (frame(b"x", opcode=0, final=False), 1002),
    "text inside a message": (frame("a", final=False) + frame("b"), 1002),
    "binary inside a message": (frame("a", final=False) + frame(b"b", opcode=2), 1002),
    # A client masks.
    "unmasked text": (frame(PING, masked=False), 1002),
    "unmasked ping": (frame(b"x", opcode=9, masked=False), 1002),
    # Sizes.
    "one byte too many": (frame("x" * (FRAME_BYTES + 1)), 1009),
    "16 MB": (frame(b"", length=16 * 2**20), 1009),
    "2 GB announced": (frame(b"", length=2**31), 1009),
    "2^63 announced": (frame(b"", length=2**63 - 1), 1009),
    "too big in fragments": (
        frame("x" * 9_000, final=False) + frame("x" * 9_000, opcode=0), 1009
    ),
    "too many fragments": (
        frame("x", final=False) + frame("x", opcode=0, final=False) * 300, 1009
    ),
    "too many empty fragments": (
        frame("", final=False) + frame("", opcode=0, final=False) * 300, 1009
    ),
    "deflate bomb": (frame(zlib.compress(b"x" * 10**6)[2:-4], reserved=4), 1002),
    # Text that is none.
    "bad UTF-8": (frame(b"\xff\xfe"), 1007),
    "UTF-8 surrogate": (frame(b"\xed\xa0\x80"), 1007),
    "overlong UTF-8": (frame(b"\xc0\xaf"), 1007),
    "half a character at the end": (frame("é".encode()[:1]), 1007),
    "bad UTF-8 in the second fragment": (
        frame('{"type":"', final=False) + frame(b"\xff", opcode=0), 1007
    ),
    # What this protocol does not speak.
    "binary": (frame(b"\x00\x01", opcode=2), 1003),
    "empty binary": (frame(b"", opcode=2), 1003),
    "binary in fragments": (
        frame(b"a", opcode=2, final=False) + frame(b"b", opcode=0), 1003
    ),
    # Closing, rightly and wrongly: the server answers with the same code, or 1002.
    "close": (frame(b"", opcode=8), 1005),
    "close 1000": (frame(struct.pack("!H", 1000), opcode=8), 1000),
    "close 1001 with a reason": (frame(struct.pack("!H", 1001) + b"bye", opcode=8), 1001),
    "close 3000": (frame(struct.pack("!H", 3000), opcode=8), 3000),
    "close 4999": (frame(struct.pack("!H", 4999), opcode=8), 4999),
    "close of one byte": (frame(b"\x03", opcode=8), 1002),
    "close with bad UTF-8": (frame(struct.pack("!H", 1000) + b"\xff", opcode=8), 1007),
    **{
        f"close {code}": (frame(struct.pack("!H", code), opcode=8), 1002)
        for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535)
    },
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
async def test_a_wrong_frame_ends_with_the_right_code(house: House, at: Address, name: str) -> None:
    data, code = WRONG[name]
    raw = await greeted(at)
    raw.sends(data)
    assert await raw.close_code() == code
    await raw.cut()


RIGHT: dict[str, bytes] = {
    "whole": frame(PING),
    "two fragments": frame(PING[:5], final=False) + frame(PING[5:], opcode=0),
    "a fragment for each byte": frame(PING[:1], final=False)
    + b"".join(frame(byte, opcode=0, final=False) for byte in PING[1:-1])
    + frame(PING[-1:], opcode=0),
    "empty fragments": frame("", final=False)
    + frame(PING, opcode=0, final=False)
    + frame("", opcode=0),
    "a ping between fragments": frame(PING[:5], final=False)
    + frame(b"hi", opcode=9)
    + frame(PING[5:], opcode=0),
    "an unasked pong": frame(b"hello", opcode=10) + frame(PING),
    "a ping of 125 bytes": frame(b"x" * 125, opcode=9) + frame(PING),
    "a split character": frame('{"type":"ping","n":1,"x":"é"}'.encode()[:-3], final=False)
    + frame('{"type":"ping","n":1,"x":"é"}'.encode()[-3:], opcode=0),
    "the longest frame": frame('{"type":"ping","n":1,"x":"' + "x" * (FRAME_BYTES - 28) + '"}'),
}


@pytest.mark.parametrize("name", RIGHT)
@pytest.mark.parametrize("bytewise", [False, True])
async def test_a_right_frame_is_understood_however_it_is_cut(
    house: House, at: Address, name: str, bytewise: bool
) -> None:
    raw = await greeted(at)
    data = RIGHT[name]
    step = 1 if bytewise and len(data) < 1_000 else len(data)
    for start in range(0, len(data), step):
        raw.sends(data[start : start + step])
        await raw.writer.drain()
    while True:
        opcode, payload = await raw.frame()
        if opcode == 1 and json.loads(payload)["type"] == "pong":
            break
        assert opcode in (1, 10)
    await raw.cut()


async def test_a_frame_cut_in_the_middle_harms_nobody(house: House, at: Address) -> None:
    session = await opened_session(at)
    message = json.dumps({"type": "message", "client_id": "message-1", "text": "hours"})
    whole = frame(message)
    for end in range(1, len(whole)):
        raw = await greeted(at, session)
        raw.sends(whole[:end])
        await raw.writer.drain()
        await raw.cut()
    async with chatting(at, session) as anna:
        assert (await anna.hello())["conversation"] is None  # none of these was a message
        assert (await anna.says("hours", "message-1"))["type"] == "ack"


async def test_a_hundred_thousand_fragments_cost_no_memory(house: House, at: Address) -> None:
    before = psutil.Process().memory_info().rss
    raw = await greeted(at)
    raw.sends(frame("", final=False))
    raw.sends(frame("", opcode=0, final=False) * 100_000)
    assert await raw.close_code() in (1009, None)
    await raw.cut()
    assert psutil.Process().memory_info().rss - before < 50 * 2**20


async def test_a_thousand_unfinished_handshakes_harm_nobody(house: House, at: Address) -> None:
    before = psutil.Process().memory_info().rss
    slow = [await asyncio.open_connection(at.host, at.port) for _ in range(1_000)]
    for _, writer in slow:
        writer.write(b"GET /v1/customer/chat HTTP/1.1\r\nHost: x\r\nUpgr")
    async with chatting(at, await opened_session(at)) as anna:
        assert (await anna.hello())["type"] == "welcome"
        assert (await anna.says("hours", "message-1"))["type"] == "ack"
    assert psutil.Process().memory_info().rss - before < 50 * 2**20
    for _, writer in slow:
        writer.transport.abort()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


@pytest.mark.parametrize("begun", [b"", b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: "])
async def test_a_request_that_is_never_complete_is_cut(
    at: Address, monkeypatch: pytest.MonkeyPatch, begun: bytes
) -> None:
    monkeypatch.setattr(server, "HEAD_SECONDS", 0.1)
    reader, writer = await asyncio.open_connection(at.host, at.port)
    whole = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    if begun:  # also when one before was complete
        writer.write(whole)
        assert b"200 OK" in await reader.readuntil(b'{"status":"ok"}')
    writer.write(begun)
    async with asyncio.timeout(5):
        with contextlib.suppress(ConnectionError):
            assert await reader.read() == b""
    writer.close()


async def test_a_body_that_is_never_complete_is_refused(
    at: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shield, "BODY_SECONDS", 0.1)
    reader, writer = await asyncio.open_connection(at.host, at.port)
    writer.write(
        b"POST /v1/customer/sessions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b"Content-Length: 100\r\n\r\n{"
    )
    async with asyncio.timeout(5):
        assert (await reader.readline()).startswith(b"HTTP/1.1 408 ")
    writer.close()


async def test_headers_are_bounded(at: Address) -> None:
    reader, writer = await asyncio.open_connection(at.host, at.port)
    writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + b"X-Header: y\r\n" * 4_000)
    async with asyncio.timeout(5):
        assert (await reader.readline()).startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 431 "))
    writer.close()


async def test_whoever_upgrades_and_says_nothing_is_shown_the_door(
    house: House, at: Address
) -> None:
    raw = await RawSocket.open(at)
    await raw.upgraded()
    assert await raw.close_code() == 4408
    await raw.cut()


@pytest.mark.parametrize("path", [CHAT, STREAM])
@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost.evil", ""])
async def test_a_foreign_origin_is_refused(
    house: House, at: Address, path: str, origin: str
) -> None:
    raw = await RawSocket.open(at, path, headers={"Origin": origin})
    await raw.upgraded()
    assert await raw.close_code() == 4403
    await raw.cut()


async def test_compression_is_not_offered(house: House, at: Address) -> None:
    raw = await RawSocket.open(
        at, headers={"Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits"}
    )
    head = await raw.upgraded()
    assert b"101" in head
    assert b"permessage-deflate" not in head.lower()
    await raw.cut()


HANDSHAKES: dict[str, tuple[dict[str, Any], tuple[int, ...]]] = {
    "no key": ({"Sec-WebSocket-Key": ""}, (400,)),
    "bad key": ({"Sec-WebSocket-Key": "short"}, (400,)),
    "old version": ({"Sec-WebSocket-Version": "8"}, (400, 426)),
    "no version": ({"Sec-WebSocket-Version": ""}, (400, 426)),
}


@pytest.mark.parametrize("name", HANDSHAKES)
async def test_a_wrong_handshake_is_an_http_refusal(house: House, at: Address, name: str) -> None:
    headers, statuses = HANDSHAKES[name]
    raw = await RawSocket.open(at, headers=headers)
    assert int((await raw.upgraded()).split()[1]) in statuses
    await raw.cut()


async def test_a_path_without_a_socket_is_refused(house: House, at: Address) -> None:
    raw = await RawSocket.open(at, "/v1/nowhere")
    assert int((await raw.upgraded()).split()[1]) in (403, 404)
    await raw.cut()

"""Raw ASGI on the web server that the product runs on: echo, broadcast, and constant bytes.

    python -m benchmarks.yardsticks.raw_server PORT [FILE]

/echo returns each text frame; /all sends it to everybody there; any GET is answered by FILE's bytes
as JSON. uvicorn with uvloop and websockets-sansio, without pings and compression.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import uvicorn
import uvloop

Send = Callable[[dict[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[dict[str, Any]]]
BODY = Path(sys.argv[2]).read_bytes() if len(sys.argv) > 2 else b"{}"
there: set[Send] = set()


async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    if scope["type"] == "http":
        length = str(len(BODY)).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", length)]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": BODY})
    elif scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        there.add(send)
        try:
            await converse(scope["path"] == "/all", receive, send)
        finally:
            there.discard(send)


async def converse(to_all: bool, receive: Receive, send: Send) -> None:
    while (event := await receive())["type"] == "websocket.receive":
        answer = {"type": "websocket.send", "text": event["text"]}
        for one in tuple(there) if to_all else (send,):
            await one(answer)


async def main() -> None:
    config = uvicorn.Config(
        app,
        port=int(sys.argv[1]),
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        ws_ping_interval=None,
        access_log=False,
        log_config=None,
        lifespan="off",
    )
    await uvicorn.Server(config).serve()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())

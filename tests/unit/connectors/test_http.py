"""What other systems answer is bounded, whatever they send."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import httpx
import pytest

from answerable.connectors import http
from answerable.connectors.http import LONGEST_ANSWER, Ambassador
from answerable.kit.errors import ConnectorRefused, ConnectorUnavailable

Answer = Callable[[httpx.Request], httpx.Response]


@asynccontextmanager
async def bank(answer: Answer) -> AsyncIterator[Ambassador]:
    ambassador = Ambassador(
        name="bank",
        base_url="http://bank.example",
        transport=httpx.MockTransport(answer),
        repeat_after=0,
    )
    yield ambassador
    await ambassador.close()


async def test_an_answer_is_read_up_to_its_limit_and_no_further() -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 65_536
            yield b" " * 65_536

    async with bank(lambda _: httpx.Response(200, content=endless())) as ambassador:
        with pytest.raises(ConnectorRefused, match="too much"):
            await ambassador.get("/x", {}, key="k")
    assert sent <= LONGEST_ANSWER + 2 * 65_536


async def test_an_answer_that_would_unfold_is_not_unfolded() -> None:
    bomb = gzip.compress(b" " * 10**7)
    asked = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.headers["accept-encoding"])
        return httpx.Response(200, headers={"Content-Encoding": "gzip"}, stream=Raw(bomb))

    async with bank(answer) as ambassador:
        with pytest.raises(ConnectorRefused, match="did not ask"):
            await ambassador.get("/x", {}, key="k")
    assert asked == ["identity"]


class Raw(httpx.AsyncByteStream):
    def __init__(self, content: bytes) -> None:
        self._content = content

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._content


async def test_an_answer_nested_too_deep_is_nonsense() -> None:
    async with bank(lambda _: httpx.Response(200, text="[" * 200_000)) as ambassador:
        with pytest.raises(ConnectorUnavailable, match="nonsense"):
            await ambassador.get("/x", {}, key="k")


async def test_an_answer_that_drips_does_not_keep_us(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "CALL_SECONDS", 0.05)

    async def dripping() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.Event().wait()

    async with bank(lambda _: httpx.Response(200, content=dripping())) as ambassador:
        with pytest.raises(ConnectorUnavailable):
            await ambassador.get("/x", {}, key="k")

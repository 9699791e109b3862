"""HTTP calls as all connectors make them: limited in time, retried with care, never hammering."""

import asyncio
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx

from answerable.kit.errors import ConnectorRefused, ConnectorUnavailable
from answerable.kit.telemetry import CONNECTOR_SECONDS

TIMEOUT = httpx.Timeout(2.0, connect=1.0)  # a person waits for the answer
READ_ATTEMPTS = 2
LONGEST_ANSWER = 1_000_000  # bytes
BREAK_AFTER = 5  # failures in a row, after which nothing is sent for a while
BREAK_FOR = 10.0  # seconds


@dataclass
class Breaker:
    """After several failures in a row, refuses at once instead of making everybody wait."""

    failures: int = 0
    open_until: float = 0.0

    def check(self, name: str) -> None:
        left = self.open_until - time.monotonic()
        if left > 0:
            raise ConnectorUnavailable(name, retry_after=timedelta(seconds=left))

    def succeeded(self) -> None:
        self.failures = 0

    def failed(self) -> None:
        self.failures += 1
        if self.failures >= BREAK_AFTER:
            self.open_until = time.monotonic() + BREAK_FOR
            self.failures = 0


@dataclass
class Ambassador:
    """Speaks HTTP to one system. name: the connector's, for errors and metrics."""

    name: str
    base_url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    transport: httpx.AsyncBaseTransport | None = None
    breaker: Breaker = field(default_factory=Breaker)

    def __post_init__(self) -> None:
        self._client = httpx.AsyncClient(
            base_url=self.base_url,
            headers=dict(self.headers),
            timeout=TIMEOUT,
            transport=self.transport,
            follow_redirects=False,  # a redirect could lead anywhere, also inside
            trust_env=False,
        )

    async def get(self, path: str, query: Mapping[str, str], *, key: str) -> dict[str, Any] | None:
        """The JSON object at `path`, or None for 404.

        Raises ConnectorUnavailable (asked again once before) or ConnectorRefused.
        """
        for attempt in range(1, READ_ATTEMPTS + 1):
            self.breaker.check(self.name)
            try:
                return await self._once("GET", path, query=query, key=key)
            except ConnectorUnavailable as error:
                if attempt == READ_ATTEMPTS or error.retry_after is not None:
                    raise
                await asyncio.sleep(random.uniform(0.05, 0.15))
        raise AssertionError("unreachable")

    async def post(self, path: str, body: Mapping[str, Any], *, key: str) -> dict[str, Any]:
        """Send once under the idempotency key; whoever calls repeats it under the same key."""
        self.breaker.check(self.name)
        answer = await self._once("POST", path, body=body, key=key)
        if answer is None:
            raise ConnectorRefused(self.name, f"{self.name} does not know {path.split('/')[1]}")
        return answer

    async def _once(
        self,
        method: str,
        path: str,
        *,
        key: str,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> dict[str, Any] | None:
        started = time.perf_counter()
        outcome = "unavailable"
        try:
            response = await self._client.request(
                method, path, params=query, json=body, headers={"Idempotency-Key": key}
            )
            answer = self._read(response)
            outcome = "ok"
            self.breaker.succeeded()
            return answer
        except httpx.HTTPError as error:
            self.breaker.failed()
            raise ConnectorUnavailable(self.name) from error
        except ConnectorUnavailable:
            self.breaker.failed()
            raise
        except ConnectorRefused:
            outcome = "refused"
            self.breaker.succeeded()
            raise
        finally:
            elapsed = time.perf_counter() - started
            CONNECTOR_SECONDS.labels(self.name, outcome).observe(elapsed)

    def _read(self, response: httpx.Response) -> dict[str, Any] | None:
        status = response.status_code
        if status == 404:
            return None
        if status == 429 or status >= 500:
            raise ConnectorUnavailable(self.name, retry_after=_retry_after(response))
        if status >= 300:
            raise ConnectorRefused(self.name, f"{self.name} refused (HTTP {status})")
        if len(response.content) > LONGEST_ANSWER:
            raise ConnectorRefused(self.name, f"{self.name} answered with too much")
        try:
            answer = response.json()
        except ValueError as error:
            raise ConnectorUnavailable(self.name, f"{self.name} answered nonsense") from error
        if not isinstance(answer, dict):
            raise ConnectorUnavailable(self.name, f"{self.name} answered nonsense")
        return answer

    async def close(self) -> None:
        await self._client.aclose()


def _retry_after(response: httpx.Response) -> timedelta | None:
    text = response.headers.get("Retry-After", "")
    return timedelta(seconds=min(int(text), 3600)) if text.isdigit() else None

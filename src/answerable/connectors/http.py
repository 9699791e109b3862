"""HTTP calls as all connectors make them: limited in time, retried with care, never hammering."""

import asyncio
import json
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from answerable.kit.errors import ConnectorRefused, ConnectorUnavailable
from answerable.kit.telemetry import CONNECTOR_SECONDS

TIMEOUT = httpx.Timeout(2.0, connect=1.0)  # a person waits for the answer
READ_ATTEMPTS = 2
CALL_SECONDS = 4.0  # however slowly it speaks
LONGEST_ANSWER = 1_000_000  # bytes
BREAK_AFTER = 5  # failures in a row, after which nothing is sent for a while
FIRST_REST = 10.0  # seconds
LONGEST_REST = 30.0  # seconds: so long after its end an outage is noticed to be over, at the latest
LONGEST_NAMED_REST = 3600.0  # seconds; Retry-After may be a mistake
VERDICT_WITHIN = 5.0  # seconds, after which one who asks for all is no longer waited for


@dataclass
class Breaker:
    """After several failures in a row, refuses at once instead of making everybody wait.

    When it has rested, one may ask for all; whether the others may is what that one hears. A time
    named by the other system holds for everybody. now: seconds of a monotonic clock.
    """

    now: Callable[[], float] = time.monotonic
    rest_seconds: float = FIRST_REST
    _failures: int = 0
    _open: bool = False
    _asking: bool = False
    _shut_until: float = 0.0

    def refusal(self) -> timedelta | None:
        """How long nothing may be sent. None: send now, and then say how it went."""
        now = self.now()
        if now < self._shut_until:
            return timedelta(seconds=self._shut_until - now)
        if self._open:
            self._asking = True
            self._shut_until = now + VERDICT_WITHIN
        return None

    def succeeded(self) -> None:
        self._failures, self._shut_until = 0, 0.0
        self._open = self._asking = False
        self.rest_seconds = FIRST_REST

    def failed(self, retry_after: timedelta | None = None) -> None:
        """retry_after: the other system has named a time. Of those who had asked before it opened,
        nothing else is heard."""
        self._failures += 1
        if retry_after is not None:
            self._rest(retry_after.total_seconds())
        elif self._asking:
            self.rest_seconds = min(self.rest_seconds * 2, LONGEST_REST)
            self._rest(self.rest_seconds)
        elif not self._open and self._failures >= BREAK_AFTER:
            self._rest(self.rest_seconds)

    def _rest(self, seconds: float) -> None:
        self._open, self._asking = True, False
        self._shut_until = max(self._shut_until, self.now() + seconds)


@dataclass
class Ambassador:
    """Speaks HTTP to one system. name: the connector's, for errors and metrics.

    repeat_after: seconds before a read is repeated, about.
    """

    name: str
    base_url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    transport: httpx.AsyncBaseTransport | None = None
    breaker: Breaker = field(default_factory=Breaker)
    repeat_after: float = 0.1

    def __post_init__(self) -> None:
        self._client = httpx.AsyncClient(
            base_url=self.base_url,
            headers={**self.headers, "Accept-Encoding": "identity"},  # nothing that unfolds
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
            try:
                return await self._once("GET", path, query=query, key=key)
            except ConnectorUnavailable as error:
                if attempt == READ_ATTEMPTS or error.retry_after is not None:
                    raise
                await asyncio.sleep(self.repeat_after * random.uniform(0.5, 1.5))
        raise AssertionError("unreachable")

    async def post(self, path: str, body: Mapping[str, Any], *, key: str) -> dict[str, Any]:
        """Send once under the idempotency key; whoever calls repeats it under the same key."""
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
        refusal = self.breaker.refusal()
        if refusal is not None:
            raise ConnectorUnavailable(self.name, retry_after=refusal)
        started = time.perf_counter()
        outcome = "unavailable"
        try:
            request = self._client.build_request(
                method, path, params=query, json=body, headers={"Idempotency-Key": key}
            )
            async with asyncio.timeout(CALL_SECONDS):
                response = await self._client.send(request, stream=True)
                try:
                    answer = await self._read(response)
                finally:
                    await response.aclose()
            outcome = "ok"
            self.breaker.succeeded()
            return answer
        except (httpx.HTTPError, TimeoutError) as error:
            self.breaker.failed()
            raise ConnectorUnavailable(self.name) from error
        except ConnectorUnavailable as error:
            self.breaker.failed(error.retry_after)
            raise
        except ConnectorRefused:
            outcome = "refused"
            self.breaker.succeeded()
            raise
        finally:
            elapsed = time.perf_counter() - started
            CONNECTOR_SECONDS.labels(self.name, outcome).observe(elapsed)

    async def _read(self, response: httpx.Response) -> dict[str, Any] | None:
        status = response.status_code
        if status == 404:
            return None
        if status == 429 or status >= 500:
            raise ConnectorUnavailable(self.name, retry_after=_retry_after(response))
        if status >= 300:
            raise ConnectorRefused(self.name, f"{self.name} refused (HTTP {status})")
        content = await self._content(response)
        try:
            answer = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise ConnectorUnavailable(self.name, f"{self.name} answered nonsense") from error
        if not isinstance(answer, dict):
            raise ConnectorUnavailable(self.name, f"{self.name} answered nonsense")
        return answer

    async def _content(self, response: httpx.Response) -> bytes:
        """No more of it is ever held than is taken."""
        content = bytearray()
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise ConnectorRefused(self.name, f"{self.name} answered in a form we did not ask for")
        async for piece in response.aiter_bytes():
            content += piece
            if len(content) > LONGEST_ANSWER:
                raise ConnectorRefused(self.name, f"{self.name} answered with too much")
        return bytes(content)

    async def close(self) -> None:
        await self._client.aclose()


def _retry_after(response: httpx.Response) -> timedelta | None:
    """RFC 9110, 10.2.3: seconds or a date, which is compared with the sender's own clock."""
    text = response.headers.get("Retry-After", "").strip()
    if not text:
        return None
    seconds = (
        float(text[:9]) if text.isascii() and text.isdigit() else _seconds_until(text, response)
    )
    return None if seconds is None else timedelta(seconds=min(max(seconds, 0), LONGEST_NAMED_REST))


def _seconds_until(text: str, response: httpx.Response) -> float | None:
    try:
        moment = parsedate_to_datetime(text)
        sent = response.headers.get("Date")
        now = parsedate_to_datetime(sent) if sent else datetime.now(UTC)
        return (moment - now).total_seconds()
    except (ValueError, TypeError):  # no date, or one without a zone
        return None

"""HTTP calls as all connectors make them: limited in time, retried with care, never hammering."""

import asyncio
import json
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from answerable.kit.errors import AnswerableError, ConnectorRefused, ConnectorUnavailable
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
_NEVER_LEFT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


class AnswerLost(ConnectorUnavailable):
    """The call left and nothing readable came back: it may have taken effect, or may not."""


class UnreadableAnswer(ConnectorRefused):
    """It answered, in a way that we do not read: what was asked for has probably taken effect."""


@dataclass(frozen=True, kw_only=True)
class Call:
    """One request. form: sent as a form; else `body`, if there is one, as JSON.

    key: the idempotency key, for systems that know such.
    """

    method: str
    path: str
    key: str
    query: Mapping[str, str] | None = None
    body: Mapping[str, Any] | None = None
    form: Mapping[str, str] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came back. body: parsed JSON; None if there was none, or for a refusal that is not JSON.

    headers: by name in lower case. retry_after: as the other system named it.
    """

    status: int
    headers: Mapping[str, str]
    body: Any
    retry_after: timedelta | None = None


Judge = Callable[[Answer], AnswerableError | None]
"""Of an answer with status 300 or more: what it means in the other system's own words. None: it is
an answer like another."""


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

    repeat_after: seconds before a read is repeated, about. judge: what refusals mean in this
    system; None: what their status means. call_seconds: instead of CALL_SECONDS.
    """

    name: str
    base_url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    transport: httpx.AsyncBaseTransport | None = None
    breaker: Breaker = field(default_factory=Breaker)
    repeat_after: float = 0.1
    judge: Judge | None = None
    call_seconds: float | None = None

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
        call = Call(method=method, path=path, key=key, query=query, body=body)
        answer = await self.exchange(call)
        if answer.status == 404:
            return None
        if not isinstance(answer.body, dict):
            raise AnswerLost(self.name, f"{self.name} answered nonsense")
        return answer.body

    async def exchange(self, call: Call) -> Answer:
        """Send once. Raises ConnectorUnavailable, AnswerLost if it may have taken effect, or
        ConnectorRefused; what is a refusal says `judge`, or else the status: 404 is none."""
        refusal = self.breaker.refusal()
        if refusal is not None:
            raise ConnectorUnavailable(self.name, retry_after=refusal)
        started = time.perf_counter()
        outcome = "unavailable"
        try:
            answer = await self._sent(call)
            outcome = "ok"
            self.breaker.succeeded()
            return answer
        except (httpx.HTTPError, TimeoutError) as error:
            self.breaker.failed()
            lost = ConnectorUnavailable if isinstance(error, _NEVER_LEFT) else AnswerLost
            raise lost(self.name) from error
        except ConnectorUnavailable as error:
            self.breaker.failed(error.retry_after)
            raise
        except AnswerableError:
            outcome = "refused"
            self.breaker.succeeded()
            raise
        finally:
            elapsed = time.perf_counter() - started
            CONNECTOR_SECONDS.labels(self.name, outcome).observe(elapsed)

    async def _sent(self, call: Call) -> Answer:
        request = self._client.build_request(
            call.method,
            call.path,
            params=call.query,
            json=call.body if call.form is None else None,
            data=call.form,
            headers={"Idempotency-Key": call.key, **call.headers},
        )
        async with asyncio.timeout(self.call_seconds or CALL_SECONDS):
            response = await self._client.send(request, stream=True)
            try:
                return await self._read(response)
            finally:
                await response.aclose()

    async def _read(self, response: httpx.Response) -> Answer:
        status = response.status_code
        answer = Answer(
            status=status, headers=response.headers, body=None, retry_after=_retry_after(response)
        )
        if status < 300:
            return replace(answer, body=self._parsed(await self._content(response)))
        judge = self.judge
        if judge is not None:
            answer = replace(answer, body=_parsed_or_none(await self._content(response)))
        refused = self._by_status(answer) if judge is None else judge(answer)
        if refused is not None:
            raise refused
        return answer

    def _by_status(self, answer: Answer) -> AnswerableError | None:
        if answer.status == 429 or answer.status >= 500:
            return ConnectorUnavailable(self.name, retry_after=answer.retry_after)
        if answer.status == 404:
            return None
        return ConnectorRefused(self.name, f"{self.name} refused (HTTP {answer.status})")

    def _parsed(self, content: bytes) -> Any:
        if not content:
            return None
        try:
            return json.loads(content)
        except (ValueError, RecursionError) as error:
            raise AnswerLost(self.name, f"{self.name} answered nonsense") from error

    async def _content(self, response: httpx.Response) -> bytes:
        """No more of it is ever held than is taken."""
        content = bytearray()
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise UnreadableAnswer(self.name, f"{self.name} answered in a form we did not ask for")
        async for piece in response.aiter_bytes():
            content += piece
            if len(content) > LONGEST_ANSWER:
                raise UnreadableAnswer(self.name, f"{self.name} answered with too much")
        return bytes(content)

    async def close(self) -> None:
        await self._client.aclose()


def _parsed_or_none(content: bytes) -> Any:
    """Of a refusal: the status says enough where its body says nothing."""
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None


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

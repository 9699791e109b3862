"""Salesforce's REST API: calls with a token, its limits, and what its refusals mean."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from answerable.connectors.crm.session import Session
from answerable.connectors.http import Ambassador, Answer, AnswerLost, Call, Judge
from answerable.kit.errors import AnswerableError, ConnectorRefused, ConnectorUnavailable
from answerable.kit.telemetry import CONNECTOR_CALLS_LEFT

# How long nothing is asked when the day's calls are used up, or run low: the count is of the last
# 24 hours, so that some come back all the time.
REST_AT_LIMIT = timedelta(minutes=15)
_USAGE = re.compile(r"(?:^|[\s,;])api-usage=(\d{1,12})/(\d{1,12})")
_LIMITS = ("REQUEST_LIMIT_EXCEEDED", "CONCURRENT_REQUEST_LIMIT_EXCEEDED")
# Refusals of one moment: somebody else was writing, or the system was too slow.
MOMENTARY = (
    "UNABLE_TO_LOCK_ROW",
    "SERVER_UNAVAILABLE",
    "QUERY_TIMEOUT",
    "REQUEST_RUNNING_TOO_LONG",
    "INTERNAL_SERVER_ERROR",
)


class CrmRefused(ConnectorRefused):
    """reason: the vendor's `errorCode`, or OAuth's `error`."""

    def __init__(self, connector: str, reason: str) -> None:
        super().__init__(connector, f"{connector} refused: {reason}")
        self.reason = reason


@dataclass
class Allowance:
    """What is left of the day's calls, as last heard. share: of them, up to which mirroring goes;
    the rest is for what people wait for. now: seconds of a monotonic clock."""

    name: str
    share: float
    now: Callable[[], float]
    _used: float = 0.0
    _heard_at: float = 0.0

    def heard(self, answer: Answer) -> None:
        match = _USAGE.search(answer.headers.get("sforce-limit-info", ""))
        if match is None or int(match[2]) == 0:
            return
        used, most = int(match[1]), int(match[2])
        self._used, self._heard_at = used / most, self.now()
        CONNECTOR_CALLS_LEFT.labels(self.name).set(max(0, most - used))

    def check(self) -> None:
        """Raises ConnectorUnavailable if what can wait is to wait."""
        wait = REST_AT_LIMIT.total_seconds() - (self.now() - self._heard_at)
        if self._used >= self.share and wait > 0:
            raise ConnectorUnavailable(self.name, retry_after=timedelta(seconds=wait))


class Rest:
    """Calls as one user. data: the path of the API's version."""

    def __init__(
        self, ambassador: Ambassador, session: Session, *, version: str, share: float
    ) -> None:
        self.name = ambassador.name
        self.data = f"/services/data/{version}"
        self.allowance = Allowance(self.name, share, ambassador.breaker.now)
        self._ambassador = ambassador
        self._session = session

    async def call(
        self,
        method: str,
        path: str,
        *,
        key: str,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> Answer:
        """An answer below 300, or a 404. path: from the API's version on.

        A token that is refused is replaced once: the call was not carried out.
        """
        for _ in range(2):
            token = await self._session.token()
            answer = await self._ambassador.exchange(
                Call(
                    method=method,
                    path=f"{self.data}{path}",
                    key=key,
                    body=body,
                    query=query,
                    headers={"Authorization": f"Bearer {token}"},
                )
            )
            self.allowance.heard(answer)
            if answer.status != 401:
                return answer
            self._session.refused(token)
        raise CrmRefused(self.name, "INVALID_SESSION_ID")

    async def query(self, soql: str, *, key: str) -> list[Mapping[str, Any]]:
        """The records of the first page."""
        answer = await self.call("GET", "/query", key=key, query={"q": soql})
        records = answer.body.get("records") if isinstance(answer.body, dict) else None
        if not isinstance(records, list) or not all(isinstance(one, dict) for one in records):
            raise self.nonsense()
        return records

    def nonsense(self) -> AnswerLost:
        return AnswerLost(self.name, f"{self.name} answered nonsense")

    async def close(self) -> None:
        await self._session.close()
        await self._ambassador.close()


def judge_of(name: str) -> Judge:
    """401 and 404 are answers: whoever calls knows what to do about them."""

    def judge(answer: Answer) -> AnswerableError | None:
        status, reason = answer.status, error_code(answer.body)
        if reason in _LIMITS:
            return ConnectorUnavailable(name, retry_after=answer.retry_after or REST_AT_LIMIT)
        if status in (429, 503) or reason in ("SERVER_UNAVAILABLE", "login_rate_exceeded"):
            return ConnectorUnavailable(name, retry_after=answer.retry_after)
        if status >= 500:
            return AnswerLost(name, retry_after=answer.retry_after)
        if status in (401, 404):
            return None
        return CrmRefused(name, reason or f"HTTP {status}")

    return judge


def error_code(body: Any) -> str | None:
    """Of `[{"errorCode", "message"}]`, or of OAuth's `{"error"}`. Never the message, which may
    quote what was sent."""
    found = body[0].get("errorCode") if _is_errors(body) else None
    if isinstance(body, dict):
        found = body.get("error")
    word = isinstance(found, str) and re.fullmatch(r"[A-Za-z_]{1,80}", found)
    return found if word else None


def _is_errors(body: Any) -> bool:
    return isinstance(body, list) and bool(body) and isinstance(body[0], dict)


def newest(fields: Sequence[str], name: str, where: Mapping[str, str | bool], *, most: int) -> str:
    """SOQL for the newest records for which all of `where` holds. fields, name and the keys of
    `where` are ours or the definition's; values may be anybody's."""
    told = {
        field: _quoted(value) if isinstance(value, str) else str(value).lower()
        for field, value in where.items()
    }
    conditions = " AND ".join(f"{field} = {value}" for field, value in told.items())
    return (
        f"SELECT {', '.join(fields)} FROM {name} WHERE {conditions} "  # noqa: S608 - quoted above
        f"ORDER BY CreatedDate DESC LIMIT {most}"
    )


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return "'" + escaped.replace("\n", "\\n").replace("\r", "\\r") + "'"

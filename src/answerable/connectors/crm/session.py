"""The right to call: a token for a signed statement (OAuth 2.0 JWT bearer, RFC 7523)."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from joserfc import jwt
from joserfc.jwk import RSAKey

from answerable.connectors.http import Ambassador, Call
from answerable.kit.errors import ConnectorRefused, ConnectorUnavailable, InvalidInput

STATEMENT_GOOD_FOR = timedelta(minutes=3)
_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_LONGEST_TOKEN = 4_096


@dataclass(frozen=True, kw_only=True, repr=False)
class Credentials:
    """Of a connected app. client: its consumer key; username: for whom it acts; audience: who is
    to believe it; key: PEM of its RSA key."""

    client: str
    username: str
    audience: str
    key: RSAKey


def private_key(name: str, pem: str) -> RSAKey:
    """Raises InvalidInput, which does not repeat what may be half of a key."""
    try:
        key = RSAKey.import_key(pem)
        good = key.is_private
    except ValueError:
        good = False
    if not good:
        raise InvalidInput(
            "bad_connector_key", f"the key of the integration {name!r} is no RSA key in PEM"
        )
    return key


class Session:
    """A token that is kept until it is refused. One asks for it, for all who wait."""

    def __init__(
        self,
        ambassador: Ambassador,
        credentials: Credentials,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._ambassador = ambassador
        self._credentials = credentials
        self._now = now
        self._token: str | None = None
        self._asking: asyncio.Task[str] | None = None

    async def token(self) -> str:
        """Raises ConnectorUnavailable, or ConnectorRefused if the statement is not believed."""
        if self._token is not None:
            return self._token
        if self._asking is None:
            self._asking = asyncio.create_task(self._ask())
            self._asking.add_done_callback(self._asked)
        # Whoever goes away must not take it from the others.
        return await asyncio.shield(self._asking)

    def refused(self, token: str) -> None:
        """The other system does not know this token any more."""
        if self._token == token:
            self._token = None

    def _asked(self, task: "asyncio.Task[str]") -> None:
        self._asking = None
        if not task.cancelled() and task.exception() is None:
            self._token = task.result()

    async def _ask(self) -> str:
        name = self._ambassador.name
        form = {"grant_type": _GRANT, "assertion": self._statement()}
        answer = await self._ambassador.exchange(
            Call(method="POST", path="/services/oauth2/token", key="token", form=form)
        )
        if answer.status != 200:
            raise ConnectorRefused(name, f"{name} refused us (HTTP {answer.status})")
        token = answer.body.get("access_token") if isinstance(answer.body, dict) else None
        if not isinstance(token, str) or not 0 < len(token) <= _LONGEST_TOKEN:
            raise ConnectorUnavailable(name, f"{name} answered nonsense")
        if not token.isascii() or not token.isprintable():  # it becomes a header
            raise ConnectorUnavailable(name, f"{name} answered nonsense")
        return token

    def _statement(self) -> str:
        now = self._now()
        claims = {
            "iss": self._credentials.client,
            "sub": self._credentials.username,
            "aud": self._credentials.audience,
            "exp": int((now + STATEMENT_GOOD_FOR).timestamp()),
            "jti": str(uuid4()),
        }
        return jwt.encode({"alg": "RS256"}, claims, self._credentials.key)

    async def close(self) -> None:
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.gather(self._asking, return_exceptions=True)

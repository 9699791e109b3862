"""Who may use the CRM: tokens for signed statements (OAuth 2.0 JWT bearer), as Salesforce does."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from datetime import timedelta

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from answerable_sandbox.problems import Problem
from answerable_sandbox.settings import Clock, Settings

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
AUDIENCES = ("https://login.salesforce.com", "https://test.salesforce.com")
LONGEST_STATEMENT = timedelta(minutes=5)
KEPT = 1_000


class CrmSessions:
    """Tokens that are good until they are ended."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._tokens: OrderedDict[str, None] = OrderedDict()
        self._statements: OrderedDict[str, None] = OrderedDict()
        self.granted = 0

    def grant(self, assertion: str, *, base: str) -> str:
        """A token for a statement that the connected app's key has signed.

        Raises Problem 400, its code and detail being OAuth's `error` and `error_description`.
        """
        claims = self._claims(assertion)
        if claims.get("iss") != self._settings.crm_client_id:
            raise Problem(400, "invalid_client_id", "client identifier invalid")
        if claims.get("sub") != self._settings.crm_username:
            raise Problem(400, "invalid_grant", "user hasn't approved this consumer")
        if claims.get("aud") not in (*AUDIENCES, base):
            raise Problem(400, "invalid_grant", "audience is invalid")
        now, expires = self._clock().timestamp(), claims.get("exp")
        if not isinstance(expires, int | float) or expires <= now:
            raise Problem(400, "invalid_grant", "assertion has expired")
        if expires > now + LONGEST_STATEMENT.total_seconds():
            raise Problem(400, "invalid_grant", "expiration is too far in the future")
        if claims.get("jti") is not None:
            self._once(str(claims["jti"]))
        self.granted += 1
        return self.issue()

    def issue(self) -> str:
        """A token without a statement, for tests."""
        token = f"00D000000000001!{secrets.token_urlsafe(48)}"
        self._tokens[token] = None
        if len(self._tokens) > KEPT:
            self._tokens.popitem(last=False)
        return token

    def check(self, authorization: str | None) -> None:
        """Raises Problem 401 `INVALID_SESSION_ID`."""
        if (authorization or "").removeprefix("Bearer ") not in self._tokens:
            raise Problem(401, "INVALID_SESSION_ID", "Session expired or invalid")

    def end_all(self) -> None:
        """As an administrator does, or as time does."""
        self._tokens.clear()

    def _claims(self, assertion: str) -> dict[str, object]:
        if not self._settings.crm_public_key:
            raise Problem(400, "invalid_grant", "no certificate is registered for this app")
        try:
            key = RSAKey.import_key(self._settings.crm_public_key)
            return dict(jwt.decode(assertion, key, algorithms=["RS256"]).claims)
        except (JoseError, ValueError) as error:
            raise Problem(400, "invalid_grant", "invalid assertion") from error

    def _once(self, statement: str) -> None:
        if statement in self._statements:
            raise Problem(400, "invalid_grant", "assertion was used before")
        self._statements[statement] = None
        if len(self._statements) > KEPT:
            self._statements.popitem(last=False)

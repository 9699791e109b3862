"""The signature of a command: which tenant asks, through which of its services.

A JWS, HS256 under a secret that the tenant's services share with us, over the command's own bytes:
who reads one can send it again, which changes nothing, and can make no other. `kid` in the header
names the tenant; `sub` the service, `iat` when it was signed, `digest` the SHA-256 of the body in
hex. Nothing else in it is believed.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import GuestProtocol, OctKey

from answerable.kit.canonical import sha256_hex
from answerable.kit.errors import NotAllowed
from answerable.kit.ids import TenantId

HEADER = "signature"
ALGORITHM = "HS256"  # pinned: the header does not choose
COMMAND_AGE = timedelta(days=7)  # commands may wait for us; a repeat is harmless
QUERY_AGE = timedelta(minutes=5)  # an old question is nobody's any more
CLOCK_SKEW = timedelta(seconds=60)
TOKEN_LENGTH = 4_096
SERVICE_LENGTH = 100


@dataclass(frozen=True, kw_only=True)
class Caller:
    """service: the caller's own name. age: how long ago it signed."""

    tenant: TenantId
    service: str
    age: timedelta


def verify_signature(
    token: str | None, body: bytes, *, secrets: Mapping[TenantId, str], now: datetime
) -> Caller:
    """Raises NotAllowed `signature_invalid`, without saying to the caller what was wrong."""
    if token is None or len(token) > TOKEN_LENGTH:
        raise _invalid()

    def key(of: GuestProtocol) -> OctKey:
        secret = secrets.get(TenantId(str(of.headers().get("kid"))))
        if secret is None:
            raise _invalid()
        return OctKey.import_key(secret.encode())

    try:
        decoded = jwt.decode(token, key, algorithms=[ALGORITHM])
    except (JoseError, ValueError) as error:
        raise _invalid() from error
    claims: dict[str, Any] = decoded.claims
    if not hmac.compare_digest(str(claims.get("digest")).encode(), sha256_hex(body).encode()):
        raise _invalid()
    service, issued = claims.get("sub"), claims.get("iat")
    if not isinstance(service, str) or not 0 < len(service) <= SERVICE_LENGTH:
        raise _invalid()
    if isinstance(issued, bool) or not isinstance(issued, int | float):
        raise _invalid()
    age = now.timestamp() - issued
    if not -CLOCK_SKEW.total_seconds() <= age <= COMMAND_AGE.total_seconds():
        raise _invalid()
    tenant = TenantId(str(decoded.header["kid"]))
    return Caller(tenant=tenant, service=service, age=timedelta(seconds=age))


def _invalid() -> NotAllowed:
    return NotAllowed("signature_invalid", "The signature of the command is not valid.")

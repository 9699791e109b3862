"""The signed statement of a tenant's own application about who its customer is.

A JWT, HS256 under a secret that the tenant's server shares with us:
`sub` the customer's id there, `name` (optional) what to call them, `aud` our tenant id, `iat` and
`exp`. Nothing else in it is believed.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from answerable.kit.errors import NotAllowed
from answerable.kit.ids import TenantId

ALGORITHM = "HS256"  # pinned: the token's own header does not choose
LONGEST_VALIDITY = timedelta(hours=1)
CLOCK_SKEW = timedelta(seconds=60)
SUBJECT_LENGTH = 200
NAME_LENGTH = 100
TOKEN_LENGTH = 4_096
SECRET_BYTES = 32  # RFC 7518, 3.2: a key as long as the hash, at least


@dataclass(frozen=True, kw_only=True)
class Customer:
    """id: the tenant's own id of the customer."""

    id: str
    name: str | None


def verify_customer_token(token: str, *, secret: str, tenant: TenantId, now: datetime) -> Customer:
    """Raises NotAllowed `customer_token_invalid`, without saying to the caller what was wrong."""
    if len(token) > TOKEN_LENGTH:
        raise _invalid()
    try:
        decoded = jwt.decode(token, OctKey.import_key(secret.encode()), algorithms=[ALGORITHM])
    except (JoseError, ValueError) as error:
        raise _invalid() from error
    claims = decoded.claims
    _check_times(claims, now)
    if claims.get("aud") != tenant:
        raise _invalid()
    subject, name = claims.get("sub"), claims.get("name")
    if not isinstance(subject, str) or not 0 < len(subject) <= SUBJECT_LENGTH:
        raise _invalid()
    if not subject.isprintable():
        raise _invalid()
    return Customer(id=subject, name=_display_name(name))


def _check_times(claims: dict[str, Any], now: datetime) -> None:
    """`exp` and `iat` must be there, and no token may be good for longer than an hour."""
    expires, issued = _seconds(claims.get("exp")), _seconds(claims.get("iat"))
    moment, skew = now.timestamp(), CLOCK_SKEW.total_seconds()
    longest = LONGEST_VALIDITY.total_seconds()
    starts = claims.get("nbf")
    if starts is not None and _seconds(starts) > moment + skew:
        raise _invalid()
    if expires <= moment or issued > moment + skew:
        raise _invalid()
    if expires - issued > longest or moment - issued > longest:
        raise _invalid()


def _seconds(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _invalid()
    return float(value)


def _display_name(value: Any) -> str | None:
    if not isinstance(value, str):
        return None
    name = " ".join(character for character in value.split() if character.isprintable())
    return name[:NAME_LENGTH] or None


def _invalid() -> NotAllowed:
    return NotAllowed("customer_token_invalid", "The signed customer token is not valid.")

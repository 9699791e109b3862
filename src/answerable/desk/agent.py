"""Agents: the people who answer, and what role each has."""

import re
from dataclasses import dataclass
from enum import StrEnum

from answerable.kit.errors import InvalidInput
from answerable.kit.ids import AgentId, TenantId

_EMAIL = re.compile(r"[^@\s<>,;\"\x00-\x1f\x7f]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})*")
EMAIL_LENGTH = 254
MINIMUM_PASSWORD_LENGTH = 12  # NIST SP 800-63B-4 asks for 8 beside a second factor, 15 without
MAXIMUM_PASSWORD_LENGTH = 256  # longer ones only cost hashing time


class Role(StrEnum):
    """What an agent may do; see `desk.permission` for the table."""

    AGENT = "agent"
    SUPERVISOR = "supervisor"
    ADMINISTRATOR = "administrator"


@dataclass(frozen=True, kw_only=True, slots=True)
class Agent:
    """A person of one tenant. email: in lower case, unique over all tenants (it signs in).

    known_as: keyed hashes of the mail addresses and customer ids by which they are a customer of
    the tenant themselves, beside `email`: what is their own they may not decide on.
    """

    id: AgentId
    tenant: TenantId
    name: str
    email: str
    role: Role
    teams: tuple[str, ...]
    suspended: bool = False
    known_as: tuple[str, ...] = ()


def normalised_email(address: str) -> str:
    """The address in lower case. Raises InvalidInput if it is none."""
    address = address.strip().lower()
    if len(address) > EMAIL_LENGTH or not _EMAIL.fullmatch(address):
        raise InvalidInput("invalid_email", "This is not a mail address.")
    return address


def check_password(password: str) -> None:
    """Raises InvalidInput for a password that may not be chosen."""
    if not MINIMUM_PASSWORD_LENGTH <= len(password) <= MAXIMUM_PASSWORD_LENGTH:
        raise InvalidInput(
            "invalid_password",
            f"A password has {MINIMUM_PASSWORD_LENGTH} to {MAXIMUM_PASSWORD_LENGTH} characters.",
        )
    if len(set(password)) < 5:
        raise InvalidInput("invalid_password", "A password has at least 5 different characters.")

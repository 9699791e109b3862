"""How routes say what they permit, and how a request shows who asks.

Every route has a parameter declared with one of the classes below; a test lists the live
routes and fails for one without.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection

from answerable.desk.permission import (
    AgentIdentity,
    Anonymous,
    ContactIdentity,
    Permission,
    authorise,
)
from answerable.desk.sessions import csrf_fits
from answerable.kit.errors import NotAllowed
from answerable.kit.ids import TenantId

if TYPE_CHECKING:
    from answerable.api.context import Api

COOKIE = "answerable_session"
CSRF_HEADER = "X-CSRF-Token"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def api_of(connection: HTTPConnection) -> "Api":
    """What the routes work with."""
    api: Api = connection.app.state.api
    return api


class Requires:
    """Declares what a route permits."""

    def __init__(self, permission: Permission) -> None:
        self.permission = permission


class Open(Requires):
    """For routes that need no credential."""

    async def __call__(self, connection: HTTPConnection) -> None:
        authorise(Anonymous(), self.permission, tenant=None)


@dataclass(frozen=True, kw_only=True)
class Caller:
    """The agent who asks, and the token that proves it."""

    identity: AgentIdentity
    token: str

    @property
    def tenant(self) -> TenantId:
        return self.identity.tenant


class ByAgent(Requires):
    """For routes of the desk: the session's cookie, and its CSRF token for whatever changes."""

    async def __call__(self, connection: HTTPConnection) -> Caller:
        token = connection.cookies.get(COOKIE, "")
        identity = await api_of(connection).sessions.find(token) if token else None
        authorise(
            identity or Anonymous(),
            self.permission,
            tenant=identity.tenant if identity else None,
        )
        assert identity is not None  # authorise refuses Anonymous here
        if connection.scope["method"] not in _SAFE:
            check_origin(connection)
            if not csrf_fits(token, connection.headers.get(CSRF_HEADER, "")):
                raise NotAllowed("csrf_token_missing", f"Send the session's {CSRF_HEADER}.")
        caller = Caller(identity=identity, token=token)
        connection.state.caller = caller
        return caller


class OnceKnown(Requires):
    """For WebSockets, which show who they are after the handshake."""

    def allow(self, identity: AgentIdentity | ContactIdentity | None) -> None:
        """Raises as `authorise` does; None for nobody."""
        authorise(
            identity or Anonymous(),
            self.permission,
            tenant=identity.tenant if identity else None,
        )


def check_origin(connection: HTTPConnection) -> None:
    """Raises NotAllowed if a browser says that another site's page sends this."""
    origin = connection.headers.get("origin")
    if origin is not None and not same_origin(connection, origin):
        raise NotAllowed("origin_not_allowed", "This page may not use the desk.")


def same_origin(connection: HTTPConnection, origin: str) -> bool:
    """Whether `origin` is the one that the desk itself is served from."""
    if origin in api_of(connection).settings.desk_origins:
        return True
    # Behind a proxy that ends TLS our scheme is http, so only host and port are compared.
    parts = urlsplit(origin)
    return parts.scheme in ("http", "https") and parts.netloc == connection.headers.get("host")

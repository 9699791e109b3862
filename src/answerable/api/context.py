"""What the routes of one process work with."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from starlette.types import Scope

from answerable.api.desk.feed import Feeds
from answerable.api.desk.inbox_pages import InboxPages
from answerable.api.desk.session_watch import SessionWatch
from answerable.api.ports import CaseTexts, NoCaseTexts, Service
from answerable.channels.chat.service import ChatService, Rates, Timing
from answerable.channels.chat.signals import Signals
from answerable.contacts.session import CustomerSession, CustomerSessions, WidgetInbox
from answerable.definition.channel import Channel
from answerable.definition.schema import ServiceDefinition
from answerable.desk.agents import Agents
from answerable.desk.sessions import Sessions
from answerable.kit.errors import NotFound
from answerable.kit.places import Places
from answerable.kit.rate_limit import RateLimiter
from answerable.understanding.wave_watch import WaveWatch


@dataclass(frozen=True, kw_only=True)
class ApiSettings:
    """secrets: setting name -> secret of signed customer tokens, for the definitions' `signIn`.

    hook_secrets: by integration, what its calls at our hooks are signed with.
    desk_origins: where the console may be served from besides this host itself.
    home: where / leads. metrics_token: bearer for /metrics; without one only this machine may.
    sessions_per_second, sessions_burst: customer sessions opened from one network address.
    visits_per_second, visits_burst: requests to the pages behind links, from one such address.
    sockets_most: WebSockets that may be open. sockets_each: of them, from one network address
    other than this machine's, on which a proxy may speak for all.
    uploads_most: forms with a file that are read at a time; uploads_each: of them, of one page.
    """

    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    hook_secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    desk_origins: frozenset[str] = frozenset()
    home: str = "/console/"
    metrics_token: str | None = field(default=None, repr=False)
    sessions_per_second: float = 50
    sessions_burst: int = 5_000
    visits_per_second: float = 20
    visits_burst: int = 200
    timing: Timing = field(default_factory=Timing)
    rates: Rates = field(default_factory=Rates)
    session_check_seconds: float = 3
    sockets_most: int = 22_000
    sockets_each: int = 5_000
    uploads_most: int = 24
    uploads_each: int = 2


class Inboxes:
    """Chat inboxes by public widget key, from the definitions in force."""

    def __init__(self, service: Service, secrets: Mapping[str, str]) -> None:
        self._definitions = service.definitions
        self._secrets = secrets

    def by_key(self, key: str) -> WidgetInbox | None:
        for definition in self._all():
            for channel in definition.channels:
                if channel.kind == "chat" and channel.key == key:
                    return self._inbox(definition, channel)
        return None

    def of_session(self, session: CustomerSession) -> WidgetInbox | None:
        try:
            definition = self._definitions.active(session.tenant)
        except NotFound:
            return None
        channel = definition.channel(session.inbox)
        return self._inbox(definition, channel) if channel else None

    def may_embed(self, origin: str) -> bool:
        """Whether any inbox allows pages of this origin."""
        return any(
            origin in channel.origins
            for definition in self._all()
            for channel in definition.channels
        )

    def _all(self) -> list[ServiceDefinition]:
        return [self._definitions.active(tenant) for tenant in self._definitions.tenants]

    def _inbox(self, definition: ServiceDefinition, channel: Channel) -> WidgetInbox:
        sign_in = channel.sign_in
        return WidgetInbox(
            tenant=definition.tenant,
            name=channel.name,
            brand=definition.brand.name,
            language=definition.language,
            welcome=channel.widget.welcome_message or "",
            origins=frozenset(channel.origins),
            secret=self._secrets.get(sign_in.secret) if sign_in else None,
            message_characters=definition.limits.message_characters,
            messages_per_minute=definition.limits.messages_per_minute,
        )


@dataclass(kw_only=True)
class Api:
    """One per process; in `app.state.api`. neighbours: addresses whose WebSockets go uncounted."""

    service: Service
    settings: ApiSettings
    inboxes: Inboxes
    sessions: Sessions
    agents: Agents
    customers: CustomerSessions
    openings: RateLimiter
    visits: RateLimiter
    chat: ChatService
    signals: Signals
    feeds: Feeds
    watch: SessionWatch
    waves: WaveWatch
    sockets: Places
    uploads: Places
    case_texts: CaseTexts = field(default_factory=NoCaseTexts)
    inbox: InboxPages = field(default_factory=InboxPages)
    neighbours: frozenset[str] = frozenset({"127.0.0.1", "::1"})

    @contextmanager
    def place_for(self, scope: Scope) -> Iterator[bool]:
        """A place for a WebSocket while it lasts; False if there is none."""
        address = scope["client"][0] if scope.get("client") else ""
        counted = address not in self.neighbours
        taken = not counted or self.sockets.take(address)
        try:
            yield taken
        finally:
            if taken and counted:
                self.sockets.leave(address)

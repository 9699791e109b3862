"""The application: all routes of all audiences over one service."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from importlib.metadata import version

from fastapi import APIRouter, FastAPI
from sqlalchemy import Connection
from starlette.routing import BaseRoute, WebSocketRoute

from answerable.api import health
from answerable.api.context import Api, ApiSettings, Inboxes
from answerable.api.customer import chat, pages, routes
from answerable.api.desk import (
    act_routes,
    agent_routes,
    approval_routes,
    conversation_routes,
    model_routes,
    session_routes,
    stream_endpoint,
)
from answerable.api.desk.feed import Feeds
from answerable.api.desk.session_watch import SessionWatch
from answerable.api.documents import document_routes
from answerable.api.errors import add_error_handlers
from answerable.api.hooks import case_routes, sms_routes
from answerable.api.ports import CaseTexts, Service
from answerable.api.shield import Shield
from answerable.api.static import built_files, static_routes
from answerable.channels.chat.history import History
from answerable.channels.chat.service import ChatService, FindConversation
from answerable.channels.chat.signals import Signals
from answerable.contacts.session import CustomerSession, CustomerSessions
from answerable.desk.agents import Agents
from answerable.desk.passwords import Passwords
from answerable.desk.sessions import Sessions
from answerable.desk.summary_store import find_open_conversations
from answerable.kit.ids import ConversationId
from answerable.kit.places import Places
from answerable.kit.rate_limit import RateLimiter
from answerable.kit.relay import Relay
from answerable.understanding.wave_watch import WaveWatch

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


def create_app(
    service: Service,
    *,
    settings: ApiSettings | None = None,
    passwords: Passwords | None = None,
    relay: Relay | None = None,
    case_texts: CaseTexts | None = None,
    faces_the_world: bool = True,
    extra_routes: Sequence[BaseRoute] = (),
    lifespan: Lifespan | None = None,
) -> FastAPI:
    """A process's application.

    relay: to other gateways, for presence, typing and common limits. case_texts: what agents read
    of conversations whose texts are not here.
    faces_the_world: as a gateway does; else it only says how it is, to operators.
    extra_routes: pages of the demo, public and without access to anything here; they declare no
    permission, so a service for real customers is given none. lifespan: what else is to run
    while the application does.
    """
    relay = relay if faces_the_world else None
    api = _build(service, settings or ApiSettings(), passwords or Passwords(), relay)
    app = FastAPI(
        title="Answerable",
        version=version("answerable"),
        description="Customer service that answers for every decision. Errors are RFC 9457 "
        "problems; docs/reference/http-api.md lists their codes.",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        lifespan=_lifespan(api, lifespan),
    )
    api.case_texts = case_texts or api.case_texts
    app.state.api = api
    add_error_handlers(app)
    if not faces_the_world:
        app.router.routes.extend(health.router.routes)
        app.add_middleware(
            Shield, embedding_origin=api.inboxes.may_embed, admission=service.admission
        )
        return app
    for router in _routers(app):
        app.router.routes.extend(router.routes)
    app.router.routes.append(WebSocketRoute(chat.PATH, chat.ChatEndpoint(api)))
    app.router.routes.append(
        WebSocketRoute(stream_endpoint.PATH, stream_endpoint.StreamEndpoint(api))
    )
    app.router.routes.extend(extra_routes)
    app.add_middleware(Shield, embedding_origin=api.inboxes.may_embed, admission=service.admission)
    return app


def _routers(app: FastAPI) -> list[APIRouter]:
    """The one that is asked most stands first: they are looked through in this order."""
    return [
        conversation_routes.router,
        session_routes.router,
        routes.router,
        act_routes.router,
        approval_routes.router,
        pages.router,
        agent_routes.router,
        model_routes.router,
        sms_routes.router,
        case_routes.router,
        health.router,
        document_routes(app),
        static_routes(built_files("console"), built_files("widget")),
    ]


def _build(
    service: Service, settings: ApiSettings, passwords: Passwords, relay: Relay | None
) -> Api:
    inboxes = Inboxes(service, settings.secrets)
    sessions = Sessions(service.database, service.clock, passwords)
    customers = CustomerSessions(service.database, service.clock, inboxes.by_key)
    signals = Signals(relay)
    chat_service = ChatService(
        accept=service.accept_new,
        sessions=customers,
        find_conversation=_conversation_finder(service),
        find_inbox=inboxes.of_session,
        history=History(service.database, service.vault, service.pages.links),
        live=service.live,
        clock=service.clock,
        signals=signals,
        seconds=time.monotonic,
        timing=settings.timing,
        rates=settings.rates,
        relay=relay,
    )
    return Api(
        service=service,
        settings=settings,
        inboxes=inboxes,
        sessions=sessions,
        agents=Agents(service.database, service.clock, passwords),
        customers=customers,
        openings=RateLimiter(
            per_second=settings.sessions_per_second,
            burst=settings.sessions_burst,
            relay=relay,
            name="openings",
        ),
        visits=RateLimiter(
            per_second=settings.visits_per_second,
            burst=settings.visits_burst,
            relay=relay,
            name="visits",
        ),
        chat=chat_service,
        signals=signals,
        feeds=Feeds(service),
        watch=SessionWatch(sessions, every_seconds=settings.session_check_seconds),
        waves=WaveWatch(service.database, service.clock),
        sockets=Places(most=settings.sockets_most, most_each=settings.sockets_each),
        uploads=Places(most=settings.uploads_most, most_each=settings.uploads_each),
    )


def _conversation_finder(service: Service) -> FindConversation:
    def query(tx: Connection, session: CustomerSession) -> ConversationId | None:
        known = service.contacts.find(
            tx, session.tenant, kind=session.kind, address=session.address
        )
        if known is None:
            return None
        place = (known.id, session.inbox)
        return find_open_conversations(tx, [place]).get(place)

    async def find(session: CustomerSession) -> ConversationId | None:
        return await service.database.read(lambda tx: query(tx, session), tenant=session.tenant)

    return find


def _lifespan(api: Api, inner: Lifespan | None) -> Lifespan:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        watching = [
            asyncio.create_task(api.watch.run()),
            asyncio.create_task(api.signals.run()),
            asyncio.create_task(api.service.admission.watch()),
        ]
        try:
            if inner is None:
                yield
            else:
                async with inner(app):
                    yield
        finally:
            for one in watching:
                one.cancel()

    return lifespan

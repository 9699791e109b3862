"""Sessions of customers: who chats, in which inbox, and how well we know them.

The bearer is 256 random bits that only the customer's browser holds; the table has its SHA-256.
The person's id and name are sealed under a key derived from the bearer, so that whoever reads the
table learns neither.
"""

import hashlib
import json
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import Connection

from answerable.contacts import session_store
from answerable.contacts.customer_token import Customer, verify_customer_token
from answerable.contacts.session_store import StoredCustomerSession
from answerable.definition.terms import Proof
from answerable.kit.clock import Clock
from answerable.kit.database import Database
from answerable.kit.errors import NotAllowed, NotFound
from answerable.kit.ids import ConversationId, TenantId, new_id

LIFETIME = timedelta(hours=12)
_NONCE = 12


@dataclass(frozen=True, kw_only=True)
class WidgetInbox:
    """A chat inbox as its public widget key opens it. The key authorises nothing.

    origins: pages that may embed the widget ("https://bank.example").
    secret: of signed customer tokens; None if the inbox knows anonymous visitors only.
    message_characters: of one message. messages_per_minute: of one contact.
    """

    tenant: TenantId
    name: str
    brand: str
    language: str
    welcome: str
    origins: frozenset[str]
    secret: str | None = None
    message_characters: int = 4000
    messages_per_minute: int = 30

    def __repr__(self) -> str:
        return f"WidgetInbox({self.tenant}, {self.name})"


@dataclass(frozen=True, kw_only=True)
class CustomerSession:
    """kind: "customer" (vouched for by the tenant) or "visitor" (nobody vouches).

    address: the tenant's id of the customer, or a random id of the visitor.
    """

    id: str
    tenant: TenantId
    inbox: str
    kind: str
    address: str
    name: str | None
    proof: Proof
    conversation: ConversationId | None
    expires_at: datetime
    token_hash: str

    def __repr__(self) -> str:
        return f"CustomerSession({self.id})"


FindInbox = Callable[[str], WidgetInbox | None]


class CustomerSessions:
    """Opens and finds sessions. find_inbox: the inbox behind a public widget key."""

    def __init__(self, database: Database, clock: Clock, find_inbox: FindInbox) -> None:
        self._database = database
        self._clock = clock
        self._find_inbox = find_inbox

    def inbox(self, key: str, *, origin: str | None) -> WidgetInbox:
        """Raises NotFound `unknown_widget_key`, NotAllowed `origin_not_allowed`.

        origin: of the page that asks; None for programs, which browsers' rules do not bind anyway.
        """
        inbox = self._find_inbox(key)
        if inbox is None:
            raise NotFound("unknown_widget_key", "There is no inbox with this widget key.")
        if origin is not None and origin not in inbox.origins:
            raise NotAllowed("origin_not_allowed", "This page may not embed the widget.")
        return inbox

    async def open(
        self, inbox: WidgetInbox, *, customer_token: str | None, resumed: str | None = None
    ) -> tuple[str, CustomerSession]:
        """(bearer, session). With a customer token the customer, otherwise a visitor.

        resumed: the bearer of an earlier session. An anonymous visitor keeps it, if it still
        holds in this inbox; a signed-in customer always gets a new one.
        Raises NotAllowed `customer_token_invalid`.
        """
        if customer_token is None:
            earlier = await self.find(resumed) if resumed else None
            if (
                resumed
                and earlier
                and earlier.kind == "visitor"
                and (earlier.tenant, earlier.inbox) == (inbox.tenant, inbox.name)
            ):
                return resumed, earlier
            visitor = Customer(id=new_id("vis"), name=None)
            return await self._store(inbox, "visitor", visitor, Proof.ANONYMOUS)
        if inbox.secret is None:
            raise NotAllowed("customer_token_invalid", "The signed customer token is not valid.")
        customer = verify_customer_token(
            customer_token, secret=inbox.secret, tenant=inbox.tenant, now=self._clock.now()
        )
        return await self._store(inbox, "customer", customer, Proof.SIGNED_IN)

    async def _store(
        self, inbox: WidgetInbox, kind: str, person: Customer, proof: Proof
    ) -> tuple[str, CustomerSession]:
        bearer = secrets.token_urlsafe(32)
        now = self._clock.now()
        stored = StoredCustomerSession(
            id=new_id("cse"),
            token_hash=bearer_hash(bearer),
            tenant=inbox.tenant,
            inbox=inbox.name,
            proof=proof.value,
            person=_seal(bearer, [kind, person.id, person.name]),
            conversation=None,
            opened_at=now,
            expires_at=now + LIFETIME,
        )

        def store(tx: Connection) -> None:
            session_store.purge_customer_sessions(tx, now)
            session_store.add_customer_session(tx, stored)

        await self._database.write(store, tenant=inbox.tenant)
        return bearer, _opened(bearer, stored)

    async def find(self, bearer: str) -> CustomerSession | None:
        """The session this bearer opens, unless it has expired."""
        hashed = bearer_hash(bearer)
        stored = await self._database.read(
            lambda tx: session_store.find_customer_session(tx, hashed)
        )
        if stored is None or stored.expires_at <= self._clock.now():
            return None
        return _opened(bearer, stored)

    async def bind(self, session: CustomerSession, conversation: ConversationId) -> None:
        """Note which conversation the session's messages go to; a repeat changes nothing."""
        await self._database.write(
            lambda tx: session_store.bind_conversation(tx, session.token_hash, conversation),
            tenant=session.tenant,
        )

    async def close(self, bearer: str) -> None:
        hashed = bearer_hash(bearer)
        await self._database.write(lambda tx: session_store.end_customer_session(tx, hashed))


def bearer_hash(bearer: str) -> str:
    return hashlib.sha256(bearer.encode()).hexdigest()


def _opened(bearer: str, stored: StoredCustomerSession) -> CustomerSession:
    kind, address, name = _unseal(bearer, stored.person)
    return CustomerSession(
        id=stored.id,
        tenant=stored.tenant,
        inbox=stored.inbox,
        kind=str(kind),
        address=str(address),
        name=name,
        proof=Proof(stored.proof),
        conversation=stored.conversation,
        expires_at=stored.expires_at,
        token_hash=stored.token_hash,
    )


def _sealing(bearer: str) -> AESGCM:
    key = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"customer session")
    return AESGCM(key.derive(bearer.encode()))


def _seal(bearer: str, person: list[str | None]) -> bytes:
    nonce = os.urandom(_NONCE)
    return nonce + _sealing(bearer).encrypt(nonce, json.dumps(person).encode(), None)


def _unseal(bearer: str, sealed: bytes) -> list[str | None]:
    try:
        opened = _sealing(bearer).decrypt(sealed[:_NONCE], sealed[_NONCE:], None)
    except InvalidTag as error:
        raise NotAllowed("session_unknown", "This session is not known.") from error
    person: list[str | None] = json.loads(opened)
    return person

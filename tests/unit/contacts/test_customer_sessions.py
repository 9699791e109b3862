"""Sessions of customers: opened, resumed, sealed, over."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from joserfc import jwt
from joserfc.jwk import OctKey

from answerable.contacts.session import LIFETIME, CustomerSessions, WidgetInbox
from answerable.contacts.session_store import customer_session
from answerable.definition.terms import Proof
from answerable.kit.errors import NotAllowed, NotFound
from answerable.kit.ids import ConversationId, TenantId
from answerable.kit.testing import SettableClock
from tests.support.stores import open_store

SECRET = "a secret of thirty-two characters"


def inbox(name: str = "chat", secret: str | None = SECRET) -> WidgetInbox:
    return WidgetInbox(
        tenant=TenantId("bank"),
        name=name,
        brand="Bank",
        language="en",
        welcome="Hello",
        origins=frozenset({"https://bank.example"}),
        secret=secret,
    )


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock()


@pytest.fixture
async def sessions(tmp_path: Path, clock: SettableClock) -> AsyncIterator[CustomerSessions]:
    database = open_store(tmp_path / "contacts.db")
    yield CustomerSessions(database, clock, {"wk_bank_chat": inbox()}.get)
    await database.close()


def token(clock: SettableClock, sub: str = "C-4711") -> str:
    now = int(clock.now().timestamp())
    claims = {"sub": sub, "name": "Anna Schmidt", "aud": "bank", "iat": now, "exp": now + 60}
    return jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(SECRET.encode()))


async def test_a_visitor_goes_on_with_the_same_bearer(sessions: CustomerSessions) -> None:
    bearer, session = await sessions.open(inbox(), customer_token=None)

    again, resumed = await sessions.open(inbox(), customer_token=None, resumed=bearer)

    assert again == bearer
    assert resumed == session
    assert (session.kind, session.proof) == ("visitor", Proof.ANONYMOUS)


async def test_a_customer_is_who_the_token_says(
    sessions: CustomerSessions, clock: SettableClock
) -> None:
    _, session = await sessions.open(inbox(), customer_token=token(clock))

    assert (session.kind, session.address, session.name) == ("customer", "C-4711", "Anna Schmidt")
    assert session.proof is Proof.SIGNED_IN


async def test_whoever_signs_in_does_not_inherit_the_visitor_before(
    sessions: CustomerSessions, clock: SettableClock
) -> None:
    visitor, _ = await sessions.open(inbox(), customer_token=None)

    bearer, session = await sessions.open(inbox(), customer_token=token(clock), resumed=visitor)
    left, after = await sessions.open(inbox(), customer_token=None, resumed=bearer)

    assert bearer != visitor
    assert left != bearer
    assert after.kind == "visitor"
    assert after.address != session.address


async def test_a_bearer_of_another_inbox_is_not_resumed(sessions: CustomerSessions) -> None:
    bearer, _ = await sessions.open(inbox("other-chat"), customer_token=None)
    fresh, session = await sessions.open(inbox(), customer_token=None, resumed=bearer)
    assert fresh != bearer
    assert session.inbox == "chat"


async def test_the_table_reveals_neither_bearer_nor_person(
    sessions: CustomerSessions, clock: SettableClock
) -> None:
    bearer, _ = await sessions.open(inbox(), customer_token=token(clock))
    rows = await sessions._database.read(lambda tx: tx.execute(sa.select(customer_session)).all())
    stored = repr(rows)
    for secret in (bearer, "C-4711", "Anna", "Schmidt"):
        assert secret not in stored


async def test_a_session_ends_after_twelve_hours(
    sessions: CustomerSessions, clock: SettableClock
) -> None:
    bearer, _ = await sessions.open(inbox(), customer_token=None)
    clock.advance(LIFETIME - timedelta(seconds=1))
    assert await sessions.find(bearer) is not None
    clock.advance(timedelta(seconds=1))
    assert await sessions.find(bearer) is None


async def test_a_session_remembers_its_conversation(sessions: CustomerSessions) -> None:
    bearer, session = await sessions.open(inbox(), customer_token=None)
    await sessions.bind(session, ConversationId("cnv_1"))
    found = await sessions.find(bearer)
    assert found is not None
    assert found.conversation == "cnv_1"
    await sessions.close(bearer)
    assert await sessions.find(bearer) is None


async def test_an_inbox_without_a_secret_takes_no_token(
    sessions: CustomerSessions, clock: SettableClock
) -> None:
    with pytest.raises(NotAllowed):
        await sessions.open(inbox(secret=None), customer_token=token(clock))


def test_only_the_inboxes_own_pages_may_embed_it() -> None:
    sessions = CustomerSessions(None, SettableClock(), {"wk": inbox()}.get)  # type: ignore[arg-type]
    assert sessions.inbox("wk", origin="https://bank.example").brand == "Bank"
    assert sessions.inbox("wk", origin=None).brand == "Bank"
    for origin in ("https://evil.example", "null", "", "https://bank.example.evil.example"):
        with pytest.raises(NotAllowed):
            sessions.inbox("wk", origin=origin)
    with pytest.raises(NotFound):
        sessions.inbox("wk_nobody", origin=None)

"""Signing in and out: sessions of agents.

A session is 256 random bits in a cookie; the database holds only their SHA-256. It ends after
IDLE without a request, after ABSOLUTE in any case, and at once when its agent signs out, is
suspended or changes role.
"""

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from answerable.desk import agent_store, session_store
from answerable.desk.agent import Agent, normalised_email
from answerable.desk.passwords import Passwords
from answerable.desk.permission import AgentIdentity
from answerable.desk.session_store import StoredSession
from answerable.kit.clock import Clock
from answerable.kit.database import Database, lock_until_commit
from answerable.kit.errors import InvalidInput, NotAllowed, TooMany
from answerable.kit.ids import new_id
from answerable.ledger.administration import record_administration
from answerable.ledger.event import NewEvent, agent_actor

IDLE = timedelta(hours=8)
ABSOLUTE = timedelta(hours=24)
SEEN_EVERY = timedelta(minutes=1)  # how exactly idling is measured: one write a minute at most
ATTEMPT_WINDOW = timedelta(minutes=15)
ATTEMPTS_PER_ADDRESS_AND_IP = 10
ATTEMPTS_PER_IP = 100  # one address each does not help whoever tries many addresses


@dataclass(frozen=True, kw_only=True)
class OpenedSession:
    """token: goes into the cookie and nowhere else."""

    token: str
    identity: AgentIdentity

    def __repr__(self) -> str:
        return f"OpenedSession({self.identity.session})"


def token_hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def csrf_token(token: str) -> str:
    """What a page must send along to change something: bound to the session, useless without it."""
    return hmac.new(token.encode(), b"csrf", hashlib.sha256).hexdigest()


def csrf_fits(token: str, sent: str) -> bool:
    return hmac.compare_digest(csrf_token(token).encode(), sent.encode())


class Sessions:
    def __init__(self, database: Database, clock: Clock, passwords: Passwords) -> None:
        self._database = database
        self._clock = clock
        self._passwords = passwords

    async def open(
        self, email: str, password: str, *, ip: str, replaced: str | None = None
    ) -> OpenedSession:
        """Sign in. `replaced`: a token the browser held before, which ends now.

        Raises NotAllowed `wrong_credentials` for an unknown address, a wrong password and a
        suspended agent alike, and TooMany after 10 failures within 15 minutes.
        """
        address = _address_or_none(email)
        keys = _attempt_keys(address or email, ip)
        at = self._clock.now()
        await self._database.write(lambda tx: _reserve_attempt(tx, keys, at))
        found = await self._database.read(
            lambda tx: agent_store.find_credentials(tx, address) if address else None
        )
        try:
            fits = await self._passwords.verify(password, found[1] if found else None)
        except TooMany:
            await self._database.write(lambda tx: _return_attempt(tx, keys, at))
            raise
        if not fits or found is None or found[0].suspended:
            raise NotAllowed("wrong_credentials", "The address or the password is not right.")
        return await self._opened(found[0], keys, at, replaced)

    async def _opened(
        self, agent: Agent, keys: "AttemptKeys", at: datetime, replaced: str | None
    ) -> OpenedSession:
        token = secrets.token_urlsafe(32)
        session_id = new_id("ses")

        def store(tx: Connection) -> Agent | None:
            current = agent_store.hold_agent(tx, agent.tenant, agent.id)
            if current is None or current.suspended:  # suspended while argon2 was at work
                return None
            session_store.forget_attempts(tx, keys.address_and_ip)
            session_store.forget_attempt(tx, keys.ip, at)
            session_store.purge_sessions(
                tx, opened_before=at - ABSOLUTE, seen_before=at - IDLE - SEEN_EVERY
            )
            if replaced:
                session_store.end_session(tx, token_hash(replaced))
            session_store.add_session(
                tx,
                token_hash=token_hash(token),
                session_id=session_id,
                agent_id=agent.id,
                at=at,
            )
            _record(tx, current, "session_opened", session_id, at)
            return current

        current = await self._database.write(store, tenant=agent.tenant)
        if current is None:
            raise NotAllowed("wrong_credentials", "The address or the password is not right.")
        return OpenedSession(token=token, identity=AgentIdentity(agent=current, session=session_id))

    async def find(self, token: str) -> AgentIdentity | None:
        """Whose session this is, if it is one; counts as use."""
        hashed = token_hash(token)
        stored = await self._database.read_remembered(_find_many, hashed)
        now = self._clock.now()
        if stored is None or not is_alive(stored, now):
            return None
        if now - stored.seen_at >= SEEN_EVERY:
            await self._database.write(
                lambda tx: session_store.note_seen(tx, hashed, now), tenant=stored.agent.tenant
            )
        return AgentIdentity(agent=stored.agent, session=stored.id)

    async def alive(self, hashes: Sequence[str]) -> dict[str, AgentIdentity]:
        """Which of these sessions (by token hash) hold, and whose they are; one query."""
        stored = await self._database.read(lambda tx: session_store.find_sessions(tx, hashes))
        now = self._clock.now()
        return {
            one.token_hash: AgentIdentity(agent=one.agent, session=one.id)
            for one in stored
            if is_alive(one, now)
        }

    async def close(self, token: str, identity: AgentIdentity) -> None:
        """Sign out. Doing so twice is fine."""
        at = self._clock.now()

        def end(tx: Connection) -> None:
            if session_store.end_session(tx, token_hash(token)):
                _record(tx, identity.agent, "session_closed", identity.session, at)

        await self._database.write(end, tenant=identity.agent.tenant)


def _find_many(tx: Connection, hashes: Sequence[str]) -> list[StoredSession | None]:
    found = {one.token_hash: one for one in session_store.find_sessions(tx, hashes)}
    return [found.get(one) for one in hashes]


def is_alive(session: StoredSession, now: datetime) -> bool:
    return (
        now - session.opened_at < ABSOLUTE
        and now - session.seen_at < IDLE
        and not session.agent.suspended
    )


@dataclass(frozen=True, kw_only=True)
class AttemptKeys:
    address_and_ip: str
    ip: str


def _address_or_none(email: str) -> str | None:
    try:
        return normalised_email(email)
    except InvalidInput:
        return None


def _attempt_keys(address: str, ip: str) -> AttemptKeys:
    def digest(*parts: str) -> str:
        return hashlib.sha256("\x00".join(parts).encode()).hexdigest()

    return AttemptKeys(address_and_ip=digest("both", address, ip), ip=digest("ip", ip))


def _reserve_attempt(tx: Connection, keys: AttemptKeys, at: datetime) -> None:
    """Count the attempt before it is made, so that many at once do not slip through."""
    since = at - ATTEMPT_WINDOW
    lock_until_commit(tx, [keys.address_and_ip, keys.ip])
    session_store.purge_attempts(tx, since)
    for key, limit in (
        (keys.address_and_ip, ATTEMPTS_PER_ADDRESS_AND_IP),
        (keys.ip, ATTEMPTS_PER_IP),
    ):
        count, oldest = session_store.count_attempts(tx, key, since)
        if count >= limit and oldest is not None:
            raise TooMany(
                "too_many_failed_sign_ins",
                "Too many failed attempts to sign in.",
                retry_after=max(oldest + ATTEMPT_WINDOW - at, timedelta(seconds=1)),
            )
        session_store.add_attempt(tx, new_id("att"), key, at)


def _return_attempt(tx: Connection, keys: AttemptKeys, at: datetime) -> None:
    session_store.forget_attempt(tx, keys.address_and_ip, at)
    session_store.forget_attempt(tx, keys.ip, at)


def _record(tx: Connection, agent: Agent, kind: str, session_id: str, at: datetime) -> None:
    record_administration(
        tx,
        agent.tenant,
        NewEvent(
            kind=kind,
            data={"agent": agent.id, "session": session_id},
            actor=agent_actor(agent.id),
        ),
        at=at,
    )

"""Follows a mailbox: every mail is on our disk before it is marked as read, none twice."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TypeVar

from answerable.channels.email.imap_connection import (
    IMAP_FAILURES,
    ImapConnection,
    ImapSettings,
    MailboxState,
)
from answerable.channels.email.inbox import MailInbox
from answerable.channels.email.intake import MailIntake, Origin
from answerable.channels.email.smtp_out import backoff
from answerable.channels.email.store import Position, get_position, set_position
from answerable.kit.clock import Clock
from answerable.kit.database import Database
from answerable.kit.telemetry import get_logger

T = TypeVar("T")
log = get_logger("email")

_REFUSALS_MOST = 3
_REFUSED = (
    b"From: unknown@invalid\r\nSubject: (the mail server refuses to hand over this mail)\r\n\r\n"
)
_DAY = timedelta(days=1)


class ImapFollower:
    """One mailbox. `run` until cancelled, or `look` once; not both at a time."""

    def __init__(
        self,
        settings: ImapSettings,
        *,
        inbox: MailInbox,
        intake: MailIntake,
        database: Database,
        clock: Clock,
        on_stored: Callable[[], None] = lambda: None,
    ) -> None:
        self._settings = settings
        self._inbox = inbox
        self._intake = intake
        self._database = database
        self._clock = clock
        self._on_stored = on_stored
        self._connection: ImapConnection | None = None
        self._refusals: dict[int, int] = {}
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"imap-{inbox.name}")

    async def run(self, stop: asyncio.Event) -> None:
        """Fetch, idle, fetch again, until `stop` is set or this is cancelled; then close.

        Reconnects for ever, with growing pauses.
        """
        try:
            await self._follow(stop)
        except asyncio.CancelledError:
            self.interrupt()  # its thread may be waiting for the server
            raise
        finally:
            await self.close()

    async def _follow(self, stop: asyncio.Event) -> None:
        failed = 0
        while not stop.is_set():
            try:
                await self.look()
                failed = 0
                await self._wait(stop)
            except IMAP_FAILURES as error:
                failed += 1
                log.warning("imap_failed", inbox=self._inbox.name, error=type(error).__name__)
            except Exception:
                # Ours, not the server's: the mail stays there unread until we are well again.
                failed += 1
                log.exception("imap_failed", inbox=self._inbox.name)
            if failed:
                await self.disconnect()
                await _pause(stop, backoff(failed, first=timedelta(seconds=1)))

    async def look(self) -> int:
        """Store all mail that is new; how many. Raises one of IMAP_FAILURES if cut off."""
        connection = await self._connected()
        state = await self._call(connection.select)
        known = await self._database.read(
            lambda tx: get_position(tx, self._inbox.tenant, self._inbox.name, self._settings.folder)
        )
        position = await self._start(connection, state, known)
        uids = await self._call(lambda: connection.uids(after=position.last_uid))
        stored = 0
        for uid in uids:
            stored += await self._take(connection, uid, position)
            position = _advanced(position, uid)
        if known is None or position != known:
            await self._remember(position)
        return stored

    def interrupt(self) -> None:
        """Break the line, if there is one; `run` connects again."""
        if self._connection is not None:
            self._connection.interrupt()

    async def disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await self._call(connection.close)

    async def close(self) -> None:
        await self.disconnect()
        self._thread.shutdown(wait=True)

    async def _start(
        self, connection: ImapConnection, state: MailboxState, known: Position | None
    ) -> Position:
        """From where to read on. A new UIDVALIDITY means that all numbers are new: then the mail
        since our first day is looked at again, and its digests tell what we have.
        """
        if known is not None and known.uidvalidity == state.uidvalidity:
            return known
        last_uid = max(0, state.uid_next - 1)
        if known is None:
            since = self._clock.now()
            last_uid = 0 if self._settings.read_all else last_uid
        else:
            log.warning("imap_uidvalidity_changed", inbox=self._inbox.name)
            since = known.since
            first = await self._call(lambda: connection.first_uid_since(since - _DAY))
            last_uid = last_uid if first is None else first - 1
        return Position(uidvalidity=state.uidvalidity, last_uid=last_uid, since=since)

    async def _take(self, connection: ImapConnection, uid: int, position: Position) -> int:
        try:
            mail = await self._call(lambda: connection.fetch(uid))
        except IMAP_FAILURES:
            if not self._given_up(uid):
                raise
            await self._store(_REFUSED + str(uid).encode(), uid, position, "server-refused")
            return 1
        if mail is None:
            return 0  # expunged between search and fetch: whoever did that has dealt with it
        is_new = await self._store(mail.content, uid, position, "too-large" if mail.cut else None)
        # Only now: a crash before this line means we fetch it again, and its digest is known.
        await self._call(lambda: connection.mark_seen(uid))
        return int(is_new)

    def _given_up(self, uid: int) -> bool:
        """One mail that the server cannot hand over must not hold up those behind it."""
        self._refusals[uid] = self._refusals.get(uid, 0) + 1
        return self._refusals[uid] > _REFUSALS_MOST

    async def _store(self, raw: bytes, uid: int, position: Position, note: str | None) -> bool:
        origin = Origin(
            source="imap",
            note=note,
            folder=self._settings.folder,
            position=_advanced(position, uid),
            uid=uid,
        )
        _, is_new = await self._intake.store(raw, self._inbox, origin)
        if is_new:
            self._on_stored()
        return is_new

    async def _remember(self, position: Position) -> None:
        now = self._clock.now()
        await self._database.write(
            lambda tx: set_position(
                tx,
                self._inbox.tenant,
                self._inbox.name,
                self._settings.folder,
                position,
                at=now,
            )
        )

    async def _connected(self) -> ImapConnection:
        if self._connection is None:
            connection = await self._call(lambda: ImapConnection(self._settings))
            self._connection = connection
            await self._call(connection.log_in)
        return self._connection

    async def _wait(self, stop: asyncio.Event) -> None:
        connection = await self._connected()
        if not connection.can_idle:
            await _pause(stop, self._settings.wait)
            return
        idle = asyncio.ensure_future(self._call(connection.wait))
        stopped = asyncio.ensure_future(stop.wait())
        try:
            await asyncio.wait({idle, stopped}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopped.cancel()
            if not idle.done():
                connection.interrupt()
                await asyncio.wait({idle})
        if stop.is_set():
            idle.exception()  # the interruption, seen and meant
        else:
            idle.result()

    async def _call(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)


def _advanced(position: Position, uid: int) -> Position:
    return Position(
        uidvalidity=position.uidvalidity,
        last_uid=max(position.last_uid, uid),
        since=position.since,
    )


async def _pause(stop: asyncio.Event, pause: timedelta) -> None:
    try:
        await asyncio.wait_for(stop.wait(), pause.total_seconds())
    except TimeoutError:
        return

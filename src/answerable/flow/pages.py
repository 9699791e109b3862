"""The pages behind links: what they show, and what a contact does there."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from answerable.contacts.links import Links
from answerable.contacts.links_store import StoredLink
from answerable.contacts.one_time_codes import Verdict
from answerable.contacts.page_session import PageSessions
from answerable.flow.advance import Changes
from answerable.flow.self_service import PageAct, SelfService, Served, Visit
from answerable.kit.clock import Clock
from answerable.kit.database import Database
from answerable.kit.ids import ConversationId
from answerable.kit.live import Live

ANSWER_WITHIN = timedelta(seconds=5)  # a connector's call takes 4 at most; later people look again


class Pages:
    """tell: passes on what a transaction brought. answer_within: how long a page waits for the
    system that is asked about a code."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        self_service: SelfService,
        links: Links,
        sessions: PageSessions,
        live: Live,
        tell: Callable[[Changes], None],
    ) -> None:
        self.links = links
        self.sessions = sessions
        self._database = database
        self._clock = clock
        self._self_service = self_service
        self._live = live
        self._tell = tell
        self.answer_within = ANSWER_WITHIN

    async def visit(self, token: str, session: str | None) -> Visit:
        """What the page shows to the browser with this session. Changes nothing, however often.

        Raises NotFound `link_dead`.
        """
        link, now = await self._link(token), self._clock.now()
        return await self._database.read(
            lambda tx: self._self_service.look(tx, link, session, now), tenant=link.tenant
        )

    async def serve(self, act: PageAct) -> Served:
        """Raises NotFound `link_dead`, Conflict `not_now` or `other_data`."""
        link, at = await self._link(act.token), self._clock.now()
        served, changes = await self._database.write(
            lambda tx: self._self_service.act(tx, act, link, at=at), tenant=link.tenant
        )
        for one in changes:
            self._tell(one)
        if served.asked:
            return replace(served, verdict=await self._verdict(link.conversation, act))
        return served

    async def _verdict(self, conversation: ConversationId, act: PageAct) -> Verdict | None:
        """What became of an app's digits; None if they were right, or nobody has said in time."""
        until = asyncio.get_running_loop().time() + self.answer_within.total_seconds()
        news = self._live.subscribe(f"conversation:{conversation}")
        try:
            while (visit := await self.visit(act.token, act.session)).checking:
                async with asyncio.timeout_at(until):
                    await news.wait()
        except TimeoutError:
            return None
        finally:
            news.close()
        return Verdict(visit.change.verdict) if visit.change.verdict else None

    async def _link(self, token: str) -> StoredLink:
        """The token's hash says whose link it is: only then is a tenant known."""
        now = self._clock.now()
        return await self._database.read(lambda tx: self._self_service.find(tx, token, now))

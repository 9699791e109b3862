"""What of a conversation its contact sees, and in which words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy import Connection

from answerable.channels.chat.protocol import EventFrame, MessageShown, NoticeShown
from answerable.contacts.links import Links
from answerable.desk.agent_store import find_names
from answerable.flow.message import News
from answerable.kit.database import Database
from answerable.kit.ids import ConversationId, TenantId
from answerable.ledger.event import Event, wire_time
from answerable.ledger.tables import event, stream, to_event
from answerable.privacy.mask import unmask
from answerable.privacy.vault import Erased, Vault

VISIBLE = ("message_received", "reply_written", "handed_off", "taken_over", "conversation_closed")
PAGE = 100

_NOTICES: dict[str, dict[str, str]] = {
    "handed_off": {
        "en": "We have passed your message on to our team.",
        "de": "Wir haben Ihre Nachricht an unser Team weitergegeben.",
    },
    "agent_joined": {
        "en": "{name} has joined the conversation.",
        "de": "{name} ist jetzt für Sie da.",
    },
    "somebody_joined": {
        "en": "A member of our team has joined the conversation.",
        "de": "Jemand aus unserem Team ist jetzt für Sie da.",
    },
    "closed": {
        "en": "This conversation is closed. Write to us again at any time.",
        "de": "Diese Unterhaltung ist beendet. Schreiben Sie uns jederzeit wieder.",
    },
    "erased": {"en": "(deleted)", "de": "(gelöscht)"},
}

# Where the assistant tells the contact in the definition's own words, the notice is silent.
_told_in_words = sa.and_(
    event.c.kind == "handed_off", sa.type_coerce(event.c.data, sa.Text).like('%"notify":"%')
)
_visible = sa.and_(
    event.c.stream == sa.bindparam("stream"), event.c.kind.in_(VISIBLE), sa.not_(_told_in_words)
)
_PAGE_AFTER = (
    sa.select(event)
    .where(_visible, event.c.tenant == sa.bindparam("tenant"), event.c.seq > sa.bindparam("after"))
    .order_by(event.c.seq)
    .limit(PAGE)
)
_LAST = (
    sa.select(event.c.seq)
    .where(_visible, event.c.tenant == sa.bindparam("tenant"))
    .order_by(event.c.seq.desc())
    .limit(1)
)
_HEAD = sa.select(stream.c.head_seq).where(
    stream.c.id == sa.bindparam("stream"), stream.c.tenant == sa.bindparam("tenant")
)
_ONE = sa.select(event.c.seq).where(
    _visible, event.c.tenant == sa.bindparam("tenant"), event.c.seq == sa.bindparam("seq")
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where a contact stands. last: seq of the last visible event, 0 if there is none.

    trouble: why the asked position cannot be continued from; None if it can.
    """

    last: int
    trouble: Literal["ahead", "unknown"] | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """Visible events. reached: seq up to which there are no others, visible or not."""

    frames: Sequence[EventFrame]
    reached: int


class History:
    """links: to put in where a reply holds one: nobody but its contact is shown it."""

    def __init__(self, database: Database, vault: Vault, links: Links) -> None:
        self._database = database
        self._vault = vault
        self._links = links

    async def place(self, tenant: TenantId, conversation: ConversationId, after: int) -> Place:
        """Whether a contact who saw everything up to `after` can go on from there."""

        def query(tx: Connection) -> Place:
            where = {"stream": conversation, "tenant": tenant}
            last = tx.execute(_LAST, where).scalar() or 0
            if after > last:
                return Place(last=last, trouble="ahead")
            known = after == 0 or tx.execute(_ONE, {**where, "seq": after}).first() is not None
            return Place(last=last, trouble=None if known else "unknown")

        return await self._database.read(query, tenant=tenant)

    async def after(
        self, tenant: TenantId, conversation: ConversationId, after: int, *, language: str
    ) -> Page:
        """The next visible events, at most PAGE; four queries whatever their number."""

        def query(tx: Connection) -> Page:
            where = {"stream": conversation, "tenant": tenant, "after": after}
            events = [to_event(row) for row in tx.execute(_PAGE_AFTER, where)]
            if len(events) == PAGE:
                reached = events[-1].seq
            else:
                reached = tx.execute(_HEAD, where).scalar() or after
            if not events:
                return Page(frames=[], reached=reached)
            texts = self._vault.get_many(tx, tenant=tenant, ids=_references(events))
            agents = {_agent(one) for one in events} - {""}
            names = find_names(tx, tenant, agents) if agents else {}
            frames = self._frames(events, texts, names, after=after, language=language)
            return Page(frames=frames, reached=reached)

        return await self._database.read(query, tenant=tenant)

    def page_of(self, news: News, *, seen: int, reached: int, language: str) -> Page | None:
        """What the contact sees of `news`; None if there is a gap before it, or more to be read.

        seen: seq of the last visible event before; reached: seq of the last event known.
        """
        if news.events[0].seq > reached + 1:
            return None
        events = [one for one in news.events if one.seq > reached and _is_visible(one)]
        if any(_agent(one) for one in events) or not set(_references(events)) <= news.texts.keys():
            return None
        frames = self._frames(events, news.texts, {}, after=seen, language=language)
        return Page(frames=frames, reached=news.events[-1].seq)

    def _frames(
        self,
        events: Sequence[Event],
        texts: Mapping[str, Mapping[str, Any] | Erased],
        names: Mapping[str, str],
        *,
        after: int,
        language: str,
    ) -> list[EventFrame]:
        frames = []
        previous = after
        for one in events:
            shown: MessageShown | NoticeShown
            if one.kind in ("message_received", "reply_written"):
                shown = self._message(one, texts, names, language)
            else:
                shown = _notice(one, names, language)
            frames.append(EventFrame(seq=one.seq, previous=previous, event=shown))
            previous = one.seq
        return frames

    def _message(
        self,
        one: Event,
        texts: Mapping[str, Mapping[str, Any] | Erased],
        names: Mapping[str, str],
        language: str,
    ) -> MessageShown:
        value = texts.get(one.data["text"]["ref"])
        if isinstance(value, Mapping):
            # It is the contact's own conversation: their own values stand in it, not the handles.
            text = unmask(value["text"], value.get("values", {}))
            if "link" in one.data:
                text = self._links.put_in(text, one.data["link"]["change"])
        else:
            text = _words("erased", language)
        author = one.data.get("author", "contact")
        return MessageShown(
            author=author,
            name=names.get(_agent(one)) if author == "agent" else None,
            text=text,
            at=wire_time(one.at),
            client_id=one.data.get("client_id") if author == "contact" else None,
        )


def _is_visible(one: Event) -> bool:
    """The same as `_visible`, of an event in memory."""
    told_in_words = one.kind == "handed_off" and isinstance(one.data.get("notify"), str)
    return one.kind in VISIBLE and not told_in_words


def _notice(one: Event, names: Mapping[str, str], language: str) -> NoticeShown:
    at = wire_time(one.at)
    if one.kind == "handed_off":
        return NoticeShown(code="handed_off", text=_words("handed_off", language), at=at)
    if one.kind == "taken_over":
        name = names.get(_agent(one))
        words = _words("agent_joined" if name else "somebody_joined", language)
        return NoticeShown(code="agent_joined", text=words.replace("{name}", name or ""), at=at)
    return NoticeShown(code="closed", text=_words("closed", language), at=at)


def _words(code: str, language: str) -> str:
    told = _NOTICES[code]
    return told.get(language.split("-")[0].lower(), told["en"])


def _references(events: Sequence[Event]) -> list[str]:
    return [one.data["text"]["ref"] for one in events if "text" in one.data]


def _agent(one: Event) -> str:
    """Id of the agent who did it, or ""."""
    kind, _, agent = one.actor.partition(":")
    return agent if kind == "agent" else ""

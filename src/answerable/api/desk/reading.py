"""What agents read: summaries, details, messages and the timeline.

Each function is one unit of reading with a fixed number of queries, whatever the number of rows.
Texts are the masked ones: what is personal stays behind its handle.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection
from starlette.requests import Request

from answerable.api.access import Caller, api_of
from answerable.api.desk.explaining import intent_title, reasons_of, understood_as
from answerable.api.desk.shapes import (
    Briefing,
    ContactShape,
    DecisionShape,
    Detail,
    IntentShape,
    MessageShape,
    OwnerShape,
    Related,
    Scored,
    SummaryShape,
    TimelineEvent,
)
from answerable.api.desk.timeline import Titles, title_of
from answerable.api.desk.wording import facts_of, summary_of
from answerable.contacts.store import profiles_of
from answerable.definition.schema import ServiceDefinition
from answerable.desk.agent_store import find_names
from answerable.desk.inbox_store import find_related, find_summaries
from answerable.desk.summary_store import PRIORITIES, Summary
from answerable.kit.errors import NotFound
from answerable.kit.ids import ConversationId, TenantId
from answerable.ledger.event import Event, effect_key, wire_time
from answerable.ledger.tables import event as event_table
from answerable.ledger.tables import to_event
from answerable.privacy.vault import Erased, Vault

SNIPPET = 160
ERASED = "(erased)"
ASSISTANT_NOTICE = "assistant-notice"
_SAID = ("message_received", "reply_written")
_NOTICES = ("handed_off", "taken_over", "released", "conversation_closed",
            "conversation_reopened", "set_aside")  # fmt: skip
_FATES = {"reply_delivered": True, "reply_failed": False, "bounced": False}
_EXPLAINING = ("understood", "decided", "handed_off", "looked_up", "draft_written", "labelled")

Values = Mapping[str, Mapping[str, Any] | Erased]


def reader_for(request: Request, caller: Caller) -> "Reader":
    """For whoever asks, under the definition in force now."""
    service = api_of(request).service
    return Reader(
        vault=service.vault,
        tenant=caller.tenant,
        definition=service.definitions.active(caller.tenant),
    )


@dataclass(frozen=True, kw_only=True)
class Reader:
    """Reads for the agents of one tenant, under the definition in force."""

    vault: Vault
    tenant: TenantId
    definition: ServiceDefinition

    def summaries(self, tx: Connection, rows: Sequence[Summary]) -> list[SummaryShape]:
        """Three queries: contacts, agents, texts."""
        contacts = self._profiles(tx, rows)
        names = find_names(tx, self.tenant, _owners(rows))
        wanted = [ref for row in rows for ref in (row.subject_ref, row.last_ref) if ref]
        values = self.vault.get_many(tx, tenant=self.tenant, ids=[*wanted, *contacts.values()])
        return [self._summary(row, contacts, names, values) for row in rows]

    def detail(self, tx: Connection, conversation: ConversationId) -> Detail:
        """Seven queries. Raises NotFound."""
        row = self.get(tx, conversation)
        events = self._events(tx, conversation, kinds=_EXPLAINING, last=40)
        contacts = self._profiles(tx, [row])
        latest = _latest(events)
        labelled = [one for one in (latest.get("labelled"),) if one is not None]
        names = find_names(tx, self.tenant, {*_owners([row]), *_actors(labelled)})
        refs = [row.subject_ref, row.last_ref, _ref(_draft(latest))]
        values = self.vault.get_many(
            tx, tenant=self.tenant, ids=[*filter(None, refs), *contacts.values()]
        )
        shown = self._summary(row, contacts, names, values)
        return Detail(
            **shown.model_dump(),
            briefing=self._briefing(row, latest, events, values),
            reasons=reasons_of(latest.get("decided")),
            understood=understood_as(
                latest.get("understood"), latest.get("labelled"), self.definition, names
            ),
            related=self._related(tx, row),
            version=row.head_seq,
        )

    def messages(
        self, tx: Connection, conversation: ConversationId, *, after: int, limit: int
    ) -> list[MessageShape]:
        """Five queries at most. Raises NotFound."""
        row = self.get(tx, conversation)
        events = self._events(tx, conversation, kinds=(*_SAID, *_NOTICES), after=after, first=limit)
        if not events:
            return []
        fates = self._fates(tx, conversation, since=events[0].seq)
        names = find_names(tx, self.tenant, _actors(events))
        refs = [ref for one in events if (ref := _ref(one))]
        values = self.vault.get_many(tx, tenant=self.tenant, ids=refs)
        titles = self._titles(names)
        return [_message(one, row.channel, titles, values, fates) for one in events]

    def timeline(
        self, tx: Connection, conversation: ConversationId, *, after: int, limit: int
    ) -> list[TimelineEvent]:
        """Three queries. Raises NotFound."""
        self.get(tx, conversation)
        events = self._events(tx, conversation, after=after, first=limit)
        names = find_names(tx, self.tenant, _actors(events))
        return [
            TimelineEvent(
                seq=one.seq,
                kind=one.kind,
                at=wire_time(one.at),
                actor=one.actor,
                title=title_of(one, self._titles(names)),
                data=dict(one.data),
                hash=one.hash,
            )
            for one in events
        ]

    def get(self, tx: Connection, conversation: ConversationId) -> Summary:
        row = find_summaries(tx, self.tenant, [conversation]).get(conversation)
        if row is None:
            raise NotFound("conversation_not_found", "There is no such conversation.")
        return row

    # Parts

    def _summary(
        self,
        row: Summary,
        contacts: Mapping[str, str],
        names: Mapping[str, str],
        values: Values,
    ) -> SummaryShape:
        profile = values.get(contacts.get(row.contact_id, ""))
        last = values.get(row.last_ref or "")
        return SummaryShape.model_construct(
            id=row.id,
            subject=_part(values.get(row.subject_ref or ""), "subject"),
            channel=row.channel,
            inbox=row.inbox,
            contact=ContactShape.model_construct(
                id=row.contact_id,
                name=_part(profile, "name"),
                proof=row.proof,
                addresses_masked=_masked_addresses(profile),
            ),
            status=row.status,
            priority=PRIORITIES[row.priority],
            owner=self._owner(row, names),
            intent=self._intent(row.intent, row.confidence),
            decision=DecisionShape(kind=row.decision, team=row.team) if row.decision else None,
            language=row.language,
            sentiment=row.sentiment,
            trend=row.trend,
            snippet=_snippet(last, self._notices),
            last_author=row.last_author,
            updated_at=wire_time(row.updated_at),
            opened_at=wire_time(row.opened_at),
            waiting_since=_time(row.waiting_since),
            first_response_due=_time(row.first_response_due),
            seq=row.head_seq,
        )

    def _owner(self, row: Summary, names: Mapping[str, str]) -> OwnerShape:
        name = names.get(row.owner_id)
        if row.owner_kind == "queue":
            team = self.definition.teams.get(row.owner_id)
            name = team.title if team else row.owner_id
        return OwnerShape.model_construct(kind=row.owner_kind, id=row.owner_id or None, name=name)

    def _intent(self, name: str | None, confidence: float | None) -> IntentShape | None:
        if name is None:
            return None
        return IntentShape(
            name=name, title=intent_title(self.definition, name), confidence=confidence or 0.0
        )

    @property
    def _notices(self) -> Iterable[str]:
        return self.definition.templates.get(ASSISTANT_NOTICE, {}).values()

    def _titles(self, names: Mapping[str, str]) -> Titles:
        return Titles(
            agents=names,
            teams={name: team.title or name for name, team in self.definition.teams.items()},
            intents={name: one.title or name for name, one in self.definition.intents.items()},
        )

    def _briefing(
        self, row: Summary, latest: Mapping[str, Event], events: Sequence[Event], values: Values
    ) -> Briefing | None:
        """From the events, once people are concerned: what, why, what is known, what to answer."""
        handed = latest.get("handed_off")
        if handed is None:
            return None
        understood = latest.get("understood")
        intents = understood.data.get("intents", ()) if understood else ()
        draft = _part(values.get(_ref(_draft(latest)) or ""), "text")
        title = intent_title(self.definition, row.intent) if row.intent else None
        return Briefing(
            summary=summary_of(title=title, language=row.language, proof=row.proof),
            reason=str(handed.data.get("why") or ""),
            intents=[
                Scored(
                    name=one["name"],
                    title=intent_title(self.definition, one["name"]),
                    confidence=one["confidence"],
                    applies=bool(one.get("applies", False)),
                )
                for one in intents
            ],
            facts=facts_of(events),
            suggested=[draft] if draft else [],
        )

    def _related(self, tx: Connection, row: Summary) -> list[Related]:
        found = [
            Related.model_construct(
                id=one.id,
                channel=one.channel,
                status=one.status,
                intent=self._intent(one.intent, one.confidence),
                updated_at=wire_time(one.updated_at),
                matter=one.intent is not None and one.intent == row.intent,
                elsewhere=one.contact_id != row.contact_id,
            )
            for one in find_related(tx, row)
        ]
        return sorted(found, key=lambda one: not one.matter)

    def _profiles(self, tx: Connection, rows: Sequence[Summary]) -> dict[str, str]:
        """contact id -> vault id of the profile."""
        found = profiles_of(tx, self.tenant, list({row.contact_id for row in rows}))
        return {str(contact): ref for contact, ref in found.items()}

    def _events(
        self,
        tx: Connection,
        conversation: ConversationId,
        *,
        kinds: Sequence[str] | None = None,
        after: int = 0,
        first: int | None = None,
        last: int | None = None,
    ) -> list[Event]:
        """The first events after a seq, or the last ones; always in order."""
        query = sa.select(event_table).where(
            event_table.c.stream == conversation,
            event_table.c.tenant == self.tenant,
            event_table.c.seq > after,
        )
        if kinds is not None:
            query = query.where(event_table.c.kind.in_(kinds))
        order = event_table.c.seq if last is None else event_table.c.seq.desc()
        found = [to_event(row) for row in tx.execute(query.order_by(order).limit(first or last))]
        return found if last is None else found[::-1]

    def _fates(
        self, tx: Connection, conversation: ConversationId, *, since: int
    ) -> dict[int, bool]:
        """seq of a reply -> whether it arrived, as far as is known."""
        fates: dict[int, bool] = {}
        for one in self._events(tx, conversation, kinds=tuple(_FATES), after=since, first=1_000):
            reply = one.data.get("reply")
            if isinstance(reply, int):
                fates[reply] = _FATES[one.kind]
        return fates


def _message(
    one: Event,
    channel: str,
    titles: Titles,
    values: Values,
    fates: Mapping[int, bool],
) -> MessageShape:
    if one.kind not in _SAID:
        return MessageShape(
            seq=one.seq, kind="notice", author="system", name=None, text=title_of(one, titles),
            at=wire_time(one.at), channel=channel, delivered=None, attachments=[],
        )  # fmt: skip
    value = values.get(_ref(one) or "")
    author = one.data.get("author", "contact")
    # A chat reads the ledger: what is written there has arrived.
    delivered = True if author == "contact" or channel == "chat" else fates.get(one.seq)
    return MessageShape(
        seq=one.seq,
        kind="message",
        author=author,
        name=titles.agents.get(_agent(one)) if author == "agent" else None,
        text=_part(value, "text") or (ERASED if not isinstance(value, Mapping) else ""),
        at=wire_time(one.at),
        channel=channel,
        delivered=delivered,
        attachments=_attachments(one, value),
    )


def _attachments(one: Event, value: Mapping[str, Any] | Erased | None) -> list[dict[str, Any]]:
    names = value.get("attachments", []) if isinstance(value, Mapping) else []
    attachments = []
    for number, known in enumerate(one.data.get("attachments", ())):
        name = names[number] if number < len(names) else ERASED
        attachments.append({**known, "name": name})
    return attachments


def _masked_addresses(profile: Mapping[str, Any] | Erased | None) -> list[str]:
    """A visitor's address is made up and tells nothing."""
    address = _part(profile, "address")
    return [masked_address(address)] if address and _part(profile, "kind") != "visitor" else []


def masked_address(address: str) -> str:
    """ "anna@bank.example" -> "a•••@bank.example"; other ids keep their last two characters."""
    local, at, domain = address.rpartition("@")
    if at:
        return f"{local[:1]}•••@{domain}"
    return f"•••{address[-2:]}" if len(address) > 4 else "•••"


def _draft(latest: Mapping[str, Event]) -> Event | None:
    """The draft that belongs to the latest hand-off: one of an earlier matter is never shown,
    above all not beside a complaint or a fraud report."""
    draft, handed = latest.get("draft_written"), latest.get("handed_off")
    if draft is None or handed is None:
        return None
    asked_by = effect_key(handed.stream, handed.seq, 0).rpartition(":")[0]
    return draft if str(draft.data["effect"]).rpartition(":")[0] == asked_by else None


def _latest(events: Iterable[Event]) -> dict[str, Event]:
    return {one.kind: one for one in events}


def _ref(one: Event | None) -> str | None:
    text = one.data.get("text") if one else None
    return text["ref"] if isinstance(text, Mapping) else None


def _part(value: Mapping[str, Any] | Erased | None, name: str) -> str | None:
    found = value.get(name) if isinstance(value, Mapping) else None
    return found if isinstance(found, str) else None


def _snippet(value: Mapping[str, Any] | Erased | None, notices: Iterable[str] = ()) -> str | None:
    """How a message begins, without the sentence that it is the assistant who writes."""
    text = _part(value, "text")
    if text is None:
        return ERASED if isinstance(value, Erased) else None
    for notice in notices:
        text = text.removeprefix(notice)
    flat = " ".join(text.split())
    return flat if len(flat) <= SNIPPET else f"{flat[: SNIPPET - 1]}…"


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else wire_time(moment)


def _owners(rows: Iterable[Summary]) -> set[str]:
    return {row.owner_id for row in rows if row.owner_kind == "agent"}


def _actors(events: Iterable[Event]) -> set[str]:
    return {_agent(one) for one in events} - {""}


def _agent(one: Event) -> str:
    kind, _, agent = one.actor.partition(":")
    return agent if kind == "agent" else ""

"""Reading what a case is to be told: the events that are not told yet, with their texts."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from answerable.api.desk.timeline import Titles
from answerable.contacts.store import profiles_of
from answerable.definition.schema import ServiceDefinition
from answerable.desk.case_store import MirroredCase
from answerable.desk.cases import CaseComment, CasePerson, CaseStatus, CaseUpdate, Texts
from answerable.desk.summary_store import conversation
from answerable.flow.definitions import Definitions
from answerable.flow.message import InboundMessage
from answerable.kit.database import Database
from answerable.kit.ids import ContactId, ConversationId, TenantId
from answerable.ledger.event import Event
from answerable.ledger.reading import read_events
from answerable.privacy.mask import mask, policy_with
from answerable.privacy.vault import Erased, Vault
from answerable.processes.case_story import Story, ref_of, story_of, subject_of
from answerable.processes.case_texts import text_comments, whole

MOST_EVENTS = 200  # of a conversation, in one update
_SAID = ("message_received", "reply_written", "draft_written")
# What agents wrote for each other, by the name under which the event has it.
_NOTES = {"handed_off": "note", "approval_refused": "reason"}


@dataclass(frozen=True, kw_only=True)
class Telling:
    """An update of a case. of: as it was read. until: of the claim, once it is made. fields: as
    they will then be."""

    of: MirroredCase
    update: CaseUpdate
    upto: int
    fields: Mapping[str, str]
    until: datetime | None = None

    @property
    def claimed(self) -> MirroredCase:
        return replace(self.of, due_at=self.until)


@dataclass(frozen=True, kw_only=True)
class _Place:
    inbox: str = ""
    channel: str = ""
    person: CasePerson | None = None


@dataclass(frozen=True, kw_only=True)
class _Read:
    """A case with what is to be told: events, and by reference what was said in them."""

    case: MirroredCase
    events: Sequence[Event]
    said: Mapping[str, Mapping[str, Any]]


# The message of a mail that is still here; None if it is not.
Originals = Callable[[TenantId, str], Awaitable[InboundMessage | None]]


async def no_originals(tenant: TenantId, mail_id: str) -> InboundMessage | None:
    return None


class CaseReader:
    """originals: where texts that were lost before they were told are read again."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        definitions: Definitions,
        originals: Originals = no_originals,
    ) -> None:
        self._database = database
        self._vault = vault
        self._definitions = definitions
        self._originals = originals

    async def tellings(
        self, tenant: TenantId, cases: Sequence[MirroredCase], *, texts: Texts
    ) -> list[Telling]:
        if not cases:
            return []
        definition = self._definitions.active(tenant)

        def read(tx: Connection) -> tuple[list[_Read], dict[str, _Place]]:
            opening = [one.conversation for one in cases if one.case is None]
            places = self._places(tx, tenant, opening, with_person=texts is Texts.WHOLE)
            return [self._read(tx, tenant, one, texts) for one in cases], places

        found, places = await self._database.read(read, tenant=tenant)
        if texts is Texts.WHOLE:
            found = [await self._with_originals(definition, one, places) for one in found]
        return [_telling(definition, one, places, texts=texts) for one in found]

    def _read(self, tx: Connection, tenant: TenantId, case: MirroredCase, texts: Texts) -> _Read:
        events = read_events(tx, case.conversation, after=case.done_seq, limit=MOST_EVENTS)
        said = self._said(tx, tenant, events, texts) if texts is not Texts.NONE else {}
        return _Read(case=case, events=events, said=said)

    async def _with_originals(
        self, definition: ServiceDefinition, read: _Read, places: dict[str, _Place]
    ) -> _Read:
        """With what was lost, as far as it came by mails that are still here."""
        said = dict(read.said)
        for one in read.events:
            ref = ref_of(one)
            if one.kind != "message_received" or ref is None or ref in said:
                continue
            mail_id = one.data.get("raw_id")
            message = await self._originals(definition.tenant, mail_id) if mail_id else None
            if message is not None:
                said[ref] = _read_again(message, definition)
                place = places.get(one.stream)
                if place is not None and place.person is None:
                    places[one.stream] = replace(place, person=_writer(message))
        return replace(read, said=said)

    def _places(
        self,
        tx: Connection,
        tenant: TenantId,
        ids: Sequence[ConversationId],
        *,
        with_person: bool,
    ) -> dict[str, _Place]:
        """By conversation, its inbox and its channel, and who wrote."""
        table = conversation.c
        query = sa.select(table.id, table.inbox, table.channel, table.contact_id).where(
            table.id.in_(ids)
        )
        rows = list(tx.execute(query))
        contacts = [ContactId(row.contact_id) for row in rows] if with_person else []
        profiles = profiles_of(tx, tenant, contacts) if contacts else {}
        found = self._vault.get_many(tx, tenant=tenant, ids=profiles.values())
        return {
            row.id: _Place(
                inbox=row.inbox,
                channel=row.channel,
                person=_person(found.get(profiles.get(ContactId(row.contact_id), ""))),
            )
            for row in rows
        }

    def _said(
        self, tx: Connection, tenant: TenantId, events: Sequence[Event], texts: Texts
    ) -> dict[str, Mapping[str, Any]]:
        refs = [ref for one in events if one.kind in _SAID and (ref := ref_of(one)) is not None]
        if texts is Texts.WHOLE:
            refs += [ref for one in events if (ref := _note_of(one)) is not None]
        found = self._vault.get_many(tx, tenant=tenant, ids=refs)
        return {ref: value for ref, value in found.items() if not isinstance(value, Erased)}


def _telling(
    definition: ServiceDefinition, read: _Read, places: Mapping[str, _Place], *, texts: Texts
) -> Telling:
    case, events, said = read.case, read.events, read.said
    titles = _titles(definition)
    beside = _beside(events, said, titles) if texts is Texts.WHOLE else {}
    story = Story(upto=case.head_seq, comment="", fields={})
    if events:
        story = story_of(
            events,
            texts=said if texts is Texts.MASKED else {},
            titles=titles,
            upto=case.sent_seq,
            beside={seq: len(comments) for seq, comments in beside.items()},
        )
    fields = {**case.fields, **story.fields}
    if case.case is None:
        fields.setdefault("status", CaseStatus.OPEN.value)
    changed = {name: value for name, value in fields.items() if case.fields.get(name) != value}
    comments = [one for seq, own in beside.items() if seq <= story.upto for one in own]
    if story.comment:
        key = f"{case.conversation}:{story.upto}"
        comments.append(CaseComment(key=key, text=story.comment))
    update = CaseUpdate(
        key=case.conversation,
        case=case.case,
        status=CaseStatus(changed["status"]) if "status" in changed else None,
        priority=changed.get("priority"),
        team=changed.get("team"),
        comments=comments,
        again=case.sent_seq is not None,
    )
    if case.case is None:
        place = places.get(update.key, _Place())
        update = _begun(update, definition, events, said, place, texts)
    return Telling(of=case, update=update, upto=story.upto, fields=fields)


def _read_again(message: InboundMessage, definition: ServiceDefinition) -> Mapping[str, Any]:
    """As the vault had it: what the definition lets nobody keep is taken out."""
    numbers: dict[tuple[str, str], int] = {}

    def number(kind: str, value: str) -> int:
        return numbers.setdefault((kind, value), len(numbers) + 1)

    policy = policy_with(definition.privacy)
    value: dict[str, str] = {}
    values: dict[str, str] = {}
    for name, text in (("text", message.text), ("subject", message.subject)):
        if text:
            masked = mask(text, number=number, policy=policy, regions=definition.phone_countries)
            value[name] = masked.text
            values.update(masked.values)
    return {"text": "", **value, "values": values}


def _writer(message: InboundMessage) -> CasePerson:
    return CasePerson(name=message.sender.name, email=message.sender.address)


def _note_of(event: Event) -> str | None:
    note = event.data.get(_NOTES.get(event.kind, ""))
    return str(note["ref"]) if isinstance(note, Mapping) and "ref" in note else None


def _beside(
    events: Sequence[Event], said: Mapping[str, Mapping[str, Any]], titles: Titles
) -> dict[int, Sequence[CaseComment]]:
    """By seq, the whole texts of these events."""
    return {
        one.seq: text_comments(one, said[ref], titles)
        for one in events
        if (ref := ref_of(one) or _note_of(one)) is not None and ref in said
    }


def _begun(
    update: CaseUpdate,
    definition: ServiceDefinition,
    events: Sequence[Event],
    said: Mapping[str, Mapping[str, Any]],
    place: _Place,
    texts: Texts,
) -> CaseUpdate:
    """What a case begins with."""
    first = next((one for one in events if one.kind == "message_received"), None)
    value = said.get(ref_of(first) or "") if first is not None else None
    if value is not None and texts is Texts.WHOLE:
        value = {name: whole(value, name) for name in ("subject", "text")}
    return replace(
        update,
        channel=place.channel or None,
        person=place.person,
        subject=subject_of(value, otherwise=f"{definition.brand.name}: {place.inbox}"),
        description=str(value["text"]) if value and value.get("text") else None,
    )


def _person(profile: Mapping[str, Any] | Erased | None) -> CasePerson | None:
    if profile is None or isinstance(profile, Erased):
        return None
    kind, address = profile["kind"], str(profile["address"])
    return CasePerson(
        name=profile.get("name"),
        email=address if kind == "email" else None,
        customer=address if kind == "customer" else None,
    )


def _titles(definition: ServiceDefinition) -> Titles:
    return Titles(
        agents={},  # a colleague's name is nobody's business in another system
        teams={name: team.title for name, team in definition.teams.items()},
        intents={name: intent.title for name, intent in definition.intents.items()},
    )

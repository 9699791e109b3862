"""Accept: a message becomes an event. Only after this commit is it acknowledged.

Everything happens in one transaction: who wrote, which conversation, masking, the vault, the
event, and the note that this message has been taken. The same message again changes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from answerable.contacts.book import ContactBook
from answerable.contacts.store import add_mail_reference, find_contacts, find_mail_references
from answerable.contacts.threading import Candidate, JoinDecision, may_join
from answerable.definition.terms import Proof
from answerable.desk.summary_store import (
    PRIORITIES,
    Summary,
    find_open_conversations,
    get_contact_of,
    write_summaries,
)
from answerable.flow.message import Accepted, InboundMessage
from answerable.kit.database import lock_until_commit
from answerable.kit.ids import ContactId, ConversationId, new_id
from answerable.ledger.event import CONTACT, SYSTEM, NewEvent
from answerable.ledger.store import Appender, find_received
from answerable.privacy.mask import mask
from answerable.privacy.vault import Vault, VaultEntry, VaultRef


@dataclass(frozen=True, kw_only=True, slots=True)
class _Placed:
    """A message with its contact and conversation."""

    message: InboundMessage
    key: str
    contact: ContactId
    conversation: ConversationId
    opens: bool
    bounced_reply: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class _Known:
    """What was read for all messages together: contacts by address, owners of conversations."""

    contacts: dict[str, ContactId]
    owners: dict[ConversationId, ContactId]


class Intake:
    """Accepts messages, many in one transaction."""

    def __init__(self, vault: Vault, contacts: ContactBook) -> None:
        self._vault = vault
        self._contacts = contacts
        self._lookup = contacts.lookup

    def accept_many(self, tx: Connection, messages: Sequence[InboundMessage]) -> Sequence[Accepted]:
        """Store each message; those taken before are answered with where they are.

        What all need is read and written together: a statement costs more than a row.
        """
        # Two gateways make no contact twice, and open no two conversations for one at a time.
        lock_until_commit(tx, {f"sender {m.contact or self._address(m)}" for m in messages})
        keys = [self._lookup.external(m.tenant, m.inbox, m.external_id) for m in messages]
        before = find_received(tx, keys)
        new: dict[str, InboundMessage] = {}
        for key, message in zip(keys, messages, strict=True):
            if key not in before:
                new.setdefault(key, message)
        known = self._known(tx, list(new.values()))
        opened: dict[tuple[ContactId, str], ConversationId] = {}
        placed = [self._place(tx, key, message, known, opened) for key, message in new.items()]
        stored = self._store(tx, placed)
        results = []
        for key, message in zip(keys, messages, strict=True):
            if key in before:
                conversation, seq = before[key]
                results.append(
                    Accepted(conversation=conversation, seq=seq, at=message.at, duplicate=True)
                )
            else:
                results.append(stored[key])
        return results

    def _known(self, tx: Connection, messages: Sequence[InboundMessage]) -> _Known:
        lookups = {self._address(m) for m in messages if m.contact is None}
        named = {m.conversation for m in messages if m.conversation is not None}
        return _Known(
            contacts={
                lookup: found.id for lookup, found in find_contacts(tx, list(lookups)).items()
            },
            owners=get_contact_of(tx, list(named)) if named else {},
        )

    def _address(self, message: InboundMessage) -> str:
        sender = message.sender
        return self._lookup.address(message.tenant, sender.kind, sender.address)

    def _place(
        self,
        tx: Connection,
        key: str,
        message: InboundMessage,
        known: _Known,
        opened: dict[tuple[ContactId, str], ConversationId],
    ) -> _Placed:
        if message.bounce_of is not None:
            lookup = self._lookup.mail(message.tenant, message.bounce_of)
            found = find_mail_references(tx, [lookup]).get(lookup)
            if found is not None and found[1] is not None:
                contact = get_contact_of(tx, [found[0]])[found[0]]
                return _Placed(
                    message=message, key=key, contact=contact, conversation=found[0],
                    opens=False, bounced_reply=found[1],
                )  # fmt: skip
        contact = message.contact or self._contact_of(tx, message, known)
        conversation = self._conversation_of(tx, message, contact, known, opened)
        opens = conversation is None
        if conversation is None:
            conversation = ConversationId(new_id("cnv"))
            opened[(contact, message.inbox)] = conversation
        return _Placed(
            message=message, key=key, contact=contact, conversation=conversation, opens=opens
        )

    def _contact_of(self, tx: Connection, message: InboundMessage, known: _Known) -> ContactId:
        """The sender's contact, made if they never wrote before."""
        lookup = self._address(message)
        if lookup not in known.contacts:
            known.contacts[lookup] = self._contacts.resolve(
                tx,
                message.tenant,
                kind=message.sender.kind,
                address=message.sender.address,
                name=message.sender.name,
                at=message.at,
            )
        return known.contacts[lookup]

    def _conversation_of(
        self,
        tx: Connection,
        message: InboundMessage,
        contact: ContactId,
        known: _Known,
        opened: dict[tuple[ContactId, str], ConversationId],
    ) -> ConversationId | None:
        """The conversation that the message belongs to; None: it begins one."""
        if message.channel == "email":
            return self._mail_thread(tx, message, contact).conversation
        if message.conversation is not None and known.owners.get(message.conversation) == contact:
            return message.conversation
        place = (contact, message.inbox)
        return opened.get(place) or find_open_conversations(tx, [place]).get(place)

    def _mail_thread(
        self, tx: Connection, message: InboundMessage, contact: ContactId
    ) -> JoinDecision:
        hints = message.thread
        lookups = [self._lookup.mail(message.tenant, r) for r in hints.references]
        known = find_mail_references(tx, lookups)
        candidates = [hints.conversation] if hints.conversation else []
        candidates += [known[lookup][0] for lookup in reversed(lookups) if lookup in known]
        contacts = get_contact_of(tx, list(dict.fromkeys(candidates)))
        return may_join(
            sender=contact,
            aligned=hints.aligned,
            required=hints.required,
            candidates=[
                Candidate(
                    conversation=one, contact=contacts[one], by_token=one == hints.conversation
                )
                for one in dict.fromkeys(candidates)
                if one in contacts
            ],
        )

    def _store(self, tx: Connection, placed: Sequence[_Placed]) -> dict[str, Accepted]:
        """By key of the message, where each was stored."""
        appender = Appender(tx)
        appender.load(place.conversation for place in placed if not place.opens)
        for place in placed:
            if place.opens:
                _open(appender, place)
        summaries = [_new_summary(place, place.message.at) for place in placed if place.opens]
        write_summaries(tx, new=summaries, changed=[])
        masked = [self._masked(tx, place) for place in placed]
        references = self._vault.put_many(
            tx,
            [
                VaultEntry(
                    tenant=place.message.tenant,
                    contact_id=place.contact,
                    conversation_id=place.conversation,
                    value=value,
                )
                for place, (value, _) in zip(placed, masked, strict=True)
            ],
        )
        stored = {}
        for place, (_, handles), reference in zip(placed, masked, references, strict=True):
            stored[place.key] = self._append(tx, appender, place, reference, handles)
        appender.flush()
        return stored

    def _append(
        self,
        tx: Connection,
        appender: Appender,
        place: _Placed,
        reference: VaultRef,
        handles: list[str],
    ) -> Accepted:
        message = place.message
        actor = CONTACT if place.bounced_reply is None else SYSTEM
        event = appender.append(
            place.conversation,
            NewEvent(
                kind="message_received", actor=actor, data=_event_data(place, reference, handles)
            ),
            at=message.at,
        )
        appender.remember(place.key, event)
        if message.message_id:
            lookup = self._lookup.mail(message.tenant, message.message_id)
            add_mail_reference(tx, lookup, place.conversation)
        return Accepted(conversation=place.conversation, seq=event.seq, at=message.at)

    def _masked(self, tx: Connection, place: _Placed) -> tuple[dict[str, Any], list[str]]:
        """The vault value of a message, and the handles that stand in its text."""
        message = place.message

        number = self._vault.numbering(
            tx,
            tenant=message.tenant,
            conversation_id=place.conversation,
            contact_id=place.contact,
        )
        body = mask(message.text, number=number)
        value: dict[str, Any] = {"text": body.text}
        values = dict(body.values)
        for name in ("subject", "original"):
            text = getattr(message, name)
            if text:
                masked = mask(text, number=number)
                value[name] = masked.text
                values.update(masked.values)
        if values:
            value["values"] = values
        if message.message_id:
            value["message_id"] = message.message_id
            value["references"] = list(message.thread.references)
        if message.attachments:
            value["attachments"] = [mask(a.name, number=number).text for a in message.attachments]
        return value, sorted(values)


def _open(appender: Appender, place: _Placed) -> None:
    message = place.message
    appender.open_stream(place.conversation, message.tenant)
    opened = NewEvent(
        kind="conversation_opened",
        actor=SYSTEM,
        data={
            "contact": place.contact,
            "channel": message.channel,
            "inbox": message.inbox,
            "proof": message.proof.value,
        },
    )
    appender.append(place.conversation, opened, at=message.at)


def _event_data(place: _Placed, reference: VaultRef, handles: list[str]) -> dict[str, Any]:
    message = place.message
    data: dict[str, Any] = {
        "text": {"ref": reference.id, "commitment": reference.commitment},
        "author": "contact",
        "proof": message.proof.value,
    }
    if place.opens:
        data["first"] = True
    if handles:
        data["handles"] = handles
    for name in ("automatic", "unparsable", "raw_id"):
        if getattr(message, name):
            data[name] = getattr(message, name)
    if place.bounced_reply is not None:
        data["bounce_of"] = place.bounced_reply
    if "client_id" in message.context:
        data["client_id"] = message.context["client_id"]
    if message.attachments:
        data["attachments"] = [
            {"media_type": a.media_type, "size_bytes": a.size_bytes, "digest": a.digest}
            for a in message.attachments
        ]
    return data


def _new_summary(place: _Placed, at: datetime) -> Summary:
    message = place.message
    return Summary(
        id=place.conversation, tenant=message.tenant, contact_id=place.contact,
        inbox=message.inbox, channel=message.channel, proof=Proof(message.proof).value,
        status="open", priority=PRIORITIES.index("normal"), owner_kind="assistant", owner_id="",
        intent=None, confidence=None, decision=None, team=None, language=None, sentiment=None,
        opened_at=at, updated_at=at, waiting_since=at, first_response_due=None, closed_at=None,
        head_seq=0, subject_ref=None, last_ref=None, last_author=None,
    )  # fmt: skip

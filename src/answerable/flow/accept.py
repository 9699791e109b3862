"""Accept: a message becomes an event. Only after this commit is it acknowledged.

Everything happens in one transaction: who wrote, which conversation, masking, the vault, the
event, the note that this message has been taken, and what follows from the event. The same
message again changes nothing.

What follows may fail without harm to the message: the conversation is then left behind, for
`advance` to try again.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection

from answerable.contacts.book import ContactBook
from answerable.contacts.records import read_records
from answerable.contacts.store import add_mail_references
from answerable.flow.advance import Advancer, Changes
from answerable.flow.continued import with_continued
from answerable.flow.message import Accepted, Attachment, InboundMessage
from answerable.flow.placed import Placed, event_data, new_summary, open_conversation
from answerable.flow.placing import Placing
from answerable.kit.database import lock_until_commit
from answerable.kit.errors import TooMany
from answerable.kit.ids import ContactId, ConversationId, TenantId
from answerable.ledger.append import Appender, find_received
from answerable.ledger.event import CONTACT, SYSTEM, NewEvent
from answerable.privacy.detect import find
from answerable.privacy.mask import mask
from answerable.privacy.record import Record
from answerable.privacy.sealing import VaultEntry, VaultRef
from answerable.privacy.spans import Span
from answerable.privacy.vault import Vault

IN_TURN_AFTER = timedelta(seconds=0.5)


class Intake:
    """Accepts messages, many in one transaction."""

    def __init__(self, vault: Vault, contacts: ContactBook, advancer: Advancer) -> None:
        self._vault = vault
        self._advancer = advancer
        self._placing = Placing(contacts)
        self._lookup = contacts.lookup

    def accept_many(
        self, tx: Connection, messages: Sequence[InboundMessage]
    ) -> Sequence[tuple[Accepted | None, Changes]]:
        """Store each message; those taken before are answered with where they are. None: what the
        message follows is not stored, so it is not stored either.

        What all need is read and written together: a statement costs more than a row.
        """
        # Two gateways make no contact twice, and open no two conversations for one at a time.
        lock_until_commit(tx, {f"sender {self._placing.sender(m)}" for m in messages})
        keys = [self._lookup.external(m.tenant, m.inbox, m.external_id) for m in messages]
        followed = [
            m.follows and self._lookup.external(m.tenant, m.inbox, m.follows) for m in messages
        ]
        before = find_received(tx, [*keys, *filter(None, followed)])
        new: dict[str, InboundMessage] = {}
        for key, former, message in zip(keys, followed, messages, strict=True):
            if key not in before and (former is None or former in before or former in new):
                new.setdefault(key, message)
        stored, changes = self._store(tx, self._placing.place(tx, new))
        places = before | {key: (one.conversation, one.seq) for key, one in stored.items()}
        answers: list[tuple[Accepted | None, Changes]] = []
        for key, message in zip(keys, messages, strict=True):
            # The first of them is the new one; whatever comes again, also beside it, is known.
            accepted = stored.pop(key, None)
            if accepted is None and key in places:
                accepted = _known_before(places[key], message)
            answers.append((accepted, changes))
        return answers

    def _store(
        self, tx: Connection, placed: Sequence[Placed]
    ) -> tuple[dict[str, Accepted], Changes]:
        """By key of the message, where each was stored."""
        appender = Appender(tx)
        appender.load((place.conversation for place in placed if not place.opens), states=True)
        for place in placed:
            if place.opens:
                open_conversation(appender, place)
        records = self._records(tx, placed)
        found = [
            find(place.message.text, record=record, regions=self._regions(place))
            for place, record in zip(placed, records, strict=True)
        ]
        found = with_continued(tx, self._vault, appender, placed, found)
        self._vault.ready_keys(tx, [(p.message.tenant, p.contact) for p in placed])
        self._read_handles(tx, [p for p, spans in zip(placed, found, strict=True) if spans])
        masked = [
            self._masked(tx, place, spans, record)
            for place, spans, record in zip(placed, found, records, strict=True)
        ]
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
        texts = {}
        for place, (value, handles), reference in zip(placed, masked, references, strict=True):
            texts[reference.id] = value
            stored[place.key] = self._append(appender, place, reference, handles)
        mails = {m: place.conversation for place in placed for m in self._message_id(place)}
        add_mail_references(tx, {lookup: (one, None) for lookup, one in mails.items()})
        opened = {place.conversation: new_summary(place) for place in placed if place.opens}
        return stored, self._advancer.conclude(appender, opened=opened.values(), texts=texts)

    def _append(
        self, appender: Appender, place: Placed, reference: VaultRef, handles: list[str]
    ) -> Accepted:
        message = place.message
        actor = CONTACT if place.bounced_reply is None else SYSTEM
        event = appender.append(
            place.conversation,
            NewEvent(
                kind="message_received", actor=actor, data=event_data(place, reference, handles)
            ),
            at=message.at,
        )
        appender.remember(place.key, event)
        return Accepted(conversation=place.conversation, seq=event.seq, at=message.at)

    def _message_id(self, place: Placed) -> list[str]:
        name = place.message.message_id
        return [self._lookup.mail(place.message.tenant, name)] if name else []

    def _read_handles(self, tx: Connection, placed: Sequence[Placed]) -> None:
        by_tenant: dict[TenantId, dict[ConversationId, None]] = {}
        for place in placed:
            by_tenant.setdefault(place.message.tenant, {})[place.conversation] = None
        for tenant, conversations in by_tenant.items():
            self._vault.read_handles(tx, tenant=tenant, conversations=conversations)

    def _regions(self, place: Placed) -> Sequence[str]:
        return self._advancer.phone_countries(place.message.tenant)

    def _records(self, tx: Connection, placed: Sequence[Placed]) -> list[Record]:
        """What is known of each sender: from the message, and of those who wrote before from the
        back office."""
        by_tenant: dict[TenantId, dict[ContactId, None]] = {}
        for place in placed:
            by_tenant.setdefault(place.message.tenant, {})[place.contact] = None
        known = {
            (tenant, contact): record
            for tenant, contacts in by_tenant.items()
            for contact, record in read_records(tx, self._vault, tenant, list(contacts)).items()
        }
        records = []
        for place in placed:
            own, more = _record(place.message), known.get((place.message.tenant, place.contact))
            records.append(own if more is None else own.with_more(more))
        return records

    def _masked(
        self, tx: Connection, place: Placed, found: Sequence[Span], record: Record
    ) -> tuple[dict[str, Any], list[str]]:
        """The vault value of a message, and the handles that stand in its text."""
        message = place.message

        number = self._vault.numbering(
            tx,
            tenant=message.tenant,
            conversation_id=place.conversation,
            contact_id=place.contact,
        )
        policy, regions = self._advancer.treatments(message.tenant), self._regions(place)
        body = mask(message.text, number=number, policy=policy, spans=found)
        value: dict[str, Any] = {"text": body.text}
        values = dict(body.values)
        for name in ("subject", "original"):
            text = getattr(message, name)
            if text:
                masked = mask(text, number=number, policy=policy, record=record, regions=regions)
                value[name] = masked.text
                values.update(masked.values)
        if values:
            value["values"] = values
        if message.message_id:
            value["message_id"] = message.message_id
            value["references"] = list(message.thread.references)
        if message.attachments:
            value["attachments"] = [
                mask(
                    file.name,
                    number=number,
                    policy=policy,
                    spans=_in_file_name(file, record, regions),
                ).text
                for file in message.attachments
            ]
        return value, sorted(values)


def _record(message: InboundMessage) -> Record:
    sender = message.sender
    return Record(
        names=(sender.name,) if sender.name else (),
        emails=(sender.address,) if sender.kind == "email" else (),
        customers=(sender.address,) if sender.kind == "customer" else (),
    )


def _in_file_name(file: Attachment, record: Record, regions: Sequence[str]) -> list[Span]:
    # People and programs join words with underscores there; one for one, so offsets stay.
    return find(file.name.replace("_", " "), record=record, regions=regions)


def _known_before(place: tuple[ConversationId, int], message: InboundMessage) -> Accepted:
    conversation, seq = place
    return Accepted(conversation=conversation, seq=seq, at=message.at, duplicate=True)


def in_turn(accepted: Accepted | None) -> Accepted:
    """Raises TooMany for a message that was not stored since the one before it was not."""
    if accepted is None:
        raise TooMany(
            "out_of_turn",
            "What was said before is not stored yet. Send it again first.",
            retry_after=IN_TURN_AFTER,
        )
    return accepted

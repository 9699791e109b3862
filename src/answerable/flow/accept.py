"""Accept: a message becomes an event. Only after this commit is it acknowledged.

Everything happens in one transaction: who wrote, which conversation, masking, the vault, the
event, the note that this message has been taken, and what follows from the event. The same
message again changes nothing.

What follows may fail without harm to the message: the conversation is then left behind, for
`advance` to try again.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from answerable.contacts.book import ContactBook
from answerable.contacts.store import add_mail_reference, find_contacts, find_mail_references
from answerable.contacts.threading import Candidate, JoinDecision, may_join
from answerable.desk.summary_store import (
    find_open_conversations,
    get_contact_of,
    write_summaries,
)
from answerable.flow.advance import Advancer, Followed
from answerable.flow.message import Accepted, InboundMessage, News
from answerable.flow.placed import Placed, event_data, new_summary, open_conversation
from answerable.kit.database import after_commit, lock_until_commit
from answerable.kit.ids import ContactId, ConversationId, TenantId, new_id
from answerable.ledger.event import CONTACT, SYSTEM, Effect, Event, NewEvent
from answerable.ledger.store import Appender, Behind, find_received
from answerable.privacy.detect import find
from answerable.privacy.mask import mask
from answerable.privacy.spans import Span
from answerable.privacy.vault import Vault, VaultEntry, VaultRef


@dataclass(kw_only=True, slots=True, eq=False)
class Intaken:
    """What one transaction of `accept_many` did, for all its messages together.

    news: for those who follow the conversations.
    effects: due now; those that this process does are leased to it.
    behind: conversations that `advance` has to look at.
    told: set once somebody has passed this on, which is to be done once.
    """

    news: tuple[News, ...]
    effects: tuple[Effect, ...]
    behind: tuple[ConversationId, ...]
    told: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class _Known:
    """What was read for all messages together: contacts by address, owners of conversations."""

    contacts: dict[str, ContactId]
    owners: dict[ConversationId, ContactId]


class Intake:
    """Accepts messages, many in one transaction.

    untold: what was committed and not passed on yet. Those who wait for a message pass it on; what
    stays here longer than a moment belongs to messages whose senders have gone away meanwhile.
    """

    def __init__(self, vault: Vault, contacts: ContactBook, advancer: Advancer) -> None:
        self._vault = vault
        self._advancer = advancer
        self._contacts = contacts
        self._lookup = contacts.lookup
        self.untold: set[Intaken] = set()

    def accept_many(
        self, tx: Connection, messages: Sequence[InboundMessage]
    ) -> Sequence[tuple[Accepted, Intaken]]:
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
        stored, intaken = self._store(tx, placed)
        for key, message in zip(keys, messages, strict=True):
            if key in before:
                conversation, seq = before[key]
                stored[key] = Accepted(
                    conversation=conversation, seq=seq, at=message.at, duplicate=True
                )
        return [(stored[key], intaken) for key in keys]

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
    ) -> Placed:
        if message.bounce_of is not None:
            lookup = self._lookup.mail(message.tenant, message.bounce_of)
            found = find_mail_references(tx, [lookup]).get(lookup)
            if found is not None and found[1] is not None:
                contact = get_contact_of(tx, [found[0]])[found[0]]
                return Placed(
                    message=message, key=key, contact=contact, conversation=found[0],
                    opens=False, bounced_reply=found[1],
                )  # fmt: skip
        contact = message.contact or self._contact_of(tx, message, known)
        conversation = self._conversation_of(tx, message, contact, known, opened)
        opens = conversation is None
        if conversation is None:
            conversation = ConversationId(new_id("cnv"))
            opened[(contact, message.inbox)] = conversation
        return Placed(
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

    def _store(
        self, tx: Connection, placed: Sequence[Placed]
    ) -> tuple[dict[str, Accepted], Intaken]:
        """By key of the message, where each was stored."""
        appender = Appender(tx)
        appender.load((place.conversation for place in placed if not place.opens), states=True)
        for place in placed:
            if place.opens:
                open_conversation(appender, place)
        found = [find(place.message.text) for place in placed]
        self._read_handles(tx, [p for p, spans in zip(placed, found, strict=True) if spans])
        masked = [self._masked(tx, p, spans) for p, spans in zip(placed, found, strict=True)]
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
        texts: dict[ConversationId, dict[str, Mapping[str, Any]]] = {}
        for place, (value, handles), reference in zip(placed, masked, references, strict=True):
            texts.setdefault(place.conversation, {})[reference.id] = value
            stored[place.key] = self._append(tx, appender, place, reference, handles)
        return stored, self._follow(tx, appender, placed, texts)

    def _follow(
        self,
        tx: Connection,
        appender: Appender,
        placed: Sequence[Placed],
        texts: Mapping[ConversationId, Mapping[str, Mapping[str, Any]]],
    ) -> Intaken:
        """Append what follows from the messages, and write it all."""
        new = _by_conversation(appender.appended)
        heads = [appender.head(conversation) for conversation in new]
        # Whoever was behind before is left to `advance`, which reads what we have not here.
        current = [head for head in heads if head.advanced + 1 == new[head.id][0].seq]
        if not self._advancer.work.advances:
            current = []
        followed = self._advancer.follow(
            appender,
            [Behind(head=h, state=h.state, failures=0, events=new[h.id]) for h in current],
        )
        news = tuple(
            News(
                tenant=events[0].tenant,
                conversation=conversation,
                events=tuple(events),
                texts=texts[conversation],
            )
            for conversation, events in _by_conversation(appender.appended).items()
        )
        _summarise(tx, placed, followed)
        appender.flush()
        advanced = {summary.id for summary in followed.summaries}
        intaken = Intaken(
            news=news,
            effects=tuple(followed.effects),
            behind=tuple(conversation for conversation in new if conversation not in advanced),
        )
        after_commit(tx, lambda: self.untold.add(intaken))
        return intaken

    def _append(
        self,
        tx: Connection,
        appender: Appender,
        place: Placed,
        reference: VaultRef,
        handles: list[str],
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
        if message.message_id:
            lookup = self._lookup.mail(message.tenant, message.message_id)
            add_mail_reference(tx, lookup, place.conversation)
        return Accepted(conversation=place.conversation, seq=event.seq, at=message.at)

    def _read_handles(self, tx: Connection, placed: Sequence[Placed]) -> None:
        by_tenant: dict[TenantId, dict[ConversationId, None]] = {}
        for place in placed:
            by_tenant.setdefault(place.message.tenant, {})[place.conversation] = None
        for tenant, conversations in by_tenant.items():
            self._vault.read_handles(tx, tenant=tenant, conversations=conversations)

    def _masked(
        self, tx: Connection, place: Placed, found: Sequence[Span]
    ) -> tuple[dict[str, Any], list[str]]:
        """The vault value of a message, and the handles that stand in its text."""
        message = place.message

        number = self._vault.numbering(
            tx,
            tenant=message.tenant,
            conversation_id=place.conversation,
            contact_id=place.contact,
        )
        body = mask(message.text, number=number, spans=found)
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


def _by_conversation(events: Iterable[Event]) -> dict[ConversationId, list[Event]]:
    gathered: dict[ConversationId, list[Event]] = {}
    for event in events:
        gathered.setdefault(event.stream, []).append(event)
    return gathered


def _summarise(tx: Connection, placed: Sequence[Placed], followed: Followed) -> None:
    opened = {place.conversation: new_summary(place) for place in placed if place.opens}
    changed = []
    for summary in followed.summaries:
        if summary.id in opened:
            opened[summary.id] = summary
        else:
            changed.append(summary)
    write_summaries(tx, new=list(opened.values()), changed=changed)

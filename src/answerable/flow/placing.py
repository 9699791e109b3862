"""Where messages belong: whose they are, and to which conversation they are added.

What all messages of a transaction need is read together; then each is placed by itself.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection

from answerable.contacts.book import ContactBook, Newcomer
from answerable.contacts.store import find_contacts, find_mail_references
from answerable.contacts.threading import Candidate, JoinDecision, may_join
from answerable.desk.summary_store import find_open_conversations, get_contact_of
from answerable.flow.message import InboundMessage
from answerable.flow.placed import Placed
from answerable.kit.ids import ContactId, ConversationId, new_id


@dataclass(frozen=True, kw_only=True, slots=True)
class _Known:
    """What was read for all messages together.

    contacts: by address. owners: of conversations. mails: by Message-ID, the conversation, and the
    seq of the reply if it is ours. open: the open conversation of a contact in an inbox; those
    begun meanwhile are added.
    """

    mails: Mapping[str, tuple[ConversationId, int | None]]
    owners: Mapping[ConversationId, ContactId]
    contacts: Mapping[str, ContactId]
    open: dict[tuple[ContactId, str], ConversationId] = field(default_factory=dict)


class Placing:
    def __init__(self, contacts: ContactBook) -> None:
        self._contacts = contacts
        self._lookup = contacts.lookup

    def sender(self, message: InboundMessage) -> str:
        """The same text for the same sender, which tells nothing about them."""
        return message.contact or self._address(message)

    def place(self, tx: Connection, messages: Mapping[str, InboundMessage]) -> list[Placed]:
        """Each message, by its key, with its conversation and its contact, made if need be."""
        known = self._read(tx, list(messages.values()))
        placed = [self._place(key, message, known) for key, message in messages.items()]
        self._contacts.hold(tx, [(one.message.tenant, one.contact) for one in placed])
        own = [one for one in placed if one.bounced_reply is None and one.message.contact is None]
        self._contacts.renew(tx, {one.contact: _newcomer(one.message) for one in own})
        return placed

    def _read(self, tx: Connection, messages: Sequence[InboundMessage]) -> _Known:
        named = {lookup for message in messages for lookup in self._named_mails(message)}
        mails = find_mail_references(tx, list(named)) if named else {}
        pointed = {one for one, _ in mails.values()}
        for message in messages:
            named_by = (message.conversation, message.thread.conversation)
            pointed.update(one for one in named_by if one is not None)
        owners = get_contact_of(tx, list(pointed)) if pointed else {}
        known = _Known(mails=mails, owners=owners, contacts=self._contacts_of(tx, messages, mails))
        places = {
            (self._contact(message, known), message.inbox)
            for message in messages
            if message.channel != "email" and self._own(message, known) is None
        }
        if places:
            known.open.update(find_open_conversations(tx, list(places)))
        return known

    def _contacts_of(
        self,
        tx: Connection,
        messages: Sequence[InboundMessage],
        mails: Mapping[str, tuple[ConversationId, int | None]],
    ) -> dict[str, ContactId]:
        """Those of the senders, by address; made for those who never wrote before."""
        first: dict[str, InboundMessage] = {}
        for message in messages:
            if message.contact is None and self._bounced(message, mails) is None:
                first.setdefault(self._address(message), message)
        found = {one: known.id for one, known in find_contacts(tx, list(first)).items()}
        return found | self._contacts.make_many(
            tx,
            {
                address: _newcomer(message)
                for address, message in first.items()
                if address not in found
            },
        )

    def _named_mails(self, message: InboundMessage) -> list[str]:
        names = [*message.thread.references, *([message.bounce_of] if message.bounce_of else [])]
        return [self._lookup.mail(message.tenant, name) for name in names]

    def _bounced(
        self,
        message: InboundMessage,
        mails: Mapping[str, tuple[ConversationId, int | None]],
    ) -> tuple[ConversationId, int] | None:
        """The reply of ours that came back, if this says so of one."""
        if message.bounce_of is None:
            return None
        conversation, reply = mails.get(
            self._lookup.mail(message.tenant, message.bounce_of), (None, None)
        )
        return None if conversation is None or reply is None else (conversation, reply)

    def _address(self, message: InboundMessage) -> str:
        sender = message.sender
        return self._lookup.address(message.tenant, sender.kind, sender.address)

    def _contact(self, message: InboundMessage, known: _Known) -> ContactId:
        return message.contact or known.contacts[self._address(message)]

    def _own(self, message: InboundMessage, known: _Known) -> ConversationId | None:
        """The conversation that the channel named, if it is the sender's."""
        named = message.conversation
        if named is None or known.owners.get(named) != self._contact(message, known):
            return None
        return named

    def _place(self, key: str, message: InboundMessage, known: _Known) -> Placed:
        bounced = self._bounced(message, known.mails)
        if bounced is not None:
            return Placed(
                message=message, key=key, contact=known.owners[bounced[0]],
                conversation=bounced[0], opens=False, bounced_reply=bounced[1],
            )  # fmt: skip
        contact = self._contact(message, known)
        if message.channel == "email":
            conversation = self._mail_thread(message, contact, known).conversation
        else:
            conversation = self._own(message, known) or known.open.get((contact, message.inbox))
        opens = conversation is None
        if conversation is None:
            conversation = ConversationId(new_id("cnv"))
            known.open[(contact, message.inbox)] = conversation
        return Placed(
            message=message, key=key, contact=contact, conversation=conversation, opens=opens
        )

    def _mail_thread(
        self, message: InboundMessage, contact: ContactId, known: _Known
    ) -> JoinDecision:
        hints = message.thread
        lookups = [self._lookup.mail(message.tenant, name) for name in hints.references]
        pointed = [hints.conversation] if hints.conversation else []
        pointed += [known.mails[one][0] for one in reversed(lookups) if one in known.mails]
        return may_join(
            sender=contact,
            aligned=hints.aligned,
            required=hints.required,
            candidates=[
                Candidate(
                    conversation=one, contact=known.owners[one], by_token=one == hints.conversation
                )
                for one in dict.fromkeys(pointed)
                if one in known.owners
            ],
        )


def _newcomer(message: InboundMessage) -> Newcomer:
    sender = message.sender
    return Newcomer(
        tenant=message.tenant,
        kind=sender.kind,
        address=sender.address,
        name=sender.name,
        at=message.at,
    )

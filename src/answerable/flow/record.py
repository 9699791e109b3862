"""What came of an effect is written: its event, with what follows, and the effect's end."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from answerable.contacts.links_store import StoredLink, add_links
from answerable.contacts.records import keep_records
from answerable.contacts.reply_caps import ReplyLimits
from answerable.contacts.reply_caps_store import claim_automatic_reply
from answerable.contacts.store import add_mail_references, note_persons
from answerable.flow.advance import Advancer, Changes
from answerable.kit.clock import Clock
from answerable.kit.ids import ContactId, TenantId
from answerable.ledger.append import Appender
from answerable.ledger.event import ASSISTANT, SYSTEM, Effect, NewEvent
from answerable.ledger.outbox import finish_effects
from answerable.privacy.record import Record
from answerable.privacy.sealing import VaultEntry
from answerable.privacy.vault import Vault


@dataclass(frozen=True, kw_only=True)
class Sealed:
    """A value for the vault, whose reference is to stand in the outcome's data as `name`."""

    name: str
    contact: ContactId
    value: Mapping[str, Any]
    reference_only: bool = False


@dataclass(frozen=True, kw_only=True)
class Cap:
    """An automatic reply to an address, to be counted against the limits in the same commit."""

    address_lookup: str
    looks_like_a_loop: bool
    limits: ReplyLimits


@dataclass(frozen=True, kw_only=True)
class IssuedLink:
    """A link that the outcome's reply holds, to be known from the same commit on."""

    token_hash: str
    change: str
    lasts: timedelta


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of an effect: an event for its stream, with values for the vault.

    person: a contact, and the keyed hash of the id by which the back office knows them.
    record: a contact, and what the back office has of them, to be masked in what they write.
    mail: keyed hash of the Message-ID under which the reply left; answers and bounces name it.
    """

    kind: str
    data: Mapping[str, Any] = field(default_factory=dict)
    actor: str = ASSISTANT
    sealed: tuple[Sealed, ...] = ()
    cap: Cap | None = None
    mail: tuple[str, int] | None = None
    person: tuple[ContactId, str] | None = None
    record: tuple[ContactId, Record] | None = None
    link: IssuedLink | None = None


class Recorder:
    """Writes outcomes: the effect is done, its event is there with what follows from it, in one
    transaction."""

    def __init__(self, vault: Vault, clock: Clock, advancer: Advancer) -> None:
        self._vault = vault
        self._clock = clock
        self._advancer = advancer

    def record_many(
        self, tx: Connection, outcomes: Sequence[tuple[Effect, Outcome]]
    ) -> Sequence[Changes | None]:
        """For each outcome that counts, what all of them brought; None where another attempt was
        first."""
        present = finish_effects(tx, [effect.key for effect, _ in outcomes])
        counts = []
        for effect, _ in outcomes:
            counts.append(effect.key in present)
            present.discard(effect.key)
        counted = [one for one, counts_ in zip(outcomes, counts, strict=True) if counts_]
        appender = Appender(tx)
        appender.load((effect.stream for effect, _ in counted), states=True)
        at = self._clock.now()
        written = [self._unless_capped(tx, effect, outcome, at) for effect, outcome in counted]
        texts = self._append(tx, appender, written, at)
        changes = self._advancer.conclude(appender, texts=texts)
        return [changes if one else None for one in counts]

    def _append(
        self,
        tx: Connection,
        appender: Appender,
        outcomes: Sequence[tuple[Effect, Outcome]],
        at: datetime,
    ) -> dict[str, Mapping[str, Any]]:
        """An event for each; what they sealed, by its reference in the vault."""
        entries = [
            VaultEntry(
                tenant=effect.tenant, contact_id=sealed.contact, conversation_id=effect.stream,
                value=sealed.value,
            )
            for effect, outcome in outcomes
            for sealed in outcome.sealed
        ]  # fmt: skip
        # What was found before its contact was erased does not bring them back.
        references = self._vault.put_many(tx, entries, revives=False)
        in_turn = iter(references)
        for effect, outcome in outcomes:
            data = {**outcome.data, "effect": effect.key}
            for sealed in outcome.sealed:
                reference = next(in_turn)
                data[sealed.name] = (
                    reference.id
                    if sealed.reference_only
                    else {"ref": reference.id, "commitment": reference.commitment}
                )
            new = NewEvent(kind=outcome.kind, actor=outcome.actor, data=data)
            appender.append(effect.stream, new, at=at)
        mails = {
            outcome.mail[0]: (effect.stream, outcome.mail[1])
            for effect, outcome in outcomes
            if outcome.mail is not None
        }
        add_mail_references(tx, mails)
        add_links(tx, [link for one in outcomes for link in _links(*one, at)])
        self._keep_records(tx, outcomes)  # first: it takes contacts' keys before contacts
        note_persons(tx, dict(one.person for _, one in outcomes if one.person is not None))
        values = [sealed.value for _, outcome in outcomes for sealed in outcome.sealed]
        return {ref.id: value for ref, value in zip(references, values, strict=True)}

    def _keep_records(self, tx: Connection, outcomes: Sequence[tuple[Effect, Outcome]]) -> None:
        found: dict[TenantId, dict[ContactId, Record]] = {}
        for effect, outcome in outcomes:
            if outcome.record is not None:
                contact, record = outcome.record
                found.setdefault(effect.tenant, {})[contact] = record
        for tenant, records in sorted(found.items()):
            keep_records(tx, self._vault, tenant, records)

    def _unless_capped(
        self, tx: Connection, effect: Effect, outcome: Outcome, at: datetime
    ) -> tuple[Effect, Outcome]:
        """The outcome, or that there are too many automatic replies to this address."""
        if outcome.cap is None:
            return effect, outcome
        allowed = claim_automatic_reply(
            tx,
            tenant=effect.tenant,
            conversation=effect.stream,
            address_lookup=outcome.cap.address_lookup,
            key=effect.key,
            at=at,
            looks_like_a_loop=outcome.cap.looks_like_a_loop,
            limits=outcome.cap.limits,
        )
        if allowed.allowed:
            return effect, outcome
        why = f"no more automatic replies for now ({allowed.reason})"
        return effect, Outcome(kind="reply_suppressed", data={"why": why}, actor=SYSTEM)


def _links(effect: Effect, outcome: Outcome, at: datetime) -> Iterator[StoredLink]:
    if outcome.link is not None:
        yield StoredLink(
            token_hash=outcome.link.token_hash, tenant=effect.tenant, conversation=effect.stream,
            change=outcome.link.change, expires_at=at + outcome.link.lasts,
        )  # fmt: skip

"""The effects of a change of data: send the code, submit, apply, take back.

Each looks once more, in the ledger's own state, whether what it is about to do is proven and
consented to: what stands in an effect's payload authorises nothing.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from answerable.contacts.book import ContactBook
from answerable.contacts.documents import documents_in
from answerable.contacts.documents_store import open_document
from answerable.contacts.one_time_codes import Bound, Codes, StoredCode, no_code
from answerable.contacts.one_time_codes_store import claim_code, find_code, read_standing
from answerable.contacts.send_caps import prefix_of
from answerable.contacts.send_caps_store import claim_text
from answerable.contacts.sms import MaybeSent, SmsRefused, SmsSender, is_number, last_two
from answerable.contacts.store import Lookup
from answerable.definition.changes import CHANGES
from answerable.definition.schema import ServiceDefinition
from answerable.flow.definitions import Definitions
from answerable.flow.effect_reading import EffectReader
from answerable.flow.perform import Handler
from answerable.flow.ports import (
    ChangeOrder,
    Connector,
    Holder,
    Records,
)
from answerable.flow.record import Outcome, Sealed
from answerable.flow.state import ConversationState
from answerable.kit.clock import Clock
from answerable.kit.database import Database
from answerable.kit.errors import ConnectorRefused, ConnectorUnavailable
from answerable.kit.ids import ContactId, TenantId
from answerable.kit.telemetry import TEXTS_CAPPED, get_logger
from answerable.ledger.event import Effect
from answerable.ledger.reading import read_state
from answerable.playbooks.change import APPROVED, LOCKED, PROVEN, Change
from answerable.privacy.vault import Erased, Vault
from answerable.replies.render import render

log = get_logger("flow")

UNCERTAIN, SEND = "uncertain", "send"


@dataclass(frozen=True, kw_only=True)
class _Authorised:
    """A change that the ledger says may go on, with its exact values. person: who got the code."""

    change: Change
    values: Mapping[str, str]
    person: str


def person_of(lookup: Lookup, effect: Effect, holder: Holder | None) -> str:
    """Whose tries are counted: the back office's customer, else the contact."""
    if holder is None:
        return lookup.person(effect.tenant, "contact", str(effect.payload["contact"]))
    return lookup.person(effect.tenant, str(effect.payload["connector"]), holder.customer)


def filled(
    definition: ServiceDefinition,
    effect: Effect,
    template: str,
    digits: str,
    entered: Mapping[str, Any],
) -> str:
    """A template about what is entered, in the contact's language. digits: "" where it has none."""
    names = {"change": entered["fields"], **({"code": digits} if digits else {})}
    return render(definition, template, str(effect.payload["language"]), names)


class ChangeEffects:
    def __init__(
        self,
        *,
        database: Database,
        vault: Vault,
        contacts: ContactBook,
        definitions: Definitions,
        connectors: Mapping[tuple[TenantId, str], Connector],
        codes: Codes,
        clock: Clock,
    ) -> None:
        self._database = database
        self._vault = vault
        self._lookup = contacts.lookup
        self._definitions = definitions
        self._connectors = connectors
        self._codes = codes
        self._clock = clock
        self._reader = EffectReader(database, vault)

    def single(self) -> dict[str, Handler]:
        return {
            "send_code": self.send_code,
            "submit_change": self.submit_change,
            "apply_change": self.apply_change,
            "drop_change": self.drop_change,
            "send_notice": self.send_notice,
        }

    async def send_code(self, effect: Effect) -> Outcome:
        """At most one text message for each code: it is claimed on disk before it is sent, and
        what was claimed before is not sent again."""
        payload = effect.payload
        about = {"change": payload["change"], "code": payload["code"]}
        records = self._records(effect)
        sender = self._sender(effect)
        entered = str(payload["payload"])  # "" where nothing is entered
        profile, values = await self._reader.read(effect, [entered] if entered else [])
        holder = await records.holder(
            (profile["kind"], profile["address"]), fields=("phone",), key=effect.key
        )
        digits = self._codes.new_digits()
        text = await self._text(effect, digits, values.get(entered, {"fields": {}}))
        number = holder.phone if holder and is_number(holder.phone or "") else None
        claimed = await self._database.write(
            lambda tx: self._claim(tx, effect, holder, number, digits), tenant=effect.tenant
        )
        read = {"connector": payload["connector"], "fields": ["phone"]}
        if claimed == UNCERTAIN:
            return Outcome(kind="code_send_uncertain", actor="system", data=about)
        if claimed != SEND or number is None:
            return Outcome(
                kind="code_not_sent", actor="system", data={**about, **read, "why": claimed}
            )
        try:
            outcome = await sender.send(number, text, str(payload["code"]))
        except ConnectorUnavailable:
            # These digits are gone with this attempt, and nobody knows how long it will last.
            outcome = SmsRefused(reason="unavailable")
        match outcome:
            case MaybeSent():
                return Outcome(kind="code_send_uncertain", actor="system", data={**about, **read})
            case SmsRefused():
                refused = {**about, **read, "why": "refused"}
                return Outcome(kind="code_not_sent", actor="system", data=refused)
            case _:
                sent = {**about, **read, "to_last2": last_two(number)}
                return Outcome(kind="code_sent", actor="system", data=sent)

    async def send_notice(self, effect: Effect) -> Outcome:
        """Tell the number on record. Where nobody knows whether it was told, it is told again: a
        notice too many harms nobody."""
        payload = effect.payload
        records, sender = self._records(effect), self._sender(effect)
        profile, values = await self._reader.read(effect, [str(payload["payload"])])
        holder = await records.holder(
            (profile["kind"], profile["address"]), fields=("phone",), key=effect.key
        )
        about = {"change": payload["change"], "connector": payload["connector"],
                 "fields": ["phone"]}  # fmt: skip
        number = holder.phone if holder and is_number(holder.phone or "") else None
        if number is None:
            return Outcome(kind="notice_not_sent", data={**about, "why": "no_number"})
        text = await self._text(effect, "", values[str(payload["payload"])])
        reached = await self._database.write(
            lambda tx: self._claim_text(tx, effect, number, key=effect.key), tenant=effect.tenant
        )
        if reached is not None:
            return Outcome(kind="notice_not_sent", data={**about, "why": f"cap_of_{reached}"})
        match await sender.send(number, text, effect.key):
            case SmsRefused(reason=reason):
                return Outcome(kind="notice_not_sent", data={**about, "why": reason})
            case MaybeSent():
                raise ConnectorUnavailable(str(payload["texts"]))
            case _:
                return Outcome(kind="notice_sent", data={**about, "to_last2": last_two(number)})

    async def _text(self, effect: Effect, digits: str, entered: Mapping[str, Any]) -> str:
        """Before anything is claimed: a template that cannot be filled costs no code."""
        payload = effect.payload
        definition = await self._database.read(
            lambda tx: self._definitions.by_hash(tx, effect.tenant, payload["definition"]),
            tenant=effect.tenant,
        )
        return filled(definition, effect, str(payload["template"]), digits, entered)

    def _claim(
        self,
        tx: Connection,
        effect: Effect,
        holder: Holder | None,
        number: str | None,
        digits: str,
    ) -> str:
        """SEND, UNCERTAIN, or why nothing is sent. Whom nothing is sent to has a code too, which
        no digits fit: who types some learns nothing, and the tries are counted alike."""
        payload, tenant, at = effect.payload, effect.tenant, self._clock.now()
        code_id = str(payload["code"])
        if find_code(tx, tenant, code_id) is not None:
            return UNCERTAIN
        person = person_of(self._lookup, effect, holder)
        bound = Bound(
            tenant=tenant,
            conversation=effect.stream,
            contact=ContactId(payload["contact"]),
            sent_to=self._lookup.phone(tenant, number or ""),
            commitment=str(payload["commitment"]),
        )
        what = SEND
        if holder is None or number is None:
            what = "unknown" if holder is None else "no_number"
        elif read_standing(tx, tenant, person).is_locked(at):
            what = LOCKED
        else:
            reached = self._claim_text(tx, effect, number, key=code_id)
            what = SEND if reached is None else f"cap_of_{reached}"
        mac = self._codes.mac(code_id, bound, digits) if what == SEND else no_code()
        code = StoredCode(id=code_id, bound=bound, person=person, mac=mac, made_at=at)
        return what if claim_code(tx, code) else UNCERTAIN

    def _claim_text(self, tx: Connection, effect: Effect, number: str, *, key: str) -> str | None:
        """Count one more text message; the limit that forbids it, if one does."""
        tenant = effect.tenant
        # As in force now, and not as when the change began: who is being robbed lowers them.
        limits = self._definitions.active(tenant).limits.text_messages
        reached = claim_text(
            tx, tenant=tenant, number=self._lookup.phone(tenant, number), key=key,
            prefix=self._lookup.phone(tenant, f"prefix {prefix_of(number)}"),
            at=self._clock.now(), limits=limits,
        )  # fmt: skip
        if reached is not None:
            TEXTS_CAPPED.labels(reached).inc()
            log.warning("texts_capped", cap=reached, conversation_id=effect.stream)
        return reached

    async def submit_change(self, effect: Effect) -> Outcome:
        """Give it to the back office; a repeat under the same key is the same request."""
        may = await self._authorised(effect, stage=PROVEN)
        if may is None:
            return self._failed(effect, "not proven")
        records, payload = self._records(effect), effect.payload
        profile, _ = await self._reader.read(effect)
        fields = CHANGES[may.change.kind].fields
        try:
            holder = await records.holder(
                (profile["kind"], profile["address"]), fields=(), key=effect.key
            )
            if holder is None or person_of(self._lookup, effect, holder) != may.person:
                return self._failed(effect, "the code was another person's")
            submitted = await records.submit_change(
                self._order(may, holder.customer), key=effect.key
            )
        except ConnectorRefused as error:
            return self._failed(effect, error.code)
        before = Sealed(
            name="before", contact=ContactId(payload["contact"]), reference_only=True,
            value={"fields": {name: submitted.before.get(name, "") for name in fields}},
        )  # fmt: skip
        data = {
            "change": may.change.id,
            "commitment": may.change.commitment,
            "request": submitted.request,
            "connector": payload["connector"],
            "fields": list(fields),
        }
        return Outcome(kind="change_submitted", data=data, sealed=(before,))

    async def apply_change(self, effect: Effect) -> Outcome:
        """Have it carried out: only what was entered, proven and approved, letter for letter."""
        may = await self._authorised(effect, stage=APPROVED)
        if may is None or not may.change.is_approved:
            return self._failed(effect, "not approved")
        try:
            await self._records(effect).decide_change(
                may.change.request, approve=True, expected=may.values,
                by=may.change.approved_by, key=effect.key,
            )  # fmt: skip
        except ConnectorRefused as error:
            return self._failed(effect, error.code)
        change = may.change
        data = {"change": change.id, "commitment": change.commitment, "request": change.request}
        return Outcome(kind="change_applied", data=data)

    async def drop_change(self, effect: Effect) -> Outcome:
        """Tell the back office that its request will not be approved; one decided there stays."""
        payload = effect.payload
        about = {"change": payload["change"], "request": payload["request"]}
        try:
            await self._records(effect).decide_change(
                str(payload["request"]), approve=False, expected=None, by="assistant",
                key=effect.key,
            )  # fmt: skip
        except ConnectorRefused as error:
            return Outcome(kind="change_dropped", data={**about, "refused": error.code})
        return Outcome(kind="change_dropped", data=about)

    def _failed(self, effect: Effect, why: str) -> Outcome:
        log.warning("change_failed", conversation_id=effect.stream, why=why)
        data = {"change": effect.payload["change"], "why": why}
        return Outcome(kind="change_failed", data=data)

    def _order(self, may: _Authorised, customer: str) -> ChangeOrder:
        return ChangeOrder(customer=customer, kind=may.change.kind, values=may.values)

    async def _authorised(self, effect: Effect, *, stage: str) -> _Authorised | None:
        return await self._database.read(
            lambda tx: self._look(tx, effect, stage), tenant=effect.tenant
        )

    def _look(self, tx: Connection, effect: Effect, stage: str) -> _Authorised | None:
        row = read_state(tx, effect.stream)
        change = ConversationState.from_data(row.state).change if row is not None else None
        wanted = effect.payload
        if change is None or (change.id, change.commitment, change.stage) != (
            wanted["change"], wanted["commitment"], stage,
        ):  # fmt: skip
            return None
        if not change.is_proven:
            return None
        opened = self._vault.opening(tx, tenant=effect.tenant, id=change.payload)
        code = find_code(tx, effect.tenant, change.code)
        if isinstance(opened, Erased) or code is None or code.used_at is None:
            return None
        exact = hashlib.sha256(opened).hexdigest() == change.commitment
        if not exact or code.bound.commitment != change.commitment:
            return None
        value = self._vault.get(tx, tenant=effect.tenant, id=change.payload)
        assert not isinstance(value, Erased)
        if not self._has_documents(tx, effect.tenant, change.kind, value):
            return None
        return _Authorised(change=change, values=value["fields"], person=code.person)

    def _has_documents(
        self, tx: Connection, tenant: TenantId, kind: str, value: Mapping[str, Any]
    ) -> bool:
        """Whether all that this kind of change must not do without is there, byte for byte."""
        documents = documents_in(value)
        opened = [open_document(tx, self._vault, one, tenant=tenant) for one in documents.values()]
        missing = any(isinstance(one, Erased) for one in opened)
        return not missing and documents.keys() == {*CHANGES[kind].documents}

    def _records(self, effect: Effect) -> Records:
        name = str(effect.payload["connector"])
        connector = self._connectors.get((effect.tenant, name))
        if not isinstance(connector, Records):
            raise ConnectorRefused(name, f"{name} is not set up, or changes no data")
        return connector

    def _sender(self, effect: Effect) -> SmsSender:
        name = str(effect.payload["texts"])
        sender = self._connectors.get((effect.tenant, name))
        if not isinstance(sender, SmsSender):
            raise ConnectorRefused(name, f"{name} is not set up for text messages")
        return sender

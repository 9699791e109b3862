"""Codes by e-mail: to the mailbox that the back office knows, and to no other.

Who may ask the back office sends no mail, and who sends mail may not ask it. So it takes two
effects:

1. `address_code`, where connectors run: whose mailbox it is, and whether it may be written to. The
   code is kept, and no digits fit it yet; whom nothing is to be sent to has such a one for good.
   So what is typed meanwhile counts alike, and tells nobody who is a customer.
2. `mail_code`, where mail leaves: the digits are made. That they were, by their MAC, and that the
   address is not needed any more is one transaction; then the mail leaves. The digits stand in no
   table, no event and no effect: the mail has them, and this process while it sends.

A process may die anywhere. Before the transaction of 2 nothing was sent. After it, the repeat finds
no address: nobody knows whether the mail left, so none is sent again, for it would have other
digits; who waits may ask for another code.
"""

from collections.abc import Mapping

from sqlalchemy import Connection

from answerable.contacts.book import ContactBook
from answerable.contacts.entries import read_mail_address
from answerable.contacts.one_time_codes import LASTS, Bound, Codes, StoredCode, no_code
from answerable.contacts.one_time_codes_store import (
    claim_code,
    give_digits,
    hold_code,
    read_standing,
)
from answerable.contacts.send_caps_store import claim_code_mail
from answerable.definition.changes import EMAIL
from answerable.flow.change_effects import UNCERTAIN, filled, person_of
from answerable.flow.definitions import Definitions
from answerable.flow.effect_reading import EffectReader
from answerable.flow.message import OutboundReply, Sender
from answerable.flow.perform import Handler
from answerable.flow.ports import Connector, Deliverer, Holder, Records
from answerable.flow.record import Outcome, Sealed
from answerable.kit.clock import Clock
from answerable.kit.database import Database
from answerable.kit.errors import ConnectorRefused, ConnectorUnavailable
from answerable.kit.ids import ContactId, TenantId
from answerable.kit.telemetry import CODE_MAILS_CAPPED, get_logger
from answerable.ledger.event import SYSTEM, Effect
from answerable.playbooks.change import LOCKED
from answerable.privacy.vault import Erased, Vault

log = get_logger("flow")


class CodeMails:
    """connectors, deliverers: as in `World`."""

    def __init__(
        self,
        *,
        database: Database,
        vault: Vault,
        contacts: ContactBook,
        definitions: Definitions,
        connectors: Mapping[tuple[TenantId, str], Connector],
        deliverers: Mapping[tuple[TenantId, str], Deliverer],
        codes: Codes,
        clock: Clock,
    ) -> None:
        self._database = database
        self._vault = vault
        self._lookup = contacts.lookup
        self._definitions = definitions
        self._connectors = connectors
        self._deliverers = deliverers
        self._codes = codes
        self._clock = clock
        self._reader = EffectReader(database, vault)

    def single(self) -> dict[str, Handler]:
        return {"address_code": self.address_code, "mail_code": self.mail_code}

    async def address_code(self, effect: Effect) -> Outcome:
        """Find out to which mailbox a code goes: the back office says it, and nobody else."""
        payload = effect.payload
        profile, _ = await self._reader.read(effect)
        holder = await self._records(effect).holder(
            (profile["kind"], profile["address"]), fields=("email",), key=effect.key
        )
        address = _mailbox(holder)
        why = await self._database.write(
            lambda tx: self._claim(tx, effect, holder, address), tenant=effect.tenant
        )
        data = {
            "change": payload["change"], "code": payload["code"], "by": EMAIL,
            "connector": payload["connector"], "fields": ["email"],
        }  # fmt: skip
        if why is not None:
            return Outcome(kind="code_not_sent", actor=SYSTEM, data={**data, "why": why})
        sealed = Sealed(
            name="address", contact=ContactId(payload["contact"]), value={"address": address},
            reference_only=True,
        )  # fmt: skip
        return Outcome(kind="code_addressed", actor=SYSTEM, data=data, sealed=(sealed,))

    async def mail_code(self, effect: Effect) -> Outcome:
        """Make the digits and send them, at most once for each code."""
        payload = effect.payload
        inbox = str(payload["inbox"])
        deliverer = self._deliverers.get((effect.tenant, inbox))
        if deliverer is None:
            raise ConnectorRefused(inbox, f"the inbox {inbox!r} has no way out")
        digits = self._codes.new_digits()
        # Before anything is claimed: a template that cannot be filled costs no code.
        subject, text = await self._written(effect, digits)
        address, why = await self._database.write(
            lambda tx: self._make(tx, effect, digits), tenant=effect.tenant
        )
        data = {"change": payload["change"], "code": payload["code"], "by": EMAIL}
        if why == UNCERTAIN:
            return Outcome(kind="code_send_uncertain", actor=SYSTEM, data=data)
        if why is None:
            mail = OutboundReply(
                tenant=effect.tenant, conversation=effect.stream, inbox=inbox, key=effect.key,
                to=Sender(kind="email", address=address), subject=subject, text=text,
                automatic=True, apart=True, language=str(payload["language"]),
            )  # fmt: skip
            why = await _sent(deliverer, mail)
        if why is not None:
            return Outcome(kind="code_not_sent", actor=SYSTEM, data={**data, "why": why})
        return Outcome(kind="code_sent", actor=SYSTEM, data=data)

    def _claim(
        self, tx: Connection, effect: Effect, holder: Holder | None, address: str
    ) -> str | None:
        """Keep the code, and why nothing is sent; None: something is. A repeat says the same."""
        payload, tenant, at = effect.payload, effect.tenant, self._clock.now()
        person = person_of(self._lookup, effect, holder)
        bound = Bound(
            tenant=tenant,
            conversation=effect.stream,
            contact=ContactId(payload["contact"]),
            sent_to=self._lookup.mailbox(tenant, address),
            commitment=str(payload["commitment"]),
        )
        code_id = str(payload["code"])
        claim_code(
            tx, StoredCode(id=code_id, bound=bound, person=person, mac=no_code(), made_at=at)
        )
        if holder is None:
            return "unknown"
        if not address:
            return "no_mailbox"
        if read_standing(tx, tenant, person).is_locked(at):
            return LOCKED
        # As in force now, and not as when the change began.
        limits = self._definitions.active(tenant).limits.code_mails
        reached = claim_code_mail(
            tx, tenant=tenant, address=bound.sent_to, key=code_id, at=at, limits=limits
        )
        if reached is None:
            return None
        CODE_MAILS_CAPPED.labels(reached).inc()
        log.warning("code_mails_capped", cap=reached, conversation_id=effect.stream)
        return f"cap_of_{reached}"

    def _make(self, tx: Connection, effect: Effect, digits: str) -> tuple[str, str | None]:
        """(where the digits go, None), or why they go nowhere."""
        payload, tenant, now = effect.payload, effect.tenant, self._clock.now()
        # Another process may be at it: of two that read the address, one would send wrong digits.
        code = hold_code(tx, tenant, str(payload["code"]))
        reference = str(payload["address"])
        value = self._vault.get(tx, tenant=tenant, id=reference)
        if code is None or isinstance(value, Erased):
            return "", UNCERTAIN
        self._vault.remove(tx, tenant=tenant, ids=[reference])
        if now - code.made_at >= LASTS:
            return "", "too_late"
        if read_standing(tx, tenant, code.person).is_locked(now):
            return "", LOCKED
        give_digits(tx, tenant, code.id, self._codes.mac(code.id, code.bound, digits))
        return str(value["address"]), None

    async def _written(self, effect: Effect, digits: str) -> tuple[str, str]:
        """Subject and text. The digits are not in the subject, which lies open on many a screen."""
        payload = effect.payload
        entered = str(payload["payload"])  # "" where nothing is entered
        _, values = await self._reader.read(effect, [entered] if entered else [])
        definition = await self._database.read(
            lambda tx: self._definitions.by_hash(tx, effect.tenant, payload["definition"]),
            tenant=effect.tenant,
        )
        change = values.get(entered, {"fields": {}})
        text = filled(definition, effect, str(payload["template"]), digits, change)
        if "subject" not in payload:
            return definition.brand.name, text
        return filled(definition, effect, str(payload["subject"]), "", change), text

    def _records(self, effect: Effect) -> Records:
        name = str(effect.payload["connector"])
        connector = self._connectors.get((effect.tenant, name))
        if not isinstance(connector, Records):
            raise ConnectorRefused(name, f"{name} is not set up, or changes no data")
        return connector


def _mailbox(holder: Holder | None) -> str:
    """The address that the back office has; "" if none, or none that mail can be sent to."""
    values, wrong = read_mail_address({"email": (holder.values if holder else {}).get("email", "")})
    return "" if wrong else values["email"]


async def _sent(deliverer: Deliverer, mail: OutboundReply) -> str | None:
    """Why the mail was not sent, or may not have been; None if it was."""
    try:
        delivered = await deliverer.deliver(mail)
    except ConnectorUnavailable:
        # These digits are gone with this attempt, and nobody knows how long it will last.
        return "unavailable"
    except ConnectorRefused:
        return "refused"
    return "held" if delivered.held else None

"""Checking the digits of an authenticator app, which another system knows to be right or wrong.

To ask it takes a call, so this is no single transaction. What is written when:

1. The page: `code_entered` with this effect; the digits are in the vault (`self_service`).
2. Before asking: the try is kept under its id, and counts as a wrong one of that person. Who is
   locked, or tries too fast, is not asked about. What is kept already is not counted again.
3. After the answer: a right try is marked as used and counts no more; a wrong one stays; one that
   nobody answered is dropped, and counts no more. The digits are removed.
4. The outcome becomes an event, once for each effect (`record`).

So a process may die anywhere. Before 2 nothing was asked. Between 2 and 3 the repeat asks again
under the same key, which has the same answer, and the try is counted in any case. After 3 it finds
what came of it. A repeat that comes too late for the digits asks nothing: the try stays counted.
What was right proves the commitment that it was entered for, and nothing else: the try is bound to
it as a code is, and the event names it.
"""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection

from answerable.contacts.book import ContactBook
from answerable.contacts.one_time_codes import (
    CHECK_WITHIN,
    Bound,
    Standing,
    StoredCode,
    Verdict,
    no_code,
)
from answerable.contacts.one_time_codes_store import (
    claim_code,
    drop_code,
    find_code,
    read_standing,
    save_standing,
    use_code,
)
from answerable.definition.changes import APP
from answerable.flow.change_effects import person_of
from answerable.flow.effect_reading import EffectReader
from answerable.flow.perform import Handler
from answerable.flow.ports import AppCodes, Connector, Records
from answerable.flow.record import Outcome
from answerable.kit.clock import Clock
from answerable.kit.database import Database
from answerable.kit.errors import ConnectorRefused, ConnectorUnavailable
from answerable.kit.ids import ContactId, TenantId
from answerable.kit.telemetry import get_logger
from answerable.ledger.event import SYSTEM, Effect
from answerable.privacy.vault import Erased, Vault

log = get_logger("flow")


class AppCodeChecks:
    def __init__(
        self,
        *,
        database: Database,
        vault: Vault,
        contacts: ContactBook,
        connectors: Mapping[tuple[TenantId, str], Connector],
        clock: Clock,
    ) -> None:
        self._database = database
        self._vault = vault
        self._lookup = contacts.lookup
        self._connectors = connectors
        self._clock = clock
        self._reader = EffectReader(database, vault)

    def single(self) -> dict[str, Handler]:
        return {"check_code": self.check_code}

    async def check_code(self, effect: Effect) -> Outcome:
        """What came of the digits. A system that does not answer is not asked for long: who typed
        them waits, and the app has others by then."""
        try:
            verdict, why = await self._verdict(effect), "too_late"
        except ConnectorUnavailable:
            verdict, why = Verdict.NOT_CHECKED, "unavailable"
        except ConnectorRefused:
            verdict, why = Verdict.NOT_CHECKED, "refused"
        if verdict is Verdict.NOT_CHECKED:
            log.warning("code_not_checked", conversation_id=effect.stream, why=why)
            await self._database.write(
                lambda tx: self._remove_digits(tx, effect), tenant=effect.tenant
            )
        return _outcome(effect, verdict, why)

    async def _verdict(self, effect: Effect) -> Verdict:
        """Raises ConnectorUnavailable or ConnectorRefused; then no try was counted here."""
        records, codes = self._systems(effect)
        profile, _ = await self._reader.read(effect)
        subject = profile["kind"], profile["address"]
        holder = await records.holder(subject, fields=(), key=effect.key)
        person = person_of(self._lookup, effect, holder)
        asked = await self._database.write(
            lambda tx: self._count(tx, effect, person), tenant=effect.tenant
        )
        if isinstance(asked, Verdict):
            return asked
        customer = holder.customer if holder is not None else None
        try:
            right = await codes.accepts_app_code(customer, asked, key=effect.key)
        except (ConnectorUnavailable, ConnectorRefused):
            await self._database.write(
                lambda tx: self._take_back(tx, effect, person), tenant=effect.tenant
            )
            raise
        return await self._database.write(
            lambda tx: self._settle(tx, effect, person, right=right), tenant=effect.tenant
        )

    def _count(self, tx: Connection, effect: Effect, person: str) -> str | Verdict:
        """Count the try; its digits, to be asked about, or what is known without asking."""
        payload, tenant, now = effect.payload, effect.tenant, self._clock.now()
        standing = read_standing(tx, tenant, person)
        kept = find_code(tx, tenant, str(payload["code"]))
        value = self._vault.get(tx, tenant=tenant, id=str(payload["digits"]))
        if kept is not None and kept.used_at is not None:
            return Verdict.ACCEPTED
        if kept is not None and kept.tries == 0:
            return standing.refuses_app_code(now) or Verdict.WORN_OUT
        if isinstance(value, Erased):  # the answer was there before
            return _wrong(standing, now) if kept is not None else Verdict.NOT_CHECKED
        if now - datetime.fromisoformat(payload["entered_at"]) >= CHECK_WITHIN:
            return Verdict.NOT_CHECKED
        if kept is not None:
            return str(value["digits"])
        refused = standing.refuses_app_code(now)
        claim_code(tx, self._try(effect, person, at=now, tries=0 if refused else 1))
        if refused is not None:
            self._remove_digits(tx, effect)
            return refused
        save_standing(tx, tenant, person, standing.after_wrong(now))
        return str(value["digits"])

    def _try(self, effect: Effect, person: str, *, at: datetime, tries: int) -> StoredCode:
        payload = effect.payload
        bound = Bound(
            tenant=effect.tenant, conversation=effect.stream, sent_to="",
            contact=ContactId(payload["contact"]), commitment=str(payload["commitment"]),
        )  # fmt: skip
        return StoredCode(
            id=str(payload["code"]), bound=bound, person=person, mac=no_code(), made_at=at,
            tries=tries,
        )  # fmt: skip

    def _settle(self, tx: Connection, effect: Effect, person: str, *, right: bool) -> Verdict:
        tenant, now = effect.tenant, self._clock.now()
        standing = read_standing(tx, tenant, person)
        kept = find_code(tx, tenant, str(effect.payload["code"]))
        self._remove_digits(tx, effect)
        if kept is None:
            return Verdict.NOT_CHECKED
        if not right:
            return _wrong(standing, now)
        if kept.used_at is None:
            after = standing.without(kept.made_at).after_right()
            save_standing(tx, tenant, person, after)
            use_code(tx, tenant, kept.id, now)
        return Verdict.ACCEPTED

    def _take_back(self, tx: Connection, effect: Effect, person: str) -> None:
        """Nobody heard whether the digits were right, so nobody has learnt anything by them."""
        standing = read_standing(tx, effect.tenant, person)
        kept = find_code(tx, effect.tenant, str(effect.payload["code"]))
        if kept is not None and kept.used_at is None:
            save_standing(tx, effect.tenant, person, standing.without(kept.made_at))
            drop_code(tx, effect.tenant, kept.id)

    def _remove_digits(self, tx: Connection, effect: Effect) -> None:
        self._vault.remove(tx, tenant=effect.tenant, ids=[str(effect.payload["digits"])])

    def _systems(self, effect: Effect) -> tuple[Records, AppCodes]:
        """Both are the back office: who the customer is, and what their app shows."""
        name = str(effect.payload["connector"])
        connector = self._connectors.get((effect.tenant, name))
        if not isinstance(connector, Records) or not isinstance(connector, AppCodes):
            raise ConnectorRefused(name, f"{name} is not set up, or checks no authenticator apps")
        return connector, connector


def _wrong(standing: Standing, now: datetime) -> Verdict:
    return Verdict.LOCKED if standing.is_locked(now) else Verdict.WRONG


def _outcome(effect: Effect, verdict: Verdict, why: str) -> Outcome:
    payload = effect.payload
    about = {
        "change": payload["change"], "code": payload["code"], "by": APP,
        "connector": payload["connector"],
    }  # fmt: skip
    match verdict:
        case Verdict.ACCEPTED:
            data = {**about, "commitment": payload["commitment"]}
            return Outcome(kind="code_accepted", actor=SYSTEM, data=data)
        case Verdict.NOT_CHECKED:
            return Outcome(kind="code_not_checked", actor=SYSTEM, data={**about, "why": why})
        case _:
            data = {**about, "why": verdict.value}
            return Outcome(kind="code_refused", actor=SYSTEM, data=data)

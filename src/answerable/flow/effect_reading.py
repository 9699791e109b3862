"""What effects read before they are carried out: a contact's profile, and values of the vault."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from answerable.contacts.store import profiles_of
from answerable.kit.database import Database
from answerable.kit.errors import AnswerableError
from answerable.kit.ids import ContactId, TenantId
from answerable.ledger.event import Effect
from answerable.privacy.vault import Erased, Vault
from answerable.privacy.volatile import is_volatile


@dataclass(frozen=True, kw_only=True)
class _Wanted:
    """What an effect needs to know: a contact's profile, and values of the vault."""

    tenant: TenantId
    contact: ContactId
    refs: Sequence[str]


Values = dict[str, dict[str, Any] | Erased]


class EffectReader:
    """Raises AnswerableError where a contact, or what they said, was erased or forgotten meanwhile:
    it then is work for a person at once."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault

    async def texts(self, tenant: TenantId, refs: Sequence[str]) -> dict[str, dict[str, Any]]:
        found = await self._database.read(
            lambda tx: self._vault.get_many(tx, tenant=tenant, ids=refs), tenant=tenant
        )
        return {ref: _there(found, ref) for ref in refs}

    async def read(
        self, effect: Effect, refs: Sequence[str] = ()
    ) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
        """The contact's profile, and these values; read with what other effects want meanwhile."""
        contact = ContactId(effect.payload["contact"])
        wanted = _Wanted(tenant=effect.tenant, contact=contact, refs=refs)
        profile_ref, found = await self._database.read_batched(
            self._read_many, wanted, tenant=effect.tenant
        )
        if profile_ref is None:
            raise AnswerableError("contact_gone", "the contact does not exist any more")
        return _there(found, profile_ref), {ref: _there(found, ref) for ref in refs}

    def _read_many(
        self, tx: Connection, wanted: Sequence[_Wanted]
    ) -> Sequence[tuple[str | None, Values]]:
        """For each, the reference of the profile, and what was found. All are of one tenant."""
        tenant = wanted[0].tenant
        profiles = profiles_of(tx, tenant, [one.contact for one in wanted])
        refs = {*profiles.values(), *(ref for one in wanted for ref in one.refs)}
        found = self._vault.get_many(tx, tenant=tenant, ids=refs)
        return [(profiles.get(one.contact), found) for one in wanted]


def _there(found: Values, ref: str) -> dict[str, Any]:
    value = found.get(ref)
    if value is None or isinstance(value, Erased):
        if is_volatile(ref):
            raise AnswerableError(
                "value_forgotten", "what was said is not here any more: see the case in the CRM"
            )
        raise AnswerableError("value_erased", "the contact's data was erased", ref=ref)
    return value

"""The service definitions in force, and those that running playbooks began under."""

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy import Connection

from answerable.definition.load import load_definition
from answerable.definition.schema import ServiceDefinition
from answerable.kit.database import UtcDateTime, lock_until_commit, metadata
from answerable.kit.errors import InvalidInput, NotFound
from answerable.kit.ids import TenantId
from answerable.ledger.administration import record_administration
from answerable.ledger.event import NewEvent
from answerable.playbooks.action import ActionLibrary

service_definition = sa.Table(
    "service_definition",
    metadata,
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("hash", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("source", sa.LargeBinary, nullable=False),
    sa.Column("activated_at", UtcDateTime, nullable=False),
)


class Definitions:
    """By tenant, the definition in force; by hash, every one that was."""

    def __init__(self, actions: ActionLibrary) -> None:
        self._actions = actions
        self._active: dict[TenantId, ServiceDefinition] = {}
        self._known: dict[str, ServiceDefinition] = {}

    @property
    def tenants(self) -> list[TenantId]:
        return list(self._active)

    def active(self, tenant: TenantId) -> ServiceDefinition:
        """Raises NotFound for a tenant that this process does not serve."""
        try:
            return self._active[tenant]
        except KeyError:
            raise NotFound("unknown_tenant", f"no service definition for {tenant}") from None

    def forget_after(self, tenant: TenantId) -> timedelta | None:
        """How long texts of the tenant are kept that are nowhere on disk; None: they are in the
        database."""
        known = self._active.get(tenant)
        return known.keeping.forget_after if known is not None else None

    def known(self, digest: str) -> ServiceDefinition | None:
        """The definition with this hash, if this process has met it."""
        return self._known.get(digest)

    def by_hash(self, tx: Connection, tenant: TenantId, digest: str) -> ServiceDefinition:
        """One that was or is in force, perhaps only in a process that began later than this one.

        Raises NotFound if nobody stored it, or if this release cannot read it.
        """
        if digest not in self._known:
            table = service_definition.c
            stored = sa.select(service_definition).where(
                table.tenant == tenant, table.hash == digest
            )
            for row in tx.execute(stored):
                self._remember(row.name, row.source, row.hash)
        found = self._known.get(digest)
        if found is None:
            raise NotFound("unknown_definition", f"no service definition with hash {digest}")
        return found

    def add(self, definition: ServiceDefinition) -> None:
        """Put a definition in force without storing it; `activate` is for services."""
        if definition.tenant in self._active:
            other = self._active[definition.tenant]
            if other.hash != definition.hash:
                raise InvalidInput(
                    "two_definitions", f"two definitions for the service {definition.tenant}"
                )
        self._active[definition.tenant] = definition
        self._known[definition.hash] = definition

    def activate(
        self, tx: Connection, definition: ServiceDefinition, *, name: str, source: bytes,
        at: datetime,
    ) -> None:  # fmt: skip
        """Store the definition under its hash and note in the ledger that it is in force."""
        lock_until_commit(tx, [f"definition {definition.tenant}"])
        table = service_definition.c
        rows = tx.execute(
            sa.select(service_definition).where(table.tenant == definition.tenant)
        ).all()
        latest = max(rows, key=lambda row: row.activated_at, default=None)
        if latest is None or latest.hash != definition.hash:
            tx.execute(
                sa.delete(service_definition).where(
                    table.tenant == definition.tenant, table.hash == definition.hash
                )
            )
            tx.execute(
                sa.insert(service_definition).values(
                    tenant=definition.tenant,
                    hash=definition.hash,
                    name=name,
                    source=source,
                    activated_at=at,
                )
            )
            record_administration(
                tx,
                definition.tenant,
                NewEvent(kind="definition_activated", data={"hash": definition.hash}),
                at=at,
            )
        for row in rows:
            self._remember(row.name, row.source, row.hash)

    def _remember(self, name: str, source: bytes, digest: str) -> None:
        if digest not in self._known:
            loaded = load_definition(name, source, actions=self._actions.catalogue)
            if loaded.definition is not None:
                self._known[digest] = loaded.definition

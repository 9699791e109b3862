"""The export of the ledger from an installation, running or not."""

from datetime import datetime
from functools import partial
from typing import BinaryIO

from sqlalchemy import Connection

from answerable import __version__
from answerable.kit.clock import Clock
from answerable.kit.database import Database
from answerable.kit.errors import NotFound
from answerable.kit.ids import TenantId
from answerable.ledger.administration import record_administration
from answerable.ledger.checkpoint import CheckpointFile, SigningKey, read_checkpoints
from answerable.ledger.event import NewEvent
from answerable.ledger.export import ExportCounts, seal_everything, write_export
from answerable.processes.settings import Settings
from answerable.processes.stored import stored_tenants


async def export_ledger(
    database: Database,
    settings: Settings,
    key: SigningKey,
    clock: Clock,
    *,
    tenant: TenantId | None,
    out: BinaryIO,
    after: int = 0,
) -> ExportCounts:
    """Write the ledger of `tenant` to `out`; of the only tenant if it is None.

    after: number of the checkpoint at which an earlier export ended; 0 for all of it.

    Before that, the export itself is recorded and everything is sealed, also in the checkpoint
    file, so that the export ends with the event that says it was made.
    Raises NotFound if there is no such checkpoint or tenant, or if there are several tenants and
    none is named.
    """
    named = await database.read(lambda tx: _tenant(tx, tenant))
    at = clock.now()
    await database.write(lambda tx: _record(tx, named, key, at))
    file = CheckpointFile(settings.checkpoint_file)
    kept = file.last_number(named)
    file.append(await database.read(lambda tx: read_checkpoints(tx, named, after=kept)))
    write = partial(write_export, product=f"answerable {__version__}", at=at, after=after)
    return await database.read(lambda tx: write(tx, named, key, out))


def _record(tx: Connection, tenant: TenantId, key: SigningKey, at: datetime) -> None:
    exported = NewEvent(kind="export_downloaded", data={"by": "command line", "what": "ledger"})
    record_administration(tx, tenant, exported, at=at)
    seal_everything(tx, tenant, key, at=at)


def _tenant(tx: Connection, wanted: TenantId | None) -> TenantId:
    tenants = stored_tenants(tx)
    if wanted is None and len(tenants) == 1:
        return tenants[0]
    if wanted in tenants:
        assert wanted is not None
        return wanted
    there = ", ".join(tenants) or "none"
    asked = f"no tenant {wanted!r} here" if wanted else "say which with --tenant"
    raise NotFound("unknown_tenant", f"{asked}; there are: {there}")

"""The ledger of one tenant as JSON lines, for whoever wants to verify it without us.

    {"kind":"header", ...}                 whose ledger, which key, and after which checkpoint
    {"actor":..., ..., "tenant":..., "hash":...}   an event: exactly the fields that are hashed, in
                                           their canonical order, then the hash
    {"at":..., "heads":{...}, ..., "signature":...}   a checkpoint, right after the events it seals
    {"kind":"closing", ...}                counts and a digest of all lines above, signed

Every line is canonical JSON but for the hash at the end of an event: cut it off, close the brace,
and these are the bytes that were hashed. `ledger/verify.py` reads this form.
"""

import hashlib
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, BinaryIO, cast

import sqlalchemy as sa
from sqlalchemy import Connection, Row

from answerable.kit.canonical import canonical_json, canonical_text, sha256_hex
from answerable.kit.errors import NotFound
from answerable.kit.ids import TenantId
from answerable.ledger.checkpoint import SigningKey, checkpoint, seal
from answerable.ledger.event import GENESIS, wire_time
from answerable.ledger.tables import event

FORMAT = "answerable-ledger-1"
_PAGE = 1_000  # rows read at once: memory stays small however long the ledger is


_CHECKPOINT = sa.select(checkpoint).where(
    checkpoint.c.tenant == sa.bindparam("tenant"), checkpoint.c.number == sa.bindparam("number")
)
_HASH = sa.select(event.c.hash).where(
    event.c.stream == sa.bindparam("stream"), event.c.seq == sa.bindparam("seq")
)


@dataclass(frozen=True, kw_only=True)
class ExportCounts:
    """What an export holds."""

    events: int
    checkpoints: int


def seal_everything(tx: Connection, tenant: TenantId, key: SigningKey, *, at: datetime) -> int:
    """Seal until nothing of `tenant` is unsealed; returns how many checkpoints that took.

    A unit of writing: run it before `write_export`, which leaves out what is not sealed.
    """
    made = 0
    while seal(tx, tenant, key, at=at) is not None:
        made += 1
    return made


def write_export(
    tx: Connection,
    tenant: TenantId,
    key: SigningKey,
    out: BinaryIO,
    *,
    product: str,
    at: datetime,
    after: int = 0,
) -> ExportCounts:
    """Write all sealed events of `tenant` and their checkpoints to `out`, from one snapshot.

    product: name and version of the program that writes, for the reader of the file. after: number
    of a checkpoint; what it and those before it seal is left out. Raises NotFound if there is none.
    """
    lines = export_lines(tx, tenant, key, product=product, at=at, after=after)
    while True:
        try:
            out.write(next(lines))
        except StopIteration as finished:
            return cast("ExportCounts", finished.value)


def export_lines(
    tx: Connection,
    tenant: TenantId,
    key: SigningKey,
    *,
    product: str,
    at: datetime,
    after: int = 0,
) -> Generator[bytes, None, ExportCounts]:
    """The lines of the export, each with its line feed; returns what they hold."""
    digest = hashlib.sha256()
    events = checkpoints = 0
    before = _before(tx, tenant, after)
    last = before.hash if before else GENESIS
    header: dict[str, Any] = {
        "at": wire_time(at),
        "format": FORMAT,
        "key": key.key_id,
        "kind": "header",
        "product": product,
        "public_key": key.public,
        "tenant": tenant,
    }
    if before is not None:
        header["after"] = {"hash": before.hash, "number": after}
    line = canonical_json(header) + b"\n"
    digest.update(line)
    yield line
    for line, sealed in _records(tx, tenant, after, before.position if before else 0):
        digest.update(line)
        if sealed is None:
            events += 1
        else:
            checkpoints += 1
            last = sealed
        yield line
    closing = {
        "at": wire_time(at),
        "checkpoints": checkpoints,
        "digest": digest.hexdigest(),
        "events": events,
        "key": key.key_id,
        "kind": "closing",
        "last_checkpoint": last,
        "tenant": tenant,
    }
    signed = canonical_json(closing)
    closing |= {"hash": sha256_hex(signed), "signature": key.sign(signed)}
    yield canonical_json(closing) + b"\n"
    return ExportCounts(events=events, checkpoints=checkpoints)


def _before(tx: Connection, tenant: TenantId, number: int) -> Row[Any] | None:
    """The checkpoint that an export begins after; None for a whole one."""
    if not number:
        return None
    row = tx.execute(_CHECKPOINT, {"tenant": tenant, "number": number}).first()
    if row is None:
        raise NotFound("unknown_checkpoint", f"{tenant} has no checkpoint {number}")
    return row


def _records(
    tx: Connection, tenant: TenantId, after: int, position: int
) -> Iterator[tuple[bytes, str | None]]:
    """Events in commit order, each checkpoint after its last event, with the checkpoint's hash.

    after, position: number of the checkpoint that these come after, and where it stands.
    """
    heads: dict[str, str] = {}
    for row in _checkpoints(tx, tenant, after):
        for item in _events(tx, tenant, after=position, until=row.position):
            if item.stream not in heads and item.seq > 1:  # it began before the first line
                place = {"stream": item.stream, "seq": item.seq - 1}
                heads[item.stream] = tx.scalar(_HASH, place) or GENESIS
            yield _event_line(item, heads.get(item.stream, GENESIS)), None
            heads[item.stream] = item.hash
        position = max(position, row.position)
        yield canonical_json(row.record) + b"\n", row.hash


def _checkpoints(tx: Connection, tenant: TenantId, after: int) -> Iterator[Any]:
    while True:
        rows = tx.execute(
            sa.select(checkpoint)
            .where(checkpoint.c.tenant == tenant, checkpoint.c.number > after)
            .order_by(checkpoint.c.number)
            .limit(_PAGE)
        ).all()
        yield from rows
        if len(rows) < _PAGE:
            return
        after = rows[-1].number


def _events(tx: Connection, tenant: TenantId, *, after: int, until: int) -> Iterator[Any]:
    # The stored text of `data`, not parsed and written again: what was altered must stay visible.
    raw = sa.type_coerce(event.c.data, sa.Text).label("data")
    others = [column for column in event.c if column.name != "data"]
    while True:
        rows = tx.execute(
            sa.select(*others, raw)
            .where(event.c.tenant == tenant, event.c.position > after, event.c.position <= until)
            .order_by(event.c.position)
            .limit(_PAGE)
        ).all()
        yield from rows
        if len(rows) < _PAGE:
            return
        after = rows[-1].position


def _event_line(row: Any, previous: str) -> bytes:
    parts = (
        ("actor", canonical_text(row.actor)),
        ("at", canonical_text(wire_time(row.at))),
        ("cause", canonical_text(row.cause)),
        ("data", row.data),
        ("kind", canonical_text(row.kind)),
        ("previous", canonical_text(previous)),
        ("seq", str(row.seq)),
        ("stream", canonical_text(row.stream)),
        ("tenant", canonical_text(row.tenant)),
        ("hash", canonical_text(row.hash)),
    )
    return ("{" + ",".join(f'"{name}":{value}' for name, value in parts) + "}\n").encode()

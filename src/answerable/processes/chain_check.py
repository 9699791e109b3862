"""Whether the chains in a database are whole: every event, every head, every checkpoint.

Without signatures: those are for `answerable audit verify`, which trusts no database.
"""

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, Row

from answerable.kit.canonical import canonical_text, sha256_hex
from answerable.ledger.checkpoint import checkpoint
from answerable.ledger.event import GENESIS, wire_time
from answerable.ledger.tables import event, stream

MOST = 100  # findings; whoever has so many needs no more
_FETCHED = 2000


def check_chains(tx: Connection) -> list[str]:
    """What is wrong with the chains, as sentences; empty when all is well."""
    found: list[str] = []
    for finding in _findings(tx):
        found.append(finding)
        if len(found) == MOST:
            break
    return found


def _findings(tx: Connection) -> Iterator[str]:
    heads = {
        row.id: (row.head_seq, row.head_hash)
        for row in tx.execute(sa.select(stream.c.id, stream.c.head_seq, stream.c.head_hash))
    }
    for name, rows in groupby(_events(tx), key=lambda row: str(row.stream)):
        seq, previous = 0, GENESIS
        for row in rows:
            if row.seq != seq + 1:
                yield f"{name}: event {seq + 1} is missing"
            seq = row.seq
            if _hash(row, previous) != row.hash:
                yield f"{name}: event {row.seq} has not the hash it says, or not its predecessor"
            previous = row.hash
        if heads.pop(name, None) != (seq, previous):
            yield f"{name}: ends with event {seq}, and its head says otherwise"
    for name, (seq, _) in heads.items():
        if seq:
            yield f"{name}: has no events, and its head says {seq}"
    yield from _checkpoints(tx)


def _events(tx: Connection) -> Iterator[Row[Any]]:
    raw = sa.type_coerce(event.c.data, sa.Text).label("data")
    query = (
        sa.select(*(column for column in event.c if column.name != "data"), raw)
        .order_by(event.c.stream, event.c.seq)
        .execution_options(yield_per=_FETCHED)
    )
    found: Iterable[Row[Any]] = tx.execute(query)
    yield from found


def _hash(row: Row[Any], previous: str) -> str:
    """Over the stored bytes of `data`: parsing and writing them anew could hide a change."""
    parts = (
        f'"actor":{canonical_text(row.actor)}',
        f'"at":"{wire_time(row.at)}"',
        f'"cause":{canonical_text(row.cause)}',
        f'"data":{row.data}',
        f'"kind":{canonical_text(row.kind)}',
        f'"previous":"{previous}"',
        f'"seq":{row.seq}',
        f'"stream":{canonical_text(row.stream)}',
        f'"tenant":{canonical_text(row.tenant)}',
    )
    return sha256_hex(("{" + ",".join(parts) + "}").encode())


def _checkpoints(tx: Connection) -> Iterator[str]:
    last: dict[str, tuple[int, str]] = {}
    query = sa.select(checkpoint).order_by(checkpoint.c.tenant, checkpoint.c.number)
    sealed = sa.select(event.c.hash).where(
        event.c.stream == sa.bindparam("stream"), event.c.seq == sa.bindparam("seq")
    )
    for row in tx.execute(query):
        what = f"checkpoint {row.number} of {row.tenant}"
        number, previous = last.get(row.tenant, (0, GENESIS))
        if row.number != number + 1 or row.record["previous"] != previous:
            yield f"{what} does not follow from the one before it"
        last[row.tenant] = (row.number, row.hash)
        for name, (seq, digest) in row.record["heads"].items():
            if tx.execute(sealed, {"stream": name, "seq": seq}).scalar() != digest:
                yield f"{what} sealed event {seq} of {name}, which is not there as it was"

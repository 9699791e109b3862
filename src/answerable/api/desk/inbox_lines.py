"""Conversations as the inbox shows them, written once for all who look at them.

A page is asked for again and again, by every agent, and most of it has not changed. What is
written is remembered under everything it was written from: the conversation's row, its contact's
profile and last erasure, its owner's name and the definition. So what was written before a contact
was erased is never shown again.
"""

from collections import OrderedDict
from collections.abc import Sequence
from threading import Lock

from sqlalchemy import Connection

from answerable.api.desk.reading import Reader
from answerable.definition.schema import ServiceDefinition
from answerable.desk.inbox_store import InboxRow, find_summaries
from answerable.kit.ids import ConversationId, TenantId

REMEMBERED = 2_000  # lines of a tenant, about 1 KB each


class InboxLines:
    """Of all tenants. Several threads may ask at once."""

    def __init__(self, remembered: int = REMEMBERED) -> None:
        self._remembered = remembered
        self._tenants: dict[TenantId, _Lines] = {}
        self._lock = Lock()

    def of(self, tx: Connection, reader: Reader, rows: Sequence[InboxRow]) -> list[bytes]:
        """A `SummaryShape` in JSON for each row, in their order."""
        if reader.definition.keeping.forget_after is not None:
            # What they were written from goes by itself, and nobody could tell from the rows.
            passing = _write(tx, reader, rows)
            return [passing[row] for row in rows if row in passing]
        with self._lock:
            lines = self._lines(reader)
            known = lines.find(rows)
        missing = [row for row in rows if row not in known]
        if missing:
            written = _write(tx, reader, missing)
            with self._lock:
                lines.keep(written, most=self._remembered)
            known |= written
        return [known[row] for row in rows if row in known]

    def _lines(self, reader: Reader) -> "_Lines":
        lines = self._tenants.get(reader.tenant)
        if lines is None or lines.definition is not reader.definition:
            lines = self._tenants[reader.tenant] = _Lines(reader.definition)
        return lines


class _Lines:
    """Of one tenant, under one definition; the one asked for longest ago is forgotten first."""

    def __init__(self, definition: ServiceDefinition) -> None:
        self.definition = definition
        self._by_row: OrderedDict[InboxRow, bytes] = OrderedDict()

    def find(self, rows: Sequence[InboxRow]) -> dict[InboxRow, bytes]:
        found = {}
        for row in rows:
            line = self._by_row.get(row)
            if line is not None:
                self._by_row.move_to_end(row)
                found[row] = line
        return found

    def keep(self, written: dict[InboxRow, bytes], *, most: int) -> None:
        self._by_row |= written
        while len(self._by_row) > most:
            self._by_row.popitem(last=False)


def _write(tx: Connection, reader: Reader, rows: Sequence[InboxRow]) -> dict[InboxRow, bytes]:
    ids = [ConversationId(row.id) for row in rows]
    summaries = find_summaries(tx, reader.tenant, ids)
    shapes = {shape.id: shape for shape in reader.summaries(tx, list(summaries.values()))}
    return {row: shapes[row.id].model_dump_json().encode() for row in rows if row.id in shapes}

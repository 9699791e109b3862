"""Pages of the inbox. Consoles of many agents ask for the same one at the same moment, when
something has changed: it is then read once for all of them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection

from answerable.api.desk.inbox_lines import InboxLines
from answerable.api.desk.reading import Reader
from answerable.api.pagination import Cursor
from answerable.desk.inbox_store import View, read_inbox
from answerable.kit.canonical import canonical_json
from answerable.kit.database import Database
from answerable.kit.ids import AgentId, TenantId

NOBODY = AgentId("")


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which page. agent: whose view it is; NOBODY where all see the same. definition: by hash, the
    one that `reader` has."""

    tenant: TenantId
    definition: str
    view: View
    agent: AgentId
    team: str | None
    after: tuple[datetime, str] | None
    limit: int
    reader: Reader = field(compare=False)


@dataclass(kw_only=True)
class InboxPages:
    lines: InboxLines = field(default_factory=InboxLines)

    async def page(self, database: Database, wanted: Wanted) -> bytes:
        """A `Summaries` in JSON."""
        if wanted.reader.definition.keeping.forget_after is not None:
            # Texts go without a commit, and would stay in what is remembered.
            return await database.read(lambda tx: self._read(tx, wanted), tenant=wanted.tenant)
        return await database.read_remembered(self._read_many, wanted, tenant=wanted.tenant)

    def _read_many(self, tx: Connection, questions: Sequence[Wanted]) -> Sequence[bytes]:
        pages: dict[Wanted, bytes] = {}
        for wanted in questions:
            if wanted not in pages:
                pages[wanted] = self._read(tx, wanted)
        return [pages[wanted] for wanted in questions]

    def _read(self, tx: Connection, wanted: Wanted) -> bytes:
        rows = read_inbox(
            tx,
            wanted.tenant,
            view=wanted.view,
            agent=wanted.agent,
            team=wanted.team,
            after=wanted.after,
            limit=wanted.limit,
        )
        following = None
        if len(rows) == wanted.limit:
            following = Cursor(at=rows[-1].updated_at, id=rows[-1].id).encode()
        items = b",".join(self.lines.of(tx, wanted.reader, rows))
        return b'{"items":[%b],"next":%b}' % (items, canonical_json(following))

"""The search index: which conversation has which word, and in which message it came first.

A list of conversations a word, the newest first: what is asked for is at the lists' beginnings,
however many conversations there are. Equality on plain columns is all that a query needs, so the
same one serves both stores, and PostgreSQL's wall between tenants holds without giving up the
index, as it would for its own text search. A projection of the ledger, written a moment later.
"""

import struct
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, bindparam

from answerable.desk.summary_store import conversation
from answerable.kit.canonical import canonical_text
from answerable.kit.database import in_index_order, is_of, lock_until_commit, metadata
from answerable.kit.ids import ContactId, ConversationId, TenantId
from answerable.ledger.tables import event

search_word = sa.Table(
    "search_word",
    metadata,
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("word", sa.BigInteger, primary_key=True),  # keyed hash
    sa.Column("opened", sa.BigInteger, primary_key=True),  # position of the conversation's start
    sa.Column("seq", sa.Integer, nullable=False),  # of the message that has it first
    sqlite_with_rowid=False,
)
search_document = sa.Table(
    "search_document",
    metadata,
    sa.Column("conversation_id", sa.Text, primary_key=True),
    sa.Column("tenant", sa.Text, nullable=False),
    sa.Column("opened", sa.BigInteger, nullable=False),
    sa.Column("seq", sa.Integer, nullable=False),  # up to where it is in the index
    sa.Column("words", sa.LargeBinary, nullable=False),  # all that it has: 8 bytes each
    sa.UniqueConstraint("tenant", "opened", name="search_document_opened"),
)

MOST_WORDS = 2_000  # of a conversation; further ones are not found
LOOKED_AT = 500  # conversations at a time
MOST_LOOKED_AT = 5_000  # for one page; whoever wants to look further back asks again
_AT_ONCE = 400

_word = search_word.c
_document = search_document.c
_NEWEST = (
    sa.select(_word.opened, _word.seq)
    .where(
        _word.tenant == bindparam("tenant"),
        _word.word == bindparam("word"),
        _word.opened < bindparam("before"),
    )
    .order_by(_word.opened.desc())
    .limit(bindparam("limit"))
)
_THESE = {
    "postgresql": "unnest(CAST(:these AS bigint[])) AS these(value)",
    "sqlite": "json_each(:these) AS these",
}


def _probes(asked: str) -> Mapping[str, sa.TextClause]:
    """By store: what is asked about each of `these`, each by a probe of an index of its own.

    As a list beside tenant and word, PostgreSQL reads all that the word has and picks these out: it
    takes every word for as rare as most are.
    """
    return {store: sa.text(f"SELECT these.value AS opened, ({asked}) AS found FROM {these}")  # noqa: S608 - no text of anybody's
            for store, these in _THESE.items()}  # fmt: skip


_HAVING = _probes(
    "SELECT w.seq FROM search_word w "
    "WHERE w.tenant = :tenant AND w.word = :word AND w.opened = these.value"
)
_PLACES = _probes(
    "SELECT d.conversation_id FROM search_document d "
    "WHERE d.tenant = :tenant AND d.opened = these.value"
)
_DOCUMENTS = sa.select(search_document).where(
    _document.conversation_id.in_(bindparam("ids", expanding=True))
)
_STARTS = sa.select(event.c.stream, event.c.position).where(
    event.c.stream.in_(bindparam("ids", expanding=True)), event.c.seq == 1
)
_CHANGE = (
    sa.update(search_document)
    .where(_document.conversation_id == bindparam("b_id"))
    .values(seq=bindparam("b_seq"), words=bindparam("b_words"))
)
_FORGET = sa.delete(search_word).where(
    _word.tenant == bindparam("b_tenant"),
    _word.word == bindparam("b_word"),
    _word.opened == bindparam("b_opened"),
)
_NO_END = 2**63 - 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """A message to be found. words: their hashes."""

    conversation: ConversationId
    seq: int
    words: Collection[int]


@dataclass(frozen=True, kw_only=True, slots=True)
class Hit:
    """A conversation that has all words. seqs: of the messages that had each of them first."""

    conversation: ConversationId
    opened: int
    seqs: tuple[int, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Hits:
    """The newest conversation first. further: from where to go on; None: these were the last."""

    found: Sequence[Hit]
    further: int | None


def lock_search(tx: Connection, tenant: TenantId) -> None:
    """Whoever adds words and whoever erases them come one after the other."""
    lock_until_commit(tx, [f"search {tenant}"])


def add_words(tx: Connection, tenant: TenantId, said: Sequence[Said]) -> None:
    """Make these messages findable. What is there already is left as it is."""
    ids = list(dict.fromkeys(one.conversation for one in said))
    before = {row.conversation_id: row for row in tx.execute(_DOCUMENTS, {"ids": ids})}
    new = [one for one in ids if one not in before]
    starts = {row.stream: row.position for row in tx.execute(_STARTS, {"ids": new})} if new else {}
    rows: list[dict[str, object]] = []
    made: list[dict[str, object]] = []
    changed: list[dict[str, object]] = []
    for one in ids:
        row = before.get(one)
        known = _unpacked(row.words) if row is not None else set()
        reached = row.seq if row is not None else 0
        opened = row.opened if row is not None else starts[one]
        for message in sorted(_after(said, one, reached), key=lambda message: message.seq):
            room = MOST_WORDS - len(known)
            first = list(islice((w for w in sorted(message.words) if w not in known), room))
            known.update(first)
            reached = message.seq
            rows += (
                {"tenant": tenant, "word": word, "opened": opened, "seq": message.seq}
                for word in first
            )
        if row is None:
            made.append(
                {"conversation_id": one, "tenant": tenant, "opened": opened, "seq": reached,
                 "words": _packed(known)}
            )  # fmt: skip
        elif reached > row.seq:
            changed.append({"b_id": one, "b_seq": reached, "b_words": _packed(known)})
    for statement, values in (
        (sa.insert(search_word), rows), (sa.insert(search_document), made), (_CHANGE, changed),
    ):  # fmt: skip
        if values:
            tx.execute(statement, values)


def forget_words(tx: Connection, tenant: TenantId, ids: Sequence[ConversationId]) -> None:
    """Nothing leads to these conversations any more. Whoever calls it has the search's lock."""
    for start in range(0, len(ids), _AT_ONCE):
        these = ids[start : start + _AT_ONCE]
        rows = [
            {"b_tenant": tenant, "b_word": word, "b_opened": row.opened}
            for row in tx.execute(_DOCUMENTS, {"ids": these})
            for word in sorted(_unpacked(row.words))
        ]
        if rows:
            tx.execute(_FORGET, rows)
        tx.execute(sa.delete(search_document).where(_document.conversation_id.in_(these)))


def find_conversations(
    tx: Connection,
    tenant: TenantId,
    words: Sequence[Collection[int]],
    *,
    of: Collection[ContactId] | None = None,
    before: int | None = None,
    limit: int,
) -> Hits:
    """The newest conversations that have all of these words, each in one of its forms.

    of: only of these contacts; then no word is needed. before: where an earlier page ended.
    However rare what is asked for, MOST_LOOKED_AT conversations are looked at, and no more.
    """
    before = _NO_END if before is None else before
    in_index_order(tx)

    def read(number: int, before: int) -> dict[int, int]:
        if number == len(words):
            return _of_contacts(tx, tenant, of or (), before)
        return _newest(tx, tenant, words[number], before)

    lists = [read(n, before) for n in range(len(words) + (of is not None))]
    # The list that reaches the furthest back has the fewest in it: the others are asked about it.
    rarest = min(range(len(lists)), key=lambda n: (_reach(lists[n]), len(lists[n])))
    candidates, found = lists[rarest], list[Hit]()
    for looked_at in range(LOOKED_AT, MOST_LOOKED_AT + 1, LOOKED_AT):
        others = [forms for n, forms in enumerate(words) if n != rarest]
        found += _with_all(tx, tenant, others, candidates, limit + 1 - len(found))
        is_all = len(candidates) < LOOKED_AT
        if len(found) >= limit:
            is_all = is_all and len(found) == limit
            return Hits(found=found[:limit], further=None if is_all else found[limit - 1].opened)
        if is_all:
            return Hits(found=found, further=None)
        before = min(candidates)
        if looked_at < MOST_LOOKED_AT:
            candidates = read(rarest, before)
    return Hits(found=found, further=before)


def _newest(tx: Connection, tenant: TenantId, forms: Iterable[int], before: int) -> dict[int, int]:
    """The LOOKED_AT newest conversations that have one of these forms: opened -> seq."""
    found: dict[int, int] = {}
    for form in sorted(forms):
        asked = {"tenant": tenant, "word": form, "before": before, "limit": LOOKED_AT}
        for row in tx.execute(_NEWEST, asked):
            found[row.opened] = min(row.seq, found.get(row.opened, row.seq))
    return {opened: found[opened] for opened in sorted(found, reverse=True)[:LOOKED_AT]}


def _having(
    tx: Connection, tenant: TenantId, forms: Iterable[int], these: Sequence[int]
) -> dict[int, int]:
    found: dict[int, int] = {}
    for form in sorted(forms):
        for opened, seq in _probed(tx, _HAVING, these, tenant=tenant, word=form):
            found[opened] = min(seq, found.get(opened, seq))
    return found


def _probed(
    tx: Connection, queries: Mapping[str, sa.TextClause], these: Sequence[int], **asked: Any
) -> list[tuple[int, Any]]:
    """(opened, what was found) of those of `these` of which something was."""
    store = tx.dialect.name
    listed = these if store == "postgresql" else canonical_text(these)
    rows = tx.execute(queries[store], {**asked, "these": listed})
    return [(row.opened, row.found) for row in rows if row.found is not None]


def _of_contacts(
    tx: Connection, tenant: TenantId, contacts: Collection[ContactId], before: int
) -> dict[int, int]:
    query = (
        sa.select(_document.opened)
        .join(conversation, conversation.c.id == _document.conversation_id)
        .where(
            conversation.c.contact_id.in_(contacts),
            is_of(tenant, _document.tenant),
            _document.opened < before,
        )
        .order_by(_document.opened.desc())
        .limit(LOOKED_AT)
    )
    return dict.fromkeys(tx.scalars(query), 0)


def _reach(found: Mapping[int, int]) -> int:
    """Up to where a list was read: the oldest in it, or the beginning of all."""
    return min(found) if len(found) == LOOKED_AT else 0


def _with_all(
    tx: Connection,
    tenant: TenantId,
    words: Sequence[Collection[int]],
    candidates: Mapping[int, int],
    most: int,
) -> list[Hit]:
    """Those of `candidates` (opened -> seq, 0: of no message) that have these words too; the newest
    `most` of them."""
    seqs = {opened: (seq,) if seq else () for opened, seq in candidates.items()}
    for forms in words:
        having = _having(tx, tenant, forms, list(seqs)) if seqs else {}
        seqs = {opened: (*seqs[opened], having[opened]) for opened in seqs if opened in having}
    if not seqs:
        return []
    newest = sorted(seqs, reverse=True)[:most]
    places = dict(_probed(tx, _PLACES, newest, tenant=tenant))
    return [
        Hit(conversation=ConversationId(places[opened]), opened=opened, seqs=seqs[opened])
        for opened in newest
        if opened in places
    ]


def _after(said: Sequence[Said], one: ConversationId, seq: int) -> list[Said]:
    return [message for message in said if message.conversation == one and message.seq > seq]


def _packed(words: Collection[int]) -> bytes:
    return struct.pack(f"<{len(words)}q", *sorted(words))


def _unpacked(words: bytes) -> set[int]:
    return set(struct.unpack(f"<{len(words) // 8}q", words))

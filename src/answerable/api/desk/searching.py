"""Finding conversations by the words that were said, by an address or by a customer's id."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from answerable.api.desk.reading import Reader
from answerable.api.desk.search_shapes import Excerpt, ExcerptPart, SearchHit, SearchPage
from answerable.contacts.store import Lookup, contacts_known_as, lookups_of
from answerable.desk.inbox_store import find_summaries
from answerable.desk.search_store import Hit, Hits, find_conversations
from answerable.desk.search_words import hashes_of_word, stems_of, to_look_for, words_of
from answerable.kit.ids import ContactId
from answerable.ledger.event import Event, wire_time
from answerable.ledger.reading import read_events_at
from answerable.privacy.vault import Erased

MOST_WORDS = 12  # of a query; further ones are not looked for
MOST_NAMES = 4  # parts of it that may be an address or a customer's id
BEFORE = 60  # characters of an excerpt before the first word that was looked for
LONGEST = 180


@dataclass(frozen=True, kw_only=True)
class Search:
    """Of one tenant, as its agents see it. lookup: the key of addresses and words."""

    reader: Reader
    lookup: Lookup

    def page(self, tx: Connection, query: str, *, before: int | None, limit: int) -> SearchPage:
        """The newest conversations first that have all words of `query`, or of the contact whom it
        names; with both, those of the contact that have the words."""
        names, rest = self._contact_named(tx, query)
        wanted, left_out = to_look_for(rest)
        wanted, beyond = wanted[:MOST_WORDS], wanted[MOST_WORDS:]
        if not wanted and names is None:
            return SearchPage(items=[], next=None, left_out=[*left_out, *beyond])
        tenant = self.reader.tenant
        hits = find_conversations(
            tx,
            tenant,
            [hashes_of_word(self.lookup, tenant, word) for word in wanted],
            of=names,
            before=before,
            limit=limit,
        )
        return SearchPage(
            items=self._items(tx, hits, wanted),
            next=None if hits.further is None else str(hits.further),
            left_out=[*left_out, *beyond],
        )

    def _contact_named(
        self, tx: Connection, query: str
    ) -> tuple[Collection[ContactId] | None, str]:
        """Contacts whom a part of the query names by address or customer id, and what else it
        says. None: it names nobody we know."""
        parts = query.split()
        tenant = self.reader.tenant
        for part in parts[:MOST_NAMES]:
            systems = self.reader.definition.integrations
            addresses, persons = lookups_of(self.lookup, tenant, part, systems)
            found = contacts_known_as(tx, tenant, addresses=addresses, persons=persons)
            if found:
                return found, " ".join(one for one in parts if one != part)
        return None, query

    def _items(self, tx: Connection, hits: Hits, wanted: Sequence[str]) -> list[SearchHit]:
        """Five queries, however many hits."""
        found = find_summaries(tx, self.reader.tenant, [hit.conversation for hit in hits.found])
        rows = [found[hit.conversation] for hit in hits.found if hit.conversation in found]
        shapes = {shape.id: shape for shape in self.reader.summaries(tx, rows)}
        excerpts = self._excerpts(tx, hits.found, wanted)
        return [
            SearchHit(conversation=shapes[hit.conversation], excerpt=excerpts.get(hit.opened))
            for hit in hits.found
            if hit.conversation in shapes
        ]

    def _excerpts(
        self, tx: Connection, hits: Sequence[Hit], wanted: Sequence[str]
    ) -> dict[int, Excerpt]:
        """By start of the conversation, the message that has most of the words first."""
        places = {(hit.conversation, _telling(hit.seqs)): hit for hit in hits if hit.seqs}
        events = read_events_at(tx, self.reader.tenant, places.keys())
        refs = [str(one.data["text"]["ref"]) for one in events]
        values = self.reader.vault.get_many(tx, tenant=self.reader.tenant, ids=refs)
        stems = [stems_of(word) for word in wanted]
        excerpts = {}
        for one, ref in zip(events, refs, strict=True):
            value = values.get(ref)
            if value is not None and not isinstance(value, Erased):
                hit = places[one.stream, one.seq]
                excerpts[hit.opened] = _excerpt(one, _shown(value, stems), stems)
        return excerpts


def _telling(seqs: Sequence[int]) -> int:
    """The message that has the most of the words; of several the first."""
    return min(seqs, key=lambda seq: (-seqs.count(seq), seq))


def _shown(value: Mapping[str, Any], stems: Sequence[frozenset[str]]) -> str:
    """The text of a message, or its subject or an attachment's name if only that has a word."""
    texts = [value.get("text"), value.get("subject"), *value.get("attachments", ())]
    shown = [str(text) for text in texts if text]
    return next((text for text in shown if _marks(text, stems)), shown[0] if shown else "")


def _marks(text: str, stems: Sequence[frozenset[str]]) -> list[tuple[int, int]]:
    """Where words stand that were looked for."""
    return [
        (word.start, word.end)
        for word in words_of(text)
        if any(not wanted.isdisjoint(stems_of(word.folded)) for wanted in stems)
    ]


def _excerpt(one: Event, text: str, stems: Sequence[frozenset[str]]) -> Excerpt:
    text = " ".join(text.split())
    marks = _marks(text, stems)
    start = max(0, marks[0][0] - BEFORE) if marks else 0
    start = text.find(" ", start) + 1 if start else 0
    end = min(len(text), start + LONGEST)
    end = text.rfind(" ", start, end) if end < len(text) and " " in text[start:end] else end
    parts = [ExcerptPart(text="…", marked=False)] if start else []
    place = start
    for mark in marks:
        if start <= mark[0] and mark[1] <= end:
            parts += [
                ExcerptPart(text=text[place : mark[0]], marked=False),
                ExcerptPart(text=text[mark[0] : mark[1]], marked=True),
            ]
            place = mark[1]
    parts.append(ExcerptPart(text=text[place:end] + ("…" if end < len(text) else ""), marked=False))
    return Excerpt(
        seq=one.seq,
        author=one.data.get("author", "contact"),
        at=wire_time(one.at),
        parts=[part for part in parts if part.text],
    )

"""Agents find conversations by what was said; the database alone says nothing of it."""

from collections.abc import Sequence

import pytest
import sqlalchemy as sa

from answerable.contacts.store import Lookup
from answerable.desk import search_store
from answerable.desk.search_store import (
    LOOKED_AT,
    MOST_LOOKED_AT,
    MOST_WORDS,
    Said,
    add_words,
    find_conversations,
    search_document,
    search_word,
)
from answerable.desk.search_words import hashes_of_text, hashes_of_word, to_look_for, words_of
from answerable.kit.ids import ConversationId, TenantId
from answerable.ledger.tables import event
from tests.support.searching import ids, indexed, indexer, searched, shown
from tests.support.town import TENANT, Town

LOOKUP = Lookup(b"k" * 32)


async def test_what_customer_and_agent_said_is_found_the_newest_conversation_first(
    town: Town,
) -> None:
    first = await town.says("My umbrella came broken", by="vis_1")
    await town.says("Where is my parcel?", by="vis_2")
    last = await town.mails("Two umbrellas, and both are broken")
    owned = await town.takes_over(first.conversation)
    await town.answers(
        first.conversation, "We are sorry about the handle of it.", version=owned.seq
    )
    await indexed(town.service)

    found = await searched(town.service, TENANT, "broken umbrella")
    assert ids(found) == [last.conversation, first.conversation]
    assert [shown(hit) for hit in found.items] == [
        "Two [umbrellas], and both are [broken]",
        "My [umbrella] came [broken]",
    ]
    assert ids(await searched(town.service, TENANT, "handles sorry")) == [first.conversation]
    assert ids(await searched(town.service, TENANT, "umbrella parcel")) == []
    assert ids(await searched(town.service, TENANT, "nowhere")) == []


async def test_words_of_different_messages_find_their_conversation(town: Town) -> None:
    said = await town.says("fraud! My kettle is gone", by="vis_1")
    await town.says("It was a present of my grandmother", by="vis_1")
    await indexed(town.service)

    [hit] = (await searched(town.service, TENANT, "grandmother kettle")).items

    assert hit.conversation.id == said.conversation
    assert shown(hit) == "fraud! My [kettle] is gone"


@pytest.mark.parametrize(
    ("said", "query"),
    [
        ("Meine Überweisungen fehlen", "überweisung"),
        ("Meine Überweisungen fehlen", "UBERWEISUNG"),
        ("Où sont mes remboursements ?", "remboursement"),
        ("The order 4711-B is late", "4711-b"),
        ("Refunded twice", "refund"),
        ("straße", "STRASSE"),
    ],
)
def test_a_word_is_found_in_its_other_forms(said: str, query: str) -> None:
    words, _ = to_look_for(query)
    for language in ("de", "fr", "en"):
        if all(
            hashes_of_word(LOOKUP, TENANT, word) & hashes_of_text(LOOKUP, TENANT, said, language)
            for word in words
        ):
            return
    raise AssertionError(f"{query} does not find {said}")


def test_handles_are_no_words_and_common_words_are_not_looked_for() -> None:
    assert [word.folded for word in words_of("pay <iban:1> by <name:2>, now")] == [
        "pay", "by", "now",
    ]  # fmt: skip
    assert to_look_for("The card and the PIN") == (["card", "pin"], ["the", "and"])
    assert to_look_for("<iban:1> ?!") == ([], [])
    assert list(words_of("x" * 65)) == []


async def test_a_query_of_common_words_finds_nothing_and_says_so(town: Town) -> None:
    await town.says("Where is the parcel?")
    await indexed(town.service)

    page = await searched(town.service, TENANT, "where is the")

    assert (page.items, page.next, page.left_out) == ([], None, ["where", "is", "the"])


async def test_a_long_query_is_searched_by_its_first_words(town: Town) -> None:
    things = list(map(str, range(1001, 1016)))
    said = await town.says("fraud, gone are: " + ", ".join(things[:12]))
    await indexed(town.service)

    page = await searched(town.service, TENANT, " ".join(things))

    assert (ids(page), page.left_out) == ([said.conversation], things[12:])


async def test_a_customer_is_found_by_address_or_number_and_by_words_among_theirs(
    town: Town,
) -> None:
    town.warehouse.customers = {"anna@example.com": "C-7", "ben@example.com": "C-8"}
    first = await town.mails("fraud! my kettle", by="anna@example.com")
    other = await town.mails("fraud! my kettle", by="ben@example.com")
    await indexed(town.service)

    assert ids(await searched(town.service, TENANT, "Anna@Example.com")) == [first.conversation]
    assert ids(await searched(town.service, TENANT, "ben@example.com kettle")) == [
        other.conversation
    ]
    assert ids(await searched(town.service, TENANT, "ben@example.com toaster")) == []
    [hit] = (await searched(town.service, TENANT, "anna@example.com")).items
    assert hit.excerpt is None
    assert ids(await searched(town.service, TENANT, "carla@example.com")) == []


async def test_nothing_that_was_said_stands_readable_in_the_index(town: Town) -> None:
    await town.says("My unmistakable kettle, anna@example.com")
    await indexed(town.service)

    async def rows(table: sa.Table) -> str:
        found = await town.service.database.read(lambda tx: tx.execute(sa.select(table)).all())
        assert found
        return repr(found)

    told = await rows(search_word) + await rows(search_document)
    for word in ("unmistak", "kettle", "anna", "example"):
        assert word not in told.casefold()
    elsewhere = hashes_of_text(LOOKUP, TenantId("other"), "kettle", "en")
    assert elsewhere.isdisjoint(hashes_of_text(LOOKUP, TENANT, "kettle", "en"))


async def test_another_tenants_conversations_are_not_found(town: Town) -> None:
    said = await town.says("My kettle is gone, fraud")
    await indexed(town.service)
    words = [hashes_of_word(town.service.contacts.lookup, TENANT, "kettle")]

    async def found(tenant: TenantId) -> list[ConversationId]:
        hits = await town.service.database.read(
            lambda tx: find_conversations(tx, tenant, words, limit=10)
        )
        return [hit.conversation for hit in hits.found]

    assert await found(TENANT) == [said.conversation]
    assert await found(TenantId("other-shop")) == []


async def test_what_was_indexed_once_more_is_as_it_was(town: Town) -> None:
    await town.says("My kettle, fraud", by="vis_1")
    await town.says("My kettle and my toaster", by="vis_1")
    await indexed(town.service)

    async def everything() -> list[Sequence[object]]:
        query = sa.select(search_word).order_by(*search_word.primary_key)
        return [
            tuple(row)
            for row in await town.service.database.read(lambda tx: tx.execute(query).all())
        ]

    before = await everything()
    consumer = indexer(town.service)._consumer
    events = [e for one in await town.streams() for e in await town.events(one)]
    await consumer.take(TENANT, events)

    assert await everything() == before


async def test_a_closed_conversation_is_found_too(town: Town) -> None:
    said = await town.says("fraud! my kettle")
    await town.takes_over(said.conversation)
    await town.closes(said.conversation)
    await indexed(town.service)

    [hit] = (await searched(town.service, TENANT, "kettle")).items

    assert hit.conversation.status == "closed"


class Shelf:
    """Conversations without anything but their words."""

    def __init__(self, town: Town) -> None:
        self._database = town.service.database
        self._at = town.clock.now()

    async def put(self, words: Sequence[set[int]]) -> None:
        """One conversation for each set of words, the first the oldest."""

        def unit(tx: sa.Connection) -> None:
            tx.execute(
                sa.insert(event),
                [
                    {"tenant": TENANT, "stream": f"cnv_{n:06}", "seq": 1, "kind": "x",
                     "at": self._at, "actor": "system", "cause": None, "data": {}, "hash": ""}
                    for n in range(len(words))
                ],
            )  # fmt: skip
            said = [
                Said(conversation=ConversationId(f"cnv_{n:06}"), seq=1, words=one)
                for n, one in enumerate(words)
            ]
            add_words(tx, TENANT, said)

        await self._database.write(unit)

    async def find(
        self, *words: int, before: int | None = None, limit: int = 10
    ) -> tuple[list[int], int | None]:
        """Numbers of what was found, and where to go on."""
        hits = await self._database.read(
            lambda tx: find_conversations(
                tx, TENANT, [{word} for word in words], before=before, limit=limit
            )
        )
        return [int(hit.conversation[4:]) for hit in hits.found], hits.further


@pytest.fixture
def shelf(town: Town) -> Shelf:
    return Shelf(town)


async def test_pages_follow_each_other_without_gap_or_overlap(shelf: Shelf) -> None:
    number = LOOKED_AT + 30
    await shelf.put([{1, 2} if n % 3 == 0 else {1} for n in range(number)])

    seen: list[int] = []
    further: int | None = None
    while True:
        found, further = await shelf.find(1, 2, before=further, limit=7)
        seen += found
        if further is None:
            break

    assert seen == [n for n in reversed(range(number)) if n % 3 == 0]


async def test_two_common_words_that_are_seldom_together_cost_a_bounded_look(
    shelf: Shelf,
) -> None:
    number = 2 * MOST_LOOKED_AT + 200
    await shelf.put([{1, 2} if n == 0 else {1 + n % 2} for n in range(number)])

    found, further = await shelf.find(1, 2)
    assert found == []
    assert further is not None

    while further is not None:
        found, further = await shelf.find(1, 2, before=further)
    assert found == [0]


async def test_a_conversation_has_so_many_words_and_no_more(shelf: Shelf) -> None:
    await shelf.put([set(range(MOST_WORDS + 5))])

    assert await shelf.find(MOST_WORDS - 1) == ([0], None)
    assert await shelf.find(MOST_WORDS) == ([], None)


def test_a_page_looks_at_whole_helpings() -> None:
    assert search_store.MOST_LOOKED_AT % search_store.LOOKED_AT == 0

"""Stores of 1k, 10k and 100k conversations, made by the product's own code and kept.

In build/bench, or as template databases on the server; a place is a copy, gone afterwards. Three of
four conversations belong to an agent, the others wait in a queue: nothing is left to do.
"""

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import Connection

from answerable.definition.load import load_definition
from answerable.flow.accept import in_turn
from answerable.flow.advance import Advancer
from answerable.flow.definitions import Definitions
from answerable.flow.handlers import World
from answerable.flow.message import InboundMessage, Sender
from answerable.flow.service import Service
from answerable.flow.work import Work
from answerable.kit.canonical import sha256_hex
from answerable.kit.clock import SystemClock
from answerable.kit.ids import AgentId, ConversationId, TenantId
from answerable.ledger.append import Appender
from answerable.ledger.checkpoint import SigningKey
from answerable.ledger.event import NewEvent, agent_actor
from answerable.ledger.tables import effect
from answerable.playbooks.library import built_in_actions
from answerable.privacy.keys import MasterKey, create_key_file
from answerable.processes.alarm import TeamAlarm
from answerable.processes.assemble import assemble
from answerable.processes.demo import create_people
from answerable.processes.schema import MIGRATIONS, upgrade
from answerable.processes.wiring import open_platform
from answerable.understanding.testing import KeywordReader
from benchmarks.measure import Store
from benchmarks.places import ROLE, Place, create, drop, exists, let_go, names, url_of
from tests.support.needs import REPOSITORY
from tests.support.processes import BANK

TENANT = TenantId("northwind-bank")
INBOX = "website-chat"
SAM = AgentId("agt_bench")
FIRST = Path("versions") / "0001_first.py"
BUILD = REPOSITORY / "build"
KEPT = BUILD / "bench"
AT_ONCE = 1000
TEXTS = (
    "Hello, could you please tell me when my new card will be here? It has been a week now.",
    "I would like to know whether the payment to my landlord has gone out already.",
    "My IBAN is DE89 3704 0044 0532 0130 00 and I am still waiting for the transfer of last week.",
    "Thank you, that is what I thought. I shall call again on Monday if it has not come.",
    "You can reach me at +49 171 3920001 in the afternoon, or by mail at anna@example.com.",
)


def message(number: int, text: str, *, to: ConversationId | None = None) -> InboundMessage:
    """What customer `number` says; `text` makes it another message."""
    return InboundMessage(
        tenant=TENANT,
        inbox=INBOX,
        channel="chat",
        external_id=f"{number}:{text[:60]}:{hash(text)}",
        text=text,
        sender=Sender(kind="visitor", address=f"visitor-{number}"),
        at=SystemClock().now(),
        conversation=to,
    )


@asynccontextmanager
async def place_of(
    store: Store, conversations: int = 0, *, more: Mapping[str, str] | None = None
) -> AsyncIterator[Place]:
    """A place with so many conversations, to do with as one likes. more: see `Place`."""
    BUILD.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=BUILD) as scratch:
        folder = Path(scratch) / "data"
        kept = await _kept(store, conversations)
        await asyncio.to_thread(shutil.copytree, kept.folder, folder)
        if kept.url is None:
            yield Place(folder, more=more or {})
            return
        name = f"{ROLE}_{os.getpid()}_{sha256_hex(scratch.encode())[:12]}"
        template = str(sa.engine.make_url(kept.url).database)
        url = await asyncio.to_thread(create, name, template=template)
        try:
            yield Place(folder, url, more or {})
        finally:
            await asyncio.to_thread(drop, name)


async def _kept(store: Store, conversations: int) -> Place:
    """Not to be written to. Made anew when the first revision of the schema was written again."""
    tables = sha256_hex((MIGRATIONS / FIRST).read_bytes())
    folder = KEPT / f"{store}-{conversations}"
    whole = folder / "whole"
    name = f"{ROLE}_{conversations}_{tables[:12]}"
    url = None
    if whole.exists() and whole.read_text() == tables:
        if store is Store.SQLITE:
            return Place(folder)
        if exists(name):
            return Place(folder, _closed(name))
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    if store is Store.POSTGRESQL:
        for old in names(f"{ROLE}_{conversations}_"):
            drop(old)
        create_key_file(_made(folder / "keys") / "master.key")
        SigningKey.load_or_create(folder / "keys" / "signing.key")
        url = create(name)
        upgrade(url)
    await _fill(Place(folder, url), conversations)
    await Place(folder, url).take_statistics()
    whole.write_text(tables)
    return Place(folder, url and _closed(name))


def _made(folder: Path) -> Path:
    folder.mkdir(mode=0o700)
    return folder


def _closed(name: str) -> str:
    let_go(name)
    return url_of(name)


async def _fill(place: Place, conversations: int) -> None:
    platform = await open_platform(place.read_settings(), [BANK])
    await create_people(platform)
    await platform.service.membership.join()  # who leads in nothing hands nothing on
    loader = Loader(platform.service)
    for first in range(0, conversations, AT_ONCE):
        numbers = range(first, min(first + AT_ONCE, conversations))
        if first in (AT_ONCE, 10 * AT_ONCE):
            await place.take_statistics()  # else it is filled by plans for an empty database
        await platform.service.database.write(partial(loader.load, numbers=numbers))
        # Else whoever is measured would be busy with that. Nobody is held up: in large pieces.
        assert await platform.indexer.hand_on(at_once=5 * AT_ONCE)
    await platform.service.membership.leave()
    await platform.close()


@dataclass
class Loader:
    """Opens conversations, gives them to people, and forgets what the assistant would have done."""

    service: Service

    def load(self, tx: Connection, numbers: Sequence[int]) -> list[ConversationId]:
        messages = [message(n, f"{TEXTS[n % len(TEXTS)]} Order {n}.") for n in numbers]
        accepted = self.service._intake.accept_many(tx, messages)
        ids = [in_turn(one).conversation for one, _ in accepted]
        give(tx, self.service._advancer, ids, queued=4)
        self.service._advancer.untold.clear()
        return ids


def give(
    tx: Connection, advancer: Advancer, ids: Sequence[ConversationId], *, queued: int = 0
) -> None:
    """To an agent, but every `queued`th to a queue; the effects of before are dropped."""
    at = SystemClock().now() + timedelta(milliseconds=1)
    appender = Appender(tx)
    appender.load(ids)
    reason = {"rule": "bench", "text": "for the benchmark"}
    for number, one in enumerate(ids):
        taken = NewEvent(
            kind="taken_over", actor=agent_actor(SAM), data={"agent": SAM, "name": "Sam"}
        )
        handed = NewEvent(
            kind="handed_off",
            data={"team": "cards", "priority": "normal", "why": "bench", "reasons": [reason]},
        )
        appender.append(one, handed if queued and number % queued == 0 else taken, at=at)
    appender.flush()
    advancer.advance_many(tx, ids)
    tx.execute(sa.delete(effect).where(effect.c.stream.in_(ids)))


def bench_service(
    place: Place,
    *,
    definition: Path = BANK,
    world: World | None = None,
    leaves: frozenset[str] = frozenset(),
) -> Service:
    """The service over a place without its channels, for measurements in one process.

    world: by default one in which nothing is understood and nobody is reached. leaves: kinds of
    effects that are left to another.
    """
    if place.url is None:
        upgrade(place.folder / "answerable.db")
    actions = built_in_actions()
    definitions = Definitions(actions)
    loaded = load_definition(definition, actions=actions.catalogue)
    assert loaded.definition is not None, "\n".join(map(str, loaded.problems))
    definitions.add(loaded.definition)
    silent = World(reader=KeywordReader({}), connectors={}, deliverers={}, alarm=TeamAlarm(None))
    return assemble(
        database=place.open(),
        clock=SystemClock(),
        master=MasterKey.from_file(place.folder / "keys" / "master.key"),
        definitions=definitions,
        actions=actions,
        world=world or silent,
        work=Work(holder="prc_bench", leaves=leaves) if leaves else None,
    )

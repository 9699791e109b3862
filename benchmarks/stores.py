"""Stores of 1k, 10k and 100k conversations, made by the product's own code and kept in build/.

Three of four conversations belong to an agent, the others wait in a queue: nothing is left to do.
"""

import asyncio
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import Connection

from answerable.flow.advance import Advancer
from answerable.flow.message import InboundMessage, Sender
from answerable.flow.service import Service
from answerable.kit.canonical import sha256_hex
from answerable.kit.clock import SystemClock
from answerable.kit.ids import AgentId, ConversationId, TenantId
from answerable.kit.sqlite import SqliteDatabase
from answerable.ledger.event import NewEvent, agent_actor
from answerable.ledger.store import Appender, effect
from answerable.playbooks.library import built_in_actions
from answerable.processes.demo import create_people
from answerable.processes.schema import MIGRATIONS, upgrade
from answerable.processes.settings import Settings
from answerable.processes.wiring import open_platform
from tests.support.needs import REPOSITORY
from tests.support.processes import BANK, MODELS

TENANT = TenantId("northwind-bank")
INBOX = "website-chat"
SAM = AgentId("agt_bench")
FIRST = Path("versions") / "0001_first.py"
KEPT = REPOSITORY / "build" / "bench"
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


async def store_of(conversations: int) -> Path:
    """A data directory with so many conversations; do not write to it, copy it.

    Made anew when the first revision of the schema has been written again.
    """
    folder = KEPT / f"{conversations}"
    whole, tables = folder / "whole", sha256_hex((MIGRATIONS / FIRST).read_bytes())
    if whole.exists() and whole.read_text() == tables:
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    settings = Settings(values={"DATA": str(folder), "MODELS": str(MODELS)})
    platform = await open_platform(settings, [BANK])
    await create_people(platform)
    loader = Loader(platform.service)
    for first in range(0, conversations, AT_ONCE):
        numbers = range(first, min(first + AT_ONCE, conversations))
        await platform.service.database.write(lambda tx, n=numbers: loader.load(tx, n))
    await platform.close()
    whole.write_text(tables)
    return folder


async def copy_of(conversations: int, folder: Path) -> Path:
    kept = await store_of(conversations)
    await asyncio.to_thread(shutil.copytree, kept, folder)
    return folder


@dataclass
class Loader:
    """Opens conversations, gives them to people, and forgets what the assistant would have done."""

    service: Service

    def load(self, tx: Connection, numbers: Sequence[int]) -> list[ConversationId]:
        messages = [message(n, TEXTS[n % len(TEXTS)]) for n in numbers]
        accepted = self.service._intake.accept_many(tx, messages)
        ids = [one.conversation for one, _ in accepted]
        give(tx, self.service._advancer, ids, queued=4)
        self.service._intake.untold.clear()
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
    tx.execute(sa.delete(effect))


def bench_service(path: Path) -> Service:
    """The service over a database without its channels, for measurements in one process."""
    from answerable.definition.load import load_definition
    from answerable.flow.definitions import Definitions
    from answerable.flow.handlers import World
    from answerable.privacy.keys import MasterKey
    from answerable.processes.alarm import LoggedAlarm
    from answerable.processes.assemble import assemble
    from answerable.understanding.testing import KeywordReader

    upgrade(path)
    actions = built_in_actions()
    definitions = Definitions(actions)
    loaded = load_definition(BANK, actions=actions.catalogue)
    assert loaded.definition is not None
    definitions.add(loaded.definition)
    key = path.parent / "keys" / "master.key"
    return assemble(
        database=SqliteDatabase(path),
        clock=SystemClock(),
        master=MasterKey.from_file(key) if key.exists() else MasterKey(b"b" * 32),
        definitions=definitions,
        actions=actions,
        world=World(reader=KeywordReader({}), connectors={}, deliverers={}, alarm=LoggedAlarm()),
    )

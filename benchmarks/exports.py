"""Exports of the ledger for the verifier to prove: the product's own, of any size."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from answerable.kit.ids import ConversationId, TenantId
from answerable.ledger.append import Appender
from answerable.ledger.checkpoint import SigningKey, seal
from answerable.ledger.event import NewEvent
from answerable.ledger.export import seal_everything, write_export
from answerable.ledger.verify import verify
from answerable.processes import schema

TENANT = TenantId("northwind-bank")
START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
TURNS = (
    NewEvent(
        kind="message_received",
        actor="contact",
        data={
            "author": "contact",
            "client_id": "3f0c1c52-8b53-4f0e-9a3c-0c8f2c0f7f11",
            "text": {"commitment": "c" * 64, "ref": "val_01J8ZQ4T7N3W5X6Y7Z8A9B0C1D"},
        },
    ),
    NewEvent(kind="understood", data={"intents": [["card-delivery", 0.93]], "language": "en"}),
    NewEvent(kind="decided", data={"kind": "run_playbook", "reasons": [["confidence", 0.8, 0.93]]}),
    NewEvent(
        kind="reply_written",
        actor="assistant",
        data={"text": {"commitment": "d" * 64, "ref": "val_01J8ZQ4T7N3W5X6Y7Z8A9B0C2E"}},
    ),
)


def make_export(folder: Path, events: int) -> Path:
    """An export of about so many events, forty a conversation, a checkpoint every 500."""
    database = folder / "ledger.db"
    schema.upgrade(database)
    engine = sa.create_engine(f"sqlite:///{database}")
    key = SigningKey.load_or_create(folder / "signing.key")
    with engine.begin() as tx:
        for block in range(events // 500):
            appender = Appender(tx)
            at = START + timedelta(minutes=block)
            for number in range(500):
                stream = ConversationId(f"cnv_{block * 25 // 2 + number % 13:026d}")
                appender.load([stream])
                if not appender.knows(stream):
                    appender.open_stream(stream, TENANT)
                appender.append(stream, TURNS[number % 4], at=at)
            appender.flush()
            seal(tx, TENANT, key, at=at)
        seal_everything(tx, TENANT, key, at=START)
        path = folder / "export.jsonl"
        with path.open("wb") as out:
            write_export(tx, TENANT, key, out, product="benchmark", at=START)
    engine.dispose()
    return path


def our_verifier(path: Path) -> None:
    with path.open("rb") as file:
        assert verify(file).findings == []

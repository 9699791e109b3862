"""A small ledger, its export, and the verifier as a stranger runs it."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection, Engine

from answerable.kit.canonical import canonical_text
from answerable.kit.ids import ConversationId, TenantId
from answerable.ledger import verify
from answerable.ledger.append import Appender
from answerable.ledger.checkpoint import SigningKey, read_checkpoints, seal
from answerable.ledger.event import NewEvent
from answerable.ledger.export import seal_everything, write_export
from answerable.processes import schema

TENANT = TenantId("northwind-bank")
START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@dataclass
class Archive:
    """A database with a ledger, and the key that signs it."""

    engine: Engine
    key: SigningKey
    now: datetime = START

    def append(self, stream: str, event: str, **data: Any) -> None:
        with self.engine.begin() as tx:
            appender = Appender(tx)
            stream_id = ConversationId(stream)
            appender.load([stream_id])
            if not appender.knows(stream_id):
                appender.open_stream(stream_id, TENANT)
            self.now += timedelta(seconds=1)
            appender.append(stream_id, NewEvent(kind=event, data=data), at=self.now)
            appender.flush()

    def seal(self) -> None:
        with self.engine.begin() as tx:
            seal(tx, TENANT, self.key, at=self.now)

    def export(self, *, after: int = 0) -> bytes:
        with self.engine.begin() as tx:
            return self.export_in(tx, after=after)

    def export_in(self, tx: Connection, *, after: int = 0) -> bytes:
        out = BytesIO()
        seal_everything(tx, TENANT, self.key, at=self.now)
        product = "answerable 0.1.0"
        write_export(tx, TENANT, self.key, out, product=product, at=self.now, after=after)
        return out.getvalue()

    def last(self) -> int:
        """The number of the last checkpoint."""
        with self.engine.connect() as tx:
            return read_checkpoints(tx, TENANT)[-1].number

    def outside(self) -> str:
        """The checkpoints as they are kept away from the database."""
        with self.engine.connect() as tx:
            kept = read_checkpoints(tx, TENANT)
        return "".join(canonical_text(item.record) + "\n" for item in kept)


@pytest.fixture
def empty_archive(tmp_path: Path) -> Iterator[Archive]:
    path = tmp_path / "ledger.db"
    schema.upgrade(path)
    engine = sa.create_engine(f"sqlite:///{path}")
    yield Archive(engine, SigningKey.load_or_create(tmp_path / "signing.key"))
    engine.dispose()


@pytest.fixture
def archive(empty_archive: Archive) -> Archive:
    made = empty_archive
    made.append("cnv_one", "conversation_opened", channel="chat")
    made.append("cnv_one", "message_received", text={"ref": "val_1"}, author="contact")
    made.append("cnv_two", "conversation_opened", channel="email", note='"hash":"{Ünïcode}"')
    made.seal()
    made.append("cnv_one", "decided", kind="run_playbook", confidence=0.93)
    made.append("cnv_three", "conversation_opened", channel="chat")
    made.seal()
    made.append("cnv_two", "handed_off", team="cards")
    made.append("cnv_one", "conversation_closed")
    return made


def codes(export: bytes, **options: Any) -> set[str]:
    """What is found wrong in these bytes."""
    return {finding.code for finding in verify.verify(BytesIO(export), **options).findings}


def run_alone(*arguments: str | Path, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """The verifier's file, run by a Python that has nothing but its standard library."""
    command = [sys.executable, "-I", "-S", str(Path(verify.__file__))]
    return subprocess.run([*command, *map(str, arguments)], input=stdin, capture_output=True)


def lines_of(export: bytes) -> list[bytes]:
    return export.splitlines(keepends=True)


def records_of(export: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in export.splitlines()]

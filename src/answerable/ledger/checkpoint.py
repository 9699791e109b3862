"""Signed checkpoints: statements of where streams stood, kept also outside the database.

A hash chain alone shows edits, but not a cut tail or a recomputed whole. A checkpoint names the
heads of all streams that moved since the one before, is chained to it, and is signed.
"""

import base64
import json
import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlalchemy import Connection

from answerable.kit.canonical import canonical_json, canonical_text, sha256_hex
from answerable.kit.database import JsonText, UtcDateTime, lock_until_commit, metadata
from answerable.kit.errors import InvalidInput
from answerable.kit.ids import TenantId
from answerable.ledger.event import GENESIS, wire_time
from answerable.ledger.tables import event

checkpoint = sa.Table(
    "checkpoint",
    metadata,
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("position", sa.BigInteger, nullable=False),
    sa.Column("hash", sa.Text, nullable=False),
    sa.Column("record", JsonText, nullable=False),
)


class SigningKey:
    """The Ed25519 key that signs checkpoints. Lives in a file, never in the database."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private
        raw = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.public = base64.b64encode(raw).decode()
        self.key_id = sha256_hex(raw)[:16]

    def __repr__(self) -> str:
        return f"SigningKey({self.key_id})"

    def sign(self, data: bytes) -> str:
        return base64.b64encode(self._private.sign(data)).decode()

    @classmethod
    def load_or_create(cls, path: Path) -> "SigningKey":
        """Read the key file (base64 of 32 bytes), or make one with mode 0600."""
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(base64.b64encode(os.urandom(32)).decode() + "\n")
        try:
            seed = base64.b64decode(path.read_text().strip(), validate=True)
            return cls(Ed25519PrivateKey.from_private_bytes(seed))
        except ValueError as error:
            raise InvalidInput(
                "bad_signing_key",
                f"{path}: not a signing key; expected base64 of 32 bytes",
            ) from error


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    tenant: TenantId
    number: int
    record: dict[str, Any]


def seal(
    tx: Connection, tenant: TenantId, key: SigningKey, *, at: datetime, limit: int = 50_000
) -> Checkpoint | None:
    """Sign the heads of all streams of `tenant` that moved since the last checkpoint.

    Returns None if nothing moved. At most `limit` events are covered; call again for the rest.
    """
    lock_until_commit(tx, [f"checkpoints {tenant}"])
    last = tx.execute(
        sa.select(checkpoint)
        .where(checkpoint.c.tenant == tenant)
        .order_by(checkpoint.c.number.desc())
        .limit(1)
    ).first()
    after = last.position if last else 0
    moved = tx.execute(
        sa.select(event.c.position, event.c.stream, event.c.seq, event.c.hash)
        .where(event.c.tenant == tenant, event.c.position > after)
        .order_by(event.c.position)
        .limit(limit)
    ).all()
    if not moved:
        return None
    heads = {row.stream: [row.seq, row.hash] for row in moved}
    number = last.number + 1 if last else 1
    body = {
        "at": wire_time(at),
        "heads": heads,
        "key": key.key_id,
        "number": number,
        "previous": last.hash if last else GENESIS,
        "tenant": tenant,
    }
    signed = canonical_json(body)
    record = {**body, "hash": sha256_hex(signed), "signature": key.sign(signed)}
    tx.execute(
        sa.insert(checkpoint).values(
            tenant=tenant,
            number=number,
            at=at,
            position=moved[-1].position,
            hash=record["hash"],
            record=record,
        )
    )
    return Checkpoint(tenant=tenant, number=number, record=record)


def is_sealed(tx: Connection) -> bool:
    """Whether there is any checkpoint: whoever seals next needs the same key."""
    return tx.execute(sa.select(checkpoint.c.number).limit(1)).first() is not None


def read_checkpoints(tx: Connection, tenant: TenantId, *, after: int = 0) -> list[Checkpoint]:
    rows = tx.execute(
        sa.select(checkpoint)
        .where(checkpoint.c.tenant == tenant, checkpoint.c.number > after)
        .order_by(checkpoint.c.number)
    )
    return [Checkpoint(tenant=row.tenant, number=row.number, record=row.record) for row in rows]


class CheckpointFile:
    """Checkpoints outside the database: one JSON line each, appended and synced.

    Put the file on another machine or medium: whoever can rewrite the database must not be able
    to rewrite this.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def last_number(self, tenant: TenantId) -> int:
        if not self.path.exists():
            return 0
        numbers = [0]
        for line in self.path.read_text().splitlines():
            try:
                record = json.loads(line)
            except ValueError:
                continue  # a line cut by a crash: it is written again from the database
            if record.get("tenant") == tenant:
                numbers.append(record["number"])
        return max(numbers)

    def append(self, checkpoints: list[Checkpoint]) -> None:
        if not checkpoints:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        torn = self.path.exists() and self.path.read_bytes()[-1:] not in (b"", b"\n")
        with self.path.open("a", encoding="utf-8") as file:
            if torn:
                file.write("\n")
            for item in checkpoints:
                file.write(canonical_text(item.record) + "\n")
            file.flush()
            os.fsync(file.fileno())

"""Our own lists of labelled sentences."""

import json
from pathlib import Path

from answerable.kit.canonical import sha256_hex

LEXICON = Path(__file__).resolve().parent / "lexicon"


def read_lexicon(name: str) -> list[tuple[str, str]]:
    """(label, sentence) pairs of one of our own lists."""
    lines = (LEXICON / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines if line.strip()]
    return [(str(row["label"]), str(row["text"])) for row in rows]


def lists_hash() -> str:
    """Of all lists together."""
    files = sorted(LEXICON.glob("*.jsonl"))
    return sha256_hex(b"\0".join(file.name.encode() + b"\0" + file.read_bytes() for file in files))

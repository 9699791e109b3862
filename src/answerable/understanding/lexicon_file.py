"""Our own lists of labelled sentences, and what the shipped encoder says of them."""

import json
from pathlib import Path

import numpy as np

from answerable.kit.canonical import sha256_hex
from answerable.understanding.ports import Matrix

LEXICON = Path(__file__).resolve().parent / "lexicon"
READ = Path(__file__).resolve().parent.parent / "_models" / "lexicon"


def read_lexicon(name: str) -> list[tuple[str, str]]:
    """(label, sentence) pairs of one of our own lists."""
    lines = (LEXICON / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines if line.strip()]
    return [(str(row["label"]), str(row["text"])) for row in rows]


def list_hash(name: str) -> str:
    return sha256_hex((LEXICON / f"{name}.jsonl").read_bytes())


def read_vectors(name: str, encoder: str) -> Matrix | None:
    """What the encoder of this name says of the sentences; None if that is not at hand."""
    try:
        about = json.loads((READ / "lexicon.json").read_text())
        if about["encoder"] != encoder or about["lists"].get(name) != list_hash(name):
            return None
        return np.asarray(np.load(READ / f"{name}.npy"), dtype=np.float32)
    except (OSError, ValueError, KeyError):
        return None

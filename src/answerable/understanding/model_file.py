"""A trained model on disk: arrays (never pickled objects) and a manifest that vouches for them."""

import io
import json
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from answerable.kit.canonical import sha256_hex
from answerable.kit.errors import InvalidInput
from answerable.understanding.kernel import Arrays

FORMAT = "answerable-understanding"
VERSION = 6
EVALUATION = "evaluation.json"
MANIFEST = "manifest.json"
_ARRAYS = "arrays.npz"
FILES = (_ARRAYS, EVALUATION, MANIFEST)
# Far above what the most examples make (64 MB): a foreign file must not fill the memory.
MOST_BYTES = 256 * 2**20
MOST_UNPACKED = 4 * MOST_BYTES


def write_model(
    folder: Path,
    manifest: Mapping[str, Any],
    arrays: Arrays,
    evaluation: Mapping[str, Any] | None = None,
) -> None:
    """Write the files; a reader sees the old manifest or the new one, never half of one.

    evaluation: what training showed, read by `evaluation_file` only.
    """
    folder.mkdir(parents=True, exist_ok=True)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
    data = buffer.getvalue()
    _replace(folder / _ARRAYS, data)
    whole = {"format": FORMAT, "version": VERSION, **manifest, "arrays_sha256": sha256_hex(data)}
    if evaluation:
        said = (json.dumps(evaluation, ensure_ascii=False) + "\n").encode()
        _replace(folder / EVALUATION, said)
        whole["evaluation_sha256"] = sha256_hex(said)
    _replace(folder / MANIFEST, (json.dumps(whole, indent=2, ensure_ascii=False) + "\n").encode())


def read_model(folder: Path) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Manifest and arrays. Raises InvalidInput for anything but a whole model of this version."""
    manifest = read_manifest(folder)
    data = read_bounded(folder / _ARRAYS)
    if sha256_hex(data) != manifest.get("arrays_sha256"):
        raise InvalidInput(
            "damaged_model", f"{folder / _ARRAYS} is not what its manifest says: train again"
        )
    try:
        _refuse_bomb(folder, data)
        with np.load(io.BytesIO(data), allow_pickle=False) as stored:
            return manifest, {name: stored[name] for name in stored.files}
    except (ValueError, OSError, EOFError, KeyError, zipfile.BadZipFile) as error:
        raise InvalidInput("damaged_model", f"{folder / _ARRAYS}: {error}") from error


def read_manifest(folder: Path) -> dict[str, Any]:
    """What a stored model says of itself. Raises InvalidInput as `read_model` does."""
    path = folder / MANIFEST
    try:
        manifest = json.loads(read_bounded(path))
    except (ValueError, RecursionError) as error:
        raise InvalidInput("damaged_model", f"{path} is not JSON: train again") from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise InvalidInput("foreign_model", f"{path} does not describe a model of Answerable")
    if manifest.get("version") != VERSION:
        raise InvalidInput(
            "foreign_model",
            f"{path}: model version {manifest.get('version')}, this program reads {VERSION}:"
            " train again",
        )
    return manifest


def read_bounded(path: Path) -> bytes:
    """A model's file. Raises InvalidInput if it is not there or cannot be one by its size."""
    try:
        size = path.stat().st_size
        if size > MOST_BYTES:
            raise InvalidInput(
                "foreign_model", f"{path} has {size:,} bytes: no model of Answerable is so large"
            )
        return path.read_bytes()
    except OSError as error:
        raise InvalidInput("no_model", f"{path}: {error.strerror}") from error


def _refuse_bomb(folder: Path, data: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(data)) as packed:
        size = sum(entry.file_size for entry in packed.infolist())
    if size > MOST_UNPACKED:
        raise InvalidInput("foreign_model", f"{folder / _ARRAYS} would unpack to {size:,} bytes")


def _replace(path: Path, data: bytes) -> None:
    fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
    fresh.write_bytes(data)
    fresh.replace(path)

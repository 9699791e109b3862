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
VERSION = 4
_ARRAYS = "arrays.npz"
_MANIFEST = "manifest.json"


def write_model(folder: Path, manifest: Mapping[str, Any], arrays: Arrays) -> None:
    """Write both files; a reader sees the old manifest or the new one, never half of one."""
    folder.mkdir(parents=True, exist_ok=True)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
    data = buffer.getvalue()
    _replace(folder / _ARRAYS, data)
    whole = {"format": FORMAT, "version": VERSION, **manifest, "arrays_sha256": sha256_hex(data)}
    _replace(folder / _MANIFEST, (json.dumps(whole, indent=2, ensure_ascii=False) + "\n").encode())


def read_model(folder: Path) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Manifest and arrays. Raises InvalidInput for anything but a whole model of this version."""
    manifest = read_manifest(folder)
    try:
        data = (folder / _ARRAYS).read_bytes()
    except OSError as error:
        raise InvalidInput("no_model", f"{folder / _ARRAYS}: {error.strerror}") from error
    if sha256_hex(data) != manifest.get("arrays_sha256"):
        raise InvalidInput(
            "damaged_model", f"{folder / _ARRAYS} is not what its manifest says: train again"
        )
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as stored:
            return manifest, {name: stored[name] for name in stored.files}
    except (ValueError, OSError, EOFError, KeyError, zipfile.BadZipFile) as error:
        raise InvalidInput("damaged_model", f"{folder / _ARRAYS}: {error}") from error


def read_manifest(folder: Path) -> dict[str, Any]:
    """What a stored model says of itself. Raises InvalidInput as `read_model` does."""
    path = folder / _MANIFEST
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidInput("no_model", f"{path}: {error.strerror}") from error
    except ValueError as error:
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


def _replace(path: Path, data: bytes) -> None:
    fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
    fresh.write_bytes(data)
    fresh.replace(path)

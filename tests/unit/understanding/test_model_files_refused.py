"""Damaged, foreign, truncated, pickled and oversized model files: each refused with a sentence."""

import io
import json
import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from answerable.kit.canonical import sha256_hex
from answerable.kit.errors import Conflict, InvalidInput
from answerable.understanding.model import Model
from answerable.understanding.model_file import MOST_BYTES
from answerable.understanding.version_files import load_version, manifest_digest, take_in

Damage = Callable[[Path], None]


class Trap:
    """Would leave a file behind if it were ever unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.path),)


@pytest.fixture
def folder(bank_model: Model, tmp_path: Path) -> Path:
    bank_model.save(tmp_path / "model")
    return tmp_path / "model"


def rewrite_manifest(folder: Path, **changes: Any) -> None:
    path = folder / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def vouch_for(folder: Path, data: bytes) -> None:
    """Put other arrays there, with a manifest that says they are right."""
    (folder / "arrays.npz").write_bytes(data)
    rewrite_manifest(folder, arrays_sha256=sha256_hex(data))


def truncate(folder: Path) -> None:
    path = folder / "arrays.npz"
    path.write_bytes(path.read_bytes()[:-100])


def be_pickled(folder: Path) -> None:
    vouch_for(folder, pickle.dumps(Trap(folder / "sprung")))


def hold_objects(folder: Path) -> None:
    buffer = io.BytesIO()
    np.savez(buffer, **{"intents.centres": np.array([Trap(folder / "sprung")], dtype=object)})  # type: ignore[arg-type]
    vouch_for(folder, buffer.getvalue())


def be_too_large(folder: Path) -> None:
    with (folder / "arrays.npz").open("r+b") as file:
        file.truncate(MOST_BYTES + 1)  # sparse: it takes no room


def be_a_bomb(folder: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("intents.centres.npy", b"")
    data = bytearray(buffer.getvalue())
    place = data.rindex(b"PK\x01\x02") + 24  # the unpacked size in the directory
    data[place : place + 4] = (2**32 - 2).to_bytes(4, "little")
    vouch_for(folder, bytes(data))


def lose_an_array(folder: Path) -> None:
    with np.load(folder / "arrays.npz") as stored:
        arrays = {name: stored[name] for name in stored.files if name != "intents.pull"}
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    vouch_for(folder, buffer.getvalue())


def come_from_elsewhere(folder: Path) -> None:
    (folder / "manifest.json").write_text('{"format": "somebody-elses"}')


def be_no_json(folder: Path) -> None:
    (folder / "manifest.json").write_bytes(b"\x80\x04\x95")


def be_nested(folder: Path) -> None:
    (folder / "manifest.json").write_text("[" * 100_000)


def have_a_path_for_a_name(folder: Path) -> None:
    rewrite_manifest(folder, name="../../elsewhere")


def lose_the_evaluation(folder: Path) -> None:
    (folder / "evaluation.json").unlink()


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (truncate, "not what its manifest says"),
        (be_pickled, "arrays.npz"),
        (hold_objects, "allow_pickle=False"),
        (be_too_large, "no model of Answerable is so large"),
        (be_a_bomb, "would unpack to"),
        (lose_an_array, "without a whole intents head"),
        (come_from_elsewhere, "does not describe a model of Answerable"),
        (be_no_json, "is not JSON"),
        (be_nested, "is not JSON"),
        (have_a_path_for_a_name, "is not the name of a model"),
        (lose_the_evaluation, "evaluation.json"),
    ],
)
def test_what_is_no_whole_model_of_ours_does_not_become_a_version(
    folder: Path, tmp_path: Path, damage: Damage, said: str
) -> None:
    damage(folder)

    with pytest.raises(InvalidInput, match=said):
        take_in(folder, tmp_path / "kept")

    assert not (folder / "sprung").exists()
    assert list(tmp_path.glob("kept/versions/*")) == []


def test_a_version_is_a_copy_and_the_same_again_changes_nothing(
    folder: Path, tmp_path: Path
) -> None:
    kept = take_in(folder, tmp_path / "kept")
    truncate(folder)

    assert take_in(kept, tmp_path / "kept") == kept
    assert Model.load(kept).name == kept.name


def test_another_model_by_the_same_name_is_refused(folder: Path, tmp_path: Path) -> None:
    take_in(folder, tmp_path / "kept")
    rewrite_manifest(folder, examples=1)

    with pytest.raises(Conflict, match="another model by the same name"):
        take_in(folder, tmp_path / "kept")


def test_files_that_are_not_those_of_the_ledger_do_not_go_live(
    folder: Path, tmp_path: Path
) -> None:
    kept = take_in(folder, tmp_path / "kept")
    digest = manifest_digest(kept)
    rewrite_manifest(kept, precision=0.5)

    with pytest.raises(InvalidInput, match="models rollback"):
        load_version(tmp_path / "kept", kept.name, digest)


def test_files_that_are_gone_are_said_to_be(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="models rollback"):
        load_version(tmp_path, "m4-0123456789ab", "ab")

"""Where the files of a tenant's model versions are; they come there whole or not at all."""

import re
import shutil
from pathlib import Path

from answerable.kit.canonical import sha256_hex
from answerable.kit.errors import Conflict, InvalidInput
from answerable.understanding.evaluation_file import read_evaluation
from answerable.understanding.model import Model
from answerable.understanding.model_file import FILES, MANIFEST
from answerable.understanding.ports import Encoder

_NAME = re.compile(r"m\d{1,4}-[0-9a-f]{12}")  # as `train` makes them; anything else is no name


def version_folder(place: Path, name: str) -> Path:
    """place: of the tenant's models. Raises InvalidInput for what cannot be a version's name."""
    if not _NAME.fullmatch(name):
        raise InvalidInput("foreign_model", f"{name[:40]!r} is not the name of a model")
    return place / "versions" / name


def manifest_digest(folder: Path) -> str:
    """Of the manifest's bytes; it holds the digests of the other files."""
    try:
        return sha256_hex((folder / MANIFEST).read_bytes())
    except OSError as error:
        raise InvalidInput("no_model", f"{folder / MANIFEST}: {error.strerror}") from error


def checked_model(folder: Path, encoder: Encoder | None = None) -> Model:
    """A model that loads, keeps its evaluation, and reads a sentence.

    Raises InvalidInput for a damaged or foreign one, or one without evaluation.
    """
    model = Model.load(folder, encoder)
    read_evaluation(folder)
    try:
        model.understand(["Hello, is this a model?"])
    except (ValueError, IndexError, TypeError) as error:
        raise InvalidInput("damaged_model", f"{folder} cannot read: {error}") from error
    return model


def take_in(source: Path, place: Path, encoder: Encoder | None = None) -> Path:
    """Copy a trained model to where versions are kept; returns its folder. Repeating is safe.

    Raises InvalidInput as `checked_model` does, Conflict if another lies there by its name.
    """
    model = checked_model(source, encoder)
    folder = version_folder(place, model.name)
    if folder.exists():
        if manifest_digest(folder) != manifest_digest(source):
            raise Conflict("other_model", f"{folder} holds another model by the same name")
        return folder
    part = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    for name in FILES:
        shutil.copyfile(source / name, part / name)
    # What was checked is what was copied, also if somebody trained into `source` meanwhile.
    if checked_model(part, encoder).name != model.name:
        raise Conflict("other_model", f"{source} changed while it was read")
    part.replace(folder)
    return folder


def load_version(place: Path, name: str, digest: str, encoder: Encoder | None = None) -> Model:
    """The version's model, if its files are those that the ledger names.

    Raises InvalidInput otherwise, saying what to do.
    """
    folder = version_folder(place, name)
    try:
        found = manifest_digest(folder)
    except InvalidInput as error:
        raise InvalidInput(
            "no_model",
            f"{error.message}: copy the model's folder there, or go back with "
            "`answerable models rollback`",
        ) from error
    if found != digest:
        raise InvalidInput(
            "damaged_model",
            f"{folder / MANIFEST} is not the one that was added: copy it there again, or go back "
            "with `answerable models rollback`",
        )
    return Model.load(folder, encoder)

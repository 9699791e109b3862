"""The reference names every key and every variable."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest

from answerable.definition.document import ServiceDocument
from answerable.definition.keys import Model
from answerable.definition.terms import CHANNEL_KINDS, Proof
from answerable.definition.variables import CONTACT_VARIABLES, MESSAGE_VARIABLES, PAGE_VARIABLES

REFERENCE = Path(__file__).parents[3] / "docs" / "reference" / "definition.md"


def models_in(kind: Any, seen: set[type[Model]]) -> Iterator[type[Model]]:
    """The model and all that it is made of."""
    if isinstance(kind, type) and issubclass(kind, Model) and kind not in seen:
        seen.add(kind)
        yield kind
        for info in kind.model_fields.values():
            yield from models_in(info.annotation, seen)
    for part in get_args(kind):
        yield from models_in(part, seen)


@pytest.fixture(scope="module")
def documented() -> set[str]:
    return set(re.findall(r"`([^`]+)`", REFERENCE.read_text()))


@pytest.mark.parametrize("model", list(models_in(ServiceDocument, set())), ids=lambda m: m.__name__)
def test_every_key_is_documented(model: type[Model], documented: set[str]) -> None:
    missing = [
        key
        for key in model.keys()  # noqa: SIM118
        if not any(entry == key or entry.startswith(f"{key}:") for entry in documented)
    ]

    assert missing == []


def test_every_variable_proof_and_channel_is_documented(documented: set[str]) -> None:
    names = [*CONTACT_VARIABLES, *MESSAGE_VARIABLES, *PAGE_VARIABLES, *CHANNEL_KINDS]

    assert [
        name for name in [*names, *(proof.value for proof in Proof)] if name not in documented
    ] == []

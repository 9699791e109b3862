"""The use cases behind the command line and the processes."""

import json
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from bank_sentences import bank_examples

from answerable.definition.schema import ServiceDefinition
from answerable.kit.errors import InvalidInput
from answerable.understanding.definition_examples import definition_examples
from answerable.understanding.examples import read_examples
from answerable.understanding.local_reader import LocalReader, always
from answerable.understanding.model import Model
from answerable.understanding.model_cache import is_stored
from answerable.understanding.ports import Encoder
from answerable.understanding.service import evaluate_file, understand_lines
from answerable.understanding.train_model import model_for, train_files
from tests.support.town import shop_definition

FIELDS = {
    "id",
    "intents",
    "scope",
    "in_scope",
    "automatic",
    "language",
    "sentiment",
    "urgency",
    "spam",
    "churn",
    "abuse",
    "model",
    "near",
    "sketch",
}


@dataclass(frozen=True)
class SomeIntent:
    name: str
    title: str | None = None
    description: str | None = None
    keywords: tuple[str, ...] = ()
    examples: tuple[str, ...] = field(default=())


def write_bank(path: Path) -> Path:
    rows = [{"text": one.text, "intents": list(one.intents)} for one in bank_examples()]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_train_evaluate_and_understand_from_files(tmp_path: Path) -> None:
    file = write_bank(tmp_path / "bank.jsonl")

    manifest = train_files([file], tmp_path / "model", languages=["en"])
    model = Model.load(tmp_path / "model")
    figures = evaluate_file(model, file, 0.9).to_data()

    assert manifest["metrics"]["messages"] == len(bank_examples())
    assert figures["accuracy"] == 1.0
    assert figures["model"] == manifest["name"]


def test_lines_come_back_in_order_with_their_ids(bank_model: Model) -> None:
    lines = [json.dumps({"id": n, "text": f"Where is card {n}?"}) for n in range(150)]

    found = list(understand_lines(bank_model, [*lines[:100], "\n", *lines[100:]], 0.9))

    assert [row["id"] for row in found] == list(range(150))
    assert set(found[0]) == FIELDS
    assert json.loads(json.dumps(found[0])) == found[0]


@pytest.mark.parametrize("line", ["nonsense", "[]", '{"id": 1}', '{"text": 5}', b"\xff\xfe"])
def test_a_bad_line_is_named(bank_model: Model, line: str | bytes) -> None:
    good = '{"id": 1, "text": "hello"}'

    with pytest.raises(InvalidInput, match="input:2:"):
        list(understand_lines(bank_model, [good, line], name="input"))


@pytest.mark.parametrize(
    "line",
    [
        "x",
        "3",
        '{"text": "a"}',
        '{"text": 1, "intents": []}',
        '{"text": "a", "intents": "b"}',
        '{"text": "a", "intents": [1]}',
        '{"text": "a", "intents": [""]}',
    ],
)
def test_a_bad_example_is_named_by_file_and_line(tmp_path: Path, line: str) -> None:
    file = tmp_path / "examples.jsonl"
    file.write_text('{"text": "a", "intents": []}\n\n' + line + "\n")

    with pytest.raises(InvalidInput, match=r"examples\.jsonl:3:"):
        read_examples(file)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="nowhere"):
        read_examples(tmp_path / "nowhere.jsonl")


def test_an_intent_without_examples_speaks_by_its_description() -> None:
    intents = {
        "a": SomeIntent("a", examples=tuple(f"question {n}" for n in range(20))),
        "open-account": SomeIntent(
            "open-account", "Open an account", "How to become a customer", ("join", "sign up")
        ),
        "close-account": SomeIntent("close-account"),
    }

    found = definition_examples(intents)

    assert [one.text for one in found if one.intents == ("a",)] == list(intents["a"].examples)
    described = [one.text for one in found if one.intents == ("open-account",)]
    assert "Open an account" in described
    assert "join sign up" in described
    assert [one.text for one in found if one.intents == ("close-account",)] == ["close account"]
    assert all(one.described for one in found if one.intents != ("a",))


def test_a_definition_is_learnt_once(tmp_path: Path, encoder: Encoder) -> None:
    first = model_for("abc", bank_examples(), tmp_path, encoder=encoder)
    stored = {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*.*")}

    again = model_for("abc", bank_examples(), tmp_path, encoder=encoder)

    assert again.name == first.name
    assert {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*.*")} == stored


def test_a_damaged_or_outdated_cache_is_made_anew(tmp_path: Path, encoder: Encoder) -> None:
    first = model_for("abc", bank_examples(), tmp_path, encoder=encoder)
    (arrays,) = tmp_path.rglob("arrays.npz")
    arrays.write_bytes(b"broken")

    repaired = model_for("abc", bank_examples(), tmp_path, encoder=encoder)
    changed = model_for("abc", bank_examples()[:-1], tmp_path, encoder=encoder)

    assert repaired.name == first.name
    assert changed.name != first.name


async def test_a_process_keeps_the_models_that_were_used_last(bank_model: Model) -> None:
    loaded: list[str] = []

    def model_of(definition: ServiceDefinition) -> Model:
        loaded.append(definition.hash)
        return bank_model

    one, two, three = (
        shop_definition().model_copy(update={"hash": name}) for name in ("one", "two", "three")
    )
    reader = LocalReader(always(model_of), kept=2)
    for definition in (one, two, one, three, one, two):
        await reader.warm(definition)
    reader.close()

    assert loaded == ["one", "two", "three", "two"]


def test_whether_a_model_is_stored_is_told_without_reading_it(
    encoder: Encoder, tmp_path: Path
) -> None:
    examples = bank_examples()
    assert not is_stored("bank", examples, tmp_path, languages=["en"])

    model_for("bank", examples, tmp_path, languages=["en"])

    assert is_stored("bank", examples, tmp_path, languages=["en"])
    assert not is_stored("bank", examples, tmp_path, languages=["de"])
    assert not is_stored("bank", examples[1:], tmp_path, languages=["en"])

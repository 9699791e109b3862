"""An encoder is tuned on labelled messages, and kept only if it reads others better."""

import json
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from bank_sentences import bank_examples
from small_bert import small_bert

from answerable.cli.main import run
from answerable.kit.errors import Conflict, InvalidInput
from answerable.understanding.build_encoder import Published, Weights, write_encoder
from answerable.understanding.encoder import OnnxEncoder
from answerable.understanding.examples import Example, data_hash
from answerable.understanding.model import Model
from answerable.understanding.outcomes import text_digest
from answerable.understanding.ports import Encoder, Matrix
from answerable.understanding.train import train
from answerable.understanding.tune_encoder import tune_encoder

INTENTS = ("card-delivery", "card-lost", "balance")
MESSAGES = [
    Example(text=f"{letter}{letter}{letter} {number}", intents=(INTENTS[number % 3],))
    for number, letter in enumerate("abcdefghijklmnopqrstuvwxyz" * 2)
]


class Pupil:
    """Sees nothing in a text at first; after `knows_after` epochs, what it asks for."""

    parts = (4,)

    def __init__(self, published: Published, *, knows_after: int | None) -> None:
        self.published, self.knows_after, self.epochs = published, knows_after, 0

    def as_read(self, text: str) -> str:
        return text

    def encode(self, texts: Sequence[str]) -> Matrix:
        truth = {message.text: INTENTS.index(message.intents[0]) for message in MESSAGES}
        knows = self.knows_after is not None and self.epochs >= self.knows_after
        numbers = [truth.get(text, 3) if knows else 3 for text in texts]
        return np.eye(4, dtype=np.float32)[numbers]

    def learn(self, texts: Sequence[str], targets: Matrix, epochs: int) -> Iterator[float]:
        for _ in range(epochs):
            self.epochs += 1
            yield 0.0

    def weights(self) -> Weights:
        return {
            name: array + self.epochs / 100 if name.startswith("encoder.") else array
            for name, array in self.published.weights.items()
        }


@pytest.fixture(scope="module")
def published() -> Published:
    return small_bert()


def test_what_reads_held_out_messages_better_is_written_as_an_encoder(
    published: Published, tmp_path: Path
) -> None:
    told: list[str] = []

    tuned = tune_encoder(
        MESSAGES,
        tmp_path / "tuned",
        published=published,
        start=lambda: Pupil(published, knows_after=3),
        say=told.append,
    )

    encoder = OnnxEncoder(tmp_path / "tuned")
    about = json.loads((tmp_path / "tuned" / "encoder.json").read_text())
    assert tuned.epochs == 3, "the first of those that read best"
    assert tuned.right_now == tuned.held_out == len(MESSAGES) / 4
    assert tuned.won > tuned.lost == 0
    assert encoder.name == tuned.name == about["name"]
    assert about["data_sha256"] == data_hash(MESSAGES)
    assert data_hash(MESSAGES)[:8] in encoder.name
    assert encoder.encode(["Where is my card?"]).shape == (1, about["dimensions"])
    assert "13 of 13 held-out messages are right" in told[-1]
    assert len(encoder.learnt) == len(MESSAGES) * 3 / 4 + len(INTENTS), "and the intents' names"


@pytest.mark.parametrize("knows_after", [None, 0])
def test_what_reads_them_no_better_is_not_written(
    published: Published, tmp_path: Path, knows_after: int | None
) -> None:
    with pytest.raises(Conflict, match=r"no encoder was written: .* of 13 held-out messages"):
        tune_encoder(
            MESSAGES,
            tmp_path / "tuned",
            published=published,
            start=lambda: Pupil(published, knows_after=knows_after),
        )

    assert not (tmp_path / "tuned").exists()


def test_too_few_messages_are_refused_before_anything_is_learnt(
    published: Published, tmp_path: Path
) -> None:
    for few in (MESSAGES[:9], MESSAGES[::3], []):
        with pytest.raises(InvalidInput, match="too few messages"):
            tune_encoder(few, tmp_path / "tuned", published=published, start=_never)


def test_a_folder_that_holds_something_is_left_alone(published: Published, tmp_path: Path) -> None:
    (tmp_path / "encoder.onnx").write_text("another")

    with pytest.raises(InvalidInput, match="is not empty"):
        tune_encoder(MESSAGES, tmp_path, published=published, start=_never)

    assert (tmp_path / "encoder.onnx").read_text() == "another"


def _never() -> Pupil:
    raise AssertionError("nothing should have been learnt")


def test_what_an_encoder_was_tuned_on_proves_nothing_about_a_model(
    encoder: Encoder, tmp_path: Path
) -> None:
    examples = bank_examples()
    kept, taught = (
        examples[::3],
        {text_digest(one.text) for one in examples}
        - {text_digest(one.text) for one in examples[::3]},
    )

    plain = train(examples, encoder=encoder)
    tuned = train(examples, encoder=Tuned(encoder, frozenset(taught)))
    nothing = train(examples, encoder=Tuned(encoder, frozenset(map(text_digest, said(examples)))))

    assert plain.manifest["metrics"]["messages"] == len(examples)
    assert tuned.manifest["metrics"]["messages"] == len(kept)
    assert nothing.manifest["metrics"] == {"messages": 0}
    assert not any(one.automatic for one in nothing.understand(said(examples)))


def said(examples: Sequence[Example]) -> list[str]:
    return [example.text for example in examples]


class Tuned:
    """Another encoder, as if it had been tuned on some texts."""

    def __init__(self, real: Encoder, learnt: frozenset[str]) -> None:
        self.name, self.dimensions, self.learnt = real.name, real.dimensions, learnt
        self.parts = real.parts
        self.knows, self.encode = real.knows, real.encode
        self.as_read, self.reads = real.as_read, real.reads


def test_other_weights_are_another_encoder_which_refuses_models_of_the_first(
    published: Published, tmp_path: Path, bank_model: Model
) -> None:
    pupil = Pupil(published, knows_after=1)
    next(pupil.learn([], np.zeros((0, 0), dtype=np.float32), 1))
    write_encoder(tmp_path / "one", published, published.weights, "small", {})
    write_encoder(tmp_path / "two", published, pupil.weights(), "small", {"tuned": "yes"})
    one, two = OnnxEncoder(tmp_path / "one"), OnnxEncoder(tmp_path / "two")
    bank_model.save(tmp_path / "model")

    with pytest.raises(InvalidInput, match=f"was trained with the encoder .* here is '{two.name}'"):
        Model.load(tmp_path / "model", two)

    texts = [example.text for example in bank_examples()]
    assert not np.array_equal(one.encode(texts), two.encode(texts))


@pytest.mark.skipif(find_spec("torch") is not None, reason="torch is installed here")
def test_without_torch_the_command_says_what_to_install(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [json.dumps({"text": one.text, "intents": one.intents}) for one in MESSAGES]
    (tmp_path / "labelled.jsonl").write_text("\n".join(lines))
    files = ["--examples", str(tmp_path / "labelled.jsonl"), "--out", str(tmp_path / "model")]

    code = run(["train", "-", *files, "--tune-encoder", str(tmp_path / "encoder")])

    said = capsys.readouterr().err
    assert code == 2
    assert said == (
        "answerable train: tuning an encoder needs torch: pip install answerable[tune]\n"
    )
    assert list(tmp_path.iterdir()) == [tmp_path / "labelled.jsonl"]

"""What a trained model says, and what it refuses."""

import json
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from bank_sentences import SENTENCES, bank_examples, strange_examples

from answerable.kit.canonical import sha256_hex
from answerable.kit.errors import InvalidInput
from answerable.understanding.encoder import NgramsOnly
from answerable.understanding.evaluate import evaluate
from answerable.understanding.examples import Example
from answerable.understanding.model import Model
from answerable.understanding.ports import Encoder, Matrix
from answerable.understanding.telling import MOST_READ
from answerable.understanding.train import train
from answerable.understanding.train_model import train_files
from answerable.understanding.understanding import Understanding

MAIL = """Hello,

I hope you are well.
I have moved to another city, please change my address.
I also wonder: where is my new card?

Best regards
Anna"""


class Noting:
    """An encoder that notes what it is given."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder, self.read = encoder, list[str]()
        self.name, self.dimensions = encoder.name, encoder.dimensions
        self.learnt, self.knows = encoder.learnt, encoder.knows
        self.parts, self.as_read, self.reads = encoder.parts, encoder.as_read, encoder.reads

    def encode(self, texts: Sequence[str]) -> Matrix:
        self.read += texts
        return self._encoder.encode(texts)


def test_the_best_intent_comes_first(bank_model: Model) -> None:
    (understanding,) = bank_model.understand(["I lost my card on holiday"])

    assert understanding.intents[0].name == "card-lost"
    assert understanding.in_scope
    assert understanding.language == "en"
    confidences = [score.confidence for score in understanding.intents]
    assert confidences == sorted(confidences, reverse=True)


def test_a_mail_with_two_matters_has_two_intents(bank_model: Model) -> None:
    (understanding,) = bank_model.understand([MAIL])

    assert {score.name for score in understanding.intents[:2]} == {
        "change-address",
        "card-delivery",
    }
    assert understanding.in_scope


def test_of_a_long_letter_the_sentences_are_read_that_tell_something(
    bank_model: Model,
) -> None:
    noted = Noting(bank_model.encoder)
    weather = [f"On day {n} we walked along the river and the weather was mild." for n in range(30)]
    letter = "\n".join([*weather[:17], "I lost my card on holiday.", *weather[17:]])

    (understanding,) = replace(bank_model, encoder=noted).understand([letter])

    assert understanding.intents[0].name == "card-lost"
    assert "I lost my card on holiday." in noted.read
    assert len(noted.read) <= MOST_READ


def test_other_languages_are_understood_from_examples(bank_model: Model) -> None:
    (understanding,) = bank_model.understand(["Hallo, wo bleibt denn meine neue Karte?"])

    assert understanding.intents[0].name == "card-delivery"
    assert understanding.language == "de"


@pytest.mark.parametrize(
    "text",
    ["", " ", "?", "7", "😀😀", "\u200b", "\x00\x01\x02", "مرحبا", "你好", "\ud800", "ß" * 300],
)
def test_odd_texts_are_answered_and_never_automatic(bank_model: Model, text: str) -> None:
    (understanding,) = bank_model.understand([text])

    assert len(understanding.intents) >= 1
    assert not understanding.automatic


@pytest.mark.parametrize("text", ["", "😀", "12345", "..."])
def test_a_text_without_letters_is_out_of_scope(bank_model: Model, text: str) -> None:
    (understanding,) = bank_model.understand([text])

    assert (understanding.scope, understanding.in_scope) == (0.0, False)
    assert (understanding.urgency, understanding.sentiment) == ("normal", 0.0)


def test_a_very_long_text_takes_no_longer_than_a_long_one(bank_model: Model) -> None:
    started = time.monotonic()

    results = bank_model.understand(["where is my card " * 60_000, "x" * 1_000_000])

    assert len(results) == 2
    assert time.monotonic() - started < 5


def test_numbers_do_not_depend_on_the_batch(bank_model: Model) -> None:
    texts = [MAIL, "What is my balance?", "", "I lost my card", "Wo ist mein Geld?", "tell a joke"]

    together = bank_model.understand(texts)

    assert together == [bank_model.understand([text])[0] for text in texts]
    assert together[::-1] == bank_model.understand(texts[::-1])


def test_not_a_byte_depends_on_what_is_read_beside_a_text(bank_model: Model) -> None:
    texts = [text for texts in SENTENCES.values() for text in texts]
    texts += [MAIL, "", MAIL + " " + MAIL, "Where is my new card?", MAIL]

    alone = [bank_model.understand([text])[0].to_data() for text in texts]

    for size in (2, 3, 7, len(texts)):
        beside = [
            one.to_data()
            for start in range(0, len(texts), size)
            for one in bank_model.understand(texts[start : start + size])
        ]
        assert beside == alone


def test_training_again_gives_the_same_model(bank_model: Model, encoder: Encoder) -> None:
    again = train(bank_examples(), languages=["en", "de"], encoder=encoder)

    texts = [example.text for example in strange_examples()] + [MAIL]
    assert again.name == bank_model.name
    assert again.understand(texts) == bank_model.understand(texts)


def test_a_stored_model_says_the_same(bank_model: Model, encoder: Encoder, tmp_path: Path) -> None:
    bank_model.save(tmp_path / "model")
    texts = [*(example.text for example in bank_examples()[::5]), MAIL]

    stored = Model.load(tmp_path / "model", encoder)

    assert stored.understand(texts) == bank_model.understand(texts)
    assert sum(file.stat().st_size for file in (tmp_path / "model").iterdir()) < 40_000_000


def test_models_of_many_tenants_share_what_the_shipped_examples_taught(
    bank_model: Model, tmp_path: Path
) -> None:
    for name in ("one", "two"):
        bank_model.save(tmp_path / name)

    one, two = Model.load(tmp_path / "one"), Model.load(tmp_path / "two")

    assert one.encoder is two.encoder
    assert one.tones is two.tones
    assert one.intents is not two.intents


def test_a_stored_model_need_not_draw_its_thresholds_again(
    bank_model: Model, encoder: Encoder, tmp_path: Path
) -> None:
    bank_model.save(tmp_path / "model")

    stored = Model.load(tmp_path / "model", encoder)

    assert (
        stored.drawn[stored.precision].tolist()
        == bank_model.thresholds(bank_model.precision).tolist()
    )


def test_labelled_strangers_are_told_from_customers(encoder: Encoder) -> None:
    model = train([*bank_examples(), *strange_examples()], encoder=encoder)

    (strange,) = model.understand(["what is the weather in Rome?"])
    (known,) = model.understand(["where is my new card, please?"])

    assert not strange.in_scope
    assert known.scope > strange.scope


def test_intents_may_come_together(encoder: Encoder) -> None:
    both = [
        Example(text=f"{one} {two}", intents=("card-lost", "fees"))
        for one, two in zip(
            SENTENCES["card-lost"].splitlines(), SENTENCES["fees"].splitlines(), strict=True
        )
    ]
    model = train([*bank_examples(), *both], encoder=encoder)

    (understanding,) = model.understand(["My card was stolen. What does a new one cost?"])

    applying = {score.name for score in understanding.intents if score.applies}
    assert model.intents.confidence.several
    assert "card-lost" in applying


def test_contradicting_copies_are_counted_and_not_fatal(encoder: Encoder) -> None:
    contradiction = Example(text="I lost my card", intents=("fees",))

    model = train([*bank_examples(), contradiction, contradiction], encoder=encoder)

    assert model.manifest["contradictions"] == 1


def test_two_sentences_are_enough_to_train_and_nothing_is_automatic(encoder: Encoder) -> None:
    model = train(
        [Example(text="Opening hours", intents=("hours",), described=True)], encoder=encoder
    )

    (understanding,) = model.understand(["When are you open?"])

    assert understanding.intents[0].name == "hours"
    assert not understanding.automatic


def test_without_the_encoder_n_grams_must_do() -> None:
    model = train(bank_examples(), encoder=NgramsOnly())

    assert evaluate(model, bank_examples()).accuracy == 1.0
    assert model.understand(["where is my new card"])[0].intents[0].name == "card-delivery"


def test_files_with_nothing_to_learn_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="nothing to learn"):
        train_files([], tmp_path, examples=strange_examples())

    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("precision", [0.0, 1.0, 1.5, -1])
def test_an_impossible_precision_is_refused(bank_model: Model, precision: float) -> None:
    with pytest.raises(InvalidInput):
        bank_model.understand(["hello"], precision)


@pytest.mark.parametrize("cut", [0, 10, 1_000, -1])
def test_a_cut_off_file_is_refused(
    bank_model: Model, encoder: Encoder, tmp_path: Path, cut: int
) -> None:
    bank_model.save(tmp_path)
    arrays = tmp_path / "arrays.npz"
    arrays.write_bytes(arrays.read_bytes()[:cut])

    with pytest.raises(InvalidInput, match="train again"):
        Model.load(tmp_path, encoder)


def test_one_changed_byte_is_refused(bank_model: Model, encoder: Encoder, tmp_path: Path) -> None:
    bank_model.save(tmp_path)
    arrays = tmp_path / "arrays.npz"
    data = bytearray(arrays.read_bytes())
    data[len(data) // 2] ^= 1
    arrays.write_bytes(data)

    with pytest.raises(InvalidInput):
        Model.load(tmp_path, encoder)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("format", "pickle"),
        ("version", 99),
        ("encoder", "someone-elses"),
        ("labels", ["only-one"]),
        ("labels", None),
        ("precision", "much"),
    ],
)
def test_a_foreign_manifest_is_refused(
    bank_model: Model, encoder: Encoder, tmp_path: Path, key: str, value: object
) -> None:
    bank_model.save(tmp_path)
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    (tmp_path / "manifest.json").write_text(json.dumps({**manifest, key: value}))

    with pytest.raises(InvalidInput):
        Model.load(tmp_path, encoder)


@pytest.mark.parametrize("content", ["", "[]", "{}", "not json"])
def test_something_else_in_place_of_the_manifest_is_refused(
    encoder: Encoder, tmp_path: Path, content: str
) -> None:
    (tmp_path / "manifest.json").write_text(content)

    with pytest.raises(InvalidInput):
        Model.load(tmp_path, encoder)


def test_an_empty_folder_is_no_model(encoder: Encoder, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"manifest\.json"):
        Model.load(tmp_path, encoder)


def test_pickled_objects_are_never_opened(
    bank_model: Model, encoder: Encoder, tmp_path: Path
) -> None:
    bank_model.save(tmp_path)
    data = tmp_path / "arrays.npz"
    np.savez(data, **{"intents.pull": np.array([{"a": 1}], dtype=object)})
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    manifest["arrays_sha256"] = sha256_hex(data.read_bytes())
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))

    with pytest.raises(InvalidInput):
        Model.load(tmp_path, encoder)


def test_an_understanding_survives_storing(bank_model: Model) -> None:
    (understanding,) = bank_model.understand([MAIL])

    data = json.loads(json.dumps(understanding.to_data()))

    assert Understanding.from_data(data) == understanding


def test_evaluation_adds_up(bank_model: Model) -> None:
    known = [
        Example(text="my card has been stolen!", intents=("card-lost",)),
        Example(text="how much is on my account", intents=("balance",)),
        Example(text="what do you charge for cash?", intents=("fees", "unheard-of")),
    ]

    found = evaluate(bank_model, [*known, *strange_examples()], 0.9)

    assert (found.examples, found.out_of_scope) == (11, 8)
    assert found.accuracy == 1.0
    assert found.scope_auroc is not None
    assert found.scope_auroc > 0.8
    assert found.unknown_intents == ("unheard-of",)
    assert sum(record.automatic for record in found.intents) == round(found.coverage * 11)
    assert json.loads(json.dumps(found.to_data())) == found.to_data()

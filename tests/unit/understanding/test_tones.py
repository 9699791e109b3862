"""What a text sounds like is shared by all models: built once, stored, refused when damaged."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from answerable.kit.errors import InvalidInput
from answerable.understanding.encoder import NgramsOnly
from answerable.understanding.lexicon_file import read_lexicon
from answerable.understanding.model import Model
from answerable.understanding.ngrams import Ngrams
from answerable.understanding.ports import Encoder
from answerable.understanding.prepare import as_one_line
from answerable.understanding.tones import LABELS, Tones, load_tones, tones_name
from tests.support.needs import left_out

LABELLED = Path(__file__).resolve().parents[3] / "benchmarks" / "labelled"
EVERYDAY = [
    "Hello again",
    "Hey, good evening",
    "yes that's it",
    "no thank you, bye",
    "ok",
    "My name is Paula",
    "Grüezi",
    "ja, gerne",
    "Can you tell me how long it takes?",
    "What is my account number?",
    "4471",
]


@pytest.fixture(scope="module")
def by_ngrams() -> Tones:
    """Those of an encoder for which none are shipped."""
    return load_tones(NgramsOnly())


def test_greetings_and_short_answers_are_no_farewell_no_insult_and_no_spam(
    bank_model: Model, encoder: Encoder
) -> None:
    if isinstance(encoder, NgramsOnly):
        left_out("the sentence encoder is not built; n-grams cannot read a tone")
    for text, one in zip(EVERYDAY, bank_model.understand(EVERYDAY), strict=True):
        assert max(one.churn, one.abuse, one.spam) < 0.3, text


def test_the_shipped_tones_are_what_fitting_here_gives(encoder: Encoder, tmp_path: Path) -> None:
    shipped, fitted = load_tones(encoder), load_tones(encoder, tmp_path / "none")
    texts = ["You idiots, I am leaving", "Where is my card?"]
    counts = [Ngrams().counts(text) for text in texts]
    vectors = encoder.encode(texts)

    one, two = (
        tones.probabilities(vectors, tones.head.gram_scores(counts)) for tones in (shipped, fitted)
    )

    assert shipped.name == fitted.name
    for name in LABELS:
        assert np.allclose(one[name], two[name], atol=1e-4)


def test_of_each_list_one_label_fits(by_ngrams: Tones) -> None:
    texts = ["Thank you so much!", ""]
    counts = [Ngrams().counts(text) for text in texts]

    grams = by_ngrams.head.gram_scores(counts)
    found = by_ngrams.probabilities(NgramsOnly().encode(texts), grams)

    assert {name: said.shape for name, said in found.items()} == {
        name: (2, len(labels)) for name, labels in LABELS.items()
    }
    assert all(np.allclose(said.sum(axis=1), 1, atol=1e-5) for said in found.values())


def test_those_of_another_encoder_are_not_used(by_ngrams: Tones, encoder: Encoder) -> None:
    if isinstance(encoder, NgramsOnly):
        left_out("the sentence encoder is not built: there is no other")

    assert by_ngrams.name == tones_name(NgramsOnly()) != load_tones(encoder).name


@pytest.mark.parametrize("harm", ["cut", "lost", "labels", "json"])
def test_damaged_tones_say_so(by_ngrams: Tones, tmp_path: Path, harm: str) -> None:
    by_ngrams.save(tmp_path)
    if harm == "cut":
        (tmp_path / "head.npz").write_bytes((tmp_path / "head.npz").read_bytes()[:500])
    elif harm == "lost":
        (tmp_path / "centres.npy").unlink()
    elif harm == "labels":
        about = json.loads((tmp_path / "tones.json").read_text())
        del about["scales"]["churn"]
        (tmp_path / "tones.json").write_text(json.dumps(about))
    else:
        (tmp_path / "tones.json").write_text("{")

    with pytest.raises(InvalidInput, match="does not hold the tones"):
        load_tones(NgramsOnly(), tmp_path)


def test_a_model_of_other_tones_is_to_be_trained_again(
    bank_model: Model, encoder: Encoder, tmp_path: Path
) -> None:
    bank_model.save(tmp_path)
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    (tmp_path / "manifest.json").write_text(json.dumps({**manifest, "tones": "t0-other"}))

    with pytest.raises(InvalidInput, match="train again"):
        Model.load(tmp_path, encoder)


def test_a_sentence_that_was_learnt_is_found_again(encoder: Encoder) -> None:
    if isinstance(encoder, NgramsOnly):
        left_out("the sentence encoder is not built; n-grams have no layers to count differently")
    learnt = [as_one_line(text) for _, text in read_lexicon("urgency")[:3]]
    head = load_tones(encoder).head
    grams = head.gram_scores([Ngrams().counts(text) for text in learnt])

    _, cosines = head.scores(encoder.encode(learnt), grams)

    assert cosines.max(axis=1).min() > 0.999


def test_nothing_that_is_measured_was_learnt() -> None:
    measured = {
        run
        for file in LABELLED.glob("*.jsonl")
        for line in file.read_text(encoding="utf-8").splitlines()
        for run in _eight_in_a_row(json.loads(line)["text"])
    }

    copied = [
        text
        for name in (*LABELS, "everyday")
        for _, text in read_lexicon(name)
        if not measured.isdisjoint(_eight_in_a_row(text))
    ]

    assert measured
    assert copied == []


def _eight_in_a_row(text: str) -> set[tuple[str, ...]]:
    words = re.findall(r"\w+", text.lower())
    return {tuple(words[start : start + 8]) for start in range(len(words) - 7)}

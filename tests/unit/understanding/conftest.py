"""One small bank, learnt once for all tests of this room."""

import pytest
from bank_sentences import bank_examples

from answerable.understanding.encoder import load_encoder
from answerable.understanding.model import Model
from answerable.understanding.ports import Encoder
from answerable.understanding.train import train


@pytest.fixture(scope="session")
def encoder() -> Encoder:
    """The sentence encoder where it is built, else n-grams alone: the promises are the same."""
    return load_encoder()


@pytest.fixture(scope="session")
def bank_model(encoder: Encoder) -> Model:
    return train(bank_examples(), languages=["en", "de"], encoder=encoder)

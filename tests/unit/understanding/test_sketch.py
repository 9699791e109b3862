"""Sketches: what means the same differs in few bits, and they stay the same for ever."""

import numpy as np

from answerable.understanding.encoder import load_encoder
from answerable.understanding.sketch import as_numbers, distances, sketch
from answerable.understanding.waves import ALIKE

SAME = ["Your app says error 503 when I log in", "I get a 503 when logging into the mobile app"]
OTHER = "Please send me a new debit card, I lost mine"


def test_texts_that_say_the_same_are_within_a_waves_reach_and_others_are_not() -> None:
    numbers = as_numbers([sketch(vector) for vector in load_encoder().encode([*SAME, OTHER])])

    _, same, other = distances(numbers[0], numbers).tolist()

    assert same <= ALIKE < other


def test_a_sketch_is_what_it_was_when_it_was_stored() -> None:
    vector = np.linspace(-1, 1, 8, dtype=np.float32)

    assert sketch(vector) == "55531850ecc69c89"
    one, opposite = as_numbers([sketch(vector), sketch(-vector)])
    assert distances(one, np.array([opposite])).tolist() == [64]

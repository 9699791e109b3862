"""Which sentences of a long message the encoder reads."""

import numpy as np
from numpy.typing import NDArray

from answerable.understanding.ports import Matrix
from answerable.understanding.telling import MOST_READ, OF_INTENTS, most_telling


def of_units(count: int, **scores: float) -> Matrix:
    """(units, 1), all .1 but those named, as "u5=.9"."""
    column = np.full((count, 1), 0.1, dtype=np.float32)
    for name, score in scores.items():
        column[int(name[1:])] = score
    return column


def about(count: int, **scores: float) -> NDArray[np.float64]:
    return of_units(count, **scores)[:, 0].astype(np.float64)


def test_of_few_all_are_read() -> None:
    assert most_telling(about(MOST_READ), of_units(MOST_READ)) == list(range(MOST_READ))


def test_what_is_most_about_something_is_read_and_the_whole() -> None:
    read = most_telling(about(20, u5=0.9, u11=0.8, u19=0.7, u3=0.6, u0=1.0), of_units(20, u5=0.9))

    assert read == [0, 3, 5, 11, 19]


def test_the_worst_sentence_of_each_list_is_read_whatever_it_is_about() -> None:
    sounds = np.concatenate([of_units(20, u7=0.9), of_units(20, u13=0.9)], axis=1)

    read = most_telling(about(20, u5=0.9, u11=0.8, u19=0.7, u3=0.6), sounds)

    assert read == [0, 3, 5, 7, 11, 13, 19]


def test_no_more_are_read_than_that_however_long_the_text_is() -> None:
    random = np.random.default_rng(1)

    read = most_telling(random.random(400), random.random((400, 4), dtype=np.float32))

    assert len(read) <= 1 + OF_INTENTS + 4


def test_where_nothing_tells_the_first_ones_are_read() -> None:
    assert most_telling(np.zeros(20), of_units(20)) == [0, 1, 2, 3, 4]

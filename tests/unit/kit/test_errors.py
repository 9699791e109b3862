"""Errors keep what they say, wherever they go."""

import pickle
from datetime import timedelta

import pytest

from answerable.kit.errors import (
    AnswerableError,
    ConnectorUnavailable,
    InvalidInput,
    StoreUnavailable,
    TooMany,
)

SOON = timedelta(seconds=5)


@pytest.mark.parametrize(
    "error",
    [
        InvalidInput("no_examples", "nothing to learn", line=3),
        TooMany("rate_limited", "too fast", retry_after=SOON),
        StoreUnavailable("store_unavailable", "no server", retry_after=SOON),
        ConnectorUnavailable("core-banking", retry_after=SOON),
    ],
)
def test_an_error_comes_out_of_a_child_process_as_it_is(error: AnswerableError) -> None:
    came_out = pickle.loads(pickle.dumps(error))

    assert type(came_out) is type(error)
    assert str(came_out) == str(error)
    assert vars(came_out) == vars(error)

"""Mail addresses written so that machines do not see them."""

import pytest

from answerable.privacy.detect import find


@pytest.mark.parametrize(
    ("text", "written", "value"),
    [
        ("write to ben (at) example dot com please", "ben (at) example dot com", "ben@example.com"),
        ("ben [at] example [dot] org", "ben [at] example [dot] org", "ben@example.org"),
        ("it is ben.k at example dot co dot uk", "ben.k at example dot co dot uk",
         "ben.k@example.co.uk"),
        ("ben @ example.com", "ben @ example.com", "ben@example.com"),
        ("ben(at)example.de", "ben(at)example.de", "ben@example.de"),
        ("BEN AT EXAMPLE DOT COM", "BEN AT EXAMPLE DOT COM", "ben@example.com"),
    ],
)  # fmt: skip
def test_an_address_in_words_is_one(text: str, written: str, value: str) -> None:
    [span] = [span for span in find(text) if span.type == "email"]

    assert (text[span.start : span.end], span.value) == (written, value)


@pytest.mark.parametrize(
    "text",
    ["we met at noon", "at this point it is closed", "meet me at the dot", "2 @ 5 euros each",
     "the point of sale at that point is open"],
)  # fmt: skip
def test_ordinary_words_make_no_address(text: str) -> None:
    assert find(text) == []

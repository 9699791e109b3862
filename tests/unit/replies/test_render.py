"""A template has an end."""

import pytest

from answerable.kit.errors import InvalidInput
from answerable.replies.render import LONGEST, render
from tests.support.town import shop_definition


def test_a_rendered_reply_has_an_end() -> None:
    found = {"status": "x" * (LONGEST + 1), "due": ""}
    values = {"parcel": "P-1", "found_parcel": found}

    with pytest.raises(InvalidInput, match="grew over"):
        render(shop_definition(), "parcel", "en", values)

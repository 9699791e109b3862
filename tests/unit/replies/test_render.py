"""A template has an end."""

import pytest

from answerable.kit.errors import InvalidInput
from answerable.replies.render import LONGEST, render
from tests.support.town import DEFINITION, shop_definition


def test_a_rendered_reply_has_an_end() -> None:
    found = {"status": "x" * (LONGEST + 1), "due": ""}
    values = {"parcel": "P-1", "found_parcel": found}

    with pytest.raises(InvalidInput, match="grew over"):
        render(shop_definition(), "parcel", "en", values)


@pytest.mark.parametrize(
    ("template", "told"),
    [
        ("{{ due / 0 }}", "could not be filled"),
        ("{{ due.pop() + status }}", "could not be filled"),
        ("{{ 'x' + 1 }}", "could not be filled"),
    ],
)
def test_a_template_that_fails_says_so(template: str, told: str) -> None:
    source = DEFINITION.replace(b"hours: 'We are open.'", f'hours: "{template}"'.encode())

    with pytest.raises(InvalidInput, match=told):
        render(shop_definition(source), "hours", "en", {"due": 1, "status": "x"})


def test_what_grows_is_cut_off_while_it_grows() -> None:
    taken = iter(["x" * 1000] * 1000)
    source = DEFINITION.replace(
        b"hours: 'We are open.'", b"hours: '{% for a in taken %}{{ a }}{% endfor %}'"
    )

    with pytest.raises(InvalidInput, match="grew over"):
        render(shop_definition(source), "hours", "en", {"taken": taken})

    assert len(list(taken)) > 900

"""Ids that sort by time, and one byte form for a value."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from answerable.kit.canonical import canonical_json, canonical_text, sha256_hex
from answerable.kit.ids import new_id

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs"])), inner
    ),
)  # fmt: skip


def test_an_id_names_its_kind_and_is_url_safe() -> None:
    made = new_id("cnv")

    assert made.startswith("cnv_")
    assert len(made) == 30
    assert set(made[4:]) <= set("0123456789ABCDEFGHJKMNPQRSTVWXYZ")


def test_ids_differ() -> None:
    assert len({new_id("x") for _ in range(10_000)}) == 10_000


def test_a_later_id_sorts_after_an_earlier_one() -> None:
    earlier = new_id("x")
    until = time.time_ns() // 1_000_000 + 1
    while time.time_ns() // 1_000_000 < until:
        pass

    assert new_id("x") > earlier


@given(values)
def test_a_value_has_one_form_and_comes_back_from_it(value: object) -> None:
    text = canonical_text(value)

    assert json.loads(text) == value
    assert canonical_text(json.loads(text)) == text
    assert canonical_json(value) == text.encode()


def test_the_order_of_keys_and_the_formatting_do_not_matter() -> None:
    assert canonical_json({"b": 1, "a": [1, {"d": 1, "c": 2}]}) == b'{"a":[1,{"c":2,"d":1}],"b":1}'
    assert canonical_text({"text": "Grüße \u2028"}) == '{"text":"Grüße \u2028"}'


def test_tuples_are_lists() -> None:
    assert canonical_json((1, 2)) == canonical_json([1, 2])


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {"x": -float("inf")}])
def test_what_has_no_json_form_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical_json(value)


def test_bytes_and_objects_are_refused() -> None:
    for value in (b"x", object(), {1, 2}):
        with pytest.raises(TypeError):
            canonical_json(value)


def test_the_hash_is_sha256_in_hex() -> None:
    assert sha256_hex(b"abc").startswith("ba7816bf8f01cfea414140de5dae2223")

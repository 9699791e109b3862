"""What a tenant's shapes cost, whatever stands in the text."""

import time

import pytest

from answerable.definition.schema import EntityKind
from answerable.understanding.entities import LONGEST_TEXT, extract

SHAPES = ["P-####", "#" * 64, "@" * 64, "@#" * 32, "####-####-####-####", "@@ ##"]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("attack", ["1", "a", "1a", "P-", "P-123", "1 ", "-", "\u0661", "aa 1"])
def test_no_shape_of_a_tenant_takes_long(shape: str, attack: str) -> None:
    kind = EntityKind(name="number", shapes=(shape,))
    text = (attack * LONGEST_TEXT)[: LONGEST_TEXT * 10]

    began = time.process_time()
    extract(text, [kind])
    assert time.process_time() - began < 0.1

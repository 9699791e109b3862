"""The colour of a tenant's pages: one that everybody can read."""

import pytest

from answerable.api.customer.page_style import page_policy, page_style
from answerable.definition.color import LEGIBLE, contrast, lightened
from answerable.definition.load import load_definition


def problems(color: str) -> list[str]:
    source = f"""
service: bank
brand: {{name: Bank, color: '{color}'}}
channels: [{{type: email, name: mail, address: help@bank.example}}]
classification:
  orders: [{{name: moved, title: Moved, examples: [a1, a2, a3, a4, a5]}}]
"""
    return [str(one) for one in load_definition("bank.yaml", source.encode()).errors]


def test_contrast_is_that_of_the_guidelines() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)
    assert contrast("#ffffff", "#ffffff") == 1


@pytest.mark.parametrize("color", ["#0b4f8a", "#a1160a", "#000000", "#005f00"])
def test_a_dark_colour_is_taken_and_lightened_for_a_dark_ground(color: str) -> None:
    assert problems(color) == []
    assert contrast(lightened(color, "#14181d"), "#14181d") >= LEGIBLE


@pytest.mark.parametrize(
    ("color", "told"),
    [
        ("#ffcc00", "white words on #ffcc00 cannot be read by everybody (contrast 1.5"),
        ("blue", "color"),
        ("#12345", "color"),
        ("#123456;background:url(https://evil.example)", "color"),
    ],
)
def test_another_is_refused_at_its_place(color: str, told: str) -> None:
    [problem] = problems(color)

    assert problem.startswith("bank.yaml:3:")
    assert told in problem


def test_the_policy_admits_exactly_the_style_of_the_colour() -> None:
    assert "--strong:#0b4f8a" in page_style("#0b4f8a")
    assert page_policy("#0b4f8a") != page_policy("#a1160a") != page_policy(None)

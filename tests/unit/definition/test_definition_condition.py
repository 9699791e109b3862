"""Conditions: what people write, what is checked when loading, what happens on strange values."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from answerable.definition.condition import CelType, Condition, ConditionError, undeclared_names
from answerable.definition.terms import Proof
from answerable.definition.variables import MESSAGE_VARIABLES, PAGE_VARIABLES

ANGRY_VIP: dict[str, Any] = {
    "contact": {"tier": "private", "vip": True, "lifetimeValue": 1_250_000},
    "vip": True,
    "category": "cards",
    "sentiment": -0.9,
    "attempts": 3,
    "botConfidence": 0.5,
    "responseTime": timedelta(hours=3),
    "accountPlan": "enterprise",
    "customerRequest": True,
    "proof": Proof.SIGNED_IN,
}


def fault_of(source: str) -> ConditionError | None:
    """What is wrong with the condition; if nothing, it was also evaluated."""
    try:
        Condition.compile(source, MESSAGE_VARIABLES).evaluate(ANGRY_VIP)
    except ConditionError as error:
        return error
    return None


@pytest.mark.parametrize(
    ("source", "holds"),
    [
        ("contact.vip", True),
        ("vip == true", True),
        ("contact.tier == 'private'", True),
        ('contact.tier == "standard"', False),
        ("sentiment < -0.6", True),
        ("sentiment < -1", False),
        ("-1 < sentiment", True),
        ("attempts > 2.5", True),
        ("attempts - 1 > 2", False),
        ("botConfidence < 0.6 && attempts > 2", True),
        ("accountPlan == 'enterprise' && responseTime > 2h", True),
        ("responseTime > 1h30m", True),
        ("responseTime > 30 days", False),
        ("responseTime < 4 hours", True),
        ("customer-request", True),
        ("!customer-request", False),
        ("lifetimeValue > 10000 || contact.lifetimeValue > 12499.99", True),
        ("contact.lifetimeValue > 12500", False),
        ("category in ['cards', 'loans']", True),
        ("category.startsWith('car')", True),
        ("proof == 'signed-in'", True),
        ("sentiment < -0.7 || churnRisk > 0.8", True),
        ("churnRisk > 0.8 || sentiment < -0.7", True),
        ("true", True),
    ],
)
def test_conditions_hold_as_people_mean_them(source: str, holds: bool) -> None:
    assert Condition.compile(source, MESSAGE_VARIABLES).evaluate(ANGRY_VIP) is holds


@pytest.mark.parametrize(
    ("source", "column", "message"),
    [
        ("catgory == 'x'", 1, "nothing is called catgory here: did you mean category?"),
        ("vip && contact.tear == 'x'", 8, "nothing is called contact.tear here: did you mean"),
        ("responseTime > 2h && catgory == 'x'", 22, "did you mean category?"),
        ("sentiment < 'low'", 11, "< cannot be applied to a number and a text"),
        ("responseTime > 2", 14, "> cannot be applied to a length of time and a whole number"),
        ("category == 3", 10, "== cannot be applied to a text and a whole number"),
        ("!sentiment", 1, "! needs true or false, not a number"),
        ("attempts", 1, "this gives a whole number: a condition gives true or false"),
        ("vip = true", 5, "write == instead of ="),
        ("vip and true", 5, "write && instead of and"),
        ("not vip", 1, "write ! instead of not"),
        ("sentiment <", 12, "something is missing at the end"),
        ("category == 'cards", 13, "close the text with the same quote"),
        ("( 2h", 5, "something is missing at the end"),
        ("vip @ 2", 5, "'@' means nothing here"),
        ("contact.lifetimeValue", 1, "is an amount: compare it with a number"),
        ("lifetimeValue > 1.005", 17, "1.005 is not an amount"),
        ("lifetimeValue > '5'", 1, "is an amount"),
        ("   ", 1, "an empty condition"),
        ("(" * 60 + "vip" + ")" * 60, 1, "nested too deeply"),
        ("vip && " * 400 + "vip", 1, "at most 2000 characters"),
    ],
)
def test_a_wrong_condition_says_where_and_what_to_write(
    source: str, column: int, message: str
) -> None:
    fault = fault_of(source)

    assert fault is not None
    assert message in fault.message
    assert fault.column == column


def test_what_is_unknown_does_not_hold_and_says_so() -> None:
    outcome = Condition.compile("churnRisk > 0.8", MESSAGE_VARIABLES).outcome({})

    assert not outcome.holds
    assert "churnRisk" in (outcome.error or "")


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("very", "expected double"),
        (True, "expected double"),
        (Decimal("0.9"), "expected double"),
        (float("nan"), None),
        (None, "churnRisk"),
    ],
)
def test_a_value_of_the_wrong_kind_never_holds(value: object, why: str | None) -> None:
    outcome = Condition.compile("churnRisk > 0.8", MESSAGE_VARIABLES).outcome({"churnRisk": value})

    assert not outcome.holds
    assert (why is None) == (outcome.error is None)
    assert (why or "") in (outcome.error or "")


def test_only_true_is_true_though_errors_are_truthy_in_the_library() -> None:
    card = Condition.compile("card.found", {"card": CelType.DYN})

    assert card.evaluate({"card": {"found": True}})
    for value in ({"found": "yes"}, {"found": 1}, {}, [], "x", 2**70, object(), None):
        outcome = card.outcome({"card": value})
        assert not outcome.holds
        assert outcome.error


def test_a_runaway_condition_is_stopped() -> None:
    source = "xs.exists(a, xs.exists(b, xs.exists(c, a + b + c == -1)))"
    condition = Condition.compile(source, {"xs": CelType.DYN})

    outcome = condition.outcome({"xs": list(range(200))})

    assert not outcome.holds
    assert "budget" in (outcome.error or "")


def test_only_named_values_are_looked_at() -> None:
    condition = Condition.compile("vip", MESSAGE_VARIABLES)

    assert condition.names == ("vip",)
    assert condition.evaluate({"vip": True, "unrelated": object()})


def test_equal_sources_are_equal_conditions() -> None:
    assert Condition.compile("vip", MESSAGE_VARIABLES) == Condition.compile(
        "vip", {"vip": CelType.BOOL}
    )


def test_amounts_of_a_page_are_compared_in_minor_units() -> None:
    source = "cartValue > 100 && abandonmentRisk > 0.7"
    condition = Condition.compile(source, PAGE_VARIABLES)

    assert condition.evaluate({"cartValue": 10_001, "abandonmentRisk": 0.8})
    assert not condition.evaluate({"cartValue": 10_000, "abandonmentRisk": 0.8})


def test_names_that_nothing_declares_are_listed() -> None:
    source = "knownIssue && (workaroundAvailable || !vip) && [1].exists(i, i > 0) && card.found"

    assert undeclared_names(source, MESSAGE_VARIABLES) == (
        "knownIssue",
        "workaroundAvailable",
        "card",
    )


@given(st.text(max_size=60))
def test_any_text_compiles_or_is_explained(source: str) -> None:
    fault = fault_of(source)

    assert fault is None or 1 <= fault.column <= len(source) + 1


@given(
    st.lists(
        st.sampled_from(
            ["vip", "sentiment", "attempts", "lifetimeValue", "responseTime", "2h", "3", "-", "1.5",
             "<", "==", "&&", "||", "!", "(", ")", "'x'", "contact", ".", "tier", "30 days", "[",
             "]", "in", "?", ":", "customer-request", "category"]
        ),
        max_size=12,
    )
)  # fmt: skip
def test_any_order_of_words_compiles_or_is_explained(words: list[str]) -> None:
    source = " ".join(words)
    fault = fault_of(source)

    assert fault is None or 1 <= fault.column <= len(source) + 1

"""Which call meets which fault, and how often."""

import pytest

from answerable_sandbox.faults import Faults
from answerable_sandbox.problems import Problem


def test_a_fault_strikes_as_often_as_asked_and_then_never() -> None:
    faults = Faults()
    faults.add("core", "fail", times=2)

    struck = [faults.take("core", path="/core/status") is not None for _ in range(4)]

    assert struck == [True, True, False, False]
    assert faults.in_force() == []


def test_a_fault_without_times_strikes_until_it_is_removed() -> None:
    faults = Faults()
    faults.add("sms", "hang", times=None)

    assert all(faults.take("sms", path="/sms/x") for _ in range(50))
    assert faults.in_force()[0].fired == 50

    faults.clear("core")
    assert faults.take("sms", path="/sms/x")
    faults.clear("sms")
    assert faults.take("sms", path="/sms/x") is None


@pytest.mark.parametrize(
    ("prefix", "path", "strikes"),
    [
        (None, "/core/status", True),
        ("/core/cards", "/core/cards/CARD-1/block", True),
        ("/cards", "/core/cards/CARD-1/block", True),
        ("/cards", "/core/customers/C-1/cards", False),
    ],
)
def test_a_fault_may_be_only_for_some_paths(prefix: str | None, path: str, strikes: bool) -> None:
    faults = Faults()
    faults.add("core", "fail", path=prefix)

    assert (faults.take("core", path=path) is not None) is strikes


def test_a_mail_fault_is_for_one_recipient_in_any_letter_case() -> None:
    faults = Faults()
    faults.add("mail", "refuse", recipient="Anna@example.com", status=450)

    assert faults.take("mail", recipient="ben@example.com") is None
    assert faults.take("mail", recipient="anna@EXAMPLE.com") is not None


def test_a_fault_that_makes_no_sense_is_refused() -> None:
    faults = Faults()
    for arguments in ({"times": 0}, {"recipient": "a@example.com"}):
        with pytest.raises(Problem):
            faults.add("core", "fail", **arguments)  # type: ignore[arg-type]
    with pytest.raises(Problem):
        faults.add("core", "greylist")
    with pytest.raises(Problem):
        faults.add("mail", "fail", path="/x")

"""Who answered, as a report may say it."""

import pytest

from answerable.channels.email.correspondence import Ours
from answerable.processes.discovered_handlers import Handlers, is_person, shown_of
from tests.unit.email.test_correspondence import letter, put


def test_inboxes_have_names_and_people_have_numbers() -> None:
    threads = put(
        letter(1, "a@x.example", "cards@bank.example"),
        letter(2, "julia.meier@bank.example", "a@x.example", answers=(1,)),
        letter(3, "b@x.example", "anna@bank.example", subject=2),
        letter(4, "cards@bank.example", "b@x.example", answers=(3,)),
    )
    ours = Ours.named(["bank.example"])

    handlers = Handlers.of(threads, ours, given=ours)

    assert handlers.inbox("cards@bank.example") == "cards"
    assert handlers.handler("julia.meier@bank.example") == "person 1"
    assert handlers.inbox("anna@bank.example") == "inbox 1"


def test_two_inboxes_of_one_name_are_told_apart() -> None:
    given = Ours.named(["info@a.example", "info@b.example"])
    threads = put(letter(1, "a@x.example", "info@a.example"))
    threads[0].inbox = "info@a.example"
    other = put(letter(2, "b@x.example", "info@b.example"))
    other[0].inbox = "info@b.example"

    handlers = Handlers.of([*threads, *other], given, given=given)

    assert handlers.inbox("info@a.example") == "info@a.example"


def test_a_colleagues_address_is_not_shown_as_ours() -> None:
    ours = Ours(
        addresses=frozenset({"cards@bank.example", "anna@bank.example"}),
        domains=frozenset({"bank.example"}),
    )

    assert shown_of(ours, given=Ours()) == ("bank.example", "cards@bank.example")
    assert shown_of(ours, given=ours) == ("bank.example", "anna@bank.example", "cards@bank.example")


@pytest.mark.parametrize(
    ("name", "is_one"),
    [("Julia Meier", True), ("Corner Bank", False), ("Support Team", False), ("Julia", False)],
)
def test_a_persons_name_is_told_from_a_teams(name: str, is_one: bool) -> None:
    assert is_person(name, "x@corner.example") is is_one

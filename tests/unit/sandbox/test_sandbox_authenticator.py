"""The bank checks authenticator apps as RFC 6238 says, and takes each time step once."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from answerable.kit.testing import SettableClock
from answerable_sandbox.systems.authenticator import Algorithm, Authenticator, hotp, step_of
from answerable_sandbox.world import World, build_world

STEP = timedelta(seconds=30)
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
APP = Authenticator(secret=b"12345678901234567890")
# RFC 6238, appendix B: the seed of each algorithm, and what it gives at these moments.
SEEDS: dict[Algorithm, bytes] = {
    "sha1": b"12345678901234567890",
    "sha256": b"12345678901234567890123456789012",
}
VECTORS: list[tuple[int, Algorithm, str]] = [
    (59, "sha1", "94287082"),
    (59, "sha256", "46119246"),
    (1111111109, "sha1", "07081804"),
    (1111111109, "sha256", "68084774"),
    (1111111111, "sha1", "14050471"),
    (1111111111, "sha256", "67062674"),
    (1234567890, "sha1", "89005924"),
    (1234567890, "sha256", "91819424"),
    (2000000000, "sha1", "69279037"),
    (2000000000, "sha256", "90698825"),
    (20000000000, "sha1", "65353130"),
    (20000000000, "sha256", "77737706"),
]


@pytest.mark.parametrize(("seconds", "algorithm", "digits"), VECTORS)
def test_the_digits_are_those_of_the_standard(
    seconds: int, algorithm: Algorithm, digits: str
) -> None:
    at = datetime.fromtimestamp(seconds, UTC)

    assert hotp(SEEDS[algorithm], step_of(at), algorithm=algorithm, digits=8) == digits
    app = Authenticator(secret=SEEDS[algorithm], algorithm=algorithm)
    assert app.digits(at) == digits[2:]
    assert app.accepted_step(digits[2:], at) == step_of(at)


@pytest.mark.parametrize(
    ("steps", "accepted"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)]
)
def test_one_step_before_and_after_is_near_enough(steps: int, accepted: bool) -> None:
    digits = APP.digits(NOW + steps * STEP)
    assert (APP.accepted_step(digits, NOW) == step_of(NOW) + steps) is accepted


def test_a_step_is_accepted_once_and_none_before_it() -> None:
    used = replace(APP, last_step=step_of(NOW))

    assert used.accepted_step(APP.digits(NOW), NOW) is None
    assert used.accepted_step(APP.digits(NOW - STEP), NOW) is None
    assert used.accepted_step(APP.digits(NOW + STEP), NOW) == step_of(NOW) + 1


# The bank


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock()


@pytest.fixture
def world(clock: SettableClock) -> World:
    return build_world(clock=clock.now)


def accepted(world: World, digits: str, *, key: str, customer: str = "C-1001") -> bool:
    answer = world.bank.check_authenticator(customer, digits, idempotency_key=key)
    return bool(answer["accepted"])


def test_the_same_key_has_the_same_answer_and_another_is_a_replay(
    world: World, clock: SettableClock
) -> None:
    digits = world.bank.shown_by_apps()["C-1001"]

    assert accepted(world, digits, key="one")
    assert accepted(world, digits, key="one")
    assert not accepted(world, digits, key="two")
    clock.advance(STEP)
    assert not accepted(world, digits, key="three")
    assert accepted(world, world.bank.shown_by_apps()["C-1001"], key="four")


def test_one_customers_digits_are_not_anothers(world: World) -> None:
    shown = world.bank.shown_by_apps()

    assert not accepted(world, shown["C-1002"], key="one")
    assert accepted(world, shown["C-1003"], key="two", customer="C-1003")


@pytest.mark.parametrize("customer", ["C-1010", "C-9999"], ids=["no app", "no customer"])
def test_who_has_no_app_is_answered_like_wrong_digits(world: World, customer: str) -> None:
    assert customer not in world.bank.shown_by_apps()
    nobodys = Authenticator(secret=b"of no customer").digits(world.clock())
    for number, digits in enumerate(("123456", nobodys)):
        assert not accepted(world, digits, key=f"k{number}", customer=customer)


def test_the_journal_holds_no_digits(world: World) -> None:
    digits = world.bank.shown_by_apps()["C-1001"]
    accepted(world, "000000", key="one")
    accepted(world, digits, key="two")

    entries = world.journal.entries(system="core")

    assert [(one.kind, one.operation) for one in entries] == [
        ("read", "authenticator refused"),
        ("change", "authenticator accepted"),
    ]
    assert digits not in str(entries)

"""The seeded world: deterministic, invented, and every rule of its systems."""

from datetime import date, timedelta
from typing import Any

import pytest
from stdnum import iban, luhn

from answerable.kit.testing import SettableClock
from answerable_sandbox.problems import Problem
from answerable_sandbox.systems.bank_records import money
from answerable_sandbox.systems.mail import read_mail
from answerable_sandbox.systems.seed import CUSTOMERS, seed_records
from answerable_sandbox.world import World, build_world

ADDRESS = {"street": "Deichstraße 1", "city": "Hamburg"}


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock()


@pytest.fixture
def world(clock: SettableClock) -> World:
    return build_world(clock=clock.now)


def changes(world: World, system: str) -> list[str]:
    return [entry.operation for entry in world.journal.entries(system=system, kind="change")]


def submit(world: World, key: str = "k1", **other: Any) -> dict[str, Any]:
    wish = {
        "customer_id": "C-1002",
        "kind": "address",
        "changes": ADDRESS,
        "requested_by": "contact",
        **other,
    }
    return world.bank.submit_change(**wish, idempotency_key=key)


def test_two_worlds_of_the_same_moment_are_equal() -> None:
    assert seed_records(date(2026, 11, 23)) == seed_records(date(2026, 11, 23))


def test_every_iban_is_valid_and_no_card_number_could_be_real() -> None:
    records = seed_records(date(2026, 11, 23))

    assert all(iban.is_valid(account.iban) for account in records.accounts)
    assert len({account.iban for account in records.accounts}) == len(records.accounts)
    assert all("*" in card.masked_pan for card in records.cards.values())
    assert not any(luhn.is_valid(card.masked_pan) for card in records.cards.values())


def test_the_demo_customers_are_the_agreed_ones() -> None:
    people = {customer.id: (customer.name, customer.email) for customer in CUSTOMERS}

    assert len(people) >= 8
    assert people["C-1001"] == ("Anna Schmidt", "anna.schmidt@example.com")
    assert people["C-1002"] == ("Ben Okafor", "ben.okafor@example.com")


@pytest.mark.parametrize(
    ("minor", "shown"), [(0, "0.00"), (5, "0.05"), (24_990, "249.90"), (-780, "-7.80")]
)
def test_money_is_shown_with_two_digits(minor: int, shown: str) -> None:
    assert money(minor) == shown


def test_a_change_request_changes_nothing_before_a_person_approves_it(world: World) -> None:
    before = world.bank.get_customer("C-1002")
    request = submit(world)

    assert request["status"] == "pending"
    assert world.bank.get_customer("C-1002") == before

    world.bank.decide_change(
        request["id"], approve=True, decided_by="agt_1", note=None, idempotency_key=None
    )

    assert world.bank.get_customer("C-1002").street == "Deichstraße 1"
    assert changes(world, "core") == ["change requested", "change approved"]


def test_the_same_key_and_payload_take_effect_once(world: World, clock: SettableClock) -> None:
    first = submit(world)
    clock.advance(timedelta(minutes=5))

    assert submit(world) == first
    assert changes(world, "core") == ["change requested"]


def test_the_same_key_with_another_payload_is_refused(world: World) -> None:
    submit(world)

    with pytest.raises(Problem) as refusal:
        submit(world, changes={"city": "Bremen"})

    assert (refusal.value.status, refusal.value.code) == (422, "idempotency_key_reused")
    assert len(world.bank.records.change_requests) == 1


def test_a_refused_call_does_not_use_up_its_key(world: World) -> None:
    with pytest.raises(Problem):
        submit(world, customer_id="C-9999")
    with pytest.raises(Problem):
        submit(world, customer_id="C-9999")

    assert changes(world, "core") == []


def test_nobody_decides_on_their_own_request_nor_twice_differently(world: World) -> None:
    request = submit(world, requested_by="agt_1")

    def decide(approve: bool, by: str) -> dict[str, Any]:
        return world.bank.decide_change(
            request["id"], approve=approve, decided_by=by, note=None, idempotency_key=None
        )

    with pytest.raises(Problem) as own:
        decide(True, "agt_1")
    assert own.value.status == 403

    assert decide(False, "agt_2") == decide(False, "agt_2")
    with pytest.raises(Problem) as other:
        decide(True, "agt_2")
    assert other.value.status == 409
    assert changes(world, "core") == ["change requested", "change rejected"]


def test_a_card_is_blocked_once_even_under_different_keys(world: World) -> None:
    def block(key: str | None) -> dict[str, Any]:
        return world.bank.block_card(
            "CARD-5001", reason="lost", requested_by="contact", idempotency_key=key
        )

    assert block("a")["already_blocked"] is False
    assert block("b")["already_blocked"] is True
    assert block(None)["already_blocked"] is True
    assert changes(world, "core") == ["card blocked"]


def test_a_text_message_is_queued_then_sent_then_delivered(
    world: World, clock: SettableClock
) -> None:
    sid = world.sms.send(
        account_sid="AC1", to="+491713920001", sender="+49302312599", body="Hi", idempotency_key="k"
    )["sid"]
    message = world.sms.get(sid)

    statuses = [message.status(clock.now() + timedelta(seconds=age)) for age in (0, 1, 3)]

    assert statuses == ["queued", "sent", "delivered"]


def test_crm_records_with_one_external_key_are_created_once(world: World) -> None:
    def upsert(subject: str) -> tuple[dict[str, Any], bool]:
        return world.crm.upsert("Case", "Answerable_Key__c", "cnv_1", {"Subject": subject})

    created, was_created = upsert("Card")
    again, was_created_again = upsert("Card")
    changed, _ = upsert("Card lost")

    assert (was_created, was_created_again) == (True, False)
    assert created["id"] == again["id"] == changed["id"]
    assert changes(world, "crm") == ["Case created", "Case updated"]
    with pytest.raises(Problem) as duplicate:
        world.crm.create("Case", {"Answerable_Key__c": "cnv_1"}, idempotency_key=None)
    assert duplicate.value.code == "DUPLICATE_VALUE"


@pytest.mark.parametrize(
    "query",
    [
        "DELETE FROM Case",
        "SELECT Id FROM Case WHERE Id = '",
        "SELECT Id FROM Case WHERE Id = 'a' OR Id = 'b'",
    ],
)
def test_a_query_outside_the_small_dialect_is_refused(world: World, query: str) -> None:
    with pytest.raises(Problem) as refusal:
        world.crm.query(query)
    assert refusal.value.code == "MALFORMED_QUERY"


def test_the_journal_keeps_the_clock_s_time_and_forgets_on_demand(
    world: World, clock: SettableClock
) -> None:
    submit(world, key="eff_1")
    (entry,) = world.journal.entries(system="core")

    assert (entry.at, entry.idempotency_key) == (clock.now(), "eff_1")
    world.journal.clear()
    assert world.journal.entries() == []


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x00\xff\xfe no mail at all",
        b"Subject: \xff\xfe\r\n\r\n\xff",
        b"From: " + b"(" * 500 + b"\r\n\r\nx",
        b"Content-Type: text/plain; charset=no-such\r\n\r\nx",
    ],
)
def test_any_bytes_can_be_shown(raw: bytes) -> None:
    headers, text = read_mail(raw)

    for value in (*headers.values(), text):
        value.encode()

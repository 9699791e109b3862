"""The core banking system: customers, accounts, cards, payments, change requests."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from datetime import date
from typing import Any, Literal, TypeVar

from answerable_sandbox.idempotency import Idempotency
from answerable_sandbox.journal import Journal
from answerable_sandbox.problems import Problem
from answerable_sandbox.settings import Clock

T = TypeVar("T")
PaymentStatus = Literal["booked", "pending", "returned", "rejected"]

# What a change request of each kind may change in a customer.
CHANGEABLE: dict[str, frozenset[str]] = {
    "address": frozenset({"street", "postal_code", "city", "country"}),
    "phone": frozenset({"phone"}),
    "email": frozenset({"email"}),
    "name": frozenset({"name"}),
}


def money(minor: int) -> str:
    """An amount in minor units (cents) as a decimal string: 129_90 -> "129.90"."""
    sign = "-" if minor < 0 else ""
    return f"{sign}{abs(minor) // 100}.{abs(minor) % 100:02d}"


@dataclass(frozen=True, kw_only=True)
class Customer:
    """A person who banks here; all of them are invented.

    phone: E.164, from the ranges that regulators keep free for fiction.
    """

    id: str
    name: str
    email: str
    phone: str
    tier: Literal["standard", "private"]
    language: str
    street: str
    postal_code: str
    city: str
    country: str = "DE"

    def as_json(self) -> dict[str, Any]:
        """The customer as the core system shows it."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class Account:
    """balance_minor: in minor units of `currency`; negative is overdrawn."""

    id: str
    customer_id: str
    kind: Literal["current", "savings"]
    iban: str
    balance_minor: int
    currency: str = "EUR"

    def as_json(self) -> dict[str, Any]:
        """The account, its balance in minor units and as a decimal string."""
        return {**asdict(self), "balance": money(self.balance_minor)}


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """Where an ordered card is on its way."""

    status: Literal["ordered", "in production", "shipped", "delivered", "returned"]
    ordered_on: date
    expected_on: date


@dataclass(frozen=True, kw_only=True)
class Card:
    """masked_pan: first six and last four digits at most, as PCI DSS allows to show."""

    id: str
    customer_id: str
    kind: Literal["debit", "credit"]
    masked_pan: str
    last4: str
    status: Literal["active", "ordered", "blocked"]
    valid_until: str
    delivery: Delivery | None = None
    blocked_at: str | None = None
    block_reason: str | None = None

    def as_json(self) -> dict[str, Any]:
        """The card; dates as ISO strings."""
        return _with_iso_dates(asdict(self))


@dataclass(frozen=True, kw_only=True)
class Transaction:
    """One booking on an account; amount_minor is negative for money that leaves."""

    id: str
    account_id: str
    customer_id: str
    booked_on: date
    amount_minor: int
    counterparty: str
    text: str
    currency: str = "EUR"

    def as_json(self) -> dict[str, Any]:
        """The booking, its amount in minor units and as a decimal string."""
        return {**_with_iso_dates(asdict(self)), "amount": money(self.amount_minor)}


@dataclass(frozen=True, kw_only=True)
class Payment:
    """A payment order that the customer knows by its reference."""

    reference: str
    customer_id: str
    status: PaymentStatus
    amount_minor: int
    counterparty: str
    booked_on: date | None
    currency: str = "EUR"

    def as_json(self) -> dict[str, Any]:
        """The payment, its amount in minor units and as a decimal string."""
        return {**_with_iso_dates(asdict(self)), "amount": money(self.amount_minor)}


@dataclass(frozen=True, kw_only=True)
class Branch:
    """A branch; opening_hours maps each weekday to "09:00-16:00" or "closed"."""

    id: str
    name: str
    street: str
    postal_code: str
    city: str
    phone: str
    opening_hours: dict[str, str]
    services: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """The branch as the core system shows it."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class ServiceStatus:
    """How one of the bank's services is doing."""

    name: str
    title: str
    status: Literal["operational", "degraded", "maintenance", "down"]
    note: str = ""

    def as_json(self) -> dict[str, Any]:
        """The status as the core system shows it."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class ChangeRequest:
    """A wish to change a customer's data, waiting for a person of the bank to decide."""

    id: str
    customer_id: str
    kind: str
    changes: dict[str, str]
    requested_by: str
    requested_at: str
    status: Literal["pending", "approved", "rejected"] = "pending"
    decided_by: str | None = None
    decided_at: str | None = None
    note: str | None = None

    def as_json(self) -> dict[str, Any]:
        """The request as the core system shows it."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class Records:
    """Everything the bank knows; customers, cards and change requests are replaced in place."""

    customers: dict[str, Customer]
    accounts: list[Account]
    cards: dict[str, Card]
    transactions: list[Transaction]
    payments: dict[str, Payment]
    branches: list[Branch]
    rates: dict[str, str]
    services: list[ServiceStatus]
    change_requests: dict[str, ChangeRequest] = field(default_factory=dict)


class Bank:
    """What the core banking system does. Every change is journalled when it takes effect."""

    def __init__(self, records: Records, journal: Journal, clock: Clock) -> None:
        self.records = records
        self._journal = journal
        self._clock = clock
        self._idempotency = Idempotency()

    def get_customer(self, customer_id: str) -> Customer:
        """Raises Problem 404 if there is none."""
        return _found(self.records.customers.get(customer_id), "customer")

    def get_card(self, card_id: str) -> Card:
        """Raises Problem 404 if there is none."""
        return _found(self.records.cards.get(card_id), "card")

    def get_change_request(self, request_id: str) -> ChangeRequest:
        """Raises Problem 404 if there is none."""
        return _found(self.records.change_requests.get(request_id), "change request")

    def card_delivery(self, customer_id: str) -> Card | None:
        """The customer's latest card order that is still on its way, or the last delivered."""
        orders = [
            (card.delivery.status != "delivered", card.delivery.ordered_on, card.id)
            for card in self.records.cards.values()
            if card.customer_id == customer_id and card.delivery is not None
        ]
        return self.records.cards[max(orders)[2]] if orders else None

    def block_card(
        self, card_id: str, *, reason: str, requested_by: str, idempotency_key: str | None
    ) -> dict[str, Any]:
        """Block a card for good. Safe to repeat: a blocked card stays as it was first blocked."""
        payload = {"card": card_id, "reason": reason, "requested_by": requested_by}

        def apply() -> dict[str, Any]:
            card = self.get_card(card_id)
            if card.status == "blocked":
                return {**card.as_json(), "already_blocked": True}
            blocked = replace(
                card, status="blocked", blocked_at=self._clock().isoformat(), block_reason=reason
            )
            self.records.cards[card_id] = blocked
            self._journal.record("core", "card blocked", payload, idempotency_key=idempotency_key)
            return {**blocked.as_json(), "already_blocked": False}

        return self._idempotency.once(idempotency_key, ["block", payload], apply)

    def submit_change(
        self,
        *,
        customer_id: str,
        kind: str,
        changes: dict[str, str],
        requested_by: str,
        idempotency_key: str,
    ) -> dict[str, Any]:
        """Queue a change request; nothing about the customer changes before it is approved.

        Raises Problem 404 for an unknown customer, 422 for changes that the kind does not allow.
        """
        payload = {
            "customer_id": customer_id,
            "kind": kind,
            "changes": changes,
            "requested_by": requested_by,
        }

        def apply() -> dict[str, Any]:
            self.get_customer(customer_id)
            allowed = CHANGEABLE.get(kind)
            if allowed is None or not changes or not set(changes) <= allowed:
                raise Problem(422, "change_not_allowed", f"A change of kind {kind} cannot be this.")
            request = ChangeRequest(
                id=f"CR-{len(self.records.change_requests) + 1:06d}",
                customer_id=customer_id,
                kind=kind,
                changes=dict(changes),
                requested_by=requested_by,
                requested_at=self._clock().isoformat(),
            )
            self.records.change_requests[request.id] = request
            self._journal.record(
                "core", "change requested", payload, idempotency_key=idempotency_key
            )
            return request.as_json()

        return self._idempotency.once(idempotency_key, ["change", payload], apply)

    def decide_change(
        self,
        request_id: str,
        *,
        approve: bool,
        decided_by: str,
        note: str | None,
        idempotency_key: str | None,
    ) -> dict[str, Any]:
        """Approve (and so apply) or reject a change request. Safe to repeat.

        Raises Problem 403 if the requester decides, 409 if it was decided otherwise before.
        """
        payload = {"id": request_id, "approve": approve, "decided_by": decided_by, "note": note}

        def apply() -> dict[str, Any]:
            request = self.get_change_request(request_id)
            status: Literal["approved", "rejected"] = "approved" if approve else "rejected"
            if request.status == status:
                return request.as_json()
            if request.status != "pending":
                raise Problem(409, "already_decided", f"The request is already {request.status}.")
            if decided_by == request.requested_by:
                raise Problem(403, "own_request", "Nobody decides on their own request.")
            decided = replace(
                request,
                status=status,
                decided_by=decided_by,
                decided_at=self._clock().isoformat(),
                note=note,
            )
            self._apply_decision(decided)
            self._journal.record(
                "core", f"change {status}", payload, idempotency_key=idempotency_key
            )
            return decided.as_json()

        return self._idempotency.once(idempotency_key, ["decide", payload], apply)

    def _apply_decision(self, request: ChangeRequest) -> None:
        self.records.change_requests[request.id] = request
        if request.status == "approved":
            customer = self.get_customer(request.customer_id)
            changed: dict[str, Any] = {**asdict(customer), **request.changes}
            self.records.customers[customer.id] = Customer(**changed)


def _found(found: T | None, noun: str) -> T:
    if found is None:
        raise Problem(404, "not_found", f"There is no such {noun}.")
    return found


def _with_iso_dates(value: dict[str, Any]) -> dict[str, Any]:
    return {
        key: item.isoformat()
        if isinstance(item, date)
        else _with_iso_dates(item)
        if isinstance(item, dict)
        else item
        for key, item in value.items()
    }

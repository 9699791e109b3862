"""What the core banking system knows: customers, accounts, cards, payments, change requests."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any, Literal

from answerable_sandbox.systems.authenticator import Authenticator

PaymentStatus = Literal["booked", "pending", "returned", "rejected"]


def money(minor: int) -> str:
    """An amount in minor units (cents) as a decimal string: 129_90 -> "129.90"."""
    sign = "-" if minor < 0 else ""
    return f"{sign}{abs(minor) // 100}.{abs(minor) % 100:02d}"


@dataclass(frozen=True, kw_only=True)
class Customer:
    """A person who banks here; all of them are invented.

    phone: E.164, from the ranges that regulators keep free for fiction. marketing: whether they may
    be told of offers.
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
    marketing: Literal["yes", "no"] = "no"

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
    """masked_pan: first six and last four digits at most, as PCI DSS allows to show.

    limit_minor: what it may pay a day, in minor units.
    """

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
    limit_minor: int = 2_000_00

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
    """A customer's wish, waiting for a person of the bank to decide. replaces: what is so now."""

    id: str
    customer_id: str
    kind: str
    changes: dict[str, str]
    replaces: dict[str, str]
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
    """Everything the bank knows; customers, cards, change requests and authenticators are replaced
    in place.

    authenticators: by customer; not every customer has an app.
    """

    customers: dict[str, Customer]
    accounts: list[Account]
    cards: dict[str, Card]
    transactions: list[Transaction]
    payments: dict[str, Payment]
    branches: list[Branch]
    rates: dict[str, str]
    services: list[ServiceStatus]
    authenticators: dict[str, Authenticator] = field(default_factory=dict)
    change_requests: dict[str, ChangeRequest] = field(default_factory=dict)


def _with_iso_dates(value: dict[str, Any]) -> dict[str, Any]:
    return {
        key: item.isoformat()
        if isinstance(item, date)
        else _with_iso_dates(item)
        if isinstance(item, dict)
        else item
        for key, item in value.items()
    }

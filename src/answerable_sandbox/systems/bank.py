"""The core banking system: customers, accounts, cards, payments, change requests."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any, Literal, TypeVar

from answerable_sandbox.idempotency import Idempotency
from answerable_sandbox.journal import Journal
from answerable_sandbox.problems import Problem
from answerable_sandbox.settings import Clock
from answerable_sandbox.systems.authenticator import NOBODYS
from answerable_sandbox.systems.bank_records import (
    Card,
    ChangeRequest,
    Customer,
    Delivery,
    Records,
    money,
)

T = TypeVar("T")

# What a change request of each kind may change in a customer.
CHANGEABLE: dict[str, frozenset[str]] = {
    "address": frozenset({"street", "postal_code", "city", "country"}),
    "phone": frozenset({"phone"}),
    "email": frozenset({"email"}),
    "name": frozenset({"name"}),
    "marketing-consent": frozenset({"marketing"}),
}
# What must be said of a wish that changes no customer's data, and what of it changes the card.
WISHES: dict[str, frozenset[str]] = {
    "payout-account": frozenset({"iban"}),
    "card-block": frozenset({"card"}),
    "card-replacement": frozenset({"card", "reason"}),
    "card-limit": frozenset({"card", "limit"}),
    "dispute": frozenset({"merchant", "amount", "booked_on", "problem"}),
    "statement": frozenset({"first_day", "last_day"}),
}


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

    def shown_by_apps(self) -> dict[str, str]:
        """By customer, the digits that their authenticator app shows now."""
        now = self._clock()
        return {owner: app.digits(now) for owner, app in self.records.authenticators.items()}

    def check_authenticator(
        self, customer_id: str, digits: str, *, idempotency_key: str
    ) -> dict[str, Any]:
        """Whether the customer's app shows these digits now, or did a moment ago; each once.

        Of whom the bank does not know, or who has no app, it says the same as of wrong digits.
        """

        def apply() -> dict[str, Any]:
            app = self.records.authenticators.get(customer_id)
            step = (app or NOBODYS).accepted_step(digits, self._clock())
            accepted = app is not None and step is not None
            if app is not None and step is not None:
                self.records.authenticators[customer_id] = replace(app, last_step=step)
            self._journal.record(
                "core",
                f"authenticator {'accepted' if accepted else 'refused'}",
                {"customer_id": customer_id},
                kind="change" if accepted else "read",
                idempotency_key=idempotency_key,
            )
            return {"accepted": accepted}

        payload = ["authenticator", customer_id, digits]
        return self._idempotency.once(idempotency_key, payload, apply)

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
            replaces = self._replaced(self.get_customer(customer_id), kind, changes)
            request = ChangeRequest(
                id=f"CR-{len(self.records.change_requests) + 1:06d}",
                customer_id=customer_id,
                kind=kind,
                changes=dict(changes),
                replaces=replaces,
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
        if request.status != "approved":
            return
        if request.kind in CHANGEABLE:
            customer = self.get_customer(request.customer_id)
            changed: dict[str, Any] = {**asdict(customer), **request.changes}
            self.records.customers[customer.id] = Customer(**changed)
        elif "card" in request.changes:
            self._change_card(request)

    def _replaced(self, customer: Customer, kind: str, changes: dict[str, str]) -> dict[str, str]:
        """What is so now of what the wish is about. Raises Problem 422 for one that cannot be."""
        allowed = CHANGEABLE.get(kind)
        if allowed is not None and changes and set(changes) <= allowed:
            return {name: str(getattr(customer, name)) for name in changes}
        if WISHES.get(kind, frozenset()) != frozenset(changes):
            raise Problem(422, "change_not_allowed", f"A change of kind {kind} cannot be this.")
        if "card" not in changes:
            return {}
        card = self._card_ending_in(customer.id, changes["card"])
        return {"card": card.last4, "limit": money(card.limit_minor)}

    def _card_ending_in(self, customer_id: str, last4: str) -> Card:
        """Raises Problem 422 if the customer has none that is not blocked."""
        for card in self.records.cards.values():
            of = (card.customer_id, card.last4)
            if of == (customer_id, last4) and card.status != "blocked":
                return card
        raise Problem(422, "no_such_card", "The customer has no such card, or it is blocked.")

    def _change_card(self, request: ChangeRequest) -> None:
        card = self._card_ending_in(request.customer_id, request.changes["card"])
        if request.kind == "card-limit":
            limit = int(Decimal(request.changes["limit"]) * 100)
            self.records.cards[card.id] = replace(card, limit_minor=limit)
            return
        now = self._clock()
        reason = request.changes.get("reason", "blocked by the customer")
        self.records.cards[card.id] = replace(
            card, status="blocked", blocked_at=now.isoformat(), block_reason=reason
        )
        if request.kind == "card-replacement":
            last4 = f"{(int(card.last4) + 1) % 10_000:04d}"
            order = Delivery(
                status="ordered", ordered_on=now.date(),
                expected_on=now.date() + timedelta(days=8),
            )  # fmt: skip
            new = replace(
                card, id=f"{card.id}-2", last4=last4, masked_pan=f"{card.masked_pan[:-4]}{last4}",
                status="ordered", delivery=order,
            )  # fmt: skip
            self.records.cards[new.id] = new


def _found(found: T | None, noun: str) -> T:
    if found is None:
        raise Problem(404, "not_found", f"There is no such {noun}.")
    return found

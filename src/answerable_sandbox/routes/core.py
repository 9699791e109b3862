"""The core banking system over HTTP: plain REST, an API key, RFC 9457 problems."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Header, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from answerable_sandbox.problems import Problem
from answerable_sandbox.systems.bank import Bank
from answerable_sandbox.world import World

Json = dict[str, Any]
Key = Annotated[str | None, Header(alias="Idempotency-Key")]
Fields = Annotated[str | None, Query(description="Names of the wanted fields, by commas.")]
Text = Annotated[str, Field(min_length=1, max_length=500)]


class Block(BaseModel):
    """Why a card is to be blocked, and on whose request."""

    model_config = ConfigDict(extra="forbid")
    reason: Text = "not stated"
    requested_by: Text = "not stated"


class Change(BaseModel):
    """A wish to change a customer's data."""

    model_config = ConfigDict(extra="forbid")
    customer_id: Text
    kind: Text
    changes: dict[str, Text]
    requested_by: Text


class AuthenticatorCheck(BaseModel):
    """Digits that somebody says a customer's app shows."""

    model_config = ConfigDict(extra="forbid")
    customer_id: Text
    digits: Annotated[str, Field(pattern=r"^[0-9]{6}$")]


class Verdict(BaseModel):
    """A person's decision on a change request."""

    model_config = ConfigDict(extra="forbid")
    decision: Literal["approve", "reject"]
    decided_by: Text
    note: Annotated[str, Field(max_length=2000)] | None = None


def pick(value: Json, fields: str | None) -> Json:
    """Only the asked fields, and always `found`, which says nothing about a person.

    Raises Problem 400 for a name that is not a field.
    """
    if not fields:
        return value
    wanted = [name.strip() for name in fields.split(",") if name.strip()]
    unknown = sorted(set(wanted) - value.keys())
    if unknown:
        raise Problem(400, "unknown_field", f"There is no field {unknown[0]!r}.")
    return {name: item for name, item in value.items() if name in wanted or name == "found"}


def _plain(city: str) -> str:
    """A city's name however it is written: München, Muenchen and Munich are one."""
    name = city.strip().lower()
    for umlaut, letters in (("ä", "ae"), ("ö", "oe"), ("ü", "ue"), ("ß", "ss")):
        name = name.replace(umlaut, letters)
    return {"munich": "muenchen", "cologne": "koeln"}.get(name, name)


def core_routes(world: World) -> APIRouter:
    """All of `/core`."""

    async def check_key(x_api_key: Annotated[str | None, Header()] = None) -> None:
        if x_api_key != world.settings.api_key:
            raise Problem(401, "api_key_missing", "Send the API key in X-Api-Key.")

    async def note_read(request: Request) -> None:
        if request.method == "GET":
            path = request.url.path.removeprefix("/core/")
            query = dict(request.query_params)
            world.journal.record("core", f"{path} read", {"query": query}, kind="read")

    router = APIRouter(
        prefix="/core", tags=["core"], dependencies=[Depends(check_key), Depends(note_read)]
    )
    _customer_routes(router, world.bank)
    _customer_detail_routes(router, world.bank)
    _payment_routes(router, world.bank)
    _public_routes(router, world)
    _card_routes(router, world.bank)
    _change_routes(router, world.bank)
    _authenticator_routes(router, world.bank)
    return router


def _customer_routes(router: APIRouter, bank: Bank) -> None:
    @router.get("/customers")
    async def find_customers(
        email: str | None = None, phone: str | None = None, fields: Fields = None
    ) -> Json:
        if email is None and phone is None:
            raise Problem(400, "filter_missing", "Ask for an email or a phone.")
        found = [
            pick(customer.as_json(), fields)
            for customer in bank.records.customers.values()
            if (email is None or customer.email.lower() == email.strip().lower())
            and (phone is None or customer.phone == phone)
        ]
        return {"items": found}

    @router.get("/customers/{customer_id}")
    async def get_customer(customer_id: str, fields: Fields = None) -> Json:
        return pick(bank.get_customer(customer_id).as_json(), fields)

    @router.get("/customers/{customer_id}/accounts")
    async def accounts(customer_id: str, fields: Fields = None) -> Json:
        bank.get_customer(customer_id)
        found = [item for item in bank.records.accounts if item.customer_id == customer_id]
        return {"found": bool(found), "items": [pick(item.as_json(), fields) for item in found]}

    @router.get("/customers/{customer_id}/balance")
    async def balance(customer_id: str, fields: Fields = None) -> Json:
        bank.get_customer(customer_id)
        for item in bank.records.accounts:
            if item.customer_id == customer_id and item.kind == "current":
                return pick({"found": True, **item.as_json()}, fields)
        return pick({"found": False, "balance": None, "currency": None, "iban": None}, fields)


def _customer_detail_routes(router: APIRouter, bank: Bank) -> None:
    @router.get("/customers/{customer_id}/cards")
    async def cards(customer_id: str, last4: str | None = None, fields: Fields = None) -> Json:
        bank.get_customer(customer_id)
        found = [
            pick(card.as_json(), fields)
            for card in bank.records.cards.values()
            if card.customer_id == customer_id and last4 in (None, card.last4)
        ]
        return {"found": bool(found), "items": found}

    @router.get("/customers/{customer_id}/card-delivery")
    async def card_delivery(customer_id: str, fields: Fields = None) -> Json:
        bank.get_customer(customer_id)
        card = bank.card_delivery(customer_id)
        delivery = card.delivery if card else None
        answer = {
            "found": delivery is not None,
            "status": delivery.status if delivery else None,
            "ordered_on": delivery.ordered_on.isoformat() if delivery else None,
            "expected_on": delivery.expected_on.isoformat() if delivery else None,
            "last4": card.last4 if card else None,
            "kind": card.kind if card else None,
        }
        return pick(answer, fields)

    @router.get("/customers/{customer_id}/transactions")
    async def transactions(
        customer_id: str,
        limit: Annotated[int, Query(ge=1, le=100)] = 5,
        fields: Fields = None,
    ) -> Json:
        bank.get_customer(customer_id)
        found = [item for item in bank.records.transactions if item.customer_id == customer_id]
        found.sort(key=lambda item: (item.booked_on, item.id), reverse=True)
        items = [pick(item.as_json(), fields) for item in found[:limit]]
        return {"found": bool(items), "items": items}


def _payment_routes(router: APIRouter, bank: Bank) -> None:
    @router.get("/payments/{reference}")
    async def payment(reference: str, customer: str | None = None, fields: Fields = None) -> Json:
        found = bank.records.payments.get(reference.upper())
        # Asked on behalf of a customer, somebody else's payment does not exist.
        if found is not None and customer in (None, found.customer_id):
            return pick({"found": True, **found.as_json()}, fields)
        nothing = dict.fromkeys(
            ("customer_id", "status", "amount_minor", "amount", "currency", "booked_on",
             "counterparty")
        )  # fmt: skip
        return pick({"found": False, "reference": reference, **nothing}, fields)


def _public_routes(router: APIRouter, world: World) -> None:
    records = world.bank.records

    @router.get("/rates/{pair:path}")
    async def rate(pair: str, fields: Fields = None) -> Json:
        name = pair.upper().replace("/", "-")
        if len(name) == 3:
            name = f"EUR-{name}"
        elif len(name) == 6:
            name = f"{name[:3]}-{name[3:]}"
        base, _, quote = name.partition("-")
        answer = {
            "found": name in records.rates,
            "pair": name,
            "base": base,
            "quote": quote,
            "rate": records.rates.get(name),
            "as_of": world.clock().date().isoformat(),
        }
        return pick(answer, fields)

    @router.get("/branches")
    async def branches(city: str | None = None, fields: Fields = None) -> Json:
        found = [
            pick(branch.as_json(), fields)
            for branch in records.branches
            if city is None or _plain(branch.city) == _plain(city)
        ]
        return {"found": bool(found), "items": found}

    @router.get("/status")
    async def status(fields: Fields = None) -> Json:
        services = records.services
        answer = {
            "all_operational": all(item.status == "operational" for item in services),
            "troubled": [item.title for item in services if item.status != "operational"],
            "services": [item.as_json() for item in services],
            "as_of": world.clock().isoformat(),
        }
        return pick(answer, fields)


def _card_routes(router: APIRouter, bank: Bank) -> None:
    @router.get("/cards/{card_id}")
    async def get_card(card_id: str, fields: Fields = None) -> Json:
        return pick(bank.get_card(card_id).as_json(), fields)

    @router.post("/cards/{card_id}/block")
    async def block_card(
        card_id: str, body: Block | None = None, idempotency_key: Key = None
    ) -> Json:
        block = body or Block()
        return bank.block_card(
            card_id,
            reason=block.reason,
            requested_by=block.requested_by,
            idempotency_key=idempotency_key,
        )


def _change_routes(router: APIRouter, bank: Bank) -> None:
    @router.post("/change-requests", status_code=201)
    async def submit_change(body: Change, idempotency_key: Key = None) -> Json:
        if idempotency_key is None:
            raise Problem(400, "idempotency_key_missing", "Send an Idempotency-Key.")
        return bank.submit_change(
            customer_id=body.customer_id,
            kind=body.kind,
            changes=body.changes,
            requested_by=body.requested_by,
            idempotency_key=idempotency_key,
        )

    @router.get("/change-requests")
    async def change_requests(customer: str | None = None, status: str | None = None) -> Json:
        found = [
            request.as_json()
            for request in bank.records.change_requests.values()
            if customer in (None, request.customer_id) and status in (None, request.status)
        ]
        return {"items": found}

    @router.get("/change-requests/{request_id}")
    async def get_change_request(request_id: str) -> Json:
        return bank.get_change_request(request_id).as_json()

    @router.post("/change-requests/{request_id}/decide")
    async def decide_change(request_id: str, body: Verdict, idempotency_key: Key = None) -> Json:
        return bank.decide_change(
            request_id,
            approve=body.decision == "approve",
            decided_by=body.decided_by,
            note=body.note,
            idempotency_key=idempotency_key,
        )


def _authenticator_routes(router: APIRouter, bank: Bank) -> None:
    @router.post("/authenticator-checks")
    async def check_authenticator(body: AuthenticatorCheck, idempotency_key: Key = None) -> Json:
        if idempotency_key is None:
            raise Problem(400, "idempotency_key_missing", "Send an Idempotency-Key.")
        return bank.check_authenticator(
            body.customer_id, body.digits, idempotency_key=idempotency_key
        )

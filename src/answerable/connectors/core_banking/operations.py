"""What may be read, where it is, who may read it, and which fields are personal."""

from collections.abc import Mapping
from dataclasses import dataclass

from answerable.definition.terms import Proof


@dataclass(frozen=True, kw_only=True)
class Operation:
    """path: with {customer} for the contact's own id and {name} for parameters.

    facts: fields that are not personal; they may stand in the ledger, where conditions see them.
    personal: fields that go to the vault. Any other field of the answer is dropped.
    query: parameters sent as query. items: the answer is a list; its fields are personal.
    """

    path: str
    proof: Proof
    facts: tuple[str, ...] = ("found",)
    personal: tuple[str, ...] = ()
    query: Mapping[str, str] | None = None
    parameters: tuple[str, ...] = ()
    items: bool = False


OPERATIONS: Mapping[str, Operation] = {
    "card-delivery": Operation(
        path="/customers/{customer}/card-delivery",
        proof=Proof.SIGNED_IN,
        facts=("found", "status", "kind"),
        personal=("ordered_on", "expected_on", "last4"),
    ),
    "cards": Operation(
        path="/customers/{customer}/cards",
        proof=Proof.SIGNED_IN,
        personal=("kind", "status", "last4", "expires"),
        items=True,
    ),
    "accounts": Operation(
        path="/customers/{customer}/accounts",
        proof=Proof.SIGNED_IN,
        personal=("kind", "iban", "currency"),
        items=True,
    ),
    "balance": Operation(
        path="/customers/{customer}/balance",
        proof=Proof.ONE_TIME_CODE,
        personal=("balance", "currency", "iban"),
    ),
    "transactions": Operation(
        path="/customers/{customer}/transactions",
        proof=Proof.SIGNED_IN,
        personal=("booked_on", "amount", "currency", "text", "counterparty"),
        items=True,
    ),
    "payment": Operation(
        path="/payments/{reference}",
        proof=Proof.SIGNED_IN,
        facts=("found", "status"),
        personal=("reference", "amount", "currency", "booked_on", "counterparty"),
        query={"customer": "{customer}"},
        parameters=("reference",),
    ),
    "rate": Operation(
        path="/rates/{pair}",
        proof=Proof.ANONYMOUS,
        facts=("found", "pair", "rate", "as_of"),
        parameters=("pair",),
    ),
    "branches": Operation(
        path="/branches",
        proof=Proof.ANONYMOUS,
        personal=("name", "street", "postal_code", "city", "phone", "opening_hours"),
        query={"city": "{city}"},
        parameters=("city",),
        items=True,
    ),
    "status": Operation(
        path="/status",
        proof=Proof.ANONYMOUS,
        facts=("all_operational", "troubled", "services", "as_of"),
    ),
}

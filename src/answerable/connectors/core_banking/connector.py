"""The connector: builds the request, picks the answer apart."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from answerable.connectors.core_banking.operations import OPERATIONS, Operation
from answerable.connectors.http import Ambassador
from answerable.connectors.registry import Secrets
from answerable.connectors.set_up import ConnectorType, Secret
from answerable.definition.schema import Integration
from answerable.flow.ports import ChangeOrder, Finding, Holder, Question, Submitted
from answerable.kit.errors import ConnectorRefused, NotAllowed

NOBODY = "nobody"  # no customer is called so
# Of a customer, to be masked in what they write.
OF_THEIRS = ("name", "email", "phone", "street", "postal_code", "city")


class CoreBanking:
    """Reads core banking for playbooks and drafts. Changes of data are asked for as requests, which
    it applies only once a person has approved them (`flow.ports.Records`). It knows whether the
    digits of a customer's authenticator app are right (`flow.ports.AppCodes`)."""

    def __init__(self, ambassador: Ambassador) -> None:
        self._ambassador = ambassador

    async def read(self, question: Question) -> Finding:
        operation = OPERATIONS.get(question.operation)
        name = self._ambassador.name
        if operation is None:
            known = ", ".join(OPERATIONS)
            raise ConnectorRefused(name, f"no operation {question.operation!r}; there are: {known}")
        if not question.proof.satisfies(operation.proof):
            raise NotAllowed(
                "proof_too_low",
                f"{question.operation} needs {operation.proof.value}, not {question.proof.value}",
            )
        words = _words(name, operation, question)
        path = operation.path.format(**{key: quote(word, safe="") for key, word in words.items()})
        query = {key: words[value.strip("{}")] for key, value in (operation.query or {}).items()}
        answer = await self._ambassador.get(path, query, key=question.key)
        return _picked(operation, question.fields, answer)

    async def contact_facts(self, subject: tuple[str, str]) -> Mapping[str, Any]:
        """Tier and language of a customer, and what is to be masked in what they write. By mail
        address too: it routes, it proves nothing."""
        kind, address = subject
        fields = {"fields": ",".join(("id", "tier", "language", *OF_THEIRS))}
        if kind == "customer":
            found = await self._ambassador.get(_customer(address), fields, key="contact")
        elif kind == "email":
            listed = await self._ambassador.get(
                "/customers", {"email": address, **fields}, key="contact"
            )
            items = (listed or {}).get("items", [])
            found = items[0] if len(items) == 1 else None
        else:
            return {"known": False}
        if found is None:
            return {"known": False}
        return {
            "known": True,
            "tier": str(found.get("tier") or ""),
            "language": str(found.get("language") or ""),
            "customer": str(found.get("id") or ""),
            "record": _record(found),
        }

    async def holder(
        self, subject: tuple[str, str], *, fields: Sequence[str], key: str
    ) -> Holder | None:
        """By mail address too, if exactly one customer has it."""
        kind, address = subject
        query = {"fields": ",".join(("id", *fields))}
        if kind == "customer":
            found = await self._ambassador.get(_customer(address), query, key=key)
        elif kind == "email":
            listed = await self._ambassador.get("/customers", {"email": address, **query}, key=key)
            items = (listed or {}).get("items", [])
            found = items[0] if len(items) == 1 else None
        else:
            return None
        if not found:
            return None
        values = {name: str(found.get(name) or "") for name in fields}
        return Holder(
            customer=str(found["id"]), phone=values.pop("phone", None) or None, values=values
        )

    async def submit_change(self, order: ChangeOrder, *, key: str) -> Submitted:
        answer = await self._ambassador.post(
            "/change-requests",
            {
                "customer_id": order.customer,
                "kind": order.kind,
                "changes": dict(order.values),
                "requested_by": "customer",
            },
            key=key,
        )
        replaces = answer.get("replaces") or {}
        before = {name: str(replaces[name]) for name in order.values if replaces.get(name)}
        return Submitted(request=str(answer["id"]), before=before)

    async def decide_change(
        self,
        request: str,
        *,
        approve: bool,
        expected: Mapping[str, str] | None,
        by: str,
        key: str,
    ) -> None:
        path, name = f"/change-requests/{quote(request, safe='')}", self._ambassador.name
        found = await self._ambassador.get(path, {}, key=key)
        if found is None:
            raise ConnectorRefused(name, f"{name} does not know the request")
        if expected is not None and found.get("changes") != dict(expected):
            raise ConnectorRefused(name, "the request is not about what was approved")
        verdict = {"decision": "approve" if approve else "reject", "decided_by": by}
        await self._ambassador.post(f"{path}/decide", verdict, key=key)

    async def accepts_app_code(self, customer: str | None, digits: str, *, key: str) -> bool:
        asked = {"customer_id": customer or NOBODY, "digits": digits}
        answer = await self._ambassador.post("/authenticator-checks", asked, key=key)
        return customer is not None and answer.get("accepted") is True

    async def close(self) -> None:
        await self._ambassador.close()


def _customer(address: str) -> str:
    return f"/customers/{quote(address, safe='')}"


def _record(found: Mapping[str, Any]) -> dict[str, Any]:
    """As `privacy.record.record_of` reads it."""
    own = {name: str(found.get(name) or "") for name in ("id", *OF_THEIRS)}
    street, code, town = own["street"], own["postal_code"], own["city"]
    address = {"street": street, "postal_code": code, "town": town}
    return {
        "names": [own["name"]], "phones": [own["phone"]], "emails": [own["email"]],
        "addresses": [address], "customers": [own["id"]],
    }  # fmt: skip


def _words(name: str, operation: Operation, question: Question) -> dict[str, str]:
    words = {}
    if "{customer}" in operation.path or "{customer}" in (operation.query or {}).values():
        kind, address = question.subject
        if kind != "customer":
            raise NotAllowed("not_a_customer", f"{question.operation} is for signed-in customers")
        words["customer"] = address
    for parameter in operation.parameters:
        if parameter not in question.parameters:
            raise ConnectorRefused(name, f"{question.operation} needs {parameter!r}")
        words[parameter] = question.parameters[parameter]
    return words


def _picked(
    operation: Operation, fields: tuple[str, ...] | Any, answer: Mapping[str, Any] | None
) -> Finding:
    """Only the fields asked for, personal ones apart from those that are not."""
    if answer is None:
        return Finding(facts={"found": False}, values={})
    found = bool(answer.get("found", True))
    if operation.items:
        items = [
            {key: item.get(key) for key in operation.personal if key in fields}
            for item in answer.get("items", [])
        ]
        return Finding(facts={"found": found, "count": len(items)}, values={"items": items})
    facts = {key: answer.get(key) for key in operation.facts if key in fields}
    values = {key: answer.get(key) for key in operation.personal if key in fields}
    return Finding(facts={**facts, "found": found}, values=values if found else {})


def _create(integration: Integration, address: str, secrets: Secrets) -> CoreBanking:
    """Its key is the secret `key`; the sandbox's is "sandbox"."""
    key = secrets("key") or "sandbox"
    return CoreBanking(
        Ambassador(name=integration.name, base_url=address, headers={"X-Api-Key": key})
    )


create = ConnectorType(
    create=_create,
    key=Secret(
        what="the API key of the core banking system",
        without="the sandbox's key is sent, which a real system refuses",
    ),
)
"""The entry point."""

"""The connector: builds the request, picks the answer apart."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from answerable.connectors.core_banking.operations import OPERATIONS, Operation
from answerable.connectors.http import Ambassador
from answerable.connectors.registry import Secrets
from answerable.definition.schema import Integration
from answerable.flow.ports import Finding, Question
from answerable.kit.errors import ConnectorRefused, NotAllowed


class CoreBanking:
    """Reads core banking for playbooks and drafts. Never writes."""

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
        """Tier and language of a customer. By mail address too: it routes, it proves nothing."""
        kind, address = subject
        fields = {"fields": "id,tier,language"}
        if kind == "customer":
            path = f"/customers/{quote(address, safe='')}"
            found = await self._ambassador.get(path, fields, key="contact")
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
        }

    async def close(self) -> None:
        await self._ambassador.close()


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


def create(integration: Integration, address: str, secrets: Secrets) -> CoreBanking:
    """The entry point. Its key is the secret `key`; the sandbox's is "sandbox"."""
    key = secrets("key") or "sandbox"
    return CoreBanking(
        Ambassador(name=integration.name, base_url=address, headers={"X-Api-Key": key})
    )

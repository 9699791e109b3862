"""Whatever is read or written for a credential is behind the wall of that credential's tenant."""

import ast
from collections.abc import Iterator

from tests.architecture.source import modules

ON_BEHALF = (
    "answerable/api/",
    "answerable/channels/chat/",
    "answerable/contacts/session.py",
    "answerable/desk/agents.py",
    "answerable/desk/sessions.py",
)
METHODS = ("read", "read_batched", "read_remembered", "write")
# Where no tenant is known yet, or none is meant. By file and function, with the reason.
EXCEPTIONS = {
    ("answerable/api/health.py", "ready"): "asks whether the database answers, and reads no row",
    ("answerable/contacts/session.py", "find"): "the bearer's hash says whose session it is",
    ("answerable/contacts/session.py", "close"): "the bearer's hash says whose session it is",
    (
        "answerable/desk/sessions.py",
        "open",
    ): "the address says whose agent signs in; attempts are nobody's",
    ("answerable/desk/sessions.py", "find"): "the cookie's hash says whose session it is",
    ("answerable/desk/sessions.py", "alive"): "asks for the sessions of all connections at once",
}


def unscoped(tree: ast.AST, function: str = "") -> Iterator[tuple[str, int]]:
    """(function, line) of each call of a database that names no tenant."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Call) and _is_unit_call(node):
            names = {keyword.arg for keyword in node.keywords}
            if "tenant" not in names:
                yield function, node.lineno
        inside = node.name if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) else function
        yield from unscoped(node, inside)


def _is_unit_call(call: ast.Call) -> bool:
    method = call.func
    if not isinstance(method, ast.Attribute) or method.attr not in METHODS:
        return False
    of = method.value
    name = of.attr if isinstance(of, ast.Attribute) else getattr(of, "id", "")
    return name.lstrip("_") == "database"


def test_calls_of_the_database_name_the_tenant_they_are_for() -> None:
    found: dict[tuple[str, str], list[int]] = {}
    for module in modules():
        if module.name.startswith(ON_BEHALF):
            for function, line in unscoped(module.tree):
                found.setdefault((module.name, function), []).append(line)

    assert {place: lines for place, lines in found.items() if place not in EXCEPTIONS} == {}
    assert set(EXCEPTIONS) - set(found) == set(), "no exception any more: remove it"


def test_a_call_without_a_tenant_is_seen() -> None:
    source = """
class Reader:
    async def some(self):
        await self._service.database.read(query)
        await database.write(lambda tx: one(tx), tenant=self.tenant)
        await stream.read(100)
"""
    assert list(unscoped(ast.parse(source))) == [("some", 4)]

"""Several requests in one call: `composite`, and `composite/graph` with all-or-nothing graphs."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote

from answerable_sandbox.problems import Problem
from answerable_sandbox.systems.crm import Crm, Record

MOST_REQUESTS, MOST_GRAPHS, MOST_NODES = 25, 75, 500
_REFERENCE = re.compile(r"@\{(\w{1,80})\.(\w{1,80})\}")
_HALTED = {
    "errorCode": "PROCESSING_HALTED",
    "message": "The transaction was rolled back since another operation in it failed.",
}


class Composite:
    """data: the path that requests' addresses begin with, such as /services/data/v61.0."""

    def __init__(self, crm: Crm, data: str) -> None:
        self._crm = crm
        self._data = data

    def run(self, body: Record) -> Record:
        """`composite`: in order; with allOrNone nothing is kept if one fails."""
        requests = body.get("compositeRequest")
        if not isinstance(requests, list) or not 0 < len(requests) <= MOST_REQUESTS:
            raise Problem(400, "JSON_PARSER_ERROR", f"1 to {MOST_REQUESTS} subrequests, please")
        answers, _ = self._together(requests, whole=bool(body.get("allOrNone")))
        return {"compositeResponse": answers}

    def run_graphs(self, body: Record) -> Record:
        """`composite/graph`: each graph is kept as a whole, or not at all."""
        graphs = body.get("graphs")
        if not isinstance(graphs, list) or not 0 < len(graphs) <= MOST_GRAPHS:
            raise Problem(400, "JSON_PARSER_ERROR", f"1 to {MOST_GRAPHS} graphs, please")
        if sum(len(graph.get("compositeRequest", ())) for graph in graphs) > MOST_NODES:
            raise Problem(400, "LIMIT_EXCEEDED", f"at most {MOST_NODES} nodes")
        told = []
        for graph in graphs:
            answers, good = self._together(graph["compositeRequest"], whole=True)
            told.append(
                {
                    "graphId": graph["graphId"],
                    "graphResponse": {"compositeResponse": answers},
                    "isSuccessful": good,
                }
            )
        return {"graphs": told}

    def _together(self, requests: list[Record], *, whole: bool) -> tuple[list[Record], bool]:
        answers: list[Record] = []
        results: dict[str, Any] = {}
        with self._crm.transaction() as transaction:
            for request in requests:
                status, body = self._one(request, results)
                results[str(request["referenceId"])] = body
                answers.append(_answer(request, status, body))
                if whole and status >= 400:
                    transaction.undo()
                    halted = [
                        one if one["httpStatusCode"] >= 400 else _answer(one, 400, [_HALTED])
                        for one in answers
                    ]
                    rest = [_answer(one, 400, [_HALTED]) for one in requests[len(answers) :]]
                    return [*halted, *rest], False
        return answers, all(one["httpStatusCode"] < 400 for one in answers)

    def _one(self, request: Record, results: dict[str, Any]) -> tuple[int, Any]:
        try:
            path = _filled(str(request["url"]), results)
            fields = {
                name: _filled(value, results) if isinstance(value, str) else value
                for name, value in (request.get("body") or {}).items()
            }
            return self._dispatch(str(request["method"]).upper(), path, fields)
        except Problem as problem:
            return problem.status, [{"errorCode": problem.code, "message": problem.detail}]

    def _dispatch(self, method: str, path: str, fields: Record) -> tuple[int, Any]:
        inside = path.removeprefix(f"{self._data}/sobjects/").rstrip("/")
        parts = [unquote(part) for part in inside.split("/")]
        if inside == path or not 1 <= len(parts) <= 3:
            raise Problem(400, "BAD_REQUEST", "Only records can be asked for here")
        match method, parts:
            case "POST", [name]:
                return 201, self._crm.create(name, fields, idempotency_key=None)
            case "PATCH", [name, id_]:
                self._crm.update(name, id_, fields, idempotency_key=None)
                return 204, None
            case "PATCH", [name, field, value]:
                result, created = self._crm.upsert(name, field, value, fields)
                return (201 if created else 200), {**result, "created": created}
            case "GET", [name, id_]:
                return 200, dict(self._crm.get(name, id_))
            case _:
                raise Problem(405, "METHOD_NOT_ALLOWED", f"{method} is not known here")


def _answer(request: Record, status: int, body: Any) -> Record:
    reference = request["referenceId"]
    return {"body": body, "httpHeaders": {}, "httpStatusCode": status, "referenceId": reference}


def _filled(text: str, results: dict[str, Any]) -> str:
    def value(match: re.Match[str]) -> str:
        known = results.get(match[1])
        if not isinstance(known, dict) or match[2] not in known:
            raise Problem(400, "INVALID_REFERENCE", f"Invalid reference: {match[0]}")
        return str(known[match[2]])

    return _REFERENCE.sub(value, text)

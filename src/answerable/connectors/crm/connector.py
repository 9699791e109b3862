"""The connector: cases written as wholes, and a few things read for playbooks."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from answerable.connectors.crm.mapping import (
    COMMENTS,
    LONGEST_KEY,
    CrmMapping,
    Graph,
    comment_of,
    graph_of,
    mapping_of,
    mark_of,
)
from answerable.connectors.crm.operations import OPERATIONS, Operation
from answerable.connectors.crm.rest import (
    MOMENTARY,
    CrmRefused,
    Rest,
    error_code,
    judge_of,
    newest,
)
from answerable.connectors.crm.session import Credentials, Session, private_key
from answerable.connectors.crm.set_up import HOOK_SECRET, KEY, NEEDS, SETTINGS, check
from answerable.connectors.http import Ambassador, Answer
from answerable.connectors.registry import NotSetUp, Secrets, needed, warn_without_key
from answerable.connectors.set_up import ConnectorType
from answerable.definition.schema import Integration
from answerable.desk.cases import (
    MOST_AT_ONCE,
    MOST_COMMENTS,
    CaseComment,
    CaseLater,
    CaseOutcome,
    CaseRefused,
    CaseTask,
    CaseUpdate,
    CaseWritten,
)
from answerable.flow.ports import Connector, Finding, Question
from answerable.kit.errors import ConnectorRefused, ConnectorUnavailable, NotAllowed

MOST_LOOKED_AT = 100  # of a case, the newest, among which one that may be there is looked for
MOST_LISTED = 20
API_VERSION = "v61.0"
SHARE = 0.9
PRODUCTION = "https://login.salesforce.com"


class Salesforce:
    """`CaseLog`, and a connector that reads cases for playbooks and drafts."""

    def __init__(self, rest: Rest, mapping: CrmMapping) -> None:
        self._rest = rest
        self._mapping = mapping
        self._name = rest.name

    async def write(self, updates: Sequence[CaseUpdate]) -> Sequence[CaseOutcome]:
        if len(updates) > MOST_AT_ONCE:
            raise ValueError("too many updates at once")
        self._rest.allowance.check()
        return await self._write(updates)

    async def find(self, key: str) -> str | None:
        where = f"/sobjects/Case/{self._mapping.external_id}/{quote(key[:LONGEST_KEY], safe='')}"
        answer = await self._rest.call("GET", where, key=key, query={"fields": "Id"})
        if answer.status == 404:
            return None
        return self._id_of(answer.body, "Id")

    async def comments(self, key: str, *, case: str | None = None) -> Sequence[CaseComment]:
        found = case or await self.find(key)
        if found is None:
            return []
        field, _ = COMMENTS[self._mapping.comments]
        soql = newest([field], self._mapping.comments, {"ParentId": found}, most=MOST_COMMENTS)
        records = await self._rest.query(soql, key=key)
        read = [comment_of(str(one.get(field) or "")) for one in reversed(records)]
        return [one for one in read if one is not None]

    async def comment(self, key: str, comment: CaseComment, *, case: str | None = None) -> None:
        await self._one(CaseUpdate(key=key, case=case, comments=(comment,), again=True))

    async def add_task(self, key: str, task: CaseTask, *, case: str | None = None) -> None:
        await self._one(CaseUpdate(key=key, case=case, tasks=(task,)))

    async def _one(self, update: CaseUpdate) -> None:
        [outcome] = await self._write([update])
        match outcome:
            case CaseRefused(reason=reason):
                raise CrmRefused(self._name, reason)
            case CaseLater():
                raise ConnectorUnavailable(self._name)

    async def _write(self, updates: Sequence[CaseUpdate]) -> Sequence[CaseOutcome]:
        graphs = [await self._graph(update) for update in updates]
        wanted = [number for number, graph in enumerate(graphs) if graph.requests]
        outcomes: list[CaseOutcome] = [CaseWritten(case=g.case or "", writes=0) for g in graphs]
        if not wanted:
            return outcomes
        body = {
            "graphs": [
                {"graphId": str(number), "compositeRequest": list(graphs[number].requests)}
                for number in wanted
            ]
        }
        key = updates[wanted[0]].key
        answer = await self._rest.call("POST", "/composite/graph", key=key, body=body)
        told = self._graphs_of(answer)
        for number in wanted:
            outcomes[number] = self._outcome(graphs[number], told.get(str(number)))
        return outcomes

    async def _graph(self, update: CaseUpdate) -> Graph:
        comments = list(update.comments)
        if update.again and comments:
            known = await self._comments_of(update)
            comments = [one for one in comments if mark_of(one.key) not in known]
        return graph_of(update, comments, self._mapping, data=self._rest.data)

    async def _comments_of(self, update: CaseUpdate) -> str:
        """What the newest comments end with, in one text."""
        case = update.case or await self.find(update.key)
        if case is None:
            return ""
        field, _ = COMMENTS[self._mapping.comments]
        soql = newest([field], self._mapping.comments, {"ParentId": case}, most=MOST_LOOKED_AT)
        records = await self._rest.query(soql, key=update.key)
        return "\n".join(str(one.get(field) or "").rpartition("\n")[2] for one in records)

    def _graphs_of(self, answer: Answer) -> Mapping[str, Mapping[str, Any]]:
        graphs = answer.body.get("graphs") if isinstance(answer.body, dict) else None
        if not isinstance(graphs, list):
            raise self._rest.nonsense()
        return {str(one.get("graphId")): one for one in graphs if isinstance(one, dict)}

    def _outcome(self, graph: Graph, told: Mapping[str, Any] | None) -> CaseOutcome:
        response = told.get("graphResponse") if told else None
        answers = response.get("compositeResponse") if isinstance(response, dict) else None
        if told is None or not isinstance(answers, list):
            raise self._rest.nonsense()
        if told.get("isSuccessful") is not True:
            return _refusal([one for one in answers if isinstance(one, dict)])
        case = graph.case
        if case is None:
            first = answers[0] if answers and isinstance(answers[0], dict) else {}
            case = self._id_of(first.get("body"), "id")
        return CaseWritten(case=case, writes=len(graph.requests))

    def _id_of(self, body: Any, name: str) -> str:
        found = body.get(name) if isinstance(body, dict) else None
        if not isinstance(found, str) or not found.isalnum() or len(found) > 18:
            raise self._rest.nonsense()
        return found

    async def read(self, question: Question) -> Finding:
        operation = OPERATIONS.get(question.operation)
        if operation is None:
            known = ", ".join(OPERATIONS)
            raise ConnectorRefused(
                self._name, f"no operation {question.operation!r}; there are: {known}"
            )
        if not question.proof.satisfies(operation.proof):
            raise NotAllowed(
                "proof_too_low",
                f"{question.operation} needs {operation.proof.value}, not {question.proof.value}",
            )
        kind, customer = question.subject
        if kind != "customer":
            raise NotAllowed("not_a_customer", f"{question.operation} is for signed-in customers")
        soql = self._soql(operation, question, customer)
        return _finding(operation, question, await self._rest.query(soql, key=question.key))

    def _soql(self, operation: Operation, question: Question, customer: str) -> str:
        """Only the fields that are asked for leave the other system."""
        fields = [name for ours, name in operation.fields.items() if ours in question.fields]
        where: dict[str, str | bool] = {f"Contact.{self._mapping.customer}": customer}
        if operation.parameter is not None:
            if operation.parameter not in question.parameters:
                raise ConnectorRefused(
                    self._name, f"{question.operation} needs {operation.parameter!r}"
                )
            where["CaseNumber"] = question.parameters[operation.parameter][:40]
        if operation.open_only:
            where["IsClosed"] = False
        return newest(fields or ["Id"], "Case", where, most=MOST_LISTED)

    async def contact_facts(self, subject: tuple[str, str]) -> Mapping[str, Any]:
        return {}  # who a customer is, says the back office

    async def close(self) -> None:
        await self._rest.close()


def _refusal(answers: Sequence[Mapping[str, Any]]) -> CaseOutcome:
    """The refusal of the one request for which the others were taken back."""
    codes = [error_code(one.get("body")) for one in answers]
    reason = next((code for code in codes if code and code != "PROCESSING_HALTED"), "refused")
    return CaseLater() if reason in MOMENTARY else CaseRefused(reason=reason)


def _finding(
    operation: Operation, question: Question, records: Sequence[Mapping[str, Any]]
) -> Finding:
    wanted = {ours: name for ours, name in operation.fields.items() if ours in question.fields}
    rows = [{ours: one.get(name) for ours, name in wanted.items()} for one in records]
    if operation.open_only:
        return Finding(facts={"found": bool(rows), "count": len(rows)}, values={"items": rows})
    if not rows:
        return Finding(facts={"found": False}, values={})
    facts = {name: value for name, value in rows[0].items() if name in operation.facts}
    values = {name: value for name, value in rows[0].items() if name not in operation.facts}
    return Finding(facts={"found": True, **facts}, values=values)


def _create(integration: Integration, address: str, secrets: Secrets) -> Connector:
    """`key` is the private key of the connected app, in PEM.

    Raises InvalidInput if the definition does not say which app and which user.
    """
    name, settings = integration.name, integration.settings
    pem = secrets("key")
    if pem is None:
        warn_without_key(name)
        return NotSetUp(name)
    credentials = Credentials(
        client=needed(integration, "clientId"),
        username=needed(integration, "username"),
        audience=str(settings.get("audience") or PRODUCTION),
        key=private_key(name, pem),
    )
    # Always the address that the definition names: what an answer says of another is not followed.
    ambassador = Ambassador(name=name, base_url=address, judge=judge_of(name))
    rest = Rest(
        ambassador,
        Session(ambassador, credentials),
        version=str(settings.get("apiVersion") or API_VERSION),
        share=float(settings.get("apiShare") or SHARE),
    )
    return Salesforce(rest, mapping_of(integration))


create = ConnectorType(
    create=_create,
    needs=NEEDS,
    settings=SETTINGS,
    check=check,
    key=KEY,
    hook_secret=HOOK_SECRET,
)
"""The entry point."""

"""What we call things, and what they are called in one company's Salesforce. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from answerable.definition.schema import Integration
from answerable.desk.cases import CaseComment, CasePerson, CaseStatus, CaseTask, CaseUpdate
from answerable.kit.errors import InvalidInput

LONGEST_SUBJECT = 255  # characters
LONGEST_DESCRIPTION = 32_000
LONGEST_SUPPLIED = 80
COMMENTS = {"CaseComment": ("CommentBody", 4_000), "FeedItem": ("Body", 10_000)}  # bytes
LONGEST_KEY = 255
_MARK = re.compile(r"\[answerable ([^\]\n]{1,255})\]")
_CASE, _CUT = "case", " […]"


@dataclass(frozen=True, kw_only=True)
class CrmMapping:
    """external_id: the custom field that holds our key, unique, on Case and on Task.
    comments: the object that comments are. queues: by team, the id of its queue. statuses,
    priorities, origins: by our word."""

    external_id: str = "Answerable_Key__c"
    comments: str = "CaseComment"
    customer: str = "Customer_Id__c"
    queues: Mapping[str, str] = field(default_factory=dict)
    statuses: Mapping[str, str] = field(
        default_factory=lambda: {
            CaseStatus.OPEN.value: "New",
            CaseStatus.HANDED_OFF.value: "Escalated",
            CaseStatus.CLOSED.value: "Closed",
        }
    )
    priorities: Mapping[str, str] = field(
        default_factory=lambda: {
            "low": "Low",
            "normal": "Medium",
            "high": "High",
            "urgent": "High",
        }
    )
    origins: Mapping[str, str] = field(
        default_factory=lambda: {"email": "Email", "phone": "Phone", "chat": "Web"}
    )


def mapping_of(integration: Integration) -> CrmMapping:
    """As the definition says. Raises InvalidInput for what Salesforce could not have."""
    settings = integration.settings
    given: dict[str, Any] = {}
    for name, key in (("externalId", "external_id"), ("customerField", "customer")):
        if name in settings:
            given[key] = _field_name(integration, name, settings[name])
    if "comments" in settings:
        given["comments"] = str(settings["comments"])
        if given["comments"] not in COMMENTS:
            raise _wrong(integration, "comments", "CaseComment or FeedItem")
    usual = CrmMapping()
    for name in ("queues", "statuses", "priorities", "origins"):
        told = settings.get(name, {})
        if not isinstance(told, Mapping):
            raise _wrong(integration, name, "a mapping")
        known = {str(key): str(value) for key, value in told.items()}
        given[name] = {**getattr(usual, name), **known}
    return CrmMapping(**given)


def _field_name(integration: Integration, name: str, value: Any) -> str:
    text = str(value)
    if not text.replace("_", "").isalnum() or not text.isascii() or not text[0].isalpha():
        raise _wrong(integration, name, "the API name of a field")
    return text


def _wrong(integration: Integration, name: str, wanted: str) -> InvalidInput:
    where = f"the integration {integration.name!r}: {name}"
    return InvalidInput("bad_connector_setting", f"{where} must be {wanted}")


@dataclass(frozen=True, kw_only=True)
class Graph:
    """An update as requests that are kept together. case: the id, if it is known before."""

    requests: Sequence[Mapping[str, Any]]
    case: str | None


def graph_of(
    update: CaseUpdate, comments: Sequence[CaseComment], mapping: CrmMapping, *, data: str
) -> Graph:
    """comments: those of the update that are still to be written. Empty if there is nothing to do.

    data: the path of the API's version.
    """
    fields = case_fields(update, mapping)
    requests: list[Mapping[str, Any]] = []
    parent = update.case or f"@{{{_CASE}.id}}"
    if update.case is None:
        key = quote(update.key[:LONGEST_KEY], safe="")
        path = f"{data}/sobjects/Case/{mapping.external_id}/{key}"
        requests.append(_request("PATCH", path, _CASE, fields))
    elif fields:
        path = f"{data}/sobjects/Case/{quote(update.case, safe='')}"
        requests.append(_request("PATCH", path, _CASE, fields))
    for number, comment in enumerate(comments):
        body = comment_fields(comment, parent, mapping)
        requests.append(
            _request("POST", f"{data}/sobjects/{mapping.comments}", f"comment{number}", body)
        )
    for number, task in enumerate(update.tasks):
        path = (
            f"{data}/sobjects/Task/{mapping.external_id}/{quote(task.key[:LONGEST_KEY], safe='')}"
        )
        requests.append(
            _request("PATCH", path, f"task{number}", task_fields(task, parent, mapping))
        )
    return Graph(requests=requests, case=update.case)


def _request(method: str, url: str, reference: str, body: Mapping[str, Any]) -> dict[str, Any]:
    return {"method": method, "url": url, "referenceId": reference, "body": dict(body)}


def case_fields(update: CaseUpdate, mapping: CrmMapping) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    if update.subject is not None:
        fields["Subject"] = _cut(update.subject, LONGEST_SUBJECT)
    if update.description is not None:
        fields["Description"] = _cut(update.description, LONGEST_DESCRIPTION)
    if update.channel is not None and update.case is None:
        fields["Origin"] = mapping.origins.get(update.channel, "Web")
    if update.person is not None and update.case is None:
        fields |= _person_fields(update.person)
    if update.status is not None:
        fields["Status"] = mapping.statuses[update.status.value]
    if update.priority is not None:
        fields["Priority"] = mapping.priorities.get(update.priority, "Medium")
    if update.team is not None and update.team in mapping.queues:
        fields["OwnerId"] = mapping.queues[update.team]
    return fields


def _person_fields(person: CasePerson) -> dict[str, Any]:
    """As cases have them that come by mail or from a form; who is a customer, in words."""
    known = [person.name, f"({person.customer})" if person.customer else None]
    fields = {
        "SuppliedName": _cut(" ".join(filter(None, known)), LONGEST_SUPPLIED),
        "SuppliedEmail": person.email if len(person.email or "") <= LONGEST_SUPPLIED else None,
    }
    return {name: value for name, value in fields.items() if value}


def comment_fields(comment: CaseComment, parent: str, mapping: CrmMapping) -> dict[str, Any]:
    """With the key at its end, by which it is found again: comments can have no fields of ours."""
    name, most = COMMENTS[mapping.comments]
    mark = f"\n{mark_of(comment.key)}"
    fields: dict[str, Any] = {
        "ParentId": parent,
        name: _cut_bytes(_without_references(comment.text), most - len(mark.encode())) + mark,
    }
    if mapping.comments == "CaseComment":
        fields["IsPublished"] = False  # customers see none of it
    return fields


def mark_of(key: str) -> str:
    return f"[answerable {key}]"


def comment_of(body: str) -> CaseComment | None:
    """The comment that was written so; None for one without a mark of ours at its end."""
    text, _, last = body.rpartition("\n")
    mark = _MARK.fullmatch(last)
    return None if mark is None else CaseComment(key=mark[1], text=text)


def task_fields(task: CaseTask, parent: str, mapping: CrmMapping) -> dict[str, Any]:
    fields = {
        "WhatId": parent,
        "Subject": _cut(task.subject, LONGEST_SUBJECT),
        "Description": _cut(task.text, LONGEST_DESCRIPTION),
        "OwnerId": mapping.queues.get(task.team or ""),
        "ActivityDate": task.due.isoformat() if task.due else None,
    }
    return {name: value for name, value in fields.items() if value not in (None, "")}


def _without_references(text: str) -> str:
    """Salesforce fills in `@{…}` wherever it stands."""
    return text.replace("@{", "@ {")


def _cut(text: str, most: int) -> str:
    text = _without_references(text)
    return text if len(text) <= most else text[: most - len(_CUT)] + _CUT


def _cut_bytes(text: str, most: int) -> str:
    encoded = text.encode()
    if len(encoded) <= most:
        return text
    return encoded[: most - len(_CUT.encode())].decode(errors="ignore") + _CUT

"""The CRM: records of a few object types, shaped as Salesforce keeps them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from answerable_sandbox.idempotency import Idempotency
from answerable_sandbox.journal import Journal
from answerable_sandbox.problems import Problem
from answerable_sandbox.settings import Clock
from answerable_sandbox.systems.bank import Customer

EXTERNAL_ID = "Answerable_Key__c"  # unique in each object, as an external id field would be
_QUERY = re.compile(
    r"\s*SELECT\s+(?P<fields>[\w\s,]{1,1000}?)\s+FROM\s+(?P<name>\w{1,40})"
    r"(?:\s+WHERE\s+(?P<field>\w{1,80})\s*=\s*'(?P<value>[^']{0,255})')?"
    r"(?:\s+LIMIT\s+(?P<limit>\d{1,4}))?\s*",
    re.IGNORECASE,
)


@dataclass(frozen=True, kw_only=True)
class ObjectType:
    """key_prefix: the first three characters of ids. required, fields: besides `*__c` fields."""

    key_prefix: str
    required: frozenset[str]
    fields: frozenset[str]


TYPES: dict[str, ObjectType] = {
    "Case": ObjectType(
        key_prefix="500",
        required=frozenset(),
        fields=frozenset(
            [
                "Subject",
                "Description",
                "Status",
                "Priority",
                "Origin",
                "Type",
                "Reason",
                "ContactId",
                "AccountId",
                "OwnerId",
                "ParentId",
                "SuppliedEmail",
                "SuppliedName",
                "SuppliedPhone",
                "Comments",
                "IsEscalated",
            ]
        ),
    ),
    "CaseComment": ObjectType(
        key_prefix="00a",
        required=frozenset({"ParentId", "CommentBody"}),
        fields=frozenset({"ParentId", "CommentBody", "IsPublished"}),
    ),
    "Task": ObjectType(
        key_prefix="00T",
        required=frozenset(),
        fields=frozenset(
            [
                "Subject",
                "Description",
                "Status",
                "Priority",
                "WhatId",
                "WhoId",
                "OwnerId",
                "ActivityDate",
                "Type",
                "TaskSubtype",
            ]
        ),
    ),
    "Contact": ObjectType(
        key_prefix="003",
        required=frozenset({"LastName"}),
        fields=frozenset(["FirstName", "LastName", "Email", "Phone", "MobilePhone", "Description"]),
    ),
}

Record = dict[str, Any]


class Crm:
    """Records by object type and id. Every change is journalled when it takes effect."""

    def __init__(self, journal: Journal, clock: Clock, customers: tuple[Customer, ...]) -> None:
        self._journal = journal
        self._clock = clock
        self._idempotency = Idempotency()
        self.records: dict[str, dict[str, Record]] = {name: {} for name in TYPES}
        self.api_usage = 0
        for customer in customers:
            first, _, last = customer.name.partition(" ")
            fields = {"FirstName": first, "LastName": last, "Email": customer.email}
            self._insert("Contact", {**fields, "Customer_Id__c": customer.id})

    def create(self, name: str, fields: Record, *, idempotency_key: str | None) -> Record:
        """A new record's id in Salesforce's form. Raises Problem 400 or 404 in its words."""

        def apply() -> Record:
            self._check(name, fields)
            missing = sorted(TYPES[name].required - fields.keys())
            if missing:
                raise Problem(
                    400, "REQUIRED_FIELD_MISSING", f"Required fields are missing: [{missing[0]}]"
                )
            key = fields.get(EXTERNAL_ID)
            if key is not None and (known := self.find(name, EXTERNAL_ID, str(key))) is not None:
                raise Problem(
                    400,
                    "DUPLICATE_VALUE",
                    f"duplicate value found: {EXTERNAL_ID} duplicates value on record with id: "
                    f"{known['Id']}",
                )
            record = self._insert(name, fields)
            self._journal.record(
                "crm",
                f"{name} created",
                {"Id": record["Id"], **fields},
                idempotency_key=idempotency_key or (None if key is None else str(key)),
            )
            return {"id": record["Id"], "success": True, "errors": []}

        return self._idempotency.once(idempotency_key, ["create", name, fields], apply)

    def update(self, name: str, id_: str, fields: Record, *, idempotency_key: str | None) -> None:
        """Change fields of a record. Raises Problem 400 or 404."""

        def apply() -> Record:
            self._check(name, fields)
            record = self.get(name, id_)
            record.update(fields)
            record["LastModifiedDate"] = self._now()
            self._journal.record(
                "crm", f"{name} updated", {"Id": id_, **fields}, idempotency_key=idempotency_key
            )
            return {}

        self._idempotency.once(idempotency_key, ["update", name, id_, fields], apply)

    def upsert(self, name: str, field: str, value: str, fields: Record) -> tuple[Record, bool]:
        """Update the record whose external id `field` is `value`, or create it; (result, created).

        This is Salesforce's own way to make a repeat harmless.
        """
        self._check(name, {field: value})
        known = self.find(name, field, value)
        if known is None:
            return self.create(name, {**fields, field: value}, idempotency_key=None), True
        if any(known.get(key) != wanted for key, wanted in fields.items()):
            self.update(name, known["Id"], fields, idempotency_key=None)
        return {"id": known["Id"], "success": True, "errors": [], "created": False}, False

    def get(self, name: str, id_: str) -> Record:
        """The stored record itself. Raises Problem 404 `NOT_FOUND`."""
        record = self.records.get(name, {}).get(id_)
        if record is None:
            raise Problem(404, "NOT_FOUND", "The requested resource does not exist")
        return record

    def find(self, name: str, field: str, value: str) -> Record | None:
        """The first record whose `field` equals `value`, compared as text."""
        records = self.records.get(name, {}).values()
        return next((record for record in records if str(record.get(field)) == value), None)

    def query(self, text: str) -> list[tuple[str, Record]]:
        """(object type, chosen fields) of `SELECT a, b FROM T [WHERE f = 'v'] [LIMIT n]`.

        Raises Problem 400 `MALFORMED_QUERY` for any other query.
        """
        match = _QUERY.fullmatch(text)
        name = match["name"] if match else ""
        if match is None or name not in self.records:
            raise Problem(400, "MALFORMED_QUERY", "unexpected token, or unknown object type")
        wanted = [field.strip() for field in match["fields"].split(",")]
        field, value = match["field"], match["value"]
        rows = [
            (name, {key: record.get(key) for key in wanted})
            for record in self.records[name].values()
            if field is None or str(record.get(field)) == value
        ]
        return rows[: int(match["limit"] or 2000)]

    def _check(self, name: str, fields: Record) -> None:
        if name not in TYPES:
            raise Problem(404, "NOT_FOUND", "The requested resource does not exist")
        for field in fields:
            if field not in TYPES[name].fields and not field.endswith("__c"):
                raise Problem(400, "INVALID_FIELD", f"No such column '{field}' on sobject {name}")

    def _insert(self, name: str, fields: Record) -> Record:
        number = len(self.records[name]) + 1
        id_ = f"{TYPES[name].key_prefix}{number:012d}AAA"
        record = {"Id": id_, "CreatedDate": self._now(), "LastModifiedDate": self._now()}
        if name == "Case":
            record |= {"CaseNumber": f"{1000 + number:08d}", "Status": "New", "Priority": "Medium"}
        self.records[name][id_] = {**record, **fields}
        return self.records[name][id_]

    def _now(self) -> str:
        return self._clock().strftime("%Y-%m-%dT%H:%M:%S.000+0000")

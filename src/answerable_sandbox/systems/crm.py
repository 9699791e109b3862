"""The CRM: records of a few object types, shaped as Salesforce keeps them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from answerable_sandbox.idempotency import Idempotency
from answerable_sandbox.journal import Journal
from answerable_sandbox.problems import Problem
from answerable_sandbox.settings import Clock
from answerable_sandbox.systems import soql
from answerable_sandbox.systems.bank_records import Customer

EXTERNAL_ID = "Answerable_Key__c"  # unique in each object, as an external id field would be
DAILY_CALLS = 15_000
# Objects that belong to others, by the field that names the other, and what that is called.
PARENTS = {"CaseComment": ("ParentId", "Case"), "FeedItem": ("ParentId", "Case")}
RELATIONS = {"Parent": ("ParentId", "Case"), "Contact": ("ContactId", "Contact")}
LONGEST = {"Subject": 255, "Description": 32_000, "Body": 10_000}  # characters
COMMENT_BYTES = 4_000


@dataclass(frozen=True, kw_only=True)
class ObjectType:
    """key_prefix: the first three characters of ids. required, fields: besides `*__c` fields,
    which an administrator can add where `custom`."""

    key_prefix: str
    required: frozenset[str]
    fields: frozenset[str]
    custom: bool = True


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
        custom=False,
    ),
    "FeedItem": ObjectType(
        key_prefix="0D5",
        required=frozenset({"ParentId", "Body"}),
        fields=frozenset({"ParentId", "Body", "Title", "Visibility"}),
        custom=False,
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


@dataclass
class Transaction:
    """What was changed, so that it can be taken back; and what to write down if it is kept."""

    undoing: list[Callable[[], None]] = field(default_factory=list)
    notes: list[Callable[[], None]] = field(default_factory=list)

    def undo(self) -> None:
        for one in reversed(self.undoing):
            one()
        self.undoing.clear()
        self.notes.clear()


class Crm:
    """Records by object type and id. Every change is journalled when it takes effect."""

    def __init__(self, journal: Journal, clock: Clock, customers: tuple[Customer, ...]) -> None:
        self._journal = journal
        self._clock = clock
        self._idempotency = Idempotency()
        self.records: dict[str, dict[str, Record]] = {name: {} for name in TYPES}
        self.api_usage = 0
        self.daily_calls = DAILY_CALLS
        self._transaction: Transaction | None = None
        self._numbered = 0
        for customer in customers:
            first, _, last = customer.name.partition(" ")
            fields = {"FirstName": first, "LastName": last, "Email": customer.email}
            self._insert("Contact", {**fields, "Customer_Id__c": customer.id})

    @property
    def usage(self) -> str:
        """As the header says it."""
        return f"api-usage={self.api_usage}/{self.daily_calls}"

    def count_call(self) -> None:
        """Raises Problem 403 `REQUEST_LIMIT_EXCEEDED` when the day's calls are used up."""
        if self.api_usage >= self.daily_calls:
            raise Problem(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
        self.api_usage += 1

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """What is changed within can be taken back by `undo`."""
        self._transaction = Transaction()
        try:
            yield self._transaction
        finally:
            notes, self._transaction = self._transaction.notes, None
        for note in notes:
            note()

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
            self._check_parent(name, fields)
            record = self._insert(name, fields)
            self._note(
                f"{name} created",
                {"Id": record["Id"], **fields},
                idempotency_key or (None if key is None else str(key)),
            )
            return {"id": record["Id"], "success": True, "errors": []}

        return self._idempotency.once(idempotency_key, ["create", name, fields], apply)

    def update(self, name: str, id_: str, fields: Record, *, idempotency_key: str | None) -> None:
        """Change fields of a record. Raises Problem 400 or 404."""

        def apply() -> Record:
            self._check(name, fields)
            record = self.get(name, id_)
            before = dict(record)
            record.update(fields)
            record["LastModifiedDate"] = self._now()
            self._can_be_undone(lambda: self._restore(record, before))
            self._note(f"{name} updated", {"Id": id_, **fields}, idempotency_key)
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
        """(object type, chosen fields) of what `soql` can read.

        Raises Problem 400 `MALFORMED_QUERY` for any other query.
        """
        asked = soql.parse(text)
        if asked.name not in self.records:
            raise Problem(400, "INVALID_TYPE", f"sObject type '{asked.name}' is not supported.")
        rows = [
            record
            for record in self.records[asked.name].values()
            if asked.fits(lambda path, record=record: self._read(record, path))  # type: ignore[misc]
        ]
        if asked.order is not None:
            order = asked.order
            # Newest first also among those of one second: records are kept in their order.
            rows = sorted(rows, key=lambda record: str(record.get(order) or ""))
            rows = rows[::-1] if asked.descending else rows
        return [
            (asked.name, {path: self._read(record, path) for path in asked.fields})
            for record in rows[: asked.limit]
        ]

    def _read(self, record: Record, path: str) -> Any:
        """A field, or a field of the record that it belongs to: `Parent.CaseNumber`."""
        first, dot, rest = path.partition(".")
        if not dot:
            return record.get("Status") == "Closed" if first == "IsClosed" else record.get(first)
        field_name, name = RELATIONS.get(first, ("", ""))
        other = self.records.get(name, {}).get(str(record.get(field_name)))
        return None if other is None else self._read(other, rest)

    def _check(self, name: str, fields: Record) -> None:
        if name not in TYPES:
            raise Problem(404, "NOT_FOUND", "The requested resource does not exist")
        kind = TYPES[name]
        for field_name, value in fields.items():
            if field_name not in kind.fields and not (kind.custom and field_name.endswith("__c")):
                raise Problem(
                    400, "INVALID_FIELD", f"No such column '{field_name}' on sobject {name}"
                )
            if not isinstance(value, str):
                continue
            most = LONGEST.get(field_name)
            too_long = most is not None and len(value) > most
            if too_long or (field_name == "CommentBody" and len(value.encode()) > COMMENT_BYTES):
                raise Problem(400, "STRING_TOO_LONG", f"{field_name}: data value too large")

    def _check_parent(self, name: str, fields: Record) -> None:
        link, other = PARENTS.get(name, ("", ""))
        if link and str(fields.get(link)) not in self.records[other]:
            raise Problem(400, "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")

    def _note(self, operation: str, payload: Record, key: str | None) -> None:
        def write() -> None:
            self._journal.record("crm", operation, payload, idempotency_key=key)

        if self._transaction is None:
            write()
        else:
            self._transaction.notes.append(write)

    def _can_be_undone(self, undo: Callable[[], None]) -> None:
        if self._transaction is not None:
            self._transaction.undoing.append(undo)

    @staticmethod
    def _restore(record: Record, before: Record) -> None:
        record.clear()
        record.update(before)

    def _insert(self, name: str, fields: Record) -> Record:
        self._numbered += 1
        number = self._numbered
        id_ = f"{TYPES[name].key_prefix}{number:012d}AAA"
        record = {"Id": id_, "CreatedDate": self._now(), "LastModifiedDate": self._now()}
        if name == "Case":
            record |= {"CaseNumber": f"{1000 + number:08d}", "Status": "New", "Priority": "Medium"}
        self.records[name][id_] = {**record, **fields}
        self._can_be_undone(lambda: self._remove(name, id_))
        return self.records[name][id_]

    def _remove(self, name: str, id_: str) -> None:
        del self.records[name][id_]

    def _now(self) -> str:
        return self._clock().strftime("%Y-%m-%dT%H:%M:%S.000+0000")


def recent_cases(crm: Crm, *, most: int) -> list[tuple[Record, list[Record], list[Record]]]:
    """Cases with their comments and tasks, the newest case first."""
    comments: dict[str, list[Record]] = {}
    tasks: dict[str, list[Record]] = {}
    for name in ("CaseComment", "FeedItem"):
        for one in crm.records[name].values():
            comments.setdefault(str(one["ParentId"]), []).append(one)
    for one in crm.records["Task"].values():
        tasks.setdefault(str(one.get("WhatId")), []).append(one)
    newest = list(crm.records["Case"].values())[: -most - 1 : -1]
    return [(one, comments.get(one["Id"], []), tasks.get(one["Id"], [])) for one in newest]

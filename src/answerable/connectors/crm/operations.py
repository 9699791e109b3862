"""What may be read, who may read it, and which fields are personal."""

from collections.abc import Mapping
from dataclasses import dataclass

from answerable.definition.terms import Proof


@dataclass(frozen=True, kw_only=True)
class Operation:
    """fields: our name -> the vendor's, of all that may be asked for. facts: those of them that may
    stand in the ledger; the others are personal and go to the vault. parameter: what the contact
    must have told. open_only: cases that are not closed, as a list; else the one of that number.
    """

    fields: Mapping[str, str]
    proof: Proof = Proof.SIGNED_IN
    facts: tuple[str, ...] = ()
    parameter: str | None = None
    open_only: bool = False


OPERATIONS: Mapping[str, Operation] = {
    "open-cases": Operation(
        fields={
            "number": "CaseNumber",
            "subject": "Subject",
            "status": "Status",
            "opened_on": "CreatedDate",
        },
        open_only=True,
    ),
    "case": Operation(
        fields={"status": "Status", "subject": "Subject", "opened_on": "CreatedDate"},
        facts=("status",),
        parameter="number",
    ),
}

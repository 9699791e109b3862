"""What the API says of approvals."""

from typing import Annotated

from pydantic import Field

from answerable.api.desk.shapes import ContactShape, Sent, Shape

Commitment = Annotated[
    str,
    Field(
        pattern=r"^[0-9a-f]{64}$",
        description="Of the change as it was shown: whatever else it is by now is not decided on.",
    ),
]


class ApprovalShape(Shape):
    """A change that waits for an agent. id: of the change. channel: of its conversation.

    approvers: how many agents must consent; consents: how many have.
    """

    id: str
    conversation: str
    channel: str
    contact: ContactShape
    kind: str
    team: str | None
    requested_at: str
    expires_at: str
    approvers: int
    consents: int
    outcome: str | None


class Approvals(Shape):
    items: list[ApprovalShape]
    next: str | None


class FieldChange(Shape):
    """One field. before: null where the back office had nothing, or it was erased."""

    field: str
    before: str | None
    after: str | None


class DocumentShape(Shape):
    """A file that the contact handed in with the change. field: what to ask for it by."""

    field: str
    name: str
    media_type: str
    size_bytes: int


class ProofShape(Shape):
    """How the contact proved the change. to_last2: digits of the number the code went to."""

    method: str
    to_last2: str | None
    at: str | None


class HistoryLine(Shape):
    at: str
    kind: str
    title: str


class ApprovalDetail(ApprovalShape):
    """All that an agent needs to decide. commitment: to be sent back with the decision.

    consented: whether the agent who asks has consented already.
    """

    commitment: str
    consented: bool
    changes: list[FieldChange]
    documents: list[DocumentShape]
    proof: ProofShape
    history: list[HistoryLine]
    decided_by: str | None


class Approving(Sent):
    commitment: Commitment


class Refusing(Sent):
    """reason: for the colleagues."""

    commitment: Commitment
    reason: Annotated[str, Field(min_length=1, max_length=2_000, pattern=r"\S")]

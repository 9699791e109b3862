"""Reading approvals: the queue, and one of them with old and new values, proof and history."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from answerable.api.desk.approval_shapes import (
    ApprovalDetail,
    Approvals,
    ApprovalShape,
    DocumentShape,
    FieldChange,
    HistoryLine,
    ProofShape,
)
from answerable.api.desk.reading import Reader
from answerable.api.desk.timeline import Titles, title_of
from answerable.contacts.documents import StoredDocument, documents_in
from answerable.contacts.documents_store import open_document
from answerable.definition.changes import APP, CHANGES, EMAIL, SMS
from answerable.desk.agent_store import find_names
from answerable.desk.approval_store import Approval, find_approval, open_approvals
from answerable.desk.inbox_store import find_summaries
from answerable.kit.errors import NotFound
from answerable.kit.ids import AgentId, TenantId
from answerable.ledger.administration import record_administration
from answerable.ledger.event import Event, NewEvent, agent_actor, wire_time
from answerable.ledger.tables import event as event_table
from answerable.ledger.tables import to_event
from answerable.privacy.vault import Erased

HISTORY_KINDS = (
    "link_issued", "intent_confirmed", "change_entered", "code_awaited", "code_requested",
    "code_addressed", "code_sent", "code_send_uncertain", "code_not_sent", "code_entered",
    "code_not_checked", "code_refused", "code_accepted", "change_submitted",
    "notice_sent", "notice_not_sent", "approval_requested", "approved", "approval_refused",
    "approval_expired", "change_applied", "change_failed", "change_withdrawn",
)  # fmt: skip
MOST_HISTORY = 200
_WAYS = {
    SMS: "text message",
    APP: "authenticator app",
    EMAIL: "e-mail to the address on record, in a chat of somebody who is signed in",
}


def page_of_approvals(tx: Connection, reader: Reader, *, after: str, limit: int) -> Approvals:
    found = open_approvals(tx, reader.tenant, after=after, limit=limit)
    return Approvals(
        items=[ApprovalShape(**plain) for plain in _plain(tx, reader, found)],
        next=found[-1].id if len(found) == limit else None,
    )


def get_approval(tx: Connection, tenant: TenantId, change_id: str) -> Approval:
    """Raises NotFound `approval_not_found`."""
    found = find_approval(tx, tenant, change_id)
    if found is None:
        raise NotFound("approval_not_found", "There is no such approval.")
    return found


@dataclass(frozen=True, kw_only=True)
class Revealing:
    """Shows an agent what is to be changed; that they looked stands in the ledger."""

    reader: Reader
    agent: AgentId
    at: datetime

    def detail(self, tx: Connection, change_id: str) -> ApprovalDetail:
        """Raises NotFound."""
        approval = get_approval(tx, self.reader.tenant, change_id)
        [plain] = _plain(tx, self.reader, [approval])
        events = self._events(tx, approval)
        before, after = self._values(tx, approval, events)
        self._note(tx, approval, CHANGES[approval.kind].fields)
        return ApprovalDetail(
            **plain,
            commitment=approval.commitment,
            consented=any(
                one.kind == "approved" and one.actor == agent_actor(self.agent) for one in events
            ),
            changes=[
                FieldChange(
                    field=name,
                    before=before.get("fields", {}).get(name) or None,
                    after=after.get("fields", {}).get(name),
                )
                for name in CHANGES[approval.kind].fields
            ],
            documents=[_shape(field, one) for field, one in documents_in(after).items()],
            proof=_proof(approval, events),
            history=self._history(tx, events),
            decided_by=self._decider(tx, approval),
        )

    def document(self, tx: Connection, change_id: str, field: str) -> tuple[StoredDocument, bytes]:
        """A file that was handed in, as it is to be approved. That it was shown is not yet noted.

        Raises NotFound `approval_not_found`, `document_not_found`.
        """
        approval = get_approval(tx, self.reader.tenant, change_id)
        _, after = self._values(tx, approval, self._events(tx, approval))
        stored = documents_in(after).get(field)
        if stored is not None:
            content = open_document(tx, self.reader.vault, stored, tenant=self.reader.tenant)
            if not isinstance(content, Erased):
                return stored, content
        raise NotFound("document_not_found", "There is no such document, or it was erased.")

    def note_document(self, tx: Connection, change_id: str, field: str) -> None:
        """Raises NotFound."""
        self._note(tx, get_approval(tx, self.reader.tenant, change_id), [field])

    def _note(self, tx: Connection, approval: Approval, fields: Sequence[str]) -> None:
        data = {
            "conversation": approval.conversation,
            "change": approval.id,
            "fields": list(fields),
        }
        revealed = NewEvent(kind="data_revealed", actor=agent_actor(self.agent), data=data)
        record_administration(tx, self.reader.tenant, revealed, at=self.at)

    def _events(self, tx: Connection, approval: Approval) -> list[Event]:
        query = (
            sa.select(event_table)
            .where(
                event_table.c.stream == approval.conversation,
                event_table.c.tenant == self.reader.tenant,
                event_table.c.kind.in_(HISTORY_KINDS),
            )
            .order_by(event_table.c.seq.desc())
            .limit(MOST_HISTORY)
        )
        found = [to_event(row) for row in tx.execute(query)][::-1]
        return [one for one in found if one.data.get("change") == approval.id]

    def _values(
        self, tx: Connection, approval: Approval, events: Sequence[Event]
    ) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        """(before, after): what was entered under the commitment that is to be approved, and what
        it replaces; empty where it was erased."""
        entered = [
            one.data["payload"]["ref"]
            for one in events
            if one.kind == "change_entered"
            and one.data["payload"]["commitment"] == approval.commitment
        ]
        replaced = [one.data["before"] for one in events if one.kind == "change_submitted"]
        refs = [*entered[-1:], *replaced[-1:]]
        values = self.reader.vault.get_many(tx, tenant=self.reader.tenant, ids=refs)
        after = values.get(entered[-1]) if entered else None
        before = values.get(replaced[-1]) if replaced else None
        return _there(before), _there(after)

    def _history(self, tx: Connection, events: Sequence[Event]) -> list[HistoryLine]:
        agents = find_names(tx, self.reader.tenant, {_agent(one.actor) for one in events} - {""})
        titles = Titles(agents=agents, teams={}, intents={})
        return [
            HistoryLine(at=wire_time(one.at), kind=one.kind, title=title_of(one, titles))
            for one in events
        ]

    def _decider(self, tx: Connection, approval: Approval) -> str | None:
        agent = _agent(approval.decided_by or "")
        return find_names(tx, self.reader.tenant, [agent]).get(agent) if agent else None


def _plain(tx: Connection, reader: Reader, found: Sequence[Approval]) -> list[dict[str, Any]]:
    """What an `ApprovalShape` says of each."""
    if not found:
        return []
    rows = find_summaries(tx, reader.tenant, [one.conversation for one in found])
    shown = {one.id: one for one in reader.summaries(tx, list(rows.values()))}
    return [
        {
            "id": one.id,
            "conversation": one.conversation,
            "channel": shown[one.conversation].channel,
            "contact": shown[one.conversation].contact,
            "kind": one.kind,
            "team": one.team,
            "requested_at": wire_time(one.requested_at),
            "expires_at": wire_time(one.expires_at),
            "approvers": one.approvers,
            "consents": one.consents,
            "outcome": one.outcome,
        }
        for one in found
    ]


def _proof(approval: Approval, events: Sequence[Event]) -> ProofShape:
    accepted = [
        one
        for one in events
        if one.kind == "code_accepted" and one.data["commitment"] == approval.commitment
    ]
    if not accepted:
        return ProofShape(method="none", to_last2=None, at=None)
    code = accepted[-1].data["code"]
    sent = [one for one in events if one.kind == "code_sent" and one.data["code"] == code]
    by = accepted[-1].data.get("by", SMS)
    return ProofShape(
        method=f"one-time code by {_WAYS[by]}",
        to_last2=sent[-1].data.get("to_last2") if sent else None,
        at=wire_time(accepted[-1].at),
    )


def _shape(field: str, one: StoredDocument) -> DocumentShape:
    return DocumentShape(
        field=field, name=one.name, media_type=one.media_type, size_bytes=one.size_bytes
    )


def _there(value: Mapping[str, Any] | Erased | None) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _agent(actor: str) -> str:
    kind, _, agent = actor.partition(":")
    return agent if kind == "agent" else ""

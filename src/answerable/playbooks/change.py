"""A change of a contact's data under way: what the contact wants, how it is proven, who consents.

It stands in the conversation's state and follows from its events alone. No value stands here: what
was entered is in the vault, and its commitment is what proof and approval are bound to.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from answerable.contacts.one_time_codes import CHECK_WITHIN, Verdict
from answerable.definition.changes import APP, CHANGES, CODE_WAYS, SMS
from answerable.definition.terms import Proof
from answerable.ledger.event import Event, wire_time

# What may still be done by whoever has the link; a page shows what each of them stands for.
LINK, FORM, REVIEW, CODE = "link", "form", "review", "code"
PROVEN, SUBMITTED, APPROVAL, APPROVED = "proven", "submitted", "approval", "approved"
APPLIED, DECLINED, LOCKED, REFUSED = "applied", "declined", "locked", "refused"
EXPIRED, WITHDRAWN, FAILED = "expired", "withdrawn", "failed"
OPEN_STAGES = (LINK, FORM, REVIEW, CODE)
# The back office is about to have it, or has it: no other change of this conversation may begin.
PENDING_STAGES = (PROVEN, SUBMITTED, APPROVAL, APPROVED)


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """kind: of data, "address". connector: the back office that holds it. expires_at: of the link.

    session: of the browser in which the data was entered; only there are they shown again.
    payload: vault reference of what was entered; commitment: of exactly that.
    entered_by: actor. edits, codes: how often something was entered, and a code asked for.
    code_by: what it is to be proven by.
    code: id of the latest code; code_asked_at: when it was asked for, or an app's were entered.
    verdict: what became of an app's digits; "" while another system is asked about them.
    proven, approved: the commitment that a code was accepted for, that all wanted agents consented
    to; proven_by: what that code came by; approved_by: the last of those agents.
    request: the back office's name for it. before: vault reference of the values it replaces.
    approvers: how many agents must consent; consents: the actors who have.
    """

    id: str
    kind: str
    connector: str
    expires_at: str
    stage: str = LINK
    session: str = ""
    payload: str = ""
    commitment: str = ""
    entered_by: str = ""
    edits: int = 0
    code_by: str = SMS
    code: str = ""
    codes: int = 0
    verdict: str = ""
    code_asked_at: str = ""
    proven: str = ""
    proven_by: str = ""
    request: str = ""
    before: str = ""
    approval_until: str = ""
    approvers: int = 1
    consents: tuple[str, ...] = ()
    approved: str = ""
    approved_by: str = ""

    def as_data(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if value not in ("", 0, ())}

    def is_checking(self, now: datetime) -> bool:
        """Whether another system is being asked about digits of an app."""
        asked = self.asked_for_code_at
        under_way = self.code_by == APP and self.stage == CODE and bool(self.code)
        if not under_way or self.verdict or asked is None:
            return False
        return now - asked < CHECK_WITHIN

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> "Change":
        return cls(**{**data, "consents": tuple(data.get("consents", ()))})

    @property
    def is_open(self) -> bool:
        """Whether the contact may still go on with it."""
        return self.stage in OPEN_STAGES

    @property
    def has_form(self) -> bool:
        """Whether something is entered; else something is shown once a code was right."""
        return bool(CHANGES[self.kind].fields)

    @property
    def is_pending(self) -> bool:
        return self.has_form and self.stage in PENDING_STAGES

    @property
    def is_proven(self) -> bool:
        """Whether a code was accepted for exactly what is entered now, and one that is enough for
        this kind of change. All that goes on because of a code asks here."""
        return self._has_code and self._code_proof.satisfies(CHANGES[self.kind].code)

    @property
    def proof(self) -> Proof:
        """What the contact has shown on the page: that they have the mailbox to which the link
        went, and then, with a code, that exactly this is what they want."""
        if self._has_code:
            return self._code_proof
        return Proof.ANONYMOUS if self.stage in (LINK, DECLINED) else Proof.EMAIL

    @property
    def _has_code(self) -> bool:
        return bool(self.commitment) and self.proven == self.commitment

    @property
    def _code_proof(self) -> Proof:
        # A change that was proven under a release that did not write down by what: not by e-mail.
        return CODE_WAYS[self.proven_by or SMS]

    @property
    def is_approved(self) -> bool:
        """Whether as many agents as its kind must have consented to exactly what was proven."""
        enough = len(set(self.consents)) >= CHANGES[self.kind].approvers
        return self.is_proven and self.approved == self.commitment and enough

    @property
    def link_until(self) -> datetime:
        return datetime.fromisoformat(self.expires_at)

    @property
    def asked_for_code_at(self) -> datetime | None:
        return datetime.fromisoformat(self.code_asked_at) if self.code_asked_at else None


def evolve_change(change: Change | None, event: Event) -> Change | None:
    """The change after `event`. An event of another change, or of none, alters nothing."""
    if event.kind == "link_issued":
        data = event.data
        return Change(
            id=data["change"], kind=data["kind"], connector=data["connector"],
            expires_at=data["expires_at"],
        )  # fmt: skip
    rule = _RULES.get(event.kind)
    if rule is None or change is None or event.data.get("change", change.id) != change.id:
        return change
    return rule(change, event)


def _at(stage: str) -> Callable[[Change, Event], Change]:
    return lambda change, event: replace(change, stage=stage)


def _confirmed(change: Change, event: Event) -> Change:
    if change.has_form:
        return replace(change, stage=FORM)
    data = event.data
    return replace(
        change, stage=REVIEW, session=data["session"], commitment=data["commitment"], code="",
        proven="",
    )  # fmt: skip


def _entered(change: Change, event: Event) -> Change:
    """What was proven before was something else."""
    data = event.data
    return replace(
        change, stage=_before_a_code(change.code_by), session=data["session"],
        payload=data["payload"]["ref"], commitment=data["payload"]["commitment"],
        entered_by=event.actor, edits=change.edits + 1, code="", verdict="", proven="",
    )  # fmt: skip


def _before_a_code(by: str) -> str:
    """An app has its digits ready: nothing is to be asked for first."""
    return CODE if by == APP else REVIEW


def _code_awaited(change: Change, event: Event) -> Change:
    by = event.data["by"]
    return replace(change, stage=_before_a_code(by), code_by=by)


def _code_requested(change: Change, event: Event) -> Change:
    return replace(
        change, stage=CODE, code=event.data["code"], codes=change.codes + 1,
        code_asked_at=wire_time(event.at),
    )  # fmt: skip


def _code_entered(change: Change, event: Event) -> Change:
    return replace(_code_requested(change, event), verdict="")


def _code_not_sent(change: Change, event: Event) -> Change:
    return replace(change, stage=LOCKED) if event.data["why"] == LOCKED else change


def _code_refused(change: Change, event: Event) -> Change:
    if event.data["why"] == LOCKED:
        return replace(change, stage=LOCKED) if change.is_open else change
    return _judged(change, event, event.data["why"])


def _code_not_checked(change: Change, event: Event) -> Change:
    return _judged(change, event, Verdict.NOT_CHECKED.value)


def _judged(change: Change, event: Event, verdict: str) -> Change:
    """Of an app's digits, unless others were entered meanwhile."""
    of_these = change.code_by == APP and event.data["code"] == change.code
    return replace(change, verdict=verdict) if of_these else change


def _code_accepted(change: Change, event: Event) -> Change:
    """Unless something else was entered while another system was asked, or it has all ended."""
    data = event.data
    if not change.is_open or (data["code"], data["commitment"]) != (change.code, change.commitment):
        return change
    return replace(change, stage=PROVEN, proven=data["commitment"], proven_by=change.code_by)


def _submitted(change: Change, event: Event) -> Change:
    data = event.data
    stage = SUBMITTED if change.stage == PROVEN else change.stage  # it may have ended meanwhile
    return replace(change, stage=stage, request=data["request"], before=data["before"])


def _approval_requested(change: Change, event: Event) -> Change:
    data = event.data
    return replace(
        change, stage=APPROVAL, approval_until=data["expires_at"], approvers=data["approvers"],
        consents=(),
    )  # fmt: skip


def _approved(change: Change, event: Event) -> Change:
    consents = (*change.consents, event.actor)
    if len(consents) < change.approvers:
        return replace(change, consents=consents)
    return replace(
        change, stage=APPROVED, approved=event.data["commitment"], approved_by=event.actor,
        consents=consents,
    )  # fmt: skip


def _effect_failed(change: Change, event: Event) -> Change:
    ours = event.data.get("of") in ("submit_change", "apply_change") and change.is_pending
    return replace(change, stage=FAILED) if ours else change


_RULES: dict[str, Callable[[Change, Event], Change]] = {
    "intent_confirmed": _confirmed,
    "intent_declined": _at(DECLINED),
    "change_entered": _entered,
    "code_awaited": _code_awaited,
    "code_requested": _code_requested,
    "code_not_sent": _code_not_sent,
    "code_entered": _code_entered,
    "code_not_checked": _code_not_checked,
    "code_refused": _code_refused,
    "code_accepted": _code_accepted,
    "change_submitted": _submitted,
    "approval_requested": _approval_requested,
    "approved": _approved,
    "approval_refused": _at(REFUSED),
    "approval_expired": _at(EXPIRED),
    "change_applied": _at(APPLIED),
    "change_failed": _at(FAILED),
    "change_withdrawn": _at(WITHDRAWN),
    "effect_failed": _effect_failed,
}

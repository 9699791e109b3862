"""The actions of a change of data: link, form, code, submission, approval, application.

A run that waits for a page is put aside: it goes on by itself for days while the conversation
goes on about other matters.
"""

from datetime import timedelta
from typing import Any

from answerable.definition.actions import ActionSpec, Parameter
from answerable.definition.schema import Step
from answerable.definition.terms import Proof
from answerable.ledger.event import ASSISTANT, Event, NewEffect, NewEvent, wire_time
from answerable.playbooks.change import LOCKED, SMS, Change
from answerable.playbooks.run import (
    PAGE,
    Block,
    End,
    PlaybookRun,
    Proceed,
    StepContext,
    StepOutcome,
)
from answerable.playbooks.steps import is_outcome, time_of, write_reply

LINK_LASTS = timedelta(days=7)
APPROVAL_WITHIN = timedelta(days=3)


def _of_change(event: Event, kind: str, context: StepContext) -> bool:
    change = context.change
    return event.kind == kind and change is not None and event.data.get("change") == change.id


def _until_the_link_ends(context: StepContext) -> NewEffect:
    assert context.change is not None
    left = max(context.change.link_until - context.at, timedelta(0))
    return NewEffect(kind="wake", payload={"why": "the link has expired"}, after=left)


def _reaches_the_contact(context: StepContext) -> bool:
    return context.variables.get("channel") == "email" or context.proof.satisfies(Proof.SIGNED_IN)


def _timed_out(step: Step) -> End:
    """Whoever never used the link, or left it half-way, has changed nothing."""
    if step.parameters.get("onTimeout") == "hand-off":
        return End(outcome="timed_out", hand_off=(None, "the link was not used in time"))
    return End(outcome="timed_out", close=True)


def _nothing_to_change(step: Step) -> End:
    return End(outcome="failed", hand_off=(None, f"{step.action} without a change under way"))


def _text_message(
    change: Change, step: Step, run: PlaybookRun, context: StepContext
) -> dict[str, Any]:
    """About what is entered, to the number that the back office knows."""
    return {
        "change": change.id,
        "payload": change.payload,
        "connector": change.connector,
        "texts": step.parameters["texts"],
        "template": step.parameters["template"],
        "definition": run.definition,
        "language": context.language,
    }


def drop_change(change: Change, why: str) -> NewEffect:
    """Take back what the back office was asked for and nobody is going to approve."""
    payload = {"change": change.id, "connector": change.connector, "request": change.request}
    return NewEffect(kind="drop_change", payload={**payload, "why": why})


class SendLink:
    """Send a reply with a link to the page where the contact confirms and enters a change.

    By mail it needs no proof: it goes to the address that the mail claims to be from, so whoever
    uses it has that mailbox. In a chat it is for those who are signed in.
    """

    spec = ActionSpec(
        name="send-link",
        reads=("slots", "lookups"),
        writes=("reply", "link"),
        gives_proof=Proof.EMAIL,
        puts_aside=True,
        parameters={
            "template": Parameter(kind="template", required=True),
            "change": Parameter(kind="change", required=True),
            "connector": Parameter(kind="integration", required=True),
            "lasts": Parameter(kind="duration"),
            "onTimeout": Parameter(kind="name"),
        },
    )

    def begin(self, step: Step, run: PlaybookRun, context: StepContext) -> StepOutcome:
        if not _reaches_the_contact(context):
            why = "who writes here and is not signed in gets no link"
            return End(outcome="refused", hand_off=(None, why))
        if context.change is not None and context.change.is_pending:
            return End(outcome="refused", hand_off=(None, "a change is already under way"))
        effect = write_reply(run, str(step.parameters["template"]), context)
        link = {
            "kind": step.parameters["change"],
            "connector": step.parameters["connector"],
            "lasts_seconds": time_of(step, "lasts", LINK_LASTS).total_seconds(),
        }
        with_link = NewEffect(kind=effect.kind, payload={**effect.payload, "link": link})
        return Block(run=run, kind="outcome", effects=(with_link,))

    def resume(
        self, step: Step, run: PlaybookRun, event: Event, context: StepContext
    ) -> StepOutcome | None:
        if is_outcome(run, event):
            if event.kind == "reply_written":
                return self._sent(step, run, event)
            if event.kind == "timer_fired":
                return _timed_out(step)
            return End(outcome="failed", hand_off=(None, "the reply could not be written"))
        if run.waiting is None or run.waiting.kind != PAGE:
            return None  # the link is being written: whatever page was used is of an earlier one
        if _of_change(event, "intent_confirmed", context):
            return Proceed(run=run)
        if _of_change(event, "intent_declined", context):
            why = "the contact says that this is not what they want"
            return End(outcome="declined", hand_off=(None, why))
        return None

    def _sent(self, step: Step, run: PlaybookRun, event: Event) -> Block:
        lasts = time_of(step, "lasts", LINK_LASTS)
        link = event.data["link"]
        issued = NewEvent(
            kind="link_issued",
            actor=ASSISTANT,
            data={
                "change": link["change"],
                "kind": link["kind"],
                "connector": link["connector"],
                "expires_at": wire_time(event.at + lasts),
            },
        )
        wake = NewEffect(kind="wake", payload={"why": "the link has expired"}, after=lasts)
        return Block(run=run, kind=PAGE, effects=(wake,), events=(issued,))


class FillInForm:
    """Wait until the contact has entered the new data on the page."""

    spec = ActionSpec(
        name="fill-in-form",
        writes=("change",),
        after="send-link",
        parameters={"onTimeout": Parameter(kind="name")},
    )

    def begin(self, step: Step, run: PlaybookRun, context: StepContext) -> StepOutcome:
        if context.change is None:
            return _nothing_to_change(step)
        return Block(run=run, kind=PAGE, effects=(_until_the_link_ends(context),))

    def resume(
        self, step: Step, run: PlaybookRun, event: Event, context: StepContext
    ) -> StepOutcome | None:
        if event.kind == "timer_fired" and is_outcome(run, event):
            return _timed_out(step)
        return Proceed(run=run) if _of_change(event, "change_entered", context) else None


class VerifyCode:
    """Wait for a one-time code: `by: sms`, sent to the phone that the back office knows, or
    `by: app`, of the authenticator app that the back office knows."""

    spec = ActionSpec(
        name="verify-code",
        reads=("connector", "change"),
        writes=("proof",),
        after="send-link",
        gives_proof=Proof.FRESH_ONE_TIME_CODE,
        parameters={
            "by": Parameter(kind="code-way", default=SMS),
            "texts": Parameter(kind="integration", required=True, only_by=SMS),
            "template": Parameter(kind="template", required=True, only_by=SMS),
            "onTimeout": Parameter(kind="name"),
        },
    )

    def begin(self, step: Step, run: PlaybookRun, context: StepContext) -> StepOutcome:
        if context.change is None:
            return _nothing_to_change(step)
        data = {"change": context.change.id, "by": step.parameters.get("by", SMS)}
        awaited = NewEvent(kind="code_awaited", actor=ASSISTANT, data=data)
        effects = (_until_the_link_ends(context),)
        return Block(run=run, kind=PAGE, effects=effects, events=(awaited,))

    def resume(
        self, step: Step, run: PlaybookRun, event: Event, context: StepContext
    ) -> StepOutcome | None:
        if event.kind == "timer_fired" and is_outcome(run, event):
            return _timed_out(step)
        if _of_change(event, "code_requested", context):
            effects = (_until_the_link_ends(context), self._send(step, run, event, context))
            return Block(run=run, kind=PAGE, effects=effects)
        if _of_change(event, "code_entered", context):
            effects = (_until_the_link_ends(context), self._check(event, context))
            return Block(run=run, kind=PAGE, effects=effects)
        if _of_change(event, "code_accepted", context):
            assert context.change is not None
            return Proceed(run=run) if context.change.is_proven else None
        refused = event.kind in ("code_refused", "code_not_sent")
        if refused and _of_change(event, event.kind, context) and event.data["why"] == LOCKED:
            return End(outcome="locked", hand_off=(None, "too many wrong codes"))
        return None

    def _send(self, step: Step, run: PlaybookRun, event: Event, context: StepContext) -> NewEffect:
        assert context.change is not None
        code = {"code": event.data["code"], "commitment": event.data["commitment"]}
        text = _text_message(context.change, step, run, context)
        return NewEffect(kind="send_code", payload={**text, **code})

    def _check(self, event: Event, context: StepContext) -> NewEffect:
        assert context.change is not None
        told = {name: event.data[name] for name in ("change", "code", "commitment", "digits")}
        about = {"connector": context.change.connector, "entered_at": wire_time(event.at)}
        return NewEffect(kind="check_code", payload={**told, **about})


class SubmitChange:
    """Give the proven change to the back office, as a request that a person has to approve."""

    spec = ActionSpec(
        name="submit-change",
        reads=("change",),
        writes=("back office",),
        proof=Proof.FRESH_ONE_TIME_CODE,
        after="fill-in-form",
    )

    def begin(self, step: Step, run: PlaybookRun, context: StepContext) -> StepOutcome:
        change = context.change
        if change is None:
            return _nothing_to_change(step)
        payload = {
            "change": change.id,
            "commitment": change.commitment,
            "payload": change.payload,
            "code": change.code,
            "connector": change.connector,
        }
        effect = NewEffect(kind="submit_change", payload=payload)
        return Block(run=run, kind="outcome", effects=(effect,))

    def resume(
        self, step: Step, run: PlaybookRun, event: Event, context: StepContext
    ) -> StepOutcome | None:
        if not is_outcome(run, event):
            return None
        if event.kind == "change_submitted":
            return Proceed(run=run)
        return End(outcome="failed", hand_off=(None, "the back office did not take the change"))


class SendNotice:
    """Tell the number on record by text message what is asked for, so that its owner may object."""

    spec = ActionSpec(
        name="send-notice",
        reads=("connector", "change"),
        writes=("text message",),
        after="submit-change",
        gives_notice=True,
        parameters={
            "texts": Parameter(kind="integration", required=True),
            "template": Parameter(kind="template", required=True),
        },
    )

    def begin(self, step: Step, run: PlaybookRun, context: StepContext) -> StepOutcome:
        change = context.change
        if change is None:
            return _nothing_to_change(step)
        payload = _text_message(change, step, run, context)
        effect = NewEffect(kind="send_notice", payload=payload)
        return Block(run=run, kind="outcome", effects=(effect,))

    def resume(
        self, step: Step, run: PlaybookRun, event: Event, context: StepContext
    ) -> StepOutcome | None:
        if not is_outcome(run, event):
            return None
        if event.kind == "notice_sent":
            return Proceed(run=run)
        why = "the number on record could not be told of the change"
        dropped = (drop_change(context.change, why),) if context.change is not None else ()
        return End(outcome="failed", hand_off=(None, why), effects=dropped)


class AwaitApproval:
    """Wait until one agent, or as many as `approvers` says, consented to the change, each seeing
    old and new values."""

    spec = ActionSpec(
        name="await-approval",
        reads=("change",),
        writes=("approval",),
        after="submit-change",
        gives_approval=True,
        parameters={
            "team": Parameter(kind="team"),
            "within": Parameter(kind="duration"),
            "approvers": Parameter(kind="count"),
        },
    )

    def begin(self, step: Step, run: PlaybookRun, context: StepContext) -> StepOutcome:
        change = context.change
        if change is None:
            return _nothing_to_change(step)
        within = time_of(step, "within", APPROVAL_WITHIN)
        data: dict[str, Any] = {
            "change": change.id,
            "kind": change.kind,
            "commitment": change.commitment,
            "expires_at": wire_time(context.at + within),
            "approvers": int(step.parameters.get("approvers", 1)),
        }
        if "team" in step.parameters:
            data["team"] = step.parameters["team"]
        asked = NewEvent(kind="approval_requested", actor=ASSISTANT, data=data)
        wake = NewEffect(kind="wake", payload={"why": "nobody has approved"}, after=within)
        return Block(run=run, kind="approval", effects=(wake,), events=(asked,))

    def resume(
        self, step: Step, run: PlaybookRun, event: Event, context: StepContext
    ) -> StepOutcome | None:
        change = context.change
        if change is None:
            return None
        if event.kind == "timer_fired" and is_outcome(run, event):
            why = "nobody approved the change in time"
            expired = NewEvent(kind="approval_expired", data={"change": change.id})
            return End(
                outcome="expired", hand_off=(None, why), events=(expired,),
                effects=(drop_change(change, why),),
            )  # fmt: skip
        if _of_change(event, "approved", context):
            return Proceed(run=run) if change.is_approved else None
        if _of_change(event, "approval_refused", context):
            why = "an agent refused the change"
            effects = (drop_change(change, why),)
            return End(outcome="refused", hand_off=(None, why), effects=effects)
        return None


class ApplyChange:
    """Have the back office carry out what was approved."""

    spec = ActionSpec(
        name="apply-change",
        reads=("change",),
        writes=("back office",),
        proof=Proof.ONE_TIME_CODE,
        needs_approval=True,
        after="submit-change",
    )

    def begin(self, step: Step, run: PlaybookRun, context: StepContext) -> StepOutcome:
        change = context.change
        if change is None:
            return _nothing_to_change(step)
        payload = {
            "change": change.id,
            "commitment": change.commitment,
            "payload": change.payload,
            "connector": change.connector,
            "request": change.request,
            "by": change.approved_by,
        }
        effect = NewEffect(kind="apply_change", payload=payload)
        return Block(run=run, kind="outcome", effects=(effect,))

    def resume(
        self, step: Step, run: PlaybookRun, event: Event, context: StepContext
    ) -> StepOutcome | None:
        if not is_outcome(run, event):
            return None
        if event.kind == "change_applied":
            return Proceed(run=run)
        return End(outcome="failed", hand_off=(None, "the back office did not apply the change"))

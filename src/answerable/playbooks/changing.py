"""The actions of a change of data: link, form, submission, approval, application. What waits for
the code between them is in `verifying`.

A run that waits for a page is put aside: it goes on by itself for days while the conversation
goes on about other matters.
"""

from datetime import timedelta
from typing import Any

from answerable.definition.actions import ActionSpec, Parameter
from answerable.definition.schema import Step
from answerable.definition.terms import Proof
from answerable.ledger.event import ASSISTANT, Event, NewEffect, NewEvent, wire_time
from answerable.playbooks.change import Change
from answerable.playbooks.run import (
    PAGE,
    Block,
    End,
    PlaybookRun,
    Proceed,
    StepContext,
    StepOutcome,
)
from answerable.playbooks.steps import (
    done_or_handed_off,
    is_outcome,
    nothing_to_change,
    of_change,
    text_message,
    time_of,
    timed_out,
    until_the_link_ends,
    write_reply,
)

LINK_LASTS = timedelta(days=7)
APPROVAL_WITHIN = timedelta(days=3)


def _reaches_the_contact(context: StepContext) -> bool:
    return context.variables.get("channel") == "email" or context.proof.satisfies(Proof.SIGNED_IN)


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
                return timed_out(step)
            return End(outcome="failed", hand_off=(None, "the reply could not be written"))
        if run.waiting is None or run.waiting.kind != PAGE:
            return None  # the link is being written: whatever page was used is of an earlier one
        if of_change(event, "intent_confirmed", context):
            return Proceed(run=run)
        if of_change(event, "intent_declined", context):
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
            return nothing_to_change(step)
        return Block(run=run, kind=PAGE, effects=(until_the_link_ends(context),))

    def resume(
        self, step: Step, run: PlaybookRun, event: Event, context: StepContext
    ) -> StepOutcome | None:
        if event.kind == "timer_fired" and is_outcome(run, event):
            return timed_out(step)
        return Proceed(run=run) if of_change(event, "change_entered", context) else None


class SubmitChange:
    """Give the proven change to the back office, as a request that a person has to approve."""

    spec = ActionSpec(
        name="submit-change",
        reads=("change",),
        writes=("back office",),
        needs_code=True,
        after="fill-in-form",
    )

    def begin(self, step: Step, run: PlaybookRun, context: StepContext) -> StepOutcome:
        change = context.change
        if change is None:
            return nothing_to_change(step)
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
        return done_or_handed_off(
            run, event, done="change_submitted", failed="the back office did not take the change"
        )


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
            return nothing_to_change(step)
        payload = text_message(change, step, run, context)
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
            return nothing_to_change(step)
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
        if of_change(event, "approved", context):
            return Proceed(run=run) if change.is_approved else None
        if of_change(event, "approval_refused", context):
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
        needs_code=True,
        needs_approval=True,
        after="submit-change",
    )

    def begin(self, step: Step, run: PlaybookRun, context: StepContext) -> StepOutcome:
        change = context.change
        if change is None:
            return nothing_to_change(step)
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
        return done_or_handed_off(
            run, event, done="change_applied", failed="the back office did not apply the change"
        )

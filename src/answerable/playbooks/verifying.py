"""The action that waits for a one-time code, by whatever way it comes."""

from answerable.definition.actions import ActionSpec, Parameter
from answerable.definition.changes import EMAIL, SMS, code_is_enough
from answerable.definition.schema import Step
from answerable.definition.terms import Proof
from answerable.ledger.event import ASSISTANT, Event, NewEffect, NewEvent, wire_time
from answerable.playbooks.change import LOCKED, Change
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
    is_outcome,
    nothing_to_change,
    of_change,
    text_message,
    timed_out,
    until_the_link_ends,
)


class VerifyCode:
    """Wait for a one-time code: `by: sms`, sent to the phone that the back office knows, `by: app`,
    of the authenticator app that it knows, or `by: email`, sent to the mailbox that it knows.

    By e-mail it proves less, so it is for a few kinds of change only. And it is for who came
    signed in: whoever came by a link in a mail has that mailbox, and would be asked for it twice.
    """

    spec = ActionSpec(
        name="verify-code",
        reads=("connector", "change"),
        writes=("proof",),
        after="send-link",
        proof_by={EMAIL: Proof.SIGNED_IN},
        gives_proof=Proof.FRESH_ONE_TIME_CODE,
        gives_code=True,
        parameters={
            "by": Parameter(kind="code-way", default=SMS),
            "texts": Parameter(kind="integration", required=True, only_by=(SMS,)),
            "inbox": Parameter(kind="mail-inbox", required=True, only_by=(EMAIL,)),
            "template": Parameter(kind="template", required=True, only_by=(SMS, EMAIL)),
            "subject": Parameter(kind="template", only_by=(EMAIL,)),
            "onTimeout": Parameter(kind="name"),
        },
    )

    def begin(self, step: Step, run: PlaybookRun, context: StepContext) -> StepOutcome:
        if context.change is None:
            return nothing_to_change(step)
        by = self.spec.way_of(step.parameters)
        why = _why_not(by, context.change, context)
        if why is not None:
            return End(outcome="refused", hand_off=(None, why))
        data = {"change": context.change.id, "by": by}
        awaited = NewEvent(kind="code_awaited", actor=ASSISTANT, data=data)
        effects = (until_the_link_ends(context),)
        return Block(run=run, kind=PAGE, effects=effects, events=(awaited,))

    def resume(
        self, step: Step, run: PlaybookRun, event: Event, context: StepContext
    ) -> StepOutcome | None:
        if event.kind == "timer_fired" and is_outcome(run, event):
            return timed_out(step)
        if of_change(event, "code_requested", context):
            effects = (until_the_link_ends(context), self._send(step, run, event, context))
            return Block(run=run, kind=PAGE, effects=effects)
        if of_change(event, "code_addressed", context):
            assert context.change is not None
            if event.data["code"] != context.change.code:
                return None  # another was asked for meanwhile, or something else entered
            effects = (until_the_link_ends(context), self._mail(step, run, event, context))
            return Block(run=run, kind=PAGE, effects=effects)
        if of_change(event, "code_entered", context):
            effects = (until_the_link_ends(context), self._check(event, context))
            return Block(run=run, kind=PAGE, effects=effects)
        if of_change(event, "code_accepted", context):
            assert context.change is not None
            return Proceed(run=run) if context.change.is_proven else None
        refused = event.kind in ("code_refused", "code_not_sent")
        if refused and of_change(event, event.kind, context) and event.data["why"] == LOCKED:
            return End(outcome="locked", hand_off=(None, "too many wrong codes"))
        return None

    def _send(self, step: Step, run: PlaybookRun, event: Event, context: StepContext) -> NewEffect:
        assert context.change is not None
        code = {"code": event.data["code"], "commitment": event.data["commitment"]}
        if context.change.code_by == EMAIL:
            about = {"change": context.change.id, "connector": context.change.connector}
            return NewEffect(kind="address_code", payload={**about, **code})
        text = text_message(context.change, step, run, context)
        return NewEffect(kind="send_code", payload={**text, **code})

    def _mail(self, step: Step, run: PlaybookRun, event: Event, context: StepContext) -> NewEffect:
        """To the address that the back office said, for exactly what it was said for."""
        assert context.change is not None
        payload = {
            "change": context.change.id,
            "code": event.data["code"],
            "address": event.data["address"],
            "payload": context.change.payload,
            "inbox": step.parameters["inbox"],
            "template": step.parameters["template"],
            "definition": run.definition,
            "language": context.language,
        }
        subject = {name: step.parameters[name] for name in ("subject",) if name in step.parameters}
        return NewEffect(kind="mail_code", payload={**payload, **subject})

    def _check(self, event: Event, context: StepContext) -> NewEffect:
        assert context.change is not None
        told = {name: event.data[name] for name in ("change", "code", "commitment", "digits")}
        about = {"connector": context.change.connector, "entered_at": wire_time(event.at)}
        return NewEffect(kind="check_code", payload={**told, **about})


def _why_not(by: str, change: Change, context: StepContext) -> str | None:
    """Why a code that comes this way proves nothing here. `check` refuses such definitions; what is
    proven is looked at again where it counts."""
    if not code_is_enough(by, change.kind):
        return f"a code by {by} is not enough for a change of {change.kind}"
    if by == EMAIL and context.variables.get("channel") == "email":
        return "who came by a link in a mail has that mailbox already"
    return None

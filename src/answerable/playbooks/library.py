"""The actions that come with Answerable."""

from dataclasses import replace
from datetime import timedelta
from importlib.metadata import entry_points
from typing import Any

from answerable.definition.actions import ActionSpec, Parameter
from answerable.definition.schema import Step
from answerable.definition.terms import Proof
from answerable.ledger.event import Event, NewEffect, NewEvent
from answerable.playbooks.action import ActionLibrary
from answerable.playbooks.changing import (
    ApplyChange,
    AwaitApproval,
    FillInForm,
    SendLink,
    SendNotice,
    SubmitChange,
)
from answerable.playbooks.run import (
    DEFAULT_ATTEMPTS,
    DEFAULT_TIMEOUT,
    Block,
    End,
    PlaybookRun,
    Proceed,
    StepContext,
    StepOutcome,
    entities_told,
)
from answerable.playbooks.steps import done_or_handed_off, is_outcome, time_of, write_reply
from answerable.playbooks.verifying import VerifyCode


class Reply:
    """Send a reply made from a template."""

    spec = ActionSpec(
        name="reply",
        reads=("slots", "lookups"),
        writes=("reply",),
        proof=Proof.ANONYMOUS,
        needs_approval=False,
        parameters={"template": Parameter(kind="template", required=True)},
    )

    def begin(self, step: Step, run: PlaybookRun, context: StepContext) -> StepOutcome:
        effect = write_reply(run, str(step.parameters["template"]), context)
        return Block(run=run, kind="outcome", effects=(effect,))

    def resume(
        self, step: Step, run: PlaybookRun, event: Event, context: StepContext
    ) -> StepOutcome | None:
        return done_or_handed_off(
            run, event, done="reply_written", failed="the reply could not be written"
        )


class Ask:
    """Ask the contact for something, unless it was told already, and wait for the answer."""

    spec = ActionSpec(
        name="ask",
        reads=("messages",),
        writes=("reply", "slots"),
        listens=True,
        proof=Proof.ANONYMOUS,
        needs_approval=False,
        parameters={
            "template": Parameter(kind="template", required=True),
            "slot": Parameter(kind="name", required=True),
            "entity": Parameter(kind="name", required=True),
            "timeout": Parameter(kind="duration"),
            "attempts": Parameter(kind="number"),
            "onTimeout": Parameter(kind="name"),
        },
    )

    def begin(self, step: Step, run: PlaybookRun, context: StepContext) -> StepOutcome:
        told = run.entities.get(str(step.parameters["entity"]))
        if told is not None:
            return self._filled(step, run, dict(told))
        return self._question(step, run, context, attempts=1, of=None)

    def resume(
        self, step: Step, run: PlaybookRun, event: Event, context: StepContext
    ) -> StepOutcome | None:
        assert run.waiting is not None
        if event.kind == "timer_fired" and is_outcome(run, event):
            return self._timed_out(step)
        if event.kind != "understood":
            return None
        told = entities_told(event.data).get(str(step.parameters["entity"]))
        if told is not None:
            return self._filled(step, run, told)
        if run.waiting.attempts >= int(step.parameters.get("attempts", DEFAULT_ATTEMPTS)):
            slot = step.parameters["slot"]
            return End(outcome="not_answered", hand_off=(None, f"no usable answer for {slot}"))
        of = event.data["of"]
        return self._question(step, run, context, attempts=run.waiting.attempts + 1, of=of)

    def _question(
        self, step: Step, run: PlaybookRun, context: StepContext, *, attempts: int, of: int | None
    ) -> Block:
        timeout = time_of(step, "timeout", DEFAULT_TIMEOUT)
        slot = str(step.parameters["slot"])
        asked = NewEvent(
            kind="asked",
            actor="assistant",
            data={
                "slot": slot,
                "attempt": attempts,
                "timeout_seconds": timeout.total_seconds(),
                "of": of,
            },
        )
        return Block(
            run=run,
            kind="answer",
            slot=slot,
            attempts=attempts,
            waits_on=1,
            events=(asked,),
            effects=(
                write_reply(run, str(step.parameters["template"]), context),
                NewEffect(kind="wake", payload={"why": f"no answer for {slot}"}, after=timeout),
            ),
        )

    def _filled(self, step: Step, run: PlaybookRun, told: dict[str, Any]) -> Proceed:
        slot = str(step.parameters["slot"])
        answered = NewEvent(
            kind="answered",
            actor="contact",
            data={"slot": slot, "handle": told["handle"], "of": told["of"]},
        )
        return Proceed(run=replace(run, slots={**run.slots, slot: told}), events=(answered,))

    def _timed_out(self, step: Step) -> End:
        slot = step.parameters["slot"]
        if step.parameters.get("onTimeout") == "close":
            return End(outcome="timed_out", close=True)
        return End(outcome="timed_out", hand_off=(None, f"no answer for {slot} in time"))


class Lookup:
    """Read from an outside system, only the fields named, only for the proven contact."""

    spec = ActionSpec(
        name="lookup",
        reads=("connector",),
        writes=("lookups",),
        proof=Proof.ANONYMOUS,
        needs_approval=False,
        parameters={
            "connector": Parameter(kind="integration", required=True),
            "operation": Parameter(kind="name", required=True),
            "fields": Parameter(kind="names"),
            "with": Parameter(kind="mapping"),
        },
    )

    def begin(self, step: Step, run: PlaybookRun, context: StepContext) -> StepOutcome:
        payload: dict[str, Any] = {
            "connector": step.parameters["connector"],
            "operation": step.parameters["operation"],
            "fields": list(step.parameters.get("fields", ())),
            "with": dict(step.parameters.get("with", {})),
            "bound": run.bound(),
            "proof": context.proof.value,
            "intent": run.intent,
        }
        return Block(run=run, kind="outcome", effects=(NewEffect(kind="look_up", payload=payload),))

    def resume(
        self, step: Step, run: PlaybookRun, event: Event, context: StepContext
    ) -> StepOutcome | None:
        if not is_outcome(run, event):
            return None
        if event.kind != "looked_up" or event.data["result"] != "ok":
            why = event.data.get("result", "failed")
            system = step.parameters["connector"]
            return End(outcome="failed", hand_off=(None, f"{system}: {why}"))
        name = step.as_ or str(step.parameters["operation"]).replace("-", "_")
        values = dict(run.values)
        if event.data.get("values"):
            values[name] = event.data["values"]
        facts = {**run.facts, name: event.data["facts"]}
        return Proceed(run=replace(run, facts=facts, values=values))


class HandOffStep:
    """Give the conversation to people."""

    spec = ActionSpec(
        name="hand-off",
        reads=(),
        writes=("owner",),
        proof=Proof.ANONYMOUS,
        needs_approval=False,
        parameters={
            "team": Parameter(kind="team"),
            "reason": Parameter(kind="text"),
            "priority": Parameter(kind="priority"),
        },
    )

    def begin(self, step: Step, run: PlaybookRun, context: StepContext) -> StepOutcome:
        team = step.parameters.get("team")
        reason = str(step.parameters.get("reason", "the playbook hands over"))
        return End(outcome="handed_off", hand_off=(str(team) if team else None, reason))

    def resume(
        self, step: Step, run: PlaybookRun, event: Event, context: StepContext
    ) -> StepOutcome | None:
        return None


class SetAsideStep:
    """Put the conversation away without a reply."""

    spec = ActionSpec(
        name="set-aside",
        reads=(),
        writes=("status",),
        proof=Proof.ANONYMOUS,
        needs_approval=False,
        parameters={"reason": Parameter(kind="text")},
    )

    def begin(self, step: Step, run: PlaybookRun, context: StepContext) -> StepOutcome:
        return End(outcome="set_aside", set_aside=str(step.parameters.get("reason", "playbook")))

    def resume(
        self, step: Step, run: PlaybookRun, event: Event, context: StepContext
    ) -> StepOutcome | None:
        return None


class Wait:
    """Let time pass."""

    spec = ActionSpec(
        name="wait",
        reads=(),
        writes=(),
        proof=Proof.ANONYMOUS,
        needs_approval=False,
        gives_time=True,
        parameters={"duration": Parameter(kind="duration", required=True)},
    )

    def begin(self, step: Step, run: PlaybookRun, context: StepContext) -> StepOutcome:
        after = time_of(step, "duration", timedelta(0))
        waiting = NewEvent(
            kind="waiting", actor="assistant", data={"seconds": after.total_seconds()}
        )
        wake = NewEffect(kind="wake", payload={"why": "wait is over"}, after=after)
        return Block(run=run, kind="time", effects=(wake,), events=(waiting,))

    def resume(
        self, step: Step, run: PlaybookRun, event: Event, context: StepContext
    ) -> StepOutcome | None:
        return Proceed(run=run) if is_outcome(run, event) else None


class EndStep:
    """End the playbook here: what was said is enough, and the conversation stays open."""

    spec = ActionSpec(
        name="end",
        reads=(),
        writes=(),
        proof=Proof.ANONYMOUS,
        needs_approval=False,
        parameters={},
    )

    def begin(self, step: Step, run: PlaybookRun, context: StepContext) -> StepOutcome:
        return End(outcome="done")

    def resume(
        self, step: Step, run: PlaybookRun, event: Event, context: StepContext
    ) -> StepOutcome | None:
        return None


class CloseStep:
    """Close the conversation: the matter is settled."""

    spec = ActionSpec(
        name="close",
        reads=(),
        writes=("status",),
        proof=Proof.ANONYMOUS,
        needs_approval=False,
        parameters={},
    )

    def begin(self, step: Step, run: PlaybookRun, context: StepContext) -> StepOutcome:
        return End(outcome="done", close=True)

    def resume(
        self, step: Step, run: PlaybookRun, event: Event, context: StepContext
    ) -> StepOutcome | None:
        return None


def installed_actions() -> ActionLibrary:
    """Ours, and those that other packages offer under the entry point `answerable.actions`."""
    library = built_in_actions()
    for point in entry_points(group="answerable.actions"):
        library.add(point.load()())
    return library


def built_in_actions() -> ActionLibrary:
    library = ActionLibrary()
    for action in (
        Reply(),
        Ask(),
        Lookup(),
        HandOffStep(),
        SetAsideStep(),
        Wait(),
        EndStep(),
        CloseStep(),
        SendLink(),
        FillInForm(),
        VerifyCode(),
        SubmitChange(),
        SendNotice(),
        AwaitApproval(),
        ApplyChange(),
    ):
        library.add(action)
    return library

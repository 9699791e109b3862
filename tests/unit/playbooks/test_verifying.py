"""Where a code by e-mail proves nothing, none is waited for, though no check refused it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from answerable.definition.changes import CHANGES
from answerable.definition.load import load_definition
from answerable.definition.schema import Playbook, ServiceDefinition, Step
from answerable.definition.terms import Proof
from answerable.kit.ids import ConversationId, TenantId
from answerable.ledger.event import Event
from answerable.playbooks.change import FORM, PROVEN, REVIEW, Change
from answerable.playbooks.interpret import Progress, start
from answerable.playbooks.library import built_in_actions
from answerable.playbooks.run import PlaybookRun, StepContext

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
LIBRARY = built_in_actions()
EVENT = Event(
    stream=ConversationId("cnv_1"), seq=1, tenant=TenantId("bank"), kind="change_entered", at=NOW,
    actor="contact", data={"change": "chg_1"}, cause=None, hash="",
)  # fmt: skip


def definition() -> ServiceDefinition:
    source = "service: bank\nbrand: {name: Bank}\nchannels: [{type: chat}]\n"
    loaded = load_definition("bank.yaml", source.encode())
    assert loaded.definition is not None
    return loaded.definition


def begun(
    action: str,
    *,
    kind: str = "marketing-consent",
    channel: str = "chat",
    proof: Proof = Proof.SIGNED_IN,
    stage: str = FORM,
    **more: Any,
) -> Progress:
    """The one step of a playbook, as the interpreter begins it."""
    by = {"by": "email", "inbox": "mail", "template": "code"} if action == "verify-code" else {}
    step = Step(action=action, parameters=by, where=())
    playbook = Playbook(name="p", enabled=True, intents=(), workflow=(step,), where=())
    change = Change(
        id="chg_1", kind=kind, connector="core", stage=stage, commitment="c" * 64,
        expires_at=(NOW + timedelta(days=1)).isoformat(), **more,
    )  # fmt: skip
    context = StepContext(
        definition=definition(), proof=proof, language="en", at=NOW, change=change,
        variables={"channel": channel},
    )  # fmt: skip
    run = PlaybookRun(playbook="p", definition="d", intent="i")
    return start(run, playbook, EVENT, context, LIBRARY)


def refused(progress: Progress) -> str:
    assert progress.end is not None
    assert progress.end.outcome == "refused"
    assert progress.end.hand_off is not None
    return progress.end.hand_off[1]


def test_who_is_signed_in_is_waited_for() -> None:
    progress = begun("verify-code")
    assert progress.end is None
    assert [(one.kind, one.data["by"]) for one in progress.events] == [("code_awaited", "email")]


def test_who_came_by_a_mail_is_not_asked_for_the_same_mailbox_again() -> None:
    assert "needs signed-in" in refused(begun("verify-code", proof=Proof.EMAIL))
    told = refused(begun("verify-code", channel="email"))
    assert "has that mailbox already" in told


@pytest.mark.parametrize("kind", [name for name, one in CHANGES.items() if one.code != Proof.EMAIL])
def test_a_change_that_needs_more_is_not_waited_for(kind: str) -> None:
    assert "is not enough" in refused(begun("verify-code", kind=kind))


@pytest.mark.parametrize("action", ["submit-change", "apply-change"])
def test_what_a_code_by_e_mail_is_not_enough_for_goes_no_further(action: str) -> None:
    """Whoever else would say that the contact has proven as much as can be."""
    proven = {"proven": "c" * 64, "proven_by": "email", "stage": PROVEN}
    fresh = Proof.FRESH_ONE_TIME_CODE
    assert "needs a one-time code" in refused(begun(action, kind="phone", proof=fresh, **proven))
    assert "needs a one-time code" in refused(begun(action, stage=REVIEW, proof=fresh))
    enough = begun(action, **proven)
    if action == "submit-change":
        assert [one.kind for one in enough.effects] == ["submit_change"]
    else:
        assert refused(enough) == "apply-change needs an approval"

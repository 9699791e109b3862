"""A definition cannot change data without proof and approval."""

import re
from dataclasses import replace

import pytest

from answerable.definition.actions import ActionCatalogue, ActionSpec
from answerable.definition.changes import CHANGES
from answerable.definition.load import load_definition
from answerable.definition.terms import Proof
from answerable.playbooks.library import built_in_actions

NO_MORE: ActionCatalogue = {}
STEPS = (
    "{action: send-link, template: link, change: address, connector: core}",
    "{action: fill-in-form}",
    "{action: verify-code, texts: sms, template: code}",
    "{action: submit-change}",
    "{action: await-approval, team: service}",
    "{action: apply-change}",
    "{action: reply, template: done}",
)


def errors(
    *steps: str,
    more: ActionCatalogue = NO_MORE,
    intent: str = "autoResolve: true",
    key: str = "proof: anonymous",
) -> list[str]:
    source = f"""
service: bank
brand: {{name: Bank}}
channels: [{{type: email, name: mail, address: help@bank.example}}]
classification:
  orders:
    - {{name: address-change, title: Moved, examples: [a1, a2, a3, a4, a5], {intent}}}
autoResponse:
  addressChange:
    {key.replace(", ", chr(10) + "    ")}
    workflow: [{", ".join(steps)}]
templates: {{link: '{{{{ link }}}}', code: '{{{{ code }}}}', done: Done.}}
teams: [{{name: service, title: Service}}]
escalation: {{defaultTeam: service}}
integrations:
  core: {{type: core-banking, url: 'http://core.example'}}
  sms: {{type: twilio, url: 'http://sms.example', sender: '+491570'}}
"""
    actions = {**built_in_actions().catalogue, **more}
    return [
        str(one) for one in load_definition("bank.yaml", source.encode(), actions=actions).errors
    ]


def without(action: str) -> tuple[str, ...]:
    return tuple(step for step in STEPS if action not in step)


OFFER = tuple(step.replace("change: address", "change: card-block") for step in STEPS)


def offered(
    *steps: str, intent: str = "sensitive: fraud", key: str = "withHandOff: true"
) -> list[str]:
    """What is wrong with a playbook that is offered when fraud is handed to people."""
    return errors(*steps, intent=intent, key=key)


def test_a_block_of_a_card_may_be_offered_to_whom_fraud_befell() -> None:
    assert offered(*OFFER) == []
    assert offered(*OFFER, intent="requireHuman: true") == []


def test_without_the_key_nothing_is_offered_with_fraud() -> None:
    [found] = offered(*OFFER, key="proof: anonymous")
    assert "never answered automatically" in found
    assert "withHandOff: true" in found
    assert found.startswith("bank.yaml:9:")


@pytest.mark.parametrize(
    ("steps", "intent", "key", "told"),
    [
        (STEPS, "sensitive: fraud", "withHandOff: true", "only what protects the contact"),
        (OFFER, "autoResolve: true", "withHandOff: true", "is not always handed to people"),
        (OFFER, "sensitive: complaint", "withHandOff: true", "is sensitive (complaint): nothing"),
        (OFFER, "sensitive: fraud", "withHandOff: true, requireHuman: true", "keep one"),
        (OFFER, "sensitive: fraud", "withHandOff: true, onMissingProof: done", "offered nothing"),
        ((*OFFER[:-1], "{action: close}"), "sensitive: fraud", "withHandOff: true",
         "people have the conversation, and keep it: remove close"),
        ((*OFFER[:-1], "{action: hand-off}"), "sensitive: fraud", "withHandOff: true",
         "people have the conversation, and keep it: remove hand-off"),
        (("{action: reply, template: done}", *OFFER), "sensitive: fraud", "withHandOff: true",
         "begin with send-link, and send no other"),
        ((*OFFER, OFFER[0]), "sensitive: fraud", "withHandOff: true", "send no other"),
        ((OFFER[0].replace("}", ", condition: 'proof == \"email\"'}"), *OFFER[1:]),
         "sensitive: fraud", "withHandOff: true", "others are told of the hand-off"),
        ((OFFER[0].replace("}", ", onTimeout: hand-off}"), *OFFER[1:]), "sensitive: fraud",
         "withHandOff: true", "people have the conversation already"),
    ],
)  # fmt: skip
def test_what_is_offered_beside_people_is_one_link_that_protects_and_leaves_them_the_matter(
    steps: tuple[str, ...], intent: str, key: str, told: str
) -> None:
    found = offered(*steps, intent=intent, key=key)
    assert any(told in one for one in found), found
    assert all(re.match(r"bank\.yaml:\d+:\d+: ", one) for one in found)


def test_an_offer_needs_code_and_approval_like_any_change() -> None:
    for action in ("verify-code", "await-approval"):
        assert offered(*(step for step in OFFER if action not in step)) != []


def test_the_whole_way_is_accepted() -> None:
    assert errors(*STEPS) == []


def test_without_a_code_nothing_is_submitted() -> None:
    found = errors(*without("verify-code"))
    assert any("submit-change needs the proof fresh-one-time-code" in one for one in found)
    assert any("add verify-code before it" in one for one in found)


def test_without_an_approval_nothing_is_applied() -> None:
    [found] = errors(*without("await-approval"))
    assert "apply-change needs an approval: add await-approval before it" in found


@pytest.mark.parametrize("action", ["verify-code", "await-approval"])
def test_what_may_be_passed_over_gives_nothing(action: str) -> None:
    conditional = [
        step.replace("}", ", condition: 'channel == \"email\"'}") if action in step else step
        for step in STEPS
    ]
    assert errors(*conditional) != []


BY_APP = "{action: verify-code, by: app}"


def verified(step: str) -> list[str]:
    return errors(*(step if "verify-code" in one else one for one in STEPS))


BY_MAIL = "{action: verify-code, by: email, inbox: mail, template: code, subject: done}"


def by_mail(
    kind: str, *, proof: str = "signed-in", code: str = BY_MAIL, more: ActionCatalogue = NO_MORE
) -> list[str]:
    """What is wrong with a change of this kind that is proven by e-mail."""
    changed = (one.replace("change: address", f"change: {kind}") for one in STEPS)
    return errors(
        *(code if "verify-code" in one else one for one in changed),
        key=f"proof: {proof}",
        more=more,
    )


def test_the_digits_of_an_app_prove_a_change_without_a_text_message() -> None:
    assert verified(BY_APP) == []
    assert verified("{action: verify-code, by: sms, texts: sms, template: code}") == []


ENOUGH = [name for name, kind in CHANGES.items() if kind.code is Proof.EMAIL]


def test_where_little_is_lost_a_code_by_e_mail_is_enough_for_who_is_signed_in() -> None:
    assert ENOUGH == ["marketing-consent", "statement"]
    for kind in ENOUGH:
        assert by_mail(kind) == []
        assert by_mail(kind, proof="one-time-code") == []


@pytest.mark.parametrize("kind", [name for name in CHANGES if name not in ENOUGH])
def test_for_every_other_kind_a_code_by_e_mail_is_not_enough(kind: str) -> None:
    found = by_mail(kind)

    [told] = [one for one in found if "by e-mail" in one]
    assert told.startswith("bank.yaml:11:")
    assert f"a code by e-mail is not enough for a change of {kind}" in told
    assert "Write by: sms or by: app" in told
    assert "enough for marketing-consent, statement" in told


def test_a_finding_about_a_code_says_where_it_stands() -> None:
    [told] = by_mail("address")
    column = source_line(told)
    assert column.startswith("email, inbox: mail")


def source_line(told: str) -> str:
    """The source from the place on that a finding names."""
    steps = ", ".join(BY_MAIL if "verify-code" in one else one for one in STEPS)
    line = f"    workflow: [{steps}]"
    return line[int(told.split(":")[2]) - 1 :]


@pytest.mark.parametrize("proof", ["anonymous", "email"])
def test_who_came_by_a_mail_is_not_asked_for_the_same_mailbox_again(proof: str) -> None:
    [told] = by_mail("marketing-consent", proof=proof)
    assert "has that mailbox already, and a code sent there proves nothing more" in told
    assert "write proof: signed-in in this playbook" in told


def test_a_code_by_e_mail_gives_no_more_than_the_proof_email() -> None:
    for proof, told in ((Proof.SIGNED_IN, 0), (Proof.ONE_TIME_CODE, 1)):
        peek = ActionSpec(name="peek", proof=proof)
        code = f"{BY_MAIL}, {{action: peek}}"
        found = by_mail("statement", code=code, more={"peek": peek})
        assert len([one for one in found if "peek needs the proof one-time-code" in one]) == told


def test_without_any_code_nothing_is_submitted_whoever_is_signed_in() -> None:
    found = by_mail("marketing-consent", code="{action: fill-in-form}")
    assert any("submit-change needs the proof email by a code" in one for one in found)
    skipped = BY_MAIL.replace("}", ", condition: 'channel == \"chat\"'}")
    assert any("add verify-code before it" in one for one in by_mail("statement", code=skipped))


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (BY_MAIL.replace("inbox: mail", "inbox: main"), "no mail inbox is called main"),
        (BY_MAIL.replace("inbox: mail", "inbox: [mail]"), "the name of a mail inbox, not a list"),
        (BY_MAIL.replace("inbox: mail, ", ""), "verify-code needs inbox: add"),
        (BY_MAIL.replace("template: code, ", ""), "verify-code needs template: add"),
        (BY_MAIL.replace("template: code", "template: cod"), "no template is called cod"),
        (BY_MAIL.replace("subject: done", "texts: sms"), "takes no texts with `by: email`"),
        (BY_MAIL.replace("subject: done", "to: eve@x.example"), "verify-code takes no to"),
        (BY_MAIL.replace("by: email", "by: e-mail"), "did you mean email"),
        (BY_MAIL.replace("by: email", "by: mail"), "did you mean email"),
        ("{action: verify-code, by: app, inbox: mail}", "takes no inbox with `by: app`"),
        ("{action: verify-code, texts: sms, template: code, inbox: mail}", "no inbox with"),
    ],
)
def test_what_a_code_by_e_mail_needs_is_said(code: str, told: str) -> None:
    found = by_mail("marketing-consent", code=code)
    assert any(told in one for one in found), found


@pytest.mark.parametrize(
    ("step", "told"),
    [
        ("{action: verify-code, by: ap}", "did you mean app"),
        (
            "{action: verify-code, by: pigeon}",
            "nothing that a code comes by: there are app, email, sms",
        ),
        ("{action: verify-code, by: [app]}", "nothing that a code comes by"),
        ("{action: verify-code, by: app, texts: sms}", "takes no texts with `by: app`: remove it"),
        ("{action: verify-code, by: app, template: code}", "takes no template with `by: app`"),
        ("{action: verify-code, by: sms, template: code}", "verify-code needs texts: add"),
        ("{action: verify-code}", "verify-code needs template: add"),
    ],
)
def test_by_what_a_code_comes_is_one_of_three_and_has_what_it_needs(step: str, told: str) -> None:
    found = verified(step)
    assert any(told in one for one in found), found


def test_who_used_the_link_has_shown_the_mailbox_and_nothing_more() -> None:
    for proof, told in ((Proof.EMAIL, 0), (Proof.SIGNED_IN, 1), (Proof.ONE_TIME_CODE, 1)):
        peek = ActionSpec(name="peek", proof=proof)
        steps = (STEPS[0], "{action: peek}", *STEPS[1:])
        assert len(errors(*steps, more={"peek": peek})) == told
    assert len(errors("{action: peek}", *STEPS, more={"peek": replace(peek, proof=Proof.EMAIL)}))


@pytest.mark.parametrize("action", ["send-link", "fill-in-form", "submit-change"])
def test_no_step_is_left_out(action: str) -> None:
    assert any(f"needs {action}: add {action} before it" in one for one in errors(*without(action)))


PHONE = (
    "{action: send-link, template: link, change: phone, connector: core}",
    *STEPS[1:4],
    "{action: send-notice, texts: sms, template: code}",
    "{action: wait, duration: 24h}",
    "{action: await-approval, approvers: 2}",
    *STEPS[5:],
)


def test_an_account_for_payouts_is_guarded_like_a_telephone_number() -> None:
    account = tuple(step.replace("change: phone", "change: payout-account") for step in PHONE)
    assert errors(*account) == []
    assert errors(*(step for step in account if "wait" not in step)) != []


def test_a_new_telephone_number_has_a_notice_a_day_and_two_agents() -> None:
    assert errors(*PHONE) == []


@pytest.mark.parametrize(
    ("step", "instead", "told"),
    [
        (
            "send-notice",
            None,
            "a change of phone is told to the number on record before: add send-",
        ),
        ("duration: 24h", None, "open to objections for 24 hours: add `{action: wait, duration"),
        ("duration: 24h", "{action: wait, duration: 23h}", "open to objections for 24 hours"),
        ("await-approval", "{action: await-approval}", "write `approvers: 2` in its approval"),
        ("await-approval", "{action: await-approval, approvers: 0}", "approvers must be 1 or more"),
        ("await-approval", "{action: await-approval, approvers: two}", "must be a whole number"),
    ],
)
def test_without_one_of_these_the_number_is_not_changed(
    step: str, instead: str | None, told: str
) -> None:
    changed = [instead if step in one else one for one in PHONE]

    found = errors(*(one for one in changed if one is not None))

    assert any(told in one for one in found), found


def test_the_order_counts() -> None:
    assert errors(*STEPS[:2], STEPS[3], STEPS[2], *STEPS[4:]) != []


def test_nothing_is_asked_for_beside_the_conversation() -> None:
    ask = "{action: ask, template: done, slot: number, entity: number}"
    assert not any("waits for a message" in one for one in errors(ask, *STEPS))
    assert any("put it before send-link" in one for one in errors(*STEPS, ask))


def test_what_cannot_be_changed_is_named() -> None:
    wrong = STEPS[0].replace("change: address", "change: adress")
    [found] = errors(wrong, *STEPS[1:])
    assert "did you mean address" in found

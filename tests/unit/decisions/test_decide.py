"""Decisions: the order of caution."""

import pytest

from answerable.decisions.decide import ContactFacts, Situation, decide
from answerable.decisions.decision import Ask, DraftReply, HandOff, RunPlaybook, SetAside
from answerable.definition.schema import ServiceDefinition
from answerable.definition.terms import Proof
from answerable.understanding.understanding import IntentScore, Understanding
from tests.support.town import DEFINITION, shop_definition


def understood(
    *scores: tuple[str, float],
    spam: float = 0.0,
    sentiment: float = 0.0,
    churn: float = 0.0,
    abuse: float = 0.0,
    in_scope: bool = True,
    automatic: bool = True,
) -> Understanding:
    return Understanding(
        intents=tuple(
            IntentScore(name=name, confidence=confidence, applies=confidence >= 0.5)
            for name, confidence in scores
        ),
        scope=0.9 if in_scope else 0.1,
        in_scope=in_scope,
        automatic=automatic,
        language="en",
        sentiment=sentiment,
        urgency="normal",
        spam=spam,
        churn=churn,
        abuse=abuse,
        model="test",
    )


def situation(**given: object) -> Situation:
    usual: dict[str, object] = {
        "channel": "chat",
        "proof": Proof.ANONYMOUS,
        "attempts": 0,
        "contact": ContactFacts(),
    }
    return Situation(**{**usual, **given})  # type: ignore[arg-type]


SHOP = shop_definition()


def test_a_sure_reading_runs_its_playbook_and_says_why() -> None:
    decision = decide(understood(("opening-hours", 0.97)), situation(), SHOP)

    assert isinstance(decision, RunPlaybook)
    assert [reason.rule for reason in decision.reasons] == ["confidence", "proof"]
    assert decision.reasons[0].value == 0.97
    assert decision.reasons[0].threshold == 0.8


def asking_for(precision: float | None) -> ServiceDefinition:
    thresholds = SHOP.thresholds.model_copy(update={"precision": precision})
    return SHOP.model_copy(update={"thresholds": thresholds})


def test_what_is_not_shown_to_be_right_often_enough_is_for_people_however_sure_the_model_is() -> (
    None
):
    said = understood(("opening-hours", 0.97), automatic=False)

    decision = decide(said, situation(), asking_for(0.98))

    assert isinstance(decision, DraftReply | HandOff)
    # What an agent is told first is why the assistant did not answer.
    assert [reason.rule for reason in decision.reasons][:2] == ["precision", "confidence"]
    assert decision.reasons[0].threshold == 0.98
    assert isinstance(decide(said, situation(), asking_for(None)), RunPlaybook)
    shown = understood(("opening-hours", 0.97))
    assert isinstance(decide(shown, situation(), asking_for(0.98)), RunPlaybook)


def test_what_may_be_fraud_is_not_asked_about() -> None:
    decision = decide(understood(("parcel-status", 0.5), ("fraud", 0.3)), situation(), SHOP)

    assert isinstance(decision, HandOff)
    assert decision.team == "security"


def test_a_sensitive_matter_that_also_applies_comes_first() -> None:
    decision = decide(understood(("opening-hours", 0.95), ("fraud", 0.6)), situation(), SHOP)

    assert isinstance(decision, HandOff)
    assert decision.reasons[0].rule == "sensitive"


def test_spam_is_set_aside_even_if_it_looks_a_little_like_fraud() -> None:
    decision = decide(understood(("fraud", 0.37), spam=0.99), situation(), SHOP)

    assert isinstance(decision, SetAside)


def test_a_report_of_fraud_is_no_spam_whatever_the_spam_filter_says() -> None:
    decision = decide(understood(("fraud", 0.9), spam=0.99), situation(), SHOP)

    assert isinstance(decision, HandOff)


def test_by_mail_nobody_is_asked_to_clarify() -> None:
    unsure = understood(("parcel-status", 0.6))

    assert isinstance(decide(unsure, situation(), SHOP), Ask)
    assert isinstance(decide(unsure, situation(channel="email"), SHOP), HandOff)


@pytest.mark.parametrize("questions", [0, 1, 3])
def test_a_definition_says_how_often_the_assistant_may_ask(questions: int) -> None:
    limits = SHOP.limits.model_copy(update={"clarifying_questions": questions})
    shop = SHOP.model_copy(update={"limits": limits})
    unsure = understood(("parcel-status", 0.6))
    asked = [isinstance(decide(unsure, situation(attempts=n), shop), Ask) for n in range(5)]

    assert asked == [n < questions for n in range(5)]


def test_the_same_inputs_give_the_same_decision() -> None:
    first = decide(understood(("refund", 0.9)), situation(), SHOP)
    second = decide(understood(("refund", 0.9)), situation(), SHOP)

    assert first == second


WATCHFUL = shop_definition(
    DEFINITION.replace(
        b"  routing:\n",
        b"  routing:\n"
        b"    - {condition: 'abuse > 0.8', team: security}\n"
        b"    - {condition: 'churn > 0.8', team: senior}\n"
        b"    - {condition: \"sentiment < -0.3 && trend == 'falling'\", team: parcels}\n",
    )
)


@pytest.mark.parametrize(
    ("message", "trend", "team"),
    [
        (understood(("refund", 0.9)), "steady", "money"),
        (understood(("refund", 0.9), abuse=0.95), "steady", "security"),
        (understood(("refund", 0.9), churn=0.9), "steady", "senior"),
        (understood(("refund", 0.9), churn=0.5, abuse=0.5), "steady", "money"),
        (understood(("refund", 0.9), sentiment=-0.5), "falling", "parcels"),
        (understood(("refund", 0.9), sentiment=-0.5), "steady", "money"),
    ],
)
def test_routing_goes_by_abuse_churn_and_the_way_the_mood_goes(
    message: Understanding, trend: str, team: str
) -> None:
    decision = decide(message, situation(trend=trend), WATCHFUL)

    assert isinstance(decision, DraftReply)
    assert decision.team == team


def test_what_was_understood_before_churn_and_abuse_were_looked_for_shows_neither() -> None:
    older = understood(("refund", 0.9), churn=0.7, abuse=0.7).to_data()
    del older["churn"], older["abuse"]

    read = Understanding.from_data(older)

    assert (read.churn, read.abuse) == (0.0, 0.0)

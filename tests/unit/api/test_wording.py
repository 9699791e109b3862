"""What agents read is written for people."""

from datetime import UTC, datetime
from typing import Any

import pytest

from answerable.api.desk.timeline import Titles, title_of
from answerable.api.desk.wording import facts_of, summary_of
from answerable.kit.ids import ConversationId, TenantId
from answerable.ledger.event import Event

TITLES = Titles(
    agents={"agt_1": "Sam"}, teams={"cards": "Cards team"}, intents={"card": "Where is my card"}
)


def event(kind: str, actor: str = "system", **data: Any) -> Event:
    return Event(
        tenant=TenantId("bank"),
        stream=ConversationId("cnv_1"),
        seq=1,
        kind=kind,
        actor=actor,
        at=datetime(2026, 1, 5, tzinfo=UTC),
        data=data,
        cause=None,
        hash="",
    )


def looked_up(operation: str, **facts: Any) -> Event:
    return event("looked_up", operation=operation, result="ok", facts=facts)


@pytest.mark.parametrize(
    ("event", "told"),
    [
        (
            looked_up("card-delivery", found=True, status="in_transit", kind="credit"),
            {
                "Card delivery": "found",
                "Card delivery, status": "In transit",
                "Card delivery, kind": "credit",
            },
        ),
        (looked_up("payment", found=False), {"Payment": "not found"}),
        (looked_up("accounts", found=True, count=2), {"Accounts": "2 found"}),
        (looked_up("accounts", found=False, count=0), {"Accounts": "not found"}),
        (looked_up("rate", rate="1.08"), {"Rate": "1.08"}),
        (looked_up("card-delivery", found=True, kind=None), {"Card delivery": "found"}),
        (event("looked_up", operation="payment", result="refused"), {"Payment": "not told"}),
        (event("understood"), {}),
    ],
)
def test_facts_have_labels_for_people(event: Event, told: dict[str, Any]) -> None:
    assert {fact.label: fact.value for fact in facts_of([event])} == told


def test_the_latest_of_what_was_looked_up_counts() -> None:
    facts = facts_of([looked_up("payment", found=False), looked_up("payment", found=True)])
    assert [(fact.label, fact.value) for fact in facts] == [("Payment", "found")]


@pytest.mark.parametrize(
    ("title", "language", "proof", "told"),
    [
        ("Fraud", "en", "signed-in", "Fraud, written in English. The contact is signed in."),
        ("Fraud", "de-AT", "anonymous", "Fraud, written in German. The contact is anonymous."),
        (None, "xx", "email", "A matter that was not recognised, written in xx. The contact is "
         "known by a mail address only."),
        ("Fraud", None, "anonymous", "Fraud. The contact is anonymous."),
    ],
)  # fmt: skip
def test_a_summary_says_what_and_who(
    title: str | None, language: str | None, proof: str, told: str
) -> None:
    assert summary_of(title=title, language=language, proof=proof) == told


@pytest.mark.parametrize(
    ("event", "told"),
    [
        (event("handed_off", team="cards", why="no card order found"),
         "Handed off to Cards team: no card order found."),
        (event("handed_off", team="gone"), "Handed off to gone."),
        (event("released", actor="agent:agt_1", team="cards"), "Sam gave it back to Cards team."),
        (event("understood", intents=[{"name": "card", "confidence": 0.934}]),
         "Understood as “Where is my card” with confidence 0.93."),
        (event("looked_up", connector="core-banking", fields=["expected_on"]),
         "Looked up expected on in core-banking."),
        (event("of_tomorrow"), "Of tomorrow."),
    ],
)  # fmt: skip
def test_the_timeline_calls_things_by_their_titles(event: Event, told: str) -> None:
    assert title_of(event, TITLES) == told

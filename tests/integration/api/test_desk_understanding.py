"""What the desk shows of understanding, and what agents say to it, over HTTP."""

from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from answerable.understanding.definition_examples import all_examples
from answerable.understanding.examples import data_hash
from answerable.understanding.report_store import save_report
from answerable.understanding.waves import LEAST
from tests.support.service import SHOP, House


async def test_what_an_agent_says_a_message_asks_for_is_shown_with_their_name(house: House) -> None:
    said = await house.says("fraud")
    client = await house.signed_in()
    place = f"/v1/desk/conversations/{said.conversation}"
    before = (await client.get(place)).json()["understood"]
    names = {one["name"] for one in (await client.get("/v1/desk/intents")).json()["items"]}

    body = {"message": before["message"], "intents": ["refund"]}
    labelled = await client.post(f"{place}/labels", json=body)

    assert (before["message"], before["label"], before["churn"]) == (said.seq, None, 0.0)
    assert {"refund", "fraud"} <= names
    assert labelled.status_code == 200
    after = (await client.get(place)).json()["understood"]
    assert after["label"] == {"intents": ["refund"], "by": "Agent"}
    events = (await client.get(f"{place}/events")).json()["items"]
    assert events[-1]["kind"] == "labelled"
    assert events[-1]["title"] == f"Agent labelled message {said.seq}: “A refund”."


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"message": 1, "intents": []}, 422),
        ({"message": 0, "intents": []}, 422),
        ({"message": 2, "intents": ["moon"]}, 422),
        ({"message": 2, "intents": ["refund"] * 6}, 422),
        ({"message": 2}, 422),
        ({"message": "two", "intents": []}, 422),
    ],
)
async def test_a_label_that_makes_no_sense_is_refused(
    house: House, body: dict[str, Any], status: int
) -> None:
    conversation = (await house.says("fraud")).conversation
    client = await house.signed_in()

    response = await client.post(f"/v1/desk/conversations/{conversation}/labels", json=body)

    assert response.status_code == status, response.text


async def test_supervisors_see_which_intents_are_automatic_and_what_others_lack(
    house: House,
) -> None:
    intent = {
        "name": "refund", "labelled": 40, "automatic": False, "answered": 0, "answered_right": 0,
        "answered_share": 0.0, "low": 0.0, "high": 1.0, "labels_wanted": 120,
    }  # fmt: skip
    chosen = {"coverage": 0.5, "precision": 0.99, "low": 0.97, "high": 1.0}
    spanish = {
        "name": "es", "labelled": 30, "automatic": True, "answered": 12, "answered_right": 12,
        "answered_share": 0.4, "low": 0.78, "high": 1.0, "labels_wanted": 0,
    }  # fmt: skip
    report = {
        "messages": 80, "asked_precision": 0.98, "chosen": chosen, "ece": 0.01,
        "intents": [intent], "languages": [spanish],
    }  # fmt: skip
    agent, supervisor = await house.signed_in(), await house.signed_in("supervisor")
    nothing = await supervisor.get("/v1/desk/model")
    await house.service.database.write(
        lambda tx: save_report(tx, SHOP, "m6-1", report, at=house.clock.now())
    )

    standing = (await supervisor.get("/v1/desk/model")).json()["standing"]

    assert nothing.json() == {"standing": None}
    assert (await agent.get("/v1/desk/model")).status_code == 403
    assert standing["trained_with"] is None  # nobody said what it was trained with
    assert (standing["model"], standing["coverage"], standing["asked"]) == ("m6-1", 0.5, 0.98)
    assert standing["intents"] == [
        {
            "name": "refund", "title": "A refund", "labelled": 40, "automatic": False,
            "coverage": None, "precision": None, "low": 0.0, "high": 1.0, "wanted": 120,
        }
    ]  # fmt: skip
    assert standing["languages"] == [
        {
            "name": "es", "title": "Spanish", "labelled": 30, "automatic": True,
            "coverage": 0.4, "precision": 1.0, "low": 0.78, "high": 1.0, "wanted": 0,
        }
    ]  # fmt: skip


async def test_a_report_says_whether_the_model_learnt_what_the_definition_teaches_now(
    house: House,
) -> None:
    chosen = {"coverage": 0.5, "precision": 0.99, "low": 0.97, "high": 1.0}
    report = {
        "messages": 80, "asked_precision": 0.98, "chosen": chosen, "ece": 0.01, "intents": []
    }  # fmt: skip
    definition = house.service.definitions.active(SHOP)
    now = data_hash(all_examples(definition.intents, definition.out_of_scope))
    fewer = dict(list(definition.intents.items())[1:])
    then = data_hash(all_examples(fewer, definition.out_of_scope))
    supervisor = await house.signed_in("supervisor")
    said = []
    for number, taught in enumerate((then, now)):
        house.clock.advance(timedelta(seconds=1))
        save = partial(
            save_report,
            tenant=SHOP,
            model=f"m6-{number}",
            report=report,
            at=house.clock.now(),
            definition=taught,
        )
        await house.service.database.write(save)
        standing = (await supervisor.get("/v1/desk/model")).json()["standing"]
        said.append((standing["trained_with"], standing["in_force"]))

    assert said == [(then, now), (now, now)]
    assert then != now


async def test_other_conversations_of_the_same_contact_are_suggested(house: House) -> None:
    client = await house.signed_in()
    first = (await house.says("fraud", by="anna")).conversation
    await client.post(f"/v1/desk/conversations/{first}/take-over")
    await client.post(f"/v1/desk/conversations/{first}/close")
    await house.says("fraud", by="ben")
    house.clock.advance(timedelta(days=10))
    second = (await house.says("fraud", by="anna")).conversation

    client = await house.signed_in()
    detail = (await client.get(f"/v1/desk/conversations/{second}")).json()

    assert first != second
    assert [(one["id"], one["status"], one["matter"]) for one in detail["related"]] == [
        (first, "closed", True)
    ]
    assert detail["related"][0]["intent"]["name"] == "fraud"
    house.clock.advance(timedelta(days=31))
    later = (await house.says("fraud again", by="anna")).conversation
    client = await house.signed_in()
    related = (await client.get(f"/v1/desk/conversations/{later}")).json()["related"]
    assert first not in [one["id"] for one in related]


async def test_many_who_write_much_the_same_are_shown_as_a_wave(house: House) -> None:
    for number in range(LEAST - 1):
        await house.says("fraud", by=f"customer-{number}")
    client = await house.signed_in()
    too_few = (await client.get("/v1/desk/waves")).json()
    latest = await house.says("fraud", by="one-more")

    within_a_minute = (await client.get("/v1/desk/waves")).json()
    house.clock.advance(timedelta(minutes=1))
    [wave] = (await client.get("/v1/desk/waves")).json()["items"]

    assert too_few == within_a_minute == {"items": []}
    assert (wave["contacts"], wave["usual"], wave["title"]) == (LEAST, 0.0, "Fraud")
    assert latest.conversation in wave["conversations"]
    house.clock.advance(timedelta(hours=1))
    client = await house.signed_in()
    assert (await client.get("/v1/desk/waves")).json() == {"items": []}

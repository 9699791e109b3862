"""What the desk shows of changes that wait for an approval, before anybody decides."""

import sqlalchemy as sa

from answerable.desk.approval_store import MOST_COUNTED, approval, count_open
from answerable.ledger.reading import read_feed
from tests.support.bank import ADDRESS, ANNA, BANK, BEN, Bank


async def test_the_list_says_whose_change_it_is_and_nothing_of_what_it_is(bank: Bank) -> None:
    await bank.proves(ANNA)
    await bank.proves(BEN)
    agent = await bank.signed_in()

    listed = await agent.get("/v1/desk/approvals")

    addresses = [one["contact"]["addresses_masked"] for one in listed.json()["items"]]
    assert addresses == [["a•••@example.com"], ["b•••@example.com"]]
    assert {one["channel"] for one in listed.json()["items"]} == {"email"}
    assert not [value for value in ADDRESS.values() if value in listed.text and len(value) > 2]
    assert (await agent.get("/v1/desk/overview")).json()["counts"]["approvals"] == 2


async def test_what_is_decided_no_longer_waits(bank: Bank) -> None:
    await bank.proves(ANNA)
    agent = await bank.signed_in()
    await bank.decides(agent, "refuse", await bank.approval(agent), reason="Not the customer.")

    assert (await agent.get("/v1/desk/overview")).json()["counts"]["approvals"] == 0


async def test_who_looked_at_which_change_is_noted_once_for_each_look(bank: Bank) -> None:
    await bank.proves(ANNA)
    agent = await bank.signed_in()
    [one] = (await agent.get("/v1/desk/approvals")).json()["items"]

    for _ in range(2):
        detail = (await agent.get(f"/v1/desk/approvals/{one['id']}")).json()

    assert {part["field"]: part["after"] for part in detail["changes"]} == ADDRESS
    feed = await bank.service.database.read(lambda tx: read_feed(tx, BANK, after=0, limit=1_000))
    looked = [event for event in feed if event.kind == "data_revealed"]
    assert [event.data["change"] for event in looked] == [one["id"]] * 2


async def test_very_many_are_not_counted_to_the_end(bank: Bank) -> None:
    await bank.proves(ANNA)
    columns = [column for column in approval.c if column.name != "change_id"]
    numbered = [
        sa.insert(approval).from_select(
            ["change_id", *(column.name for column in columns)],
            sa.select(sa.literal(f"chg_{number}"), *columns).limit(1),
        )
        for number in range(MOST_COUNTED + 20)
    ]

    def insert(tx: sa.Connection) -> None:
        for one in numbered:
            tx.execute(one)

    await bank.service.database.write(insert)

    counted = await bank.service.database.read(lambda tx: count_open(tx, [BANK]))

    assert counted == [MOST_COUNTED]

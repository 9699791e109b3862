"""From a mail to an address that the bank has changed, and everything that must not work."""

from pathlib import Path

from answerable.ledger.reading import read_feed
from answerable.playbooks.library import built_in_actions
from answerable.processes.replaying import replay
from answerable.processes.stored import opened, read_definitions
from tests.support.bank import ADDRESS, BANK, Bank, open_bank

OLD = {"street": "Lindenweg 12", "postal_code": "10115", "city": "Berlin", "country": "DE"}


async def test_from_a_mail_to_the_new_address(bank: Bank) -> None:
    conversation = await bank.mails("I moved, please update my address")
    browser = await bank.opens(await bank.link())
    assert "Change your address" in browser.text

    await bank.submits(browser, "confirm")
    assert "Street and number" in browser.text
    await bank.submits(browser, "enter", **ADDRESS)
    assert "Ahornweg 12" in browser.text
    await bank.submits(browser, "send-code")
    [text] = await bank.texts("+491713920001")
    assert "Ahornweg 12, 20095 Hamburg" in text
    assert await bank.requests() == []
    await bank.submits(browser, "code", digits=await bank.code())
    assert "Thank you" in browser.text

    assert await bank.customer() == OLD
    [request] = await bank.requests()
    assert (request["status"], request["changes"]) == ("pending", ADDRESS)
    agent = await bank.signed_in()
    approval = await bank.approval(agent)
    assert [(one["before"], one["after"]) for one in approval["changes"]] == [
        (OLD[name], ADDRESS[name]) for name in ("street", "postal_code", "city", "country")
    ]
    assert approval["proof"]["to_last2"] == "01"

    answer = await bank.decides(agent, "approve", approval)

    assert answer.status_code == 200, answer.text
    assert await bank.customer() == ADDRESS
    mails = (await bank.outside.get("/mail/messages")).json()["items"]
    assert "new address is now on record" in mails[-1]["text"]
    kinds = await bank.kinds(conversation)
    for kind in ("link_issued", "code_accepted", "change_submitted", "approved", "change_applied"):
        assert kinds.count(kind) == 1, kinds


async def test_every_decision_on_the_way_is_replayed_alike(tmp_path: Path) -> None:
    path, actions = tmp_path / "bank.db", built_in_actions()
    async with open_bank(path, postgres=False) as bank:
        await bank.proves()
        agent = await bank.signed_in()
        await bank.decides(agent, "approve", await bank.approval(agent))
        definition = bank.service.definitions.active(BANK)

    with opened(path) as engine:
        with engine.begin() as tx:
            definitions = read_definitions(tx, definition, actions)
        assert replay(engine, BANK, definitions, actions).told == []


async def test_what_an_agent_looked_at_stands_in_the_ledger(bank: Bank) -> None:
    await bank.proves()
    agent = await bank.signed_in()
    approval = await bank.approval(agent)

    feed = await bank.service.database.read(lambda tx: read_feed(tx, BANK, after=0, limit=1_000))
    [revealed] = [event for event in feed if event.kind == "data_revealed"]

    assert revealed.actor == f"agent:{bank.people['sam'].id}"
    assert revealed.data["change"] == approval["id"]
    assert "Ahornweg" not in str(revealed.data)

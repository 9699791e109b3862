"""One person who writes from several addresses: suggested to agents, and never merged."""

from collections.abc import Sequence

from sqlalchemy import Connection

from answerable.contacts.store import forget_contact
from answerable.desk.inbox_store import find_related, find_summaries
from answerable.desk.summary_store import Summary
from answerable.kit.ids import ConversationId
from tests.support.town import TENANT, Town

MAIL, ID = "anna@example.com", "C-1001"


async def related(town: Town, to: ConversationId) -> Sequence[Summary]:
    def query(tx: Connection) -> Sequence[Summary]:
        return find_related(tx, find_summaries(tx, TENANT, [to])[to])

    return await town.service.database.read(query, tenant=TENANT)


async def test_a_mail_and_a_chat_of_one_customer_are_shown_beside_each_other(town: Town) -> None:
    town.warehouse.customers = {MAIL: "7", ID: "7", "ben@example.com": "8"}
    mailed = (await town.mails("fraud!", by=MAIL)).conversation
    said = (await town.says("fraud, as I wrote", by=ID, signed_in=True)).conversation
    await town.mails("fraud!", by="ben@example.com")

    [there] = await related(town, said)
    [back] = await related(town, mailed)

    assert (there.id, back.id) == (mailed, said)
    assert there.contact_id != back.contact_id
    known = await town.last(mailed, "contact_known")
    assert "customer" not in known.data["facts"]
    assert "person" not in known.data


async def test_whom_the_back_office_does_not_tell_apart_is_nobody_elses(town: Town) -> None:
    town.warehouse.customers = {}
    mailed = (await town.mails("fraud!", by=MAIL)).conversation
    await town.says("fraud", by=ID, signed_in=True)

    assert list(await related(town, mailed)) == []


async def test_an_erased_contact_is_found_from_no_other_address(town: Town) -> None:
    town.warehouse.customers = {MAIL: "7", ID: "7"}
    mailed = (await town.mails("fraud!", by=MAIL)).conversation
    said = (await town.says("fraud", by=ID, signed_in=True)).conversation
    [there] = await related(town, said)

    await town.service.database.write(
        lambda tx: forget_contact(tx, TENANT, there.contact_id, at=town.clock.now())
    )

    assert list(await related(town, said)) == []
    assert list(await related(town, mailed)) == []

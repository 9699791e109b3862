"""What the back office has of a customer is masked in what they write from then on."""

import sqlalchemy as sa
from sqlalchemy import Connection

from answerable.contacts.store import contact, forget_contact, get_contact
from answerable.flow.message import Accepted
from answerable.kit.ids import ContactId
from answerable.privacy import store
from tests.support.town import TENANT, Town

ID = "C-1001"
RECORD = {
    "names": ["Quentin Lindqvist"],
    "addresses": [{"street": "Am Deich 5a", "postal_code": "26506", "town": "Norden"}],
    "phones": ["+4932221234567"],
}
SAID = "quentin lindqvist wohnt jetzt am deich 5 a und hat die 32221234567"
MASKED = "<name:1> wohnt jetzt <address:1> und hat die <phone:1>"


async def said(town: Town, at: Accepted) -> str:
    events = await town.events(at.conversation)
    return await town.text(next(event for event in events if event.seq == at.seq))


async def contact_of(town: Town, at: Accepted) -> ContactId:
    return ContactId((await town.events(at.conversation))[0].data["contact"])


async def values_with_text(town: Town, of: ContactId) -> int:
    def count(tx: Connection) -> int:
        value = store.vault_value.c
        there = value.contact_id == of, sa.func.length(value.sealed) > 0
        return tx.scalar(sa.select(sa.func.count()).where(*there)) or 0

    return await town.service.database.read(count, tenant=TENANT)


async def test_the_first_message_of_the_next_conversation_is_masked_by_the_record(
    town: Town,
) -> None:
    town.warehouse.records[ID] = RECORD
    first = await town.says("hours?", by=ID, signed_in=True)
    other = await said(town, await town.says(SAID, by="someone"))
    assert "am deich 5 a" in other
    assert "32221234567" in other

    await town.takes_over(first.conversation)
    await town.closes(first.conversation)
    second = await town.says(SAID, by=ID, signed_in=True)

    assert second.conversation != first.conversation
    assert await said(town, second) == MASKED


async def test_so_is_the_next_message_of_the_same_conversation(town: Town) -> None:
    town.warehouse.records[ID] = RECORD
    await town.says("hours?", by=ID, signed_in=True)

    assert await said(town, await town.says(SAID, by=ID, signed_in=True)) == MASKED


async def test_the_ledger_says_what_kinds_of_data_were_read_and_none_of_them(town: Town) -> None:
    town.warehouse.records[ID] = RECORD

    at = await town.says("hours?", by=ID, signed_in=True)

    known = await town.last(at.conversation, "contact_known")
    assert known.data["record"] == ["addresses", "names", "phones"]
    assert "record" not in known.data["facts"]
    for event in await town.events(at.conversation):
        assert "Lindqvist" not in str(event.data)


async def test_a_record_that_changed_replaces_the_one_before_and_the_same_is_kept_once(
    town: Town,
) -> None:
    town.warehouse.records[ID] = RECORD
    numbers = []
    for record in (RECORD, RECORD, {"phones": ["+4932227654321"]}):
        town.warehouse.records[ID] = record
        at = await town.says("fraud!", by=ID, signed_in=True)
        await town.takes_over(at.conversation)
        await town.closes(at.conversation)
        numbers.append(await values_with_text(town, await contact_of(town, at)))

    last = await town.says("32221234567 ist nun 32227654321", by=ID, signed_in=True)

    # Each conversation adds as many values; the first has the profile and the record besides.
    assert numbers[2] - numbers[1] == numbers[1] - numbers[0]
    assert await said(town, last) == "32221234567 ist nun <phone:1>"


async def test_of_an_erased_contact_nothing_is_known_nor_kept(town: Town) -> None:
    town.warehouse.records[ID] = RECORD
    at = await town.says("fraud!", by=ID, signed_in=True)
    contact_id = await contact_of(town, at)

    def erase(tx: Connection) -> None:
        town.service.vault.erase(tx, tenant=TENANT, contact_id=contact_id)
        forget_contact(tx, TENANT, contact_id, at=town.clock.now())

    await town.service.database.write(erase)

    def left(tx: Connection) -> str | None:
        assert get_contact(tx, TENANT, contact_id) is not None
        return tx.scalar(sa.select(contact.c.record_ref).where(contact.c.id == contact_id))

    assert await town.service.database.read(left, tenant=TENANT) is None
    assert await values_with_text(town, contact_id) == 0

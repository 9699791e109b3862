"""Erasure: nothing readable of a contact stays, and the ledger stays what it was."""

import hashlib
import sqlite3
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection

from answerable.channels.email.store import NewRawMail, add_raw_mail, get_raw_mail
from answerable.contacts.links_store import StoredLink, add_links, page_link
from answerable.contacts.one_time_codes import Bound, Standing, StoredCode
from answerable.contacts.one_time_codes_store import (
    claim_code,
    code_standing,
    one_time_code,
    save_standing,
)
from answerable.contacts.send_caps_store import claim_text, sent_text
from answerable.contacts.store import contact, contact_address
from answerable.desk.search_store import search_word
from answerable.flow.ports import Finding, Question
from answerable.kit.errors import NotFound
from answerable.kit.ids import ContactId, ConversationId, TenantId
from answerable.ledger.administration import administration_stream
from answerable.ledger.reading import read_events
from answerable.playbooks.library import built_in_actions
from answerable.privacy.store import vault_key, vault_value
from answerable.privacy.vault import Erased
from answerable.processes.erasure import Erasure, erase_contact
from answerable.processes.replaying import replay
from answerable.processes.stored import opened, read_definitions
from tests.support.searching import ids, indexed, searched
from tests.support.town import TENANT, FakeWarehouse, Town, open_town, shop_definition

CANARY = b"canary-of-the-yellow-kind"


async def erase(town: Town, contact: ContactId, tenant: TenantId = TENANT) -> Erasure:
    service = town.service
    return await erase_contact(
        service.database, service.vault, service.clock, tenant=tenant, contact_id=contact,
        by="agent:agt_1",
    )  # fmt: skip


async def contact_of(town: Town, conversation: ConversationId) -> ContactId:
    return ContactId((await town.events(conversation))[0].data["contact"])


def everything_on_disk(data: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(data.iterdir()))


async def secrets_of(town: Town, contact: ContactId) -> list[bytes]:
    """The bytes with which, and with the master key, the contact's texts could be read."""
    keys = sa.select(vault_key.c.wrapped_key).where(vault_key.c.contact_id == contact)
    sealed = sa.select(vault_value.c.sealed).where(vault_value.c.contact_id == contact)
    database = town.service.database
    found = [await database.read(lambda tx, q=q: tx.scalars(q).all()) for q in (keys, sealed)]  # type: ignore[misc]
    return [bytes(value) for values in found for value in values if value]


async def store_raw_mail(town: Town, raw_id: str) -> None:
    mail = NewRawMail(
        id=raw_id, tenant=TENANT, inbox="mail", source="smtp",
        digest=hashlib.sha256(raw_id.encode()).hexdigest(), size_bytes=10,
        received_at=town.clock.now(), wrapped_key=b"wrapped-" + CANARY,
        ciphertext=b"sealed-" + CANARY,
    )  # fmt: skip
    await town.service.database.write(lambda tx: add_raw_mail(tx, mail))


async def test_an_erased_contact_is_found_no_more_and_others_are(town: Town) -> None:
    gone = await town.mails("My kettle is broken", by="anna@example.com")
    stays = await town.mails("My kettle is broken too", by="ben@example.com")
    await indexed(town.service)
    await town.mails("And my toaster, which nobody has indexed yet", by="anna@example.com")
    contact = await contact_of(town, gone.conversation)

    await erase(town, contact)
    await indexed(town.service)

    assert ids(await searched(town.service, TENANT, "kettle")) == [stays.conversation]
    for query in ("toaster", "anna@example.com"):
        assert ids(await searched(town.service, TENANT, query)) == []
    kept = await town.service.database.read(
        lambda tx: tx.scalars(sa.select(search_word.c.opened).distinct()).all()
    )
    assert len(kept) == 1


@dataclass
class SlowWarehouse(FakeWarehouse):
    """meanwhile: what happens while it looks."""

    meanwhile: Callable[[], Awaitable[Any]] | None = None

    async def read(self, question: Question) -> Finding:
        if self.meanwhile is not None:
            await self.meanwhile()
        return await super().read(question)


async def test_what_is_found_while_a_contact_is_erased_is_not_kept(data: Path) -> None:
    warehouse = SlowWarehouse()
    town = open_town(data / "answerable.db", warehouse=warehouse)

    async def are_erased() -> None:
        await town.service.database.settle()
        people = sa.select(contact.c.id)
        [one] = await town.service.database.read(lambda tx: list(tx.scalars(people)))
        assert (await erase(town, ContactId(one))).known

    warehouse.meanwhile = are_erased
    said = await town.mails("Where is parcel P-1234?")

    person = await contact_of(town, said.conversation)
    assert len(warehouse.asked) == 1
    assert await secrets_of(town, person) == []
    looked = (await town.last(said.conversation, "looked_up")).data["values"]
    vault, database = town.service.vault, town.service.database
    found = await database.read(lambda tx: vault.get(tx, tenant=TENANT, id=looked))
    assert isinstance(found, Erased)
    await town.service.database.close()


async def test_nothing_of_an_erased_contact_is_left_on_disk(town: Town, data: Path) -> None:
    await store_raw_mail(town, "raw_1")
    first = await town.mails(f"My name is {CANARY.decode()}, hours please", raw_id="raw_1")
    await town.mails("parcel P-1234")
    contact = await contact_of(town, first.conversation)
    secrets = await secrets_of(town, contact)
    assert len(secrets) > 3
    assert all(secret in everything_on_disk(data) for secret in secrets)

    erased = await erase(town, contact)

    assert erased == Erasure(known=True, conversations=2, mails=1, log_emptied=True)
    left = everything_on_disk(data)
    assert [secret for secret in secrets if secret in left] == []
    assert CANARY not in left
    assert (data / "answerable.db-wal").stat().st_size == 0


async def test_what_is_erased_cannot_be_read_or_found(town: Town) -> None:
    await store_raw_mail(town, "raw_1")
    first = await town.mails("hours please", raw_id="raw_1")
    contact = await contact_of(town, first.conversation)

    await erase(town, contact)

    received = await town.last(first.conversation, "message_received")
    database = town.service.database
    text = await database.read(
        lambda tx: town.service.vault.get(tx, tenant=TENANT, id=received.data["text"]["ref"])
    )
    assert isinstance(text, Erased)
    assert await database.read(lambda tx: get_raw_mail(tx, TENANT, "raw_1")) is None
    addresses = await database.read(
        lambda tx: tx.scalars(
            sa.select(contact_address.c.lookup).where(contact_address.c.contact_id == contact)
        ).all()
    )
    assert addresses == []


def keep_for(tx: Connection, name: str, conversation: ConversationId, at: datetime) -> None:
    """Everything that is kept of a code, and a link."""
    bound = Bound(
        tenant=TENANT,
        conversation=conversation,
        contact=ContactId(f"con_{name}"),
        sent_to=f"phone of {name}",
        commitment="c",
    )
    claim_code(tx, StoredCode(id=f"cod_{name}", bound=bound, person=name, mac=b"m", made_at=at))
    save_standing(tx, TENANT, name, Standing(in_a_row=1))
    claim_text(
        tx,
        tenant=TENANT,
        number=bound.sent_to,
        prefix="49155",
        key=f"cod_{name}",
        at=at,
        limits=shop_definition().limits.text_messages,
    )
    link = StoredLink(
        token_hash=f"hash of {name}",
        tenant=TENANT,
        conversation=conversation,
        change=f"chg_{name}",
        expires_at=at,
    )
    add_links(tx, [link])


async def test_codes_tries_texts_and_links_go_with_their_contact(town: Town) -> None:
    gone = await town.mails("hours please")
    stays = await town.mails("hours please", by="ben@example.com")
    tables = (one_time_code, code_standing, sent_text, page_link)

    def keep(tx: Connection) -> None:
        for name, conversation in (("anna", gone.conversation), ("ben", stays.conversation)):
            keep_for(tx, name, conversation, town.clock.now())

    database = town.service.database
    await database.write(keep)

    await erase(town, await contact_of(town, gone.conversation))

    for table in tables:
        rows = await database.read(lambda tx, t=table: tx.execute(sa.select(t)).all())  # type: ignore[misc]
        assert len(rows) == 1, table.name
        assert "ben" in str(rows)
        assert "anna" not in str(rows)


async def test_others_keep_what_is_theirs(town: Town) -> None:
    first = await town.mails("hours please")
    other = await town.mails("hours please", by="ben@example.com")

    await erase(town, await contact_of(town, first.conversation))

    received = await town.last(other.conversation, "message_received")
    assert await town.text(received) == "hours please"


async def test_the_chain_and_the_decisions_survive_an_erasure(town: Town, data: Path) -> None:
    first = await town.mails("parcel P-1234")
    before = await town.events(first.conversation)
    await erase(town, await contact_of(town, first.conversation))

    assert await town.events(first.conversation) == before
    actions = built_in_actions()
    with opened(data / "answerable.db") as engine:
        with engine.begin() as tx:
            definitions = read_definitions(tx, shop_definition(), actions)
        assert replay(engine, TENANT, definitions, actions).told == []


async def test_the_erasure_is_recorded_and_may_be_repeated(town: Town) -> None:
    first = await town.says("parcel P-1234")
    contact = await contact_of(town, first.conversation)
    await erase(town, contact)
    await erase(town, contact)

    recorded = await town.service.database.read(
        lambda tx: read_events(tx, administration_stream(TENANT))
    )
    assert [(e.kind, e.actor, e.data) for e in recorded[1:]] == [
        ("contact_erased", "agent:agt_1", {"contact": contact})
    ] * 2


async def test_a_contact_who_writes_again_after_an_erasure_is_somebody_new(town: Town) -> None:
    first = await town.mails("hours please")
    contact = await contact_of(town, first.conversation)
    await erase(town, contact)

    again = await town.mails("hours please")

    assert await contact_of(town, again.conversation) != contact


async def test_another_tenants_contact_is_not_there(town: Town) -> None:
    first = await town.mails("hours please")
    contact = await contact_of(town, first.conversation)

    with pytest.raises(NotFound):
        await erase(town, contact, TenantId("somebody-else"))
    received = await town.last(first.conversation, "message_received")
    assert await town.text(received) == "hours please"


async def test_a_reader_that_holds_the_log_is_told_and_not_waited_for(
    town: Town, data: Path
) -> None:
    first = await town.mails("hours please")
    holder = sqlite3.connect(data / "answerable.db", isolation_level=None)
    holder.execute("BEGIN")
    holder.execute("SELECT count(*) FROM event").fetchone()
    service = town.service

    erased = await erase_contact(
        service.database, service.vault, service.clock, tenant=TENANT,
        contact_id=await contact_of(town, first.conversation), by="system",
        patience=timedelta(seconds=0.1),
    )  # fmt: skip

    holder.close()
    assert not erased.log_emptied

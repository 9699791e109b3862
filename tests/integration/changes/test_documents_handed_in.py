"""A document that shows a new name: from the contact's form to whoever approves the change."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import sqlalchemy as sa

from answerable.api import shield
from answerable.api.customer.page_view import LANGUAGES, texts
from answerable.api.shield import BODY_BYTES, UPLOAD_BYTES
from answerable.contacts.documents import MOST_BYTES, documents_in
from answerable.contacts.links import token_hash
from answerable.desk.agent import Role
from answerable.kit.ids import ContactId, TenantId
from answerable.ledger.reading import read_feed
from answerable.privacy.store import vault_value
from answerable.privacy.vault import Erased
from answerable.processes.erasure import erase_contact
from tests.support.bank import BANK, Bank, Browser
from tests.support.files import jpeg, pdf, png
from tests.support.service import PASSWORD

NAME = "Anna Keller"
FILE = ("Heiratsurkunde Schmidt.PDF", pdf("Anna Keller"))
OTHER = ("Urkunde.png", png())
HTML = b"<!doctype html><script>alert(document.domain)</script>"


async def at_the_form(bank: Bank) -> Browser:
    await bank.mails("I married")
    browser = await bank.opens(await bank.link())
    await bank.submits(browser, "confirm")
    return browser


async def asks_for_a_code(bank: Bank, document: tuple[str, bytes] = FILE) -> Browser:
    browser = await at_the_form(bank)
    await bank.submits(browser, "enter", name=NAME, document=document)
    await bank.submits(browser, "send-code")
    return browser


async def proves(bank: Bank, document: tuple[str, bytes] = FILE) -> Browser:
    browser = await asks_for_a_code(bank, document)
    await bank.submits(browser, "code", digits=await bank.code())
    assert "Thank you" in browser.text
    return browser


def address(approval: dict[str, Any], field: str = "document") -> str:
    return f"/v1/desk/approvals/{approval['id']}/documents/{field}"


async def kept(bank: Bank) -> list[int]:
    """Sizes of what the vault has for large files, in bytes; 0: overwritten."""
    query = sa.select(sa.func.length(vault_value.c.sealed))
    sizes = await bank.service.database.read(lambda tx: list(tx.scalars(query)))
    return sorted(size for size in sizes if size == 0 or size > 1_000_000)


# Handing in, and looking at it


async def test_from_the_form_to_the_agent_who_looks_at_it_and_approves(bank: Bank) -> None:
    browser = await at_the_form(bank)
    assert "such as a marriage certificate" in browser.text
    await bank.submits(browser, "enter", name=NAME, document=FILE)
    assert "Heiratsurkunde Schmidt.pdf, 0.1 KB" in browser.text
    await bank.submits(browser, "send-code")
    await bank.submits(browser, "code", digits=await bank.code())
    agent = await bank.signed_in()
    approval = await bank.approval(agent)
    assert approval["documents"] == [
        {
            "field": "document",
            "name": "Heiratsurkunde Schmidt.pdf",
            "media_type": "application/pdf",
            "size_bytes": len(FILE[1]),
        }
    ]

    looked_at = await agent.get(address(approval))

    assert looked_at.content == FILE[1]
    await bank.decides(agent, "approve", approval)
    assert (await bank.record())["name"] == NAME
    [request] = await bank.requests()
    assert request["changes"] == {"name": NAME}


async def test_who_opened_the_document_stands_in_the_ledger(bank: Bank) -> None:
    await proves(bank)
    agent = await bank.signed_in()
    approval = await bank.approval(agent)

    await agent.get(address(approval))

    feed = await bank.service.database.read(lambda tx: read_feed(tx, BANK, after=0, limit=1_000))
    looked = [event for event in feed if event.kind == "data_revealed"]
    assert [event.data["fields"] for event in looked] == [["name"], ["document"]]
    assert {event.actor for event in looked} == {f"agent:{bank.people['sam'].id}"}
    told = json.dumps([event.data for event in feed])
    assert "Heiratsurkunde" not in told
    assert NAME not in told


@pytest.mark.parametrize(
    ("document", "media_type", "shown"),
    [
        (FILE, "application/pdf", "attachment; "),
        (("Urkunde Zoë.jpeg", jpeg()), "image/jpeg", "inline; "),
        (("page.html", png() + HTML), "image/png", "inline; "),
    ],
    ids=["pdf", "jpeg", "a page behind a picture's head"],
)
async def test_a_document_is_served_as_what_it_is_and_can_do_nothing(
    bank: Bank, document: tuple[str, bytes], media_type: str, shown: str
) -> None:
    await proves(bank, document)
    agent = await bank.signed_in()

    answer = await agent.get(address(await bank.approval(agent)))

    headers = answer.headers
    assert answer.content == document[1]
    assert headers["content-type"] == media_type
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"
    assert headers["content-security-policy"].startswith("sandbox; default-src 'none'")
    assert "allow" not in headers["content-security-policy"]
    assert headers["cross-origin-opener-policy"] == "unsafe-none"  # else no browser shows it
    assert headers["content-disposition"].startswith(shown)
    assert ".html" not in headers["content-disposition"]
    assert headers["content-disposition"].isascii()


async def test_nobody_else_sees_a_document(bank: Bank) -> None:
    browser = await proves(bank)
    agent = await bank.signed_in()
    approval = await bank.approval(agent)
    elsewhere = TenantId("elsewhere-bank")
    definitions, agents = bank.service.definitions, bank.app.state.api.agents
    definitions.add(definitions.active(BANK).model_copy(update={"tenant": elsewhere}))
    bank.people["eve"] = await agents.create(
        elsewhere, name="Eve", email="eve@elsewhere.example", password=PASSWORD,
        role=Role.ADMINISTRATOR,
    )  # fmt: skip
    eve, mia = await bank.signed_in("eve"), await bank.signed_in("mia")
    await agents.suspend(BANK, bank.people["mia"].id)

    for client, status in ((eve, 404), (mia, 401), (browser.client, 401)):
        answer = await client.get(address(approval))
        assert answer.status_code == status
        assert FILE[1] not in answer.content
    for field, status in (("name", 404), ("documents", 404), ("Document", 422)):
        assert (await agent.get(address(approval, field))).status_code == status


async def test_an_erased_document_is_gone(bank: Bank) -> None:
    await proves(bank)
    agent = await bank.signed_in()
    approval = await bank.approval(agent)
    service = bank.service
    await erase_contact(
        service.database, service.vault, bank.clock, tenant=BANK, by="system",
        contact_id=ContactId(approval["contact"]["id"]),
    )  # fmt: skip

    answer = await agent.get(address(approval))

    assert (answer.status_code, answer.json()["code"]) == (404, "document_not_found")


# Exactly this document


async def test_a_document_swapped_after_the_code_needs_a_new_code(bank: Bank) -> None:
    browser = await asks_for_a_code(bank)
    code, page = await bank.code(), browser.form("code")
    await browser.look(edit="1")
    await bank.submits(browser, "enter", name=NAME, document=OTHER)

    stale = await browser.client.post(browser.path, data={**page, "digits": code})

    assert stale.status_code == 409
    assert await bank.requests() == []


async def test_a_document_that_is_not_there_any_more_is_not_approved(bank: Bank) -> None:
    await proves(bank)
    agent = await bank.signed_in()
    approval = await bank.approval(agent)
    vault, events = bank.service.vault, await bank.events(approval["conversation"])
    [entered] = [one.data["payload"]["ref"] for one in events if one.kind == "change_entered"]

    def remove(tx: sa.Connection) -> None:
        value = vault.get(tx, tenant=BANK, id=entered)
        assert not isinstance(value, Erased)
        vault.remove(tx, tenant=BANK, ids=[documents_in(value)["document"].ref])

    await bank.service.database.write(remove)

    assert (await agent.get(address(approval))).status_code == 404
    await bank.decides(agent, "approve", approval)

    assert (await bank.record())["name"] == "Anna Schmidt"


async def test_who_changes_the_name_only_keeps_the_document(bank: Bank) -> None:
    browser = await at_the_form(bank)
    await bank.submits(browser, "enter", name="Anna Kellr", document=FILE)
    await browser.look(edit="1")
    assert "You have chosen <bdi>Heiratsurkunde Schmidt.pdf, 0.1 KB</bdi>" in browser.text

    await bank.submits(browser, "enter", name=NAME)

    assert "Heiratsurkunde Schmidt.pdf" in browser.text
    await bank.submits(browser, "send-code")
    await bank.submits(browser, "code", digits=await bank.code())
    agent = await bank.signed_in()
    assert (await agent.get(address(await bank.approval(agent)))).content == FILE[1]


async def test_of_a_document_that_is_replaced_nothing_is_kept(bank: Bank) -> None:
    browser = await at_the_form(bank)
    large = pdf() + b"x" * 2_000_000 + b"%%EOF"
    for size in (0, 1, 2):
        await bank.submits(browser, "enter", name=NAME, document=("a.pdf", large + b" " * size))
        assert browser.page.status_code == 200
        await browser.look(edit="1")

    sizes = await kept(bank)

    assert [size > 0 for size in sizes] == [False, False, True]


async def test_another_browser_neither_sees_nor_keeps_the_document(bank: Bank) -> None:
    browser = await asks_for_a_code(bank)
    stranger = await bank.opens(browser.path)
    assert "Heiratsurkunde" not in stranger.text

    answer = await bank.submits(stranger, "enter", name=NAME)

    assert answer.status_code == 422
    assert "Please choose a file." in answer.text


# What is refused, and where it is said


@pytest.mark.parametrize(
    ("document", "told"),
    [
        (("", b""), "Please choose a file."),
        (("scan.pdf", b""), "nothing in this file"),
        (("scan.pdf", pdf() + b"x" * MOST_BYTES), "larger than 5 MB"),
        (("photo.png", HTML), "neither a photo"),
        (("photo.jpg", b"<svg/>"), "neither a photo"),
        (("photo.png", png(30_000, 30_000)), "more points"),
    ],
    ids=["none", "empty", "too large", "a page", "a drawing", "a bomb"],
)
async def test_what_cannot_be_taken_is_said_at_the_field(
    bank: Bank, document: tuple[str, bytes], told: str
) -> None:
    browser = await at_the_form(bank)

    answer = await bank.submits(browser, "enter", name=NAME, document=document)

    assert answer.status_code == 422
    assert 'aria-describedby="document-hint document-wrong"' in answer.text
    assert told in answer.text.split('id="document-wrong"')[1]
    assert f'value="{NAME}"' in answer.text
    assert await kept(bank) == []


async def test_with_a_name_that_is_wrong_the_file_is_asked_for_once_more(bank: Bank) -> None:
    browser = await at_the_form(bank)

    answer = await bank.submits(browser, "enter", name="1", document=FILE)

    assert "with letters" in answer.text
    assert "Please choose this file once more" in answer.text


def test_whatever_is_wrong_is_said_in_every_language() -> None:
    wanted = {"no_file", "empty", "too_large", "wrong_type", "too_many_pixels", "not_kept"}
    for language in LANGUAGES:
        said = texts(language)
        assert wanted <= said["wrong"].keys()
        assert said["changes"]["name"]["documents"]["document"]
        assert {"document_hint", "document_kept", "document_other", "units"} <= said.keys()


class Pieces:
    """A body that is sent as it is asked for; `taken`: how much of it was."""

    def __init__(self, total: int) -> None:
        self._total = total
        self.taken = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while self.taken < self._total:
            self.taken += 65_536
            yield b"x" * 65_536


FORM = {"Content-Type": "multipart/form-data; boundary=x"}


async def test_a_body_far_too_large_is_refused_before_it_is_read(bank: Bank) -> None:
    browser = await at_the_form(bank)
    body = Pieces(10 * UPLOAD_BYTES)

    answer = await browser.client.post(
        browser.path,
        content=body,
        headers={**FORM, "Content-Length": str(10 * UPLOAD_BYTES)},
    )

    assert (answer.status_code, body.taken) == (413, 0)
    assert "larger than 5 MB" in answer.text.split('id="document-wrong"')[1]


async def test_a_body_that_does_not_say_how_large_it_is_is_read_up_to_its_limit(
    bank: Bank,
) -> None:
    browser = await at_the_form(bank)
    body = Pieces(10 * UPLOAD_BYTES)

    answer = await browser.client.post(browser.path, content=body, headers=FORM)

    assert answer.status_code in (403, 413)
    assert body.taken <= UPLOAD_BYTES + 65_536


async def test_a_form_with_a_file_that_is_never_complete_is_refused(
    bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shield, "UPLOAD_SECONDS", 0.1)
    browser = await at_the_form(bank)

    async def for_ever() -> AsyncIterator[bytes]:
        yield b"--x\r\n"
        await asyncio.Event().wait()

    answer = await browser.client.post(browser.path, content=for_ever(), headers=FORM)

    assert answer.status_code == 408
    assert bank.app.state.api.uploads.take(token_hash(browser.path.rpartition("/")[2]))


async def test_nowhere_else_is_such_a_body_read(bank: Bank) -> None:
    await bank.mails()
    browser = await bank.opens(await bank.link())
    await bank.submits(browser, "confirm")  # a form without a document
    stranger = await bank.opens(browser.path)
    stranger.client.cookies.clear()
    name_form = await at_the_form(bank)
    stranger_path = name_form.path
    agent = await bank.signed_in()

    for client, path, status in (
        (browser.client, browser.path, 403),
        (stranger.client, stranger_path, 403),
        (browser.client, "/c/" + "A" * 32, 404),
        (agent, "/v1/desk/sessions", 413),
    ):
        body = Pieces(BODY_BYTES + 1)
        answer = await client.post(
            path,
            content=body,
            headers={**FORM, "Content-Length": str(BODY_BYTES + 1)},
        )
        assert (answer.status_code, body.taken) == (status, 0)


async def test_a_form_of_another_page_is_refused_with_a_file_too(bank: Bank) -> None:
    browser = await at_the_form(bank)
    form = browser.form("enter")
    files = {"document": FILE}

    for data in ({**form, "form": "0" * 32, "name": NAME}, {"act": "enter", "name": NAME}):
        answer = await browser.client.post(browser.path, data=data, files=files)
        assert answer.status_code == 403
    assert await bank.requests() == []


async def test_so_many_files_are_read_at_a_time_and_no_more(bank: Bank) -> None:
    browser = await at_the_form(bank)
    uploads, link = bank.app.state.api.uploads, token_hash(browser.path.rpartition("/")[2])
    assert uploads.take(link)
    assert uploads.take(link)
    form = browser.form("enter")

    busy = await browser.client.post(
        browser.path, data={**form, "name": NAME}, files={"document": FILE}
    )

    assert busy.status_code == 429
    uploads.leave(link)
    answer = await bank.submits(browser, "enter", name=NAME, document=FILE)
    assert "Is everything right?" in answer.text

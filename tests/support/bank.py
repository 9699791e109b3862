"""The demo bank for stories about changes of data: the real sandbox over HTTP and SMTP, and the
platform in this process, with pages and desk behind ASGI.
"""

import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

import httpx
from fastapi import FastAPI

from answerable.api.app import create_app
from answerable.channels.email.compose import MailIdentity
from answerable.channels.email.delivery import MailDelivery
from answerable.channels.email.reply_token import ReplyTokens
from answerable.channels.email.smtp_out import SmtpSender
from answerable.connectors.core_banking.connector import CoreBanking
from answerable.connectors.http import Ambassador, Breaker
from answerable.connectors.sms.connector import create as sms_connector
from answerable.definition.load import load_definition
from answerable.definition.terms import Proof
from answerable.desk.agent import Agent, Role
from answerable.flow.acts import TakeOver
from answerable.flow.definitions import Definitions
from answerable.flow.handlers import World
from answerable.flow.message import InboundMessage, Sender
from answerable.flow.service import Service
from answerable.kit.ids import ConversationId, TenantId
from answerable.kit.testing import SettableClock
from answerable.ledger.event import Event
from answerable.ledger.reading import read_events
from answerable.playbooks.library import built_in_actions
from answerable.privacy.keys import MasterKey
from answerable.processes.alarm import TeamAlarm
from answerable.processes.assemble import assemble
from answerable.processes.demo import SMS_TOKEN
from answerable.processes.mail import smtp_settings
from answerable.understanding.testing import KeywordReader
from answerable_sandbox.runner import Sandbox
from answerable_sandbox.world import build_world
from tests.support.needs import REPOSITORY
from tests.support.service import PASSWORD, quick_passwords
from tests.support.stores import open_store

BANK = TenantId("northwind-bank")
ANNA = "anna.schmidt@example.com"
BEN = "ben.okafor@example.com"
NOBODY = "nobody@example.net"
NEW_EMAIL = "anna@new.example"
ADDRESS = {
    "street": "Ahornweg 12",
    "postal_code": "20095",
    "city": "Hamburg",
    "country": "DE",
}
WORDS = {
    "moved": ("address-change", 0.97),
    "number": ("phone-change", 0.97),
    "mailbox": ("email-change", 0.97),
    "married": ("name-change", 0.97),
    "advertising": ("marketing-consent", 0.97),
    "limit": ("card-limit", 0.97),
    "fraud": ("fraud-report", 0.97),
    "replacement": ("card-replacement", 0.97),
    "twice": ("transaction-dispute", 0.97),
    "statement": ("account-statement", 0.97),
    "balance": ("balance-inquiry", 0.97),
    "thanks": ("thanks", 0.97),
}
_ACCOUNT = "AC" + "0" * 32
_MESSAGES = f"/sms/2010-04-01/Accounts/{_ACCOUNT}/Messages.json"
_LINK = re.compile(r"http://localhost(/c/[\w-]{32})")
_HIDDEN = re.compile(r'name="(form|act|seen)" value="([^"]*)"')
_CODE = re.compile(r"\b\d{6}\b")


def form_on(page: str, act: str) -> dict[str, str] | None:
    """What the form with this act on a page would send, but for what is typed; None: no such."""
    for part in page.split("<form")[1:]:
        hidden = dict(_HIDDEN.findall(part))
        if hidden.get("act") == act:
            return hidden
    return None


@dataclass
class Browser:
    """Somebody at a page, who fills in what it shows."""

    client: httpx.AsyncClient
    path: str
    page: httpx.Response

    @property
    def text(self) -> str:
        return self.page.text

    async def look(self, **query: str) -> httpx.Response:
        self.page = await self.client.get(self.path, params=query)
        return self.page

    async def submits(
        self, act: str, *, document: tuple[str, bytes] = ("", b""), **fields: str
    ) -> httpx.Response:
        """The form with this act, as the page shows it; the page that follows.

        document: name and bytes of a file, sent if the form asks for one.
        """
        self.page = await self.client.post(self.path, **self.sent(act, document, fields))
        return self.page

    def sent(self, act: str, document: tuple[str, bytes], fields: dict[str, str]) -> dict[str, Any]:
        """What a browser sends of this form."""
        form = {**self.form(act), **fields}
        if act != "enter" or "multipart/form-data" not in self.page.text:
            return {"data": form}
        return {"data": form, "files": {"document": document}}

    def form(self, act: str) -> dict[str, str]:
        found = form_on(self.page.text, act)
        assert found is not None, f"no form to {act} on this page: {self.page.text}"
        return found


@dataclass
class Bank:
    """See `open_bank`."""

    service: Service
    app: FastAPI
    sandbox: Sandbox
    clock: SettableClock
    outside: httpx.AsyncClient
    people: dict[str, Agent] = field(default_factory=dict)
    _mails: int = 0

    async def mails(
        self, text: str = "I moved, please update my address", *, by: str = ANNA, **more: Any
    ) -> ConversationId:
        """A mail to the bank, and all that follows from it."""
        self._mails += 1
        accepted = await self.service.accept(
            InboundMessage(
                tenant=BANK,
                inbox="support-mail",
                channel="email",
                external_id=f"mail-{self._mails}",
                text=text,
                subject="My address",
                sender=Sender(kind="email", address=by),
                proof=Proof.ANONYMOUS,  # as without a mail server that is believed
                at=self.clock.now(),
                message_id=f"<{self._mails}@example.com>",
                **more,
            )
        )
        await self.service.settle()
        return accepted.conversation

    async def says(
        self, text: str, *, by: str = "C-1001", proof: Proof = Proof.SIGNED_IN
    ) -> ConversationId:
        """In the chat of the bank's portal, and all that follows from it."""
        self._mails += 1
        kind: Any = "visitor" if proof is Proof.ANONYMOUS else "customer"
        accepted = await self.service.accept(
            InboundMessage(
                tenant=BANK, inbox="website-chat", channel="chat", text=text,
                external_id=f"chat-{self._mails}", sender=Sender(kind=kind, address=by),
                proof=proof, at=self.clock.now(),
            )
        )  # fmt: skip
        await self.service.settle()
        return accepted.conversation

    async def chat(self, conversation: ConversationId) -> str:
        """What the contact sees in it."""
        page = await self.app.state.api.chat.history.after(BANK, conversation, 0, language="en")
        return "\n".join(str(frame.event.text) for frame in page.frames)

    async def link_in_chat(self, conversation: ConversationId) -> str:
        return str(_LINK.findall(await self.chat(conversation))[-1])

    async def link(self, to: str = ANNA) -> str:
        """The path of the link in the latest mail to this address, from the sandbox."""
        found = await self.outside.get("/mail/messages", params={"to": to})
        return str(_LINK.findall(found.json()["items"][-1]["text"])[0])

    async def opens(self, path: str) -> Browser:
        """A browser of its own."""
        client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=self.app), base_url="http://localhost",
            follow_redirects=True,
        )  # fmt: skip
        return Browser(client=client, path=path, page=await client.get(path))

    async def inbox_of(self, to: str) -> list[dict[str, Any]]:
        """The mails to this address, oldest first."""
        found = await self.outside.get("/mail/messages", params={"to": to})
        items: list[dict[str, Any]] = found.json()["items"]
        return items

    async def texts(self, to: str | None = None) -> list[str]:
        """Bodies of the text messages, oldest first."""
        query = {"To": to} if to else {}
        found = await self.outside.get(_MESSAGES, params=query, auth=(_ACCOUNT, SMS_TOKEN))
        return [message["body"] for message in found.json()["messages"]][::-1]

    def shown_by_app(self, number: str = "C-1001") -> str:
        """The digits that a customer's authenticator app shows now."""
        return self.sandbox.world.bank.shown_by_apps()[number]

    async def asked_for_the_app(self, by: str = ANNA, email: str = NEW_EMAIL) -> Browser:
        """From the mail to the page that waits for the digits of an authenticator app."""
        await self.mails("I have another mailbox", by=by)
        browser = await self.opens(await self.link(by))
        await self.submits(browser, "confirm")
        await self.submits(browser, "enter", email=email)
        return browser

    async def code(self) -> str:
        """The digits in the latest text message."""
        return str(_CODE.findall((await self.texts())[-1])[0])

    async def submits(self, browser: Browser, act: str, **fields: Any) -> httpx.Response:
        """And all that follows. fields: as of `Browser.submits`."""
        response = await browser.submits(act, **fields)
        await self.service.settle()
        return response

    async def asks_for_a_code(self, by: str = ANNA, address: dict[str, str] = ADDRESS) -> Browser:
        """From the mail to the page that waits for the digits."""
        await self.mails(by=by)
        browser = await self.opens(await self.link(by))
        await self.submits(browser, "confirm")
        await self.submits(browser, "enter", **address)
        await self.submits(browser, "send-code")
        return browser

    async def proves(self, by: str = ANNA, address: dict[str, str] = ADDRESS) -> Browser:
        """From the mail to a change that waits for an approval."""
        browser = await self.asks_for_a_code(by, address)
        await self.submits(browser, "code", digits=await self.code())
        return browser

    async def signed_in(self, who: str = "sam") -> httpx.AsyncClient:
        client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=self.app), base_url="http://localhost"
        )
        signed = await client.post(
            "/v1/desk/sessions",
            json={"email": self.people[who].email, "password": PASSWORD},
        )
        client.headers["X-CSRF-Token"] = signed.json()["csrf"]
        return client

    async def approval(self, agent: httpx.AsyncClient) -> dict[str, Any]:
        """The only one that waits, in detail."""
        [one] = (await agent.get("/v1/desk/approvals")).json()["items"]
        found: dict[str, Any] = (await agent.get(f"/v1/desk/approvals/{one['id']}")).json()
        return found

    async def decides(
        self, agent: httpx.AsyncClient, what: str, approval: dict[str, Any], **more: str
    ) -> httpx.Response:
        body = {"commitment": approval["commitment"], **more}
        answer = await agent.post(f"/v1/desk/approvals/{approval['id']}/{what}", json=body)
        await self.service.settle()
        return answer

    async def takes_over(self, conversation: ConversationId) -> None:
        agent = self.people["sam"]
        await self.service.act(
            TakeOver(
                tenant=BANK, conversation=conversation, agent=agent.id, agent_name=agent.name,
            )
        )  # fmt: skip
        await self.service.settle()

    async def customer(self, number: str = "C-1001") -> dict[str, str]:
        """As core banking has them."""
        found = await self.outside.get(f"/core/customers/{number}")
        return {name: found.json()[name] for name in ADDRESS}

    async def record(self, number: str = "C-1001") -> dict[str, Any]:
        """All of a customer, as core banking has them."""
        found: dict[str, Any] = (await self.outside.get(f"/core/customers/{number}")).json()
        return found

    async def requests(self) -> list[dict[str, Any]]:
        """The change requests at core banking."""
        items: list[dict[str, Any]] = (await self.outside.get("/core/change-requests")).json()[
            "items"
        ]
        return items

    async def events(self, conversation: ConversationId) -> list[Event]:
        return await self.service.database.read(lambda tx: read_events(tx, conversation))

    async def kinds(self, conversation: ConversationId) -> list[str]:
        return [event.kind for event in await self.events(conversation)]

    async def time_passes(self, delta: timedelta) -> None:
        self.clock.advance(delta)
        await self.service.settle()


@asynccontextmanager
async def open_bank(
    path: Path,
    *,
    postgres: bool | None = None,
    texts: Any = None,
    core: Callable[[CoreBanking], Any] = lambda connector: connector,
    also: str = "",
    instead: Mapping[str, str] = MappingProxyType({}),
    post: Callable[[MailDelivery], Any] = lambda delivery: delivery,
    public_url: str | None = "http://localhost",
) -> AsyncIterator[Bank]:
    """path: of the database file. texts: instead of the sandbox's gateway. core: what stands
    between the platform and the connector to core banking; post: between it and the mail server.
    also: what the definition says besides; instead: and in the place of what."""
    clock = SettableClock()
    async with Sandbox(build_world(clock=clock.now), http_port=0, smtp_port=0) as sandbox:
        actions = built_in_actions()
        definitions = Definitions(actions)
        source = REPOSITORY / "examples" / "northwind-bank" / "service.yaml"
        text = source.read_text(encoding="utf-8") + also
        for written, other in instead.items():
            assert text.count(written) == 1, written
            text = text.replace(written, other)
        loaded = load_definition(source, text.encode(), actions=actions.catalogue)
        assert loaded.definition is not None, "\n".join(map(str, loaded.problems))
        definitions.add(loaded.definition)
        banking = CoreBanking(
            Ambassador(
                name="core-banking", base_url=f"{sandbox.url}/core",
                headers={"X-Api-Key": "sandbox"},
                breaker=Breaker(now=lambda: clock.now().timestamp()),
            )
        )  # fmt: skip
        gateway = sms_connector(
            loaded.definition.integrations["sms"], f"{sandbox.url}/sms", lambda _: SMS_TOKEN
        )
        master = MasterKey(b"k" * 32)
        smtp = SmtpSender(smtp_settings(f"smtp+plain://127.0.0.1:{sandbox.smtp_port}"))
        identity = MailIdentity(address="support@northwind.example", name="Bank", instance="test")
        delivery = MailDelivery(
            sender=smtp,
            tokens=ReplyTokens(b"s" * 32),
            identities={(BANK, "support-mail"): identity},
            clock=clock,
        )
        service = assemble(
            database=open_store(path, postgres=postgres),
            clock=clock,
            master=master,
            definitions=definitions,
            actions=actions,
            world=World(
                reader=KeywordReader(WORDS),
                connectors={
                    (BANK, "core-banking"): core(banking),
                    (BANK, "sms"): texts or gateway,
                },
                deliverers={(BANK, "support-mail"): post(delivery)},
                alarm=TeamAlarm(delivery),
            ),
            public_url=public_url,
        )
        app = create_app(service, passwords=quick_passwords())
        async with httpx.AsyncClient(
            base_url=sandbox.url, headers={"X-Api-Key": "sandbox"}
        ) as outside:
            bank = Bank(service=service, app=app, sandbox=sandbox, clock=clock, outside=outside)
            for who, email in (("sam", "sam@northwind.example"), ("mia", "mia@northwind.example"),
                               ("anna", ANNA)):  # fmt: skip
                bank.people[who] = await app.state.api.agents.create(
                    BANK, name=who.capitalize(), email=email, password=PASSWORD, role=Role.AGENT
                )
            yield bank
        await service.database.close()
        await smtp.close()
        await banking.close()
        await gateway.close()

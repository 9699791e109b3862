"""Customers of the demo bank who have moved, and agents who approve it: over real HTTP, as people.

Customers come from network addresses of their own and do what the page in front of them asks for;
whatever went wrong, they look at it again. Mails and text messages arrive as the sandbox sent them.
"""

import asyncio
import re
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Any, Self

import httpx

from answerable.processes.demo import PASSWORD, create_people
from answerable.processes.settings import read_settings
from answerable.processes.wiring import open_platform
from answerable_sandbox.systems.bank_records import Customer
from answerable_sandbox.systems.seed import CUSTOMERS
from answerable_sandbox.world import World
from tests.support.bank import ADDRESS, form_on
from tests.support.letters import letter, post
from tests.support.processes import MODELS, Instance

AGENT, SUPERVISOR = "agent@northwind.example", "supervisor@northwind.example"
MOVED = "I moved, please update my address."
DONE = "<h1>Thank you</h1>"
SENT, CHANGED = "enter your new address here", "new address is now on record"
MOST_ACTS = 40  # of one customer; more is a circle
LOOK_EVERY = 0.02  # seconds
ANSWER_WITHIN = 30.0
_LINK = re.compile(r"http://[^/\s]+(/c/[\w-]{32})")
_CODE = re.compile(r"\b\d{6}\b")

Phase = Callable[[str], Awaitable[None]]


def new_customers(world: World, count: int) -> list[Customer]:
    """So many more have an account. Fifty have numbers that begin alike, who may
    each ask for a second code within the hour."""
    made = []
    for number in range(count):
        one = replace(
            CUSTOMERS[0], id=f"C-{20_000 + number}", name=f"Customer {number}",
            email=f"mover{number}@example.com", phone=f"+49{150 + number // 50}{number:08d}",
        )  # fmt: skip
        world.bank.records.customers[one.id] = one
        made.append(one)
    return made


async def engage_people(instance: Instance) -> None:
    """The demo's agents work at this installation, which does not run yet."""
    given = {"DATA": str(instance.data), "MODELS": str(MODELS), **instance.settings}
    named = {f"ANSWERABLE_{name}": value for name, value in given.items()}
    platform = await open_platform(read_settings(named), instance.services)
    try:
        await create_people(platform)
    finally:
        await platform.close()


class Letterbox:
    """What the sandbox has sent out, by recipient. A context: looks while it is open.

    A mail that came over the wire twice under one Message-ID is one mail.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._got: dict[str, dict[str, str]] = defaultdict(dict)
        self._news: dict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self._last_mail = 0
        self._texts = 0
        self._looking: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._looking = asyncio.create_task(self._look_forever())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._looking is not None
        self._looking.cancel()
        await asyncio.gather(self._looking, return_exceptions=True)

    def got(self, recipient: str, words: str = "") -> list[str]:
        """Texts to this address or number with these words, oldest first."""
        return [text for text in self._got[recipient].values() if words in text]

    async def get(self, recipient: str, words: str = "", *, before: int = 0) -> str:
        """The next one after the first `before`, once it has come."""
        while len(found := self.got(recipient, words)) <= before:
            self._news[recipient].clear()
            await self._news[recipient].wait()
        return found[before]

    async def _look_forever(self) -> None:
        while True:
            for mail in self._world.mail.mails():
                if mail.id > self._last_mail:
                    self._last_mail = mail.id
                    for one in mail.recipients:
                        self._put(one, mail.headers["Message-ID"], mail.text)
            for text in list(self._world.sms.messages)[self._texts :]:
                self._texts += 1
                self._put(text.to, text.sid, text.body)
            await asyncio.sleep(LOOK_EVERY)

    def _put(self, recipient: str, key: str, text: str) -> None:
        self._got[recipient][key] = text
        self._news[recipient].set()


class Caller:
    """Somebody who asks a service. A context. waits: by what was asked, seconds of each answer.

    refused: how often they were told to come again. host: the network address they come from.
    """

    def __init__(self, http: str, host: str = "127.0.0.1") -> None:
        transport = httpx.AsyncHTTPTransport(local_address=host, verify=False)
        self.client = httpx.AsyncClient(transport=transport, base_url=http, timeout=ANSWER_WITHIN)
        self.waits: dict[str, list[float]] = defaultdict(list)
        self.refused = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.client.aclose()

    async def ask(self, what: str, method: str, path: str, **more: Any) -> httpx.Response:
        """The answer, asked for again while nobody answers or all are busy: what was asked may so
        have been done before."""
        while True:
            began = time.perf_counter()
            try:
                answer = await self.client.request(method, path, **more)
            except httpx.TransportError:
                await asyncio.sleep(0.1)
                continue
            if answer.status_code not in (429, 503):
                self.waits[what].append(time.perf_counter() - began)
                return answer
            self.refused += 1
            await asyncio.sleep(float(answer.headers.get("Retry-After", 1)))


async def _no_phase(_name: str) -> None:
    """For a story in which nothing is to happen between its phases."""


@dataclass(eq=False)
class Mover(Caller):
    """A customer who moves to `street`.

    phase: called before each act that matters, with its name. no_text: returns once no text message
    is to be expected any more; they ask for another code then. None: one comes, sooner or later.
    """

    customer: Customer
    street: str
    http: str
    letters: Letterbox
    host: str = "127.0.0.1"
    phase: Phase = _no_phase
    no_text: Callable[[], Awaitable[None]] | None = None
    path: str = ""
    page: str = ""
    used: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        super().__init__(self.http, self.host)

    @property
    def address(self) -> dict[str, str]:
        return {**ADDRESS, "street": self.street}

    async def writes(self, port: int) -> None:
        await self.phase("mail")
        await post(letter(self.customer.email, subject="My address", text=MOVED), port)

    async def moves(self) -> None:
        """From the link in the bank's mail to the page that says that it is done."""
        mail = await self.letters.get(self.customer.email, SENT)
        self.path = _LINK.findall(mail)[0]
        await self.look()
        for _ in range(MOST_ACTS):
            if self.shows("confirm"):
                await self.phase("confirm")
                await self.act("confirm")
            elif self.shows("enter"):
                await self.phase("enter")
                await self.act("enter", **self.address)
            elif self.shows("code"):
                await self._types_the_code()
            elif self.shows("send-code"):
                await self.phase("ask")
                await self.act("send-code")
            else:
                break
        assert DONE in self.page, f"{self.customer.email} is left with: {self.page}"

    async def _types_the_code(self) -> None:
        text = await self._text()
        if text is None:
            await self.act("send-code")
            return
        self.used += 1
        await self.phase("code")
        await self.act("code", digits=_CODE.findall(text)[0])

    async def _text(self) -> str | None:
        """The next text message; None if there is not to be one."""
        coming = asyncio.create_task(self.letters.get(self.customer.phone, before=self.used))
        if self.no_text is None:
            return await coming
        in_vain = asyncio.ensure_future(self.no_text())
        await asyncio.wait({coming, in_vain}, return_when=asyncio.FIRST_COMPLETED)
        for one in (coming, in_vain):
            one.cancel()
        await asyncio.gather(coming, in_vain, return_exceptions=True)
        return None if coming.cancelled() else coming.result()

    def shows(self, act: str) -> bool:
        return form_on(self.page, act) is not None

    async def look(self) -> None:
        self.page = (await self.ask("look", "GET", self.path)).text

    async def act(self, act: str, **fields: str) -> None:
        """Whatever came of it, the page that is there afterwards says it."""
        form = form_on(self.page, act)
        assert form is not None, f"no form to {act} on this page: {self.page}"
        await self.ask(act, "POST", self.path, data={**form, **fields})
        await self.look()


class Approver(Caller):
    """An agent of the demo who decides on changes."""

    async def signs_in(self, email: str = AGENT) -> Self:
        body = {"email": email, "password": PASSWORD}
        answer = await self.ask("sign in", "POST", "/v1/desk/sessions", json=body)
        self.client.headers["X-CSRF-Token"] = answer.json()["csrf"]
        return self

    async def waiting(self) -> list[str]:
        """Changes that wait for a decision, the first 200."""
        answer = await self.ask("list", "GET", "/v1/desk/approvals", params={"limit": 200})
        return [one["id"] for one in answer.json()["items"]]

    async def some_wait(self) -> list[str]:
        """The same, as soon as there are any."""
        # Another process has them: there is nothing here to be woken by.
        while not (found := await self.waiting()):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        return found

    async def looks_at(self, change: str) -> dict[str, Any]:
        answer = await self.ask("open", "GET", f"/v1/desk/approvals/{change}")
        found: dict[str, Any] = answer.json()
        return found

    async def approves(self, approval: dict[str, Any], *, key: str | None = None) -> httpx.Response:
        """What they have seen. key: of this try."""
        return await self.ask(
            "approve", "POST", f"/v1/desk/approvals/{approval['id']}/approve",
            json={"commitment": approval["commitment"]},
            headers={"Idempotency-Key": key} if key else {},
        )  # fmt: skip

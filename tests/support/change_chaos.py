"""Scenes with changes of address: killed at every durable step, and very many at the same time.

Afterwards the bank has applied each change once, whoever was sent a code was sent it once, the CRM
was told each thing once, and nothing is left to be done.
"""

import asyncio
import re
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from joserfc.jwk import RSAKey

from answerable.kit.failpoints import EXIT_CODE
from answerable.ledger.checkpoint import SigningKey
from answerable.ledger.event import Event
from answerable.processes.case_story import is_told
from answerable.processes.demo import SMS_TOKEN
from answerable_sandbox.runner import Sandbox
from answerable_sandbox.settings import Settings
from answerable_sandbox.systems.bank_records import Customer
from answerable_sandbox.world import World, build_world
from tests.support import ledgers
from tests.support.chaos import Told, check_ledger, is_busy, until
from tests.support.cluster import MASTER_KEY
from tests.support.mail_chaos import bank, mail_port
from tests.support.movers import (
    CHANGED,
    SENT,
    Approver,
    Letterbox,
    Mover,
    engage_people,
    new_customers,
)
from tests.support.processes import Instance, Zygote, living

PAUSE = 31.0  # seconds before another code may be asked for
IN_FLIGHT = 61.0  # seconds that a process which died holds the key of a decision
HURRY_AFTER = 3.0  # seconds for which the CRM is waited for before the clock is stepped on
_LINE = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d ", re.MULTILINE)
_R = "Recorder.record_many"


@dataclass(frozen=True)
class Step:
    """Where a change is durably one step further. phase: of its story, at whose beginning the
    process is armed. unit: what the unit of writing is called; count: the how manieth since."""

    name: str
    phase: str
    unit: str
    count: int = 1


MAIL_STEPS = (
    Step("raw mail stored", "mail", "MailIntake.store"),
    Step("mail parsed", "mail", "MailIntake._fix_identity"),
    Step("mail accepted", "mail", "Intake.accept_many"),
    Step("mail put away", "mail", "MailIntake._finish"),
    Step("understood, and the link begun", "mail", _R),
    Step("link written, and its delivery begun", "mail", _R, 2),
    Step("link delivered", "mail", _R, 3),
)
PAGE_STEPS = (
    Step("intent confirmed", "confirm", "Pages.serve"),
    Step("address entered", "enter", "Pages.serve"),
    Step("code asked for", "ask", "Pages.serve"),
    Step("code claimed, to be sent", "ask", "ChangeEffects.send_code"),
    Step("code sent", "ask", _R),
    Step("code accepted, and the submission begun", "code", "Pages.serve"),
    Step("submitted, and the approval asked for", "code", _R),
)
DESK_STEPS = (
    Step("looked at by an agent", "look", "approval.<locals>"),
    Step("decision's key claimed", "approve", "Once._claim"),
    Step("approved, and the application begun", "approve", "Service.act"),
    Step("decision's answer kept", "approve", "Once._keep"),
    Step("applied, and the last mail begun", "approve", _R),
    Step("last mail written, and its delivery begun", "approve", _R, 2),
    Step("last mail delivered", "approve", _R, 3),
)
CRM_STEPS = (
    Step("first news for the CRM noted", "mail", "CaseMirror.take"),
    Step("case claimed, to be opened", "mail", "CaseMirror._write_some"),
    Step("case opened", "mail", "CaseMirror._tell"),
    Step("last news for the CRM noted", "approve", "CaseMirror.take"),
    Step("case claimed, to be told the end", "approve", "CaseMirror._write_some"),
    Step("case told the end", "approve", "CaseMirror._tell"),
)
STEPS = (*MAIL_STEPS, *PAGE_STEPS, *DESK_STEPS, *CRM_STEPS)


class Outside:
    """The demo bank's systems around an installation. A context."""

    def __init__(self) -> None:
        key = RSAKey.generate_key(2048)
        self._key = key.as_pem(private=True).decode()
        public = key.as_pem(private=False).decode()
        self.sandbox = Sandbox(build_world(Settings(crm_public_key=public)))
        self.world: World = self.sandbox.world
        self.letters = Letterbox(self.world)

    async def __aenter__(self) -> Self:
        await self.sandbox.__aenter__()
        await self.letters.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.letters.__aexit__(kind, error, trace)
        await self.sandbox.__aexit__(kind, error, trace)

    def instance(self, data: Path, zygote: Zygote | None, **more: str) -> Instance:
        """Of the demo bank, with all of these systems. more: settings."""
        return bank(
            data, zygote, self.sandbox, PUBLIC_URL="http://localhost",
            CONNECTOR_CRM_KEY=self._key, CONNECTOR_SMS_URL=f"{self.sandbox.url}/sms",
            CONNECTOR_SMS_KEY=SMS_TOKEN, **more,
        )  # fmt: skip

    def installation(
        self, data: Path, zygote: Zygote | None, *, url: str | None = None
    ) -> Instance:
        """The same with a signing key of its own. url: of its database, if that is on a server."""
        SigningKey.load_or_create(signing_key(data))
        more = {"SIGNING_KEY_FILE": str(signing_key(data))}
        if url is not None:
            more |= {"DATABASE": url, "MASTER_KEY": MASTER_KEY}
        return self.instance(data, zygote, **more)


def signing_key(data: Path) -> Path:
    return data.with_name("signing.key")


@dataclass
class _Rig:
    """One installation that is killed again and again. ahead: how far its clock is, in seconds."""

    instance: Instance
    store: ledgers.Store
    letters: Letterbox
    failpoint: Path
    ahead: float = 0.0
    told: Told = field(default_factory=Told)

    def time_passes(self, seconds: float) -> None:
        assert self.instance.clock is not None
        self.ahead += seconds
        self.instance.clock.write_text(str(self.ahead))

    async def settled(self) -> None:
        await until(lambda: not is_busy(self.store))

    async def changes(self, customer: Customer, street: str, step: Step, moment: str) -> None:
        """The whole story of one customer. The process dies at this step, and is started again."""
        dying = asyncio.create_task(self._dies(f"{moment} {step.name}"))
        begun = set[str]()

        async def phase(name: str) -> None:
            if name == step.phase and name not in begun:
                begun.add(name)
                await self.settled()
                self.failpoint.write_text(f"{moment}:{step.unit}:{step.count}")

        mover = Mover(customer, street, self.instance.http, self.letters, phase=phase)
        mover.no_text = self._no_text
        async with mover, Approver(self.instance.http) as agent:
            await mover.writes(mail_port(self.instance))
            await mover.moves()
            await self._approves(await agent.signs_in(), mover)
        await self.letters.get(customer.email, CHANGED)
        await self._told_the_crm()
        await dying

    async def _dies(self, what: str) -> None:
        try:
            code = await self.instance.ended(within=60)
        except TimeoutError:
            self.told.wrong.append(f"{what}: it did not end")
            return
        if code != EXIT_CODE:
            self.told.wrong.append(f"{what}: it ended with {code}")
        self.failpoint.unlink(missing_ok=True)
        await self.instance.start(failpoint=f"@{self.failpoint}")

    async def _no_text(self) -> None:
        """Everything is done that there is to do: what did not come then does not come."""
        await asyncio.sleep(0.5)
        await self.settled()
        await asyncio.sleep(0.2)
        self.time_passes(PAUSE)

    async def _approves(self, agent: Approver, mover: Mover) -> None:
        [change] = await agent.some_wait()
        await mover.phase("look")
        seen = await agent.looks_at(change)
        await mover.phase("approve")
        for attempt in range(10):
            answer = await agent.approves(seen, key=f"{change}-1")
            if answer.status_code == 200 or answer.json()["code"] == "approval_decided":
                return
            assert answer.json()["code"] == "request_in_flight", f"{attempt}: {answer.text}"
            self.time_passes(IN_FLIGHT)
        raise AssertionError("it was never decided")

    async def _told_the_crm(self) -> None:
        """Until it knows everything. What was in doubt when the process died waits for minutes."""
        since = time.monotonic()
        while ledgers.untold(self.store):
            await asyncio.sleep(0.1)
            if time.monotonic() - since > HURRY_AFTER:
                self.time_passes(PAUSE)
                since = time.monotonic()


async def killed_at_every_write(
    data: Path,
    zygote: Zygote,
    *,
    steps: Sequence[Step] = STEPS,
    moments: Sequence[str],
    rounds: int,
    limit: float,
    url: str | None = None,
) -> Told:
    """R04: the process ends at each durable step of a change of address, which is made once.

    url: of a database on a server, instead of a file in `data`.
    """
    began = time.monotonic()
    places = [(m, step) for _ in range(rounds) for m in moments for step in steps]
    async with asyncio.timeout(limit), Outside() as outside:
        instance = outside.installation(data, zygote, url=url)
        instance.clock = data.with_name("clock")
        await engage_people(instance)
        store = url or data
        rig = _Rig(instance, store, outside.letters, data.with_name("failpoint"))
        async with living(instance):
            await instance.stop()
            await instance.start(failpoint=f"@{rig.failpoint}")
            moved = {}
            for number, one in enumerate(new_customers(outside.world, len(places))):
                moment, step = places[number]
                moved[one.id] = street = f"Ahornweg {number + 1}"
                try:
                    async with asyncio.timeout(120):
                        await rig.changes(one, street, step, moment)
                except (TimeoutError, AssertionError) as error:
                    raise AssertionError(f"stuck after: {moment} {step.name}") from error
            await rig.settled()
            await instance.stop()
    told = rig.told
    told.store = "SQLite" if url is None else "PostgreSQL"
    check_ledger(store, told, key_file=signing_key(data))
    check_changes(outside.world, store, moved, told)
    check_crm(outside.world, store, told)
    told.faults, told.messages = {"kill": instance.lives - 2}, len(places)
    told.figures |= {"seconds": round(time.monotonic() - began, 1)}
    return told


def check_changes(world: World, store: ledgers.Store, moved: Mapping[str, str], told: Told) -> None:
    """Each of these customers lives in their new street, by one request that was approved once;
    each code was sent once at most, and if it was perhaps not sent, the ledger says so.

    moved: the street by the customer's number.
    """
    requested: Counter[str] = Counter()
    applied: Counter[str] = Counter()
    requests = world.bank.records.change_requests
    texts: Counter[str | None] = Counter()
    for entry in world.journal.entries(kind="change"):
        if entry.operation == "change requested":
            requested[entry.payload["customer_id"]] += 1
        elif entry.operation == "change approved":
            applied[requests[entry.payload["id"]].customer_id] += 1
        elif entry.system == "sms":
            texts[entry.idempotency_key] += 1
    for id_, street in moved.items():
        customer = world.bank.records.customers[id_]
        told.lost += customer.street != street
        told.doubled += max(0, applied[id_] - 1) + max(0, requested[id_] - 1)
        if (customer.street, requested[id_], applied[id_]) != (street, 1, 1):
            told.wrong.append(
                f"{id_}: lives in {customer.street}, not {street}; requested {requested[id_]} "
                f"times, applied {applied[id_]} times"
            )
        for words in (SENT, CHANGED):
            ids = {m.headers["Message-ID"] for m in world.mail.mails(customer.email)
                   if words in m.text}  # fmt: skip
            if len(ids) != 1:
                told.wrong.append(f"{id_}: {len(ids)} mails with: {words}")
    found = ledgers.conversations(store)
    for conversation, events in found.items():
        told.wrong += [f"{conversation}: {what}" for what in _unlike_a_change(events, texts)]
    told.doubled += sum(count - 1 for count in texts.values())
    told.wrong += [f"code {key} was sent {n} times" for key, n in texts.items() if n > 1]
    if behind := ledgers.behind(store):
        told.stuck += behind
        told.wrong.append(f"{behind} conversations are stuck")
    left = ledgers.outbox(store)
    del left["wake"]
    if left:
        told.stuck += left.total()
        told.wrong.append(f"left to do: {dict(left)}")
    told.figures |= {
        "codes asked for": sum(ledgers.kinds(one)["code_requested"] for one in found.values()),
        "codes sent": texts.total(),
        "not sent": sum(ledgers.kinds(one)["code_not_sent"] for one in found.values()),
        "maybe sent": sum(ledgers.kinds(one)["code_send_uncertain"] for one in found.values()),
    }


def _unlike_a_change(events: Sequence[Event], texts: Mapping[str | None, int]) -> list[str]:
    kinds = ledgers.kinds(list(events))
    wrong = [
        f"{kind} {kinds[kind]} times"
        for kind in ("link_issued", "code_accepted", "change_submitted", "approval_requested",
                     "approved", "change_applied")
        if kinds[kind] != 1
    ]  # fmt: skip
    last = [one for one in events if one.kind == "playbook_ended"]
    if not last or last[-1].data.get("outcome") != "done":
        wrong.append(f"it ended as {[one.data for one in last]}")
    uncertain = {one.data["code"] for one in events if one.kind == "code_send_uncertain"}
    sent = {one.data["code"] for one in events if one.kind == "code_sent"}
    unsent = {one.data["code"] for one in events if one.kind == "code_not_sent"}
    for one in events:
        if one.kind != "code_requested":
            continue
        code = one.data["code"]
        if code not in uncertain and texts.get(code, 0) != (code not in unsent):
            wrong.append(f"{code}: sent {texts.get(code, 0)} times, told {code in sent}")
    return wrong


def check_crm(world: World, store: ledgers.Store, told: Told) -> None:
    """Each conversation has one case, and in its comments each thing that happened once."""
    cases = {one["Id"] for one in world.crm.records["Case"].values()}
    lines: Counter[str] = Counter()
    for one in world.crm.records["CaseComment"].values():
        lines[str(one["ParentId"])] += len(_LINE.findall(str(one["CommentBody"])))
    found = ledgers.conversations(store)
    if len(cases) != len(found):
        told.wrong.append(f"{len(cases)} cases of {len(found)} conversations")
    happened = sorted(sum(is_told(one) for one in events) for events in found.values())
    if sorted(lines.values()) != happened:
        doubled = sum(lines.values()) - sum(happened)
        told.doubled += max(0, doubled)
        told.wrong.append(f"the CRM was told {sum(lines.values())} things of {sum(happened)}")
    told.figures |= {"cases": len(cases), "lines in their comments": sum(lines.values())}

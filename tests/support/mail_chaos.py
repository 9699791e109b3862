"""Scenes with mail: killed at every point, answers lost, robots, and forged threads."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from answerable.kit.failpoints import EXIT_CODE
from answerable_sandbox.faults import Faults
from answerable_sandbox.runner import Sandbox
from answerable_sandbox.systems.mail import Mail
from answerable_sandbox.world import World
from tests.support import ledgers
from tests.support.chaos import Told, check_ledger, settled, until
from tests.support.letters import ROBOTS_SAY, Relay, letter, post, relaying
from tests.support.processes import BANK, Instance, Zygote, free_port, living

# Where a mail is durably one step further, in order: what the unit of writing is called, and the
# how manieth of its kind it is for one mail.
STEPS = (
    ("raw mail stored", "MailIntake.store", 1),
    ("parsed", "MailIntake._fix_identity", 1),
    ("accepted, understanding begun", "Intake.accept_many", 1),
    ("mail put away", "MailIntake._finish", 1),
    ("understood and decided", "Recorder.record_many", 1),
    ("looked up, and the reply begun", "Recorder.record_many", 2),
    ("written, and delivery begun", "Recorder.record_many", 3),
    ("delivered, and at rest", "Recorder.record_many", 4),
)


def bank(data: Path, zygote: Zygote | None, sandbox: Sandbox, **more: str) -> Instance:
    """The demo bank's service, with the sandbox as its outside world."""
    settings = {
        "SMTP_URL": f"smtp+plain://127.0.0.1:{sandbox.smtp_port}",
        "SMTP_IN": f"127.0.0.1:{free_port()}",
        "CONNECTOR_CORE_BANKING_URL": f"{sandbox.url}/core",
        "CONNECTOR_CRM_URL": f"{sandbox.url}/crm",
        **more,
    }
    return Instance(data, zygote, settings=settings)


def mail_port(instance: Instance) -> int:
    return int(instance.settings["SMTP_IN"].rpartition(":")[2])


def replies(world: World, address: str) -> list[Mail]:
    """Mails for this customer, each counted once however often it came over the wire."""
    by_id = {mail.headers["Message-ID"]: mail for mail in world.mail.mails(address)}
    return list(by_id.values())


async def killed_at_every_step(
    data: Path, zygote: Zygote, *, moments: Sequence[str], rounds: int, limit: float
) -> Told:
    """R04, R05: the process ends at each durable step of a mail's way, and answers it once."""
    told = Told()
    began = time.monotonic()
    file = data.with_name("failpoint")
    places = [(m, *step) for _ in range(rounds) for m in moments for step in STEPS]
    async with asyncio.timeout(limit), Sandbox() as sandbox:
        instance = bank(data, zygote, sandbox)
        sent: dict[str, str] = {}
        async with living(instance):
            await instance.stop()  # from now on every life is begun armed
            for number, (moment, name, unit, count) in enumerate(places):
                file.unlink(missing_ok=True)
                await instance.start(failpoint=f"@{file}")
                await settled(instance)
                address = f"c{number}@example.com"
                sent[address] = f"{moment} {name}"
                file.write_text(f"{moment}:{unit}:{count}")
                posting = asyncio.create_task(post(letter(address), mail_port(instance)))
                code = await _end_of(instance)
                if code != EXIT_CODE:
                    told.wrong.append(f"{moment} {name}: it ended with {code}")
                file.unlink()
                if not posting.done():  # the mail was not taken: its server tries again
                    await instance.start(failpoint=f"@{file}")
                    await posting
                    await instance.kill()
            await instance.start()
            await _answered(sandbox.world, sent, instance, told)
            await instance.stop()
        check_ledger(data, told)
        told.faults, told.messages = {"kill": len(places)}, len(sent)
        told.figures = {
            "on the wire": len(sandbox.world.mail.mails()),
            "seconds": round(time.monotonic() - began, 1),
        }
    if behind := ledgers.behind(data):
        told.wrong.append(f"{behind} conversations are stuck")
    return told


async def _end_of(instance: Instance) -> int | None:
    try:
        return await instance.ended(within=30)
    except TimeoutError:
        await instance.kill()
        return None


async def _answered(
    world: World, sent: dict[str, str], instance: Instance, told: Told, *, within: float = 60.0
) -> None:
    """Once nothing is left to do, each of these customers has one answer, with what only the
    bank's own system knows."""
    await settled(instance, within=within)
    for address, what in sent.items():
        got = replies(world, address)
        if len(got) != 1:
            told.lost += not got
            told.doubled += max(0, len(got) - 1)
            told.wrong.append(f"{what}: {len(got)} answers")
        told.wrong += [
            f"{what}: not the answer: {mail.text}" for mail in got if "Am Kai 9" not in mail.text
        ]


async def answers_lost(data: Path, zygote: Zygote, *, mails: int, restarts: int) -> Told:
    """R05: the other side has done it, and its answer is lost."""
    told = Told()
    began = time.monotonic()
    async with asyncio.timeout(120 + 40 * (restarts + 1) + 4 * mails), Sandbox() as sandbox:
        instance = bank(data, zygote, sandbox)
        async with living(instance):
            faults = sandbox.world.faults
            sent = {f"l{number}@example.com": f"mail {number}" for number in range(mails)}
            for address in sent:
                faults.add("mail", "apply-then-lose", recipient=address)
            losing = asyncio.create_task(_lose_now_and_then(faults, max(1, mails // 3)))
            for address in sent:
                await post(letter(address), mail_port(instance))
            await until(lambda: len(sandbox.world.mail.mails()) >= mails // 2)
            for _ in range(restarts):
                await instance.kill()
                await instance.start()
                await _something_is_done(sandbox.world, mails)
            await _answered(sandbox.world, sent, instance, told, within=120 + 2 * mails)
            losing.cancel()
            await instance.stop()
        wire = Counter(mail.headers["Message-ID"] for mail in sandbox.world.mail.mails())
        told.wrong += doubled(sandbox.world)
        told.wrong += [f"not met: {fault}" for fault in faults.in_force() if fault.system == "mail"]
    check_ledger(data, told)
    told.wrong += _given_up(data)
    told.faults, told.messages = {"answer lost": mails, "kill": restarts}, mails
    told.figures = {
        "on the wire": wire.total(),
        "answers": len(wire),
        "seconds": round(time.monotonic() - began, 1),
    }
    return told


async def _something_is_done(world: World, most: int) -> None:
    """A mail whose reading has ended three processes is left to a person. Killed before it can read
    anything, three times in a row, a slow machine would make one of them such a mail."""
    before = len(world.mail.mails())
    await until(lambda: len(world.mail.mails()) > before or before >= 2 * most, within=120)


async def _lose_now_and_then(faults: Faults, times: int) -> None:
    """Answers of the bank's, with others between: it is not down, or its callers would wait."""
    for _ in range(times):
        faults.add("core", "apply-then-lose")
        await until(lambda: not any(one.system == "core" for one in faults.in_force()), within=600)
        await asyncio.sleep(0.2)


def doubled(world: World) -> list[str]:
    """What the bank and its neighbours did twice under one key, or did under none."""
    done = Counter(
        (entry.system, entry.operation, entry.idempotency_key)
        for entry in world.journal.entries(kind="change")
        if entry.system != "mail"
    )
    return [f"done {n} times: {what}" for what, n in done.items() if n > 1 or what[2] is None]


def _given_up(data: Path) -> list[str]:
    why = Counter(
        f"{event.data['of']}: {event.data['error']}"
        for events in ledgers.conversations(data).values()
        for event in events
        if event.kind in ("effect_failed", "reply_failed")
    )
    return [f"given up {n} times: {what}" for what, n in why.items()]


async def facing_each_other(folder: Path, zygote: Zygote, *, forgets: bool, quiet: float) -> Told:
    """B04: two installations of ours, each the other's customer, over real SMTP."""
    told = Told()
    relay = Relay({}, forgets=ROBOTS_SAY if forgets else ())
    async with asyncio.timeout(240), Sandbox() as sandbox, relaying(relay):
        sides = {}
        for name in ("alpha", "beta"):
            definition = folder / f"{name}.yaml"
            text = BANK.read_text(encoding="utf-8")
            definition.write_text(text.replace("northwind.example", f"{name}.example"))
            instance = bank(
                folder / name, zygote, sandbox, SMTP_URL=f"smtp+plain://127.0.0.1:{relay.port}"
            )
            instance.services = (definition,)
            sides[f"{name}.example"] = instance
        relay.ports = {domain: mail_port(instance) for domain, instance in sides.items()}
        alpha, beta = sides.values()
        async with living(alpha), living(beta):
            first = letter("Beta <support@beta.example>", to="support@alpha.example")
            await post(first, mail_port(alpha))
            await until(lambda: len(relay.carried) > 0, within=60)
            await _silence(relay, quiet, [alpha, beta])
            await alpha.stop()
            await beta.stop()
    for name in ("alpha", "beta"):
        check_ledger(folder / name, told)
        for conversation, events in ledgers.conversations(folder / name).items():
            written = [
                e for e in events if e.kind == "reply_written" and e.data["author"] == "assistant"
            ]
            if len(written) > 2:
                told.wrong.append(f"{name} {conversation}: {len(written)} automatic mails")
    told.messages = 1
    told.figures = {"automatic mails in all": len(relay.carried)}
    return told


async def _silence(relay: Relay, seconds: float, instances: Sequence[Instance]) -> None:
    """Until nothing was carried for so long."""
    carried, since = len(relay.carried), time.monotonic()
    while time.monotonic() - since < seconds:
        await asyncio.sleep(0.1)
        if len(relay.carried) != carried:
            carried, since = len(relay.carried), time.monotonic()
    for instance in instances:
        await settled(instance)


async def forged_threads(data: Path, zygote: Zygote) -> Told:
    """S08: whatever a stranger writes into the headers, it is another conversation."""
    told = Told()
    anna, mallory = "anna@example.com", "mallory@evil.example"
    async with asyncio.timeout(200), Sandbox() as sandbox:
        instance = bank(data, zygote, sandbox)
        async with living(instance):
            port, world = mail_port(instance), sandbox.world
            for who in (anna, mallory):
                await post(letter(who), port)
                await until(lambda who=who: bool(replies(world, who)))  # type: ignore[misc]
            hers, his = replies(world, anna)[0], replies(world, mallory)[0]
            token = _reply_address(hers)
            thread = {
                "In-Reply-To": hers.headers["Message-ID"],
                "References": hers.headers["Message-ID"],
            }
            passed = {"Authentication-Results": "answerable; dmarc=pass header.from=example.com"}
            forged = [
                letter(mallory, headers=thread, text="forged 1: I name her mail"),
                letter(mallory, to=token, text="forged 2: I stole her reply address"),
                letter(mallory, to=token, headers=thread, text="forged 3: both"),
                letter(anna, headers=thread, text="forged 4: I say that I am she"),
                letter(anna, headers={**thread, **passed}, text="forged 5: and a server vouches"),
                letter(anna, to=_reply_address(his), text="forged 6: she, with my own token"),
                letter(f'"{anna}" <{mallory}>', to=token, text="forged 7: her name is shown"),
                letter(anna, to=_altered(token), text="forged 8: a token that was altered"),
                letter(mallory, to=token, headers={"Sender": anna}, text="forged 9: a sender"),
            ]  # fmt: skip
            for mail in forged:
                await post(mail, port)
            await post(letter(anna, to=token, text="It is really me."), port)
            wanted = 2 + len(forged) + 1
            await until(lambda: _received(data) >= wanted)
            await settled(instance)
            for told_him in world.mail.mails(mallory):
                if "really me" in told_him.text or anna in told_him.text:
                    told.wrong.append("mallory was told something of anna's")
            await instance.stop()
    check_ledger(data, told)
    found = ledgers.conversations(data)
    sizes = sorted(ledgers.kinds(events)["message_received"] for events in found.values())
    # Hers has two messages, for the last one holds her token; each forged one stands alone.
    if sizes != [1] * (1 + len(forged)) + [2]:
        told.wrong.append(f"messages by conversation: {sizes}")
    told.faults, told.messages = {"forged mail": len(forged)}, wanted
    told.figures = {"conversations": len(found)}
    return told


def _received(data: Path) -> int:
    found = ledgers.conversations(data).values()
    return sum(ledgers.kinds(events)["message_received"] for events in found)


def _reply_address(mail: Mail) -> str:
    """Where an answer to it goes: the address that holds the token."""
    raw = mail.raw.decode("utf-8", "replace").replace("\r\n ", " ")
    line = next(one for one in raw.splitlines() if one.lower().startswith("reply-to:"))
    return line.partition(":")[2].strip().rpartition("<")[2].strip("<> ")


def _altered(address: str) -> str:
    local, _, domain = address.rpartition("@")
    return f"{local[:-1]}{'a' if local[-1] != 'a' else 'b'}@{domain}"

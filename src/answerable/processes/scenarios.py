"""Scenarios: conversations as tests. What is said, and what must be understood, decided, sent.

A scenario runs on the real platform with the tenant's real model, on a database of its own that is
thrown away; the clock is set, mail is delivered to a list, and every connector speaks to the
sandbox, never to a real system.
"""

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import yaml

from answerable.channels.email.intake import Origin
from answerable.contacts.threading import Evidence
from answerable.definition.duration import Duration, parse_duration
from answerable.definition.schema import ServiceDefinition
from answerable.definition.terms import Proof
from answerable.flow.acts import AgentAct, Close, HandOffTo, Release, Reopen, Reply, TakeOver
from answerable.flow.message import Delivered, InboundMessage, OutboundReply, Sender
from answerable.flow.state import ConversationState
from answerable.kit.errors import AnswerableError, InvalidInput
from answerable.kit.ids import AgentId, ConversationId
from answerable.kit.testing import SettableClock
from answerable.ledger.event import Event
from answerable.ledger.reading import read_events, read_state
from answerable.privacy.mask import unmask
from answerable.privacy.vault import Erased
from answerable.processes.expectations import Seen, compare
from answerable.processes.platform import Platform
from answerable.processes.settings import Settings
from answerable.processes.wiring import open_platform
from answerable_sandbox.runner import Sandbox
from answerable_sandbox.settings import Settings as SandboxSettings
from answerable_sandbox.world import build_world

START = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)  # a Monday morning
STEP_KEYS = {
    "says", "subject", "headers", "reply", "after", "sandbox", "agent",
    "understood", "decided", "sent", "stored", "owner", "status",
}  # fmt: skip
ACTS = {"takesOver", "replies", "closes", "releases", "handsOff", "reopens"}


@dataclass(frozen=True, kw_only=True)
class Scenario:
    name: str
    channel: str
    contact: Any
    steps: Sequence[Mapping[str, Any]]
    starts: datetime
    file: str


@dataclass(frozen=True, kw_only=True)
class Result:
    """One scenario's outcome. differences: empty when it passed; else sentences, step by step."""

    scenario: Scenario
    differences: tuple[str, ...]


def read_scenarios(path: Path) -> list[Scenario]:
    """Raises InvalidInput that names file, scenario and step of the first thing that is wrong."""
    try:
        document = yaml.safe_load(path.read_bytes())
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else str(path)
        raise InvalidInput("bad_scenarios", f"{place}: not YAML") from error
    if not isinstance(document, dict) or not isinstance(document.get("scenarios"), list):
        raise InvalidInput("bad_scenarios", f"{path}: expected `scenarios:` with a list")
    starts = _moment(document.get("starts"), path)
    return [
        _scenario(path, number, entry, starts)
        for number, entry in enumerate(document["scenarios"], start=1)
    ]


def _scenario(path: Path, number: int, entry: Any, starts: datetime) -> Scenario:
    if not isinstance(entry, dict) or not isinstance(entry.get("steps"), list):
        raise InvalidInput("bad_scenarios", f"{path}: scenario {number} has no steps")
    name = str(entry.get("name", f"scenario {number}"))
    for at, step in enumerate(entry["steps"], start=1):
        unknown = set(step) - STEP_KEYS if isinstance(step, dict) else {"(not a mapping)"}
        if unknown:
            raise InvalidInput(
                "bad_scenarios",
                f"{path}: {name}, step {at}: unknown {', '.join(sorted(unknown))}; "
                f"a step has {', '.join(sorted(STEP_KEYS))}",
            )
    own = entry.get("starts")
    return Scenario(
        name=name,
        channel=str(entry.get("channel", "chat")),
        contact=entry.get("contact", "anonymous"),
        steps=entry["steps"],
        starts=_moment(own, path) if own else starts,
        file=str(path),
    )


def _moment(value: Any, path: Path) -> datetime:
    if value is None:
        return START
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    except ValueError as error:
        raise InvalidInput("bad_scenarios", f"{path}: `starts` is not a time: {value}") from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)


@dataclass
class _Post:
    """Mail that left, instead of an SMTP server."""

    sent: list[OutboundReply] = field(default_factory=list)

    async def deliver(self, reply: OutboundReply) -> Delivered:
        self.sent.append(reply)
        return Delivered(message_id=_message_id(reply))


def _message_id(reply: OutboundReply) -> str:
    return f"<{reply.key.replace(':', '.')}@scenario.invalid>"


class Stage:
    """The platform and the sandbox on which scenarios are played, one after the other."""

    def __init__(
        self, platform: Platform, sandbox: Sandbox, clock: SettableClock, post: _Post
    ) -> None:
        self._platform = platform
        self._sandbox = sandbox
        self._clock = clock
        self._post = post
        self._count = 0

    async def play(self, scenario: Scenario) -> Result:
        """Run all steps, also after one that differs, and collect what differs."""
        self._count += 1
        self._clock.set(scenario.starts)
        self._sandbox.world.faults.clear()
        play = _Play(self._platform, self._sandbox, self._clock, self._post, self._count, scenario)
        differences: list[str] = []
        for number, step in enumerate(scenario.steps, start=1):
            try:
                seen = await play.step(step)
            except AnswerableError as error:
                differences.append(f"step {number}: {error.message}")
                break
            for difference in compare(step, seen):
                differences.append(f"step {number}: {difference}")
        await play.finish()
        return Result(scenario=scenario, differences=tuple(differences))


class _Play:
    """One scenario under way."""

    def __init__(
        self,
        platform: Platform,
        sandbox: Sandbox,
        clock: SettableClock,
        post: _Post,
        number: int,
        scenario: Scenario,
    ) -> None:
        self._platform = platform
        self._service = platform.service
        self._sandbox = sandbox
        self._clock = clock
        self._post = post
        self._number = number
        self._scenario = scenario
        self._definition: ServiceDefinition = platform.definitions.active(
            platform.definitions.tenants[0]
        )
        self._conversation: ConversationId | None = None
        self._seen_seq = 0
        self._messages = 0

    async def step(self, step: Mapping[str, Any]) -> Seen:
        if "after" in step:
            duration = parse_duration(step["after"])
            assert isinstance(duration, Duration)
            self._clock.set(duration.after(self._clock.now()))
        if "sandbox" in step:
            self._sandbox.world.faults.add(**step["sandbox"])
        if "says" in step:
            await self._says(step)
        if "agent" in step:
            await self._act(step["agent"])
        await self._service.settle()
        return await self._look()

    async def finish(self) -> None:
        """Close the conversation, so that the next scenario's does not go on from it."""
        if self._conversation is None:
            return
        who: dict[str, Any] = {
            "tenant": self._definition.tenant,
            "conversation": self._conversation,
            "agent": AgentId("scenario"),
            "agent_name": "Scenario",
        }
        with contextlib.suppress(AnswerableError):  # it is closed already
            await self._service.act(TakeOver(**who, force=True))
            await self._service.act(Close(**who))
            await self._service.settle()

    async def _says(self, step: Mapping[str, Any]) -> None:
        self._messages += 1
        if self._scenario.channel == "email":
            accepted = await self._platform.mail.intake.take_in(
                self._mail(step), next(iter(self._platform.inboxes.values())), Origin(source="file")
            )
            if accepted is not None:
                self._follow(accepted.conversation)
            return
        sender, proof = self._person()
        channel = next(c for c in self._definition.channels if c.kind == "chat")
        accepted = await self._service.accept(
            InboundMessage(
                tenant=self._definition.tenant,
                inbox=channel.name,
                channel="chat",
                external_id=f"{self._number}-{self._messages}",
                text=str(step["says"]),
                sender=sender,
                proof=proof,
                at=self._clock.now(),
            )
        )
        self._follow(accepted.conversation)

    def _follow(self, conversation: ConversationId) -> None:
        if conversation != self._conversation:
            self._conversation = conversation
            self._seen_seq = 0

    def _person(self) -> tuple[Sender, Proof]:
        contact = self._scenario.contact
        if contact == "anonymous":
            return Sender(kind="visitor", address=f"visitor-{self._number}"), Proof.ANONYMOUS
        proof = Proof(contact.get("proof", "signed-in"))
        return Sender(kind="customer", address=str(contact["customer"])), proof

    def _mail(self, step: Mapping[str, Any]) -> bytes:
        contact = self._scenario.contact
        mail = EmailMessage()
        mail["From"] = f"{contact.get('name', '')} <{contact['email']}>"
        mail["To"] = next(iter(self._platform.inboxes.values())).address
        mail["Subject"] = str(step.get("subject", ""))
        mail["Message-ID"] = f"<{self._number}.{self._messages}@customers.invalid>"
        if step.get("reply") and self._post.sent:
            mail["In-Reply-To"] = _message_id(self._post.sent[-1])
        for name, value in step.get("headers", {}).items():
            mail[name] = str(value)
        mail.set_content(str(step["says"]))
        return mail.as_bytes()

    async def _act(self, act: Mapping[str, Any]) -> None:
        assert self._conversation is not None, "an agent needs a conversation to act on"
        kinds = ACTS & set(act)
        if len(kinds) != 1:
            raise InvalidInput("bad_scenarios", f"an agent does one of {', '.join(sorted(ACTS))}")
        await self._service.act(self._agent_act(kinds.pop(), act))
        await self._service.settle()

    def _agent_act(self, kind: str, act: Mapping[str, Any]) -> AgentAct:
        if kind == "takesOver":
            self._agent = AgentId(str(act[kind]))
        agent = getattr(self, "_agent", AgentId("agent"))
        assert self._conversation is not None
        who: dict[str, Any] = {
            "tenant": self._definition.tenant,
            "conversation": self._conversation,
            "agent": agent,
            "agent_name": str(agent).partition("@")[0].title(),
        }
        match kind:
            case "takesOver":
                return TakeOver(**who)
            case "replies":
                return Reply(**who, text=str(act[kind]), version=self._seen_seq)
            case "closes":
                return Close(**who, resolution=str(act[kind]))
            case "handsOff":
                return HandOffTo(**who, team=str(act[kind]))
            case "reopens":
                return Reopen(**who)
            case _:
                return Release(**who)

    async def _look(self) -> Seen:
        """What happened since the last look."""
        if self._conversation is None:
            return Seen()
        conversation = self._conversation
        events = await self._service.database.read(
            lambda tx: read_events(tx, conversation, after=self._seen_seq, limit=10_000)
        )
        row = await self._service.database.read(lambda tx: read_state(tx, conversation))
        assert row is not None
        state = ConversationState.from_data(row.state)
        if events:
            self._seen_seq = events[-1].seq
        replies = [e for e in events if e.kind == "reply_written"]
        received = [e for e in events if e.kind == "message_received"]
        return Seen(
            understood=_last(events, "understood"),
            decided=_last(events, "decided"),
            replies=tuple([(e.data, await self._text(e, whole=True)) for e in replies]),
            stored=tuple([await self._text(e) for e in received]),
            owner={"kind": state.owner.kind, "id": state.owner.id},
            status=state.status,
            priority=state.priority,
            team=state.team,
        )

    async def _text(self, event: Event, *, whole: bool = False) -> str:
        ref = event.data["text"]["ref"]
        value = await self._service.database.read(
            lambda tx: self._service.vault.get(tx, tenant=self._definition.tenant, id=ref)
        )
        if isinstance(value, Erased):
            return ""
        text = f"{value.get('subject', '')}\n{value['text']}".strip()
        return unmask(text, value.get("values", {})) if whole else text


def _last(events: Sequence[Event], kind: str) -> Mapping[str, Any] | None:
    return next((event.data for event in reversed(events) if event.kind == kind), None)


async def run_scenarios(
    service: Path, scenarios: Sequence[Scenario], settings: Settings
) -> list[Result]:
    """Play all scenarios on one platform, each with contacts of its own.

    settings: with a data directory that may be thrown away afterwards.
    """
    clock = SettableClock(START)
    post = _Post()
    values = {"PUBLIC_URL": "https://scenario.invalid", **settings.values}
    settings = replace(settings, values=values)
    async with Sandbox(
        build_world(SandboxSettings(), clock=clock.now), http_port=0, smtp_port=0
    ) as sandbox:
        platform = await open_platform(
            settings,
            [service],
            clock=clock,
            deliverers=_Everywhere(post),
            threading=Evidence.REFERENCE,
            connector_url=_in_sandbox(sandbox),
        )
        stage = Stage(platform, sandbox, clock, post)
        try:
            return [await stage.play(scenario) for scenario in scenarios]
        finally:
            await platform.close()


class _Everywhere(dict[Any, Any]):
    """Every inbox delivers to the same place."""

    def __init__(self, post: _Post) -> None:
        super().__init__()
        self._post = post

    def get(self, _key: Any, _default: Any = None) -> _Post:
        return self._post


def _in_sandbox(sandbox: Sandbox) -> Any:
    """Addresses of connectors: always the sandbox, whatever the definition says."""
    places = {"core-banking": "core", "crm": "crm", "sms": "sms"}
    return lambda name: f"{sandbox.url}/{places.get(name, 'core')}"

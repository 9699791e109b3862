"""What the desk's API says, as types: the OpenAPI document is made from these."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from answerable.desk.agent import Role

Text = Annotated[str, Field(max_length=20_000)]
Name = Annotated[str, Field(max_length=100)]


class Shape(BaseModel):
    """Answers: exactly these fields."""

    model_config = ConfigDict(extra="forbid")


class Sent(BaseModel):
    """Requests: an unknown field is a mistake that is worth telling."""

    model_config = ConfigDict(extra="forbid", strict=True)


class TenantShape(Shape):
    id: str
    name: str


class AgentShape(Shape):
    id: str
    name: str
    email: str
    role: Role
    teams: list[str]


class SignedInAgent(AgentShape):
    tenant: TenantShape


class SessionShape(Shape):
    """csrf: send it as X-CSRF-Token with whatever changes something."""

    agent: SignedInAgent
    csrf: str


class SignIn(Sent):
    email: Annotated[str, Field(max_length=320)]
    password: Annotated[str, Field(max_length=1_000)]


class Person(AgentShape):
    """known_as_customer: whether it is noted by what else they are a customer themselves."""

    suspended: bool
    known_as_customer: bool


class KnownAs(Sent):
    """names: mail addresses and customer ids by which an agent is a customer, beside their own
    address; all of them."""

    names: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=320, pattern=r"^[!-~]+$")]],
        Field(max_length=20),
    ]


class People(Shape):
    items: list[Person]
    next: str | None


class NewPerson(Sent):
    name: Name
    email: Annotated[str, Field(max_length=320)]
    role: Annotated[Role, Field(strict=False)]
    teams: Annotated[list[Name], Field(max_length=100)] = []
    password: Annotated[str, Field(max_length=1_000)]


class TeamShape(Shape):
    name: str
    title: str


class Teams(Shape):
    items: list[TeamShape]
    next: None = None


class Counts(Shape):
    """Open conversations: in queues, with the asking agent, all, with the assistant.

    approvals: changes that wait for a decision; 100 stands for that many and more.
    """

    queue: int
    mine: int
    open: int
    assistant: int
    approvals: int


class Overview(Shape):
    counts: Counts
    agents_present: int


class WaveShape(Shape):
    """Many contacts who wrote much the same within the last hour.

    usual: contacts an hour, on average of the day before. title: of the intent that most of them
    were understood as. conversations: the most typical, then the latest first; 20 at most.
    """

    contacts: int
    usual: float
    since: datetime
    title: str | None
    conversations: list[str]


class Waves(Shape):
    items: list[WaveShape]


class ContactShape(Shape):
    """addresses_masked: enough to tell contacts without a name apart; empty for visitors."""

    id: str
    name: str | None
    proof: str
    addresses_masked: list[str]


class OwnerShape(Shape):
    """id: team or agent; None for the assistant."""

    kind: Literal["assistant", "queue", "agent"]
    id: str | None
    name: str | None


class IntentShape(Shape):
    name: str
    title: str | None
    confidence: float


class DecisionShape(Shape):
    kind: str
    team: str | None


class SummaryShape(Shape):
    """A conversation in the inbox. Texts are masked.

    trend: of the sentiment over the contact's messages.
    snippet: how the latest message begins; last_author: who wrote it. seq: of its last event.
    """

    id: str
    subject: str | None
    channel: str
    inbox: str
    contact: ContactShape
    status: Literal["open", "closed"]
    priority: Literal["low", "normal", "high", "urgent"]
    owner: OwnerShape
    intent: IntentShape | None
    decision: DecisionShape | None
    language: str | None
    sentiment: float | None
    trend: Literal["falling", "steady", "rising"] | None
    snippet: str | None
    last_author: Literal["contact", "assistant", "agent"] | None
    updated_at: str
    opened_at: str
    waiting_since: str | None
    first_response_due: str | None
    seq: int


class Summaries(Shape):
    items: list[SummaryShape]
    next: str | None


class Fact(Shape):
    label: str
    value: Any


class Scored(Shape):
    name: str
    title: str | None
    confidence: float
    applies: bool


class Briefing(Shape):
    """What a person should know before taking over."""

    summary: str
    reason: str
    intents: list[Scored]
    facts: list[Fact]
    suggested: list[str]


class Reason(Shape):
    rule: str
    threshold: Any
    value: Any
    text: str


class NearExample(Shape):
    """A labelled example that the latest message is like. intent: None: of none that is known.

    likeness: cosine of the meanings, -1..1.
    """

    text: str
    intent: str | None
    title: str | None
    likeness: float


class LabelShape(Shape):
    """What an agent said that a message asks for. intents: none: of none that is known."""

    intents: list[str]
    by: str


class Understood(Shape):
    """The latest message that was understood. message: its seq. label: if an agent gave it one."""

    message: int
    near: list[NearExample]
    churn: float | None
    abuse: float | None
    label: LabelShape | None


class Related(Shape):
    """Another conversation of the same contact. matter: understood as the same intent: probably
    the same matter, which one answer settles. elsewhere: from another address, of whom the back
    office says that it is the same person."""

    id: str
    channel: str
    status: Literal["open", "closed"]
    intent: IntentShape | None
    updated_at: str
    matter: bool
    elsewhere: bool


class Detail(SummaryShape):
    """version: send it with a reply, so that nobody answers what they have not read.

    understood: why it was understood as it was; None before anything was. related: suggested, and
    never merged; those of the same matter first.
    """

    briefing: Briefing | None
    reasons: list[Reason]
    understood: Understood | None
    related: list[Related]
    version: int


class MessageShape(Shape):
    """text: masked. delivered: None while under way."""

    seq: int
    kind: Literal["message", "notice"]
    author: Literal["contact", "assistant", "agent", "system"]
    name: str | None
    text: str
    at: str
    channel: str
    delivered: bool | None
    attachments: list[dict[str, Any]]


class Messages(Shape):
    items: list[MessageShape]
    next: int | None


class TimelineEvent(Shape):
    """title: one sentence. hash: chains it to the event before."""

    seq: int
    kind: str
    at: str
    actor: str
    title: str
    data: dict[str, Any]
    hash: str


class Timeline(Shape):
    items: list[TimelineEvent]
    next: int | None


class IntentTitle(Shape):
    name: str
    title: str | None


class IntentTitles(Shape):
    items: list[IntentTitle]


class Acted(Shape):
    """seq: of the event that the act became."""

    seq: int


class TakingOver(Sent):
    """force: from a colleague; for supervisors and administrators."""

    force: bool = False


class Replying(Sent):
    text: Annotated[str, Field(min_length=1, max_length=20_000)]
    version: Annotated[int, Field(ge=0, le=2**53 - 1)]


class HandingOff(Sent):
    team: Name
    note: Text = ""


class Labelling(Sent):
    """message: its seq. intents: empty: it asks for nothing that is known."""

    message: Annotated[int, Field(ge=1, le=2**53 - 1)]
    intents: Annotated[list[Name], Field(max_length=5)]


class Closing(Sent):
    resolution: Annotated[str, Field(max_length=200)] = "resolved"

"""The service definition as the rest of the platform sees it: typed, complete, immutable."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Literal

from pydantic import Field

from answerable.definition.calendar import BusinessCalendar
from answerable.definition.channel import Channel
from answerable.definition.condition import Condition
from answerable.definition.duration import AnyDuration, Duration
from answerable.definition.keys import Model, camel, inner
from answerable.definition.terms import (
    PHONE_COUNTRIES,
    ChannelKind,
    PersonalData,
    Priority,
    Proof,
    Role,
    Sensitive,
    Treatment,
)
from answerable.kit.ids import TenantId

Where = tuple[str | int, ...]
"""The place in the document: keys and list positions from the top."""


class Part(Model):
    """A part that remembers where it stands in the document."""

    where: Where = inner(default=(), repr=False, exclude=True)


class Brand(Model):
    """How the organisation shows itself to customers. color: of the pages' buttons, `#rrggbb`."""

    name: str = Field(min_length=1)
    url: str | None = None
    color: str | None = Field(default=None, pattern=r"^#[0-9a-fA-F]{6}$")


class Thresholds(Model):
    """Probabilities, 0..1, with clarify <= confidence.

    confidence: at least this for automatic treatment; an intent may ask for more or less.
    clarify: from here up to `confidence` the assistant asks (chat) or hands off (mail).
    scope: below this a message is out of scope and handed off.
    precision: the part of automatic answers that must be right, below 1. What the model cannot
    show it for, by messages that it had not learnt, is not answered automatically, however sure it
    is. None: `confidence` alone decides.
    """

    confidence: float = 0.8
    clarify: float = 0.45
    scope: float = 0.5
    precision: float | None = None


class Sentiment(Model):
    """When a customer's mood (-1..1) makes a person take over: below `threshold`."""

    enabled: bool = False
    escalate_negative: bool = False
    threshold: float = Field(default=-0.7, ge=-1, le=1)


class Vip(Model):
    """Who is treated first: contacts for whom any of `criteria` holds."""

    enabled: bool = False
    criteria: tuple[Condition, ...] = ()
    priority_level: Priority = "high"


class Intent(Part):
    """One thing a customer may want.

    confidence: the threshold for automatic treatment; None: the definition's.
    auto_resolve: may be answered without a person. require_human: never; "conditional": asked of
    the playbook's conditions.
    sensitive: never answered automatically, never drafted.
    sla: name of a class in `ServiceDefinition.sla`, or a duration until the first response.
    courtesy: a greeting or thanks: it gives way to any real matter in the same message.
    alert: teams notified at once. proof: the least proof before anything personal is said.
    """

    name: str
    title: str
    description: str = ""
    category: str
    resolution_type: str | None = None
    keywords: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()
    team: str | None = None
    priority: Priority = "normal"
    sla: str | AnyDuration | None = None
    auto_resolve: bool = False
    require_human: bool | Literal["conditional"] = False
    sensitive: Sensitive | None = None
    confidence: float | None = None
    alert: tuple[str, ...] = ()
    courtesy: bool = False
    proof: Proof = Proof.ANONYMOUS


class Category(Part):
    """A group of intents."""

    name: str
    title: str
    intents: tuple[Intent, ...]


class Step(Part):
    """One step of a playbook.

    action: the action's name in kebab-case. as_: the name that later steps know its result by.
    parameters: every other key, camelCase, values as in the document.
    """

    action: str
    condition: Condition | None = None
    as_: str | None = Field(default=None, alias="as")
    parameters: Mapping[str, Any] = Field(default_factory=dict)


class Playbook(Part):
    """The steps that fulfil an intent.

    name: the key in the definition (`group.part` where parts are grouped). intents: names, may be
    empty for a playbook that only agents start. proof: asked for before the first step.
    on_missing_proof: the template sent instead; the conversation is then handed off.
    enabled: False too if it has no steps, asks for a person, or has a step that nothing performs.
    with_hand_off: it is offered in the reply that tells of a hand-off, and runs beside the people
    who have the conversation; nothing waits for it.
    """

    name: str
    enabled: bool = True
    intents: tuple[str, ...] = ()
    proof: Proof = Proof.ANONYMOUS
    on_missing_proof: str | None = None
    require_human: bool = False
    with_hand_off: bool = False
    workflow: tuple[Step, ...] = ()
    knowledge_source: str | None = None


class Team(Part):
    """People who answer. calendar: a name in `calendars`; languages: BCP 47, empty for any.

    alert_email: where they are written to when something must be known at once.
    """

    name: str
    title: str
    calendar: str | None = None
    alert_email: str | None = None
    languages: tuple[str, ...] = ()
    skills: tuple[str, ...] = ()


class SlaClass(Part):
    """What is promised. name: `urgent`, or `plan/priority` where promises differ by plan."""

    name: str
    first_response: AnyDuration | None = None
    resolution: AnyDuration | None = None
    plan: str | None = None
    priority: Priority | None = None


class RoutingRule(Part):
    """Where a handed-off conversation goes if `condition` holds; the first rule that holds wins."""

    condition: Condition
    team: str | None = None
    priority: Priority | None = None


class EscalationTrigger(Part):
    """When a person must take over though the assistant could go on."""

    condition: Condition
    action: str = "hand-off"
    notify: tuple[str, ...] = ()
    team: str | None = None
    sla: AnyDuration | None = None


class OutsideHours(Model):
    """What customers are told while `business_hours` is closed."""

    action: str = "auto-respond"
    message: str | None = None
    escalate_urgent: bool = False


class Integration(Part):
    """An outside system. type: the connector's; settings: every other key, camelCase."""

    name: str
    type: str
    url: str | None = None
    settings: Mapping[str, Any] = Field(default_factory=dict)


class EntityKind(Part):
    """Something that contacts tell and playbooks need, such as a payment's reference.

    shapes: what it looks like: `#` is a digit, `@` a letter, all else stands for itself, for
    instance `NW-####-####`. values: canonical value -> other spellings. builtin: a kind that the
    platform knows: `currency-pair`.
    """

    name: str
    shapes: tuple[str, ...] = ()
    values: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)
    builtin: Literal["currency-pair"] | None = None


class Rate(Model):
    """At most `count` in any window of `per`."""

    count: int = Field(ge=0)
    per: Duration


class TextLimits(Model):
    """How many text messages may leave: to one number, to numbers that begin alike, of the tenant.

    All rates of each hold, and none counts in more than a day.
    """

    per_number: tuple[Rate, ...]
    per_prefix: tuple[Rate, ...]
    per_tenant: tuple[Rate, ...]


class MailLimits(Model):
    """How many mails with one-time codes may leave: to one address, of the tenant.

    As of `TextLimits`: all rates of each hold, and none counts in more than a day.
    """

    per_address: tuple[Rate, ...]
    per_tenant: tuple[Rate, ...]


class Limits(Model):
    """Brakes. automatic_replies: for each conversation, by kind of channel (absent: no limit).

    clarifying_questions: in a row. message_characters: of a chat. messages_per_minute: of one
    contact, who may also write as many at once after a pause. text_messages: what may be spent.
    code_mails: how many mails may carry codes.
    """

    automatic_replies: Mapping[ChannelKind, Rate]
    clarifying_questions: int = 2
    message_characters: int = 4000
    messages_per_minute: int = 30
    text_messages: TextLimits
    code_mails: MailLimits


class Keeping(Model):
    """How long what customers say is kept here. forget_after: how long after a contact's last
    message it is forgotten at the latest; it is nowhere on disk, and a CRM has it. None: it is in
    the database, until it is erased."""

    forget_after: timedelta | None = None


class ServiceDefinition(Model):
    """Everything that one tenant's definition says, by name.

    hash: SHA-256 of the canonical JSON of the parsed document; every decision names it.
    out_of_scope: sentences that are none of the intents, for the model to learn from.
    privacy: what is done with personal data of a type, where it is not the usual.
    phone_countries: ISO 3166, whose numbers are found as people there write them, likeliest first.
    keeping: where what customers say is.
    sla: by class name. business_hours: name of the calendar that applies without a team's own.
    """

    tenant: TenantId
    hash: str
    brand: Brand
    language: str
    timezone: str
    channels: tuple[Channel, ...] = ()
    categories: tuple[Category, ...] = ()
    intents: Mapping[str, Intent] = Field(default_factory=dict)
    resolution_types: Mapping[str, Role] = Field(default_factory=dict)
    thresholds: Thresholds = Thresholds()
    sentiment: Sentiment = Sentiment()
    vip: Vip = Vip()
    playbooks: Mapping[str, Playbook] = Field(default_factory=dict)
    templates: Mapping[str, Mapping[str, str]] = Field(default_factory=dict)
    teams: Mapping[str, Team] = Field(default_factory=dict)
    calendars: Mapping[str, BusinessCalendar] = Field(default_factory=dict)
    sla: Mapping[str, SlaClass] = Field(default_factory=dict)
    default_team: str
    routing: tuple[RoutingRule, ...] = ()
    triggers: tuple[EscalationTrigger, ...] = ()
    business_hours: str | None = None
    outside_hours: OutsideHours | None = None
    integrations: Mapping[str, Integration] = Field(default_factory=dict)
    entities: tuple[EntityKind, ...] = ()
    out_of_scope: tuple[str, ...] = ()
    limits: Limits
    privacy: Mapping[PersonalData, Treatment] = Field(default_factory=dict)
    phone_countries: tuple[str, ...] = PHONE_COUNTRIES
    keeping: Keeping = Keeping()

    def playbook_for(self, intent: str) -> Playbook | None:
        """The enabled playbook that answers the intent, or None."""
        return self._enabled(intent, with_hand_off=False)

    def offer_for(self, intent: str) -> Playbook | None:
        """The enabled playbook that is offered when the intent is handed to people, or None."""
        return self._enabled(intent, with_hand_off=True)

    def _enabled(self, intent: str, *, with_hand_off: bool) -> Playbook | None:
        for book in self.playbooks.values():
            if intent in book.intents and book.enabled and book.with_hand_off is with_hand_off:
                return book
        return None

    def role_of(self, intent: str) -> Role | None:
        """The assistant's role for the intent, by its resolution type; None if it has none."""
        kind = self.intents[intent].resolution_type
        return self.resolution_types.get(kind) if kind else None

    def confidence_for(self, intent: str) -> float:
        """The probability needed to treat the intent automatically."""
        own = self.intents[intent].confidence
        return self.thresholds.confidence if own is None else own

    def sla_for(
        self, priority: Priority, *, intent: str | None = None, plan: str | None = None
    ) -> SlaClass | None:
        """The promise that applies: the intent's own, else the plan's, else the priority's."""
        own = self.intents[intent].sla if intent else None
        if own is not None and not isinstance(own, str):
            return SlaClass(name=f"intent/{intent}", first_response=own)
        names = (own or "", f"{plan}/{priority}", f"{plan}/normal", priority, "standard")
        return next((self.sla[name] for name in names if name in self.sla), None)

    def calendar_of(self, team: str | None) -> BusinessCalendar | None:
        """The team's business calendar, else the service's, else None (always open)."""
        own = self.teams[team].calendar if team and team in self.teams else None
        name = own or self.business_hours
        return self.calendars.get(name) if name else None

    def channel(self, name: str) -> Channel | None:
        """The inbox of that name, or None."""
        return next((channel for channel in self.channels if channel.name == name), None)

    def answers_in(self, language: str | None) -> str:
        """The language of replies to a contact who writes in `language`: that one if any template
        is in it, else the definition's own."""
        main = (language or self.language).split("-")[0]
        spoken = (tag.split("-")[0] for texts in self.templates.values() for tag in texts)
        return language if language and main in spoken else self.language

    def template(self, name: str, language: str) -> str | None:
        """The template's source in `language` (or its main language), else in the default one."""
        sources = self.templates.get(name, {})
        for tag in (language, language.split("-")[0], self.language):
            if tag in sources:
                return sources[tag]
        return None


def playbook_key(intent: str) -> str:
    """The key of an intent's playbook in `autoResponse`: `cardDelivery` for `card-delivery`."""
    return camel(intent)

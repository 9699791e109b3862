"""The service definition as it is written: the shape of the file, key by key."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from answerable.definition.channel import Channel
from answerable.definition.document_limits import LimitsEntry
from answerable.definition.duration import DurationField, ElapsedField
from answerable.definition.extras import Analytics, Chatbot, Compliance, Monitoring
from answerable.definition.keys import Model, camel, waiting
from answerable.definition.schema import Brand, OutsideHours, Sentiment
from answerable.definition.terms import (
    Criterion,
    PersonalData,
    PriorityWord,
    Proof,
    Role,
    Sensitive,
    Treatment,
    Words,
)

Probability = Annotated[float, Field(ge=0, le=1)]
Name = Annotated[str, Field(min_length=1, max_length=100)]
Language = Annotated[str, Field(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$")]
Human = Literal[True, False, "conditional"]


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


Names = Annotated[tuple[Name, ...], BeforeValidator(_as_list)]
"""A list of names; a single one may stand alone."""


class IntentEntry(Model):
    """An intent under `classification.<category>`."""

    name: Name
    title: str | None = None
    description: str = ""
    resolution_type: str | None = None
    keywords: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()
    confidence: Probability | None = None
    team: Name | None = None
    assign_to: Name | None = None
    escalate_to: Name | None = None
    priority: PriorityWord | None = None
    urgent: bool = False
    sla: str | None = None
    auto_resolve: bool = False
    require_human: Human = False
    requires_human: Human = False
    sensitive: Sensitive | None = None
    alert: Names = ()
    alert_security: bool = False
    courtesy: bool = False
    proof: Proof | None = None
    requires_auth: bool = False
    authentication_required: bool = False
    require_verification: bool = False
    authentication: Literal["strict", "normal"] = "normal"
    knowledge_base: bool | None = waiting()
    requires_context: tuple[str, ...] = waiting(default=())
    require_documentation: bool = waiting(default=False)
    compliance_review: bool = waiting(default=False)


class CategoryEntry(Model):
    """A category: a list of intents, or a mapping with a title."""

    title: str | None = None
    categories: tuple[IntentEntry, ...] = ()


def _category(value: object) -> object:
    return {"categories": value} if isinstance(value, list) else value


class ResolutionType(Model):
    """What the assistant may do for a kind of request."""

    role: Role


class VipEntry(Model):
    """Who is treated first: any criterion suffices."""

    enabled: bool = False
    criteria: tuple[Criterion, ...] = ()
    priority_level: PriorityWord = "high"


class ClassificationEntry(Model):
    """The taxonomy and the thresholds. Every other key is the name of a category."""

    resolution_types: Mapping[Name, ResolutionType] = {}
    confidence: Probability = 0.8
    clarify: Probability = 0.45
    scope: Probability = 0.5
    precision: Annotated[float, Field(ge=0.5, lt=1)] | None = None
    sentiment: Sentiment = Sentiment()
    vip: VipEntry = VipEntry()
    out_of_scope: tuple[str, ...] = ()
    groups: Mapping[Name, Annotated[CategoryEntry, BeforeValidator(_category)]] = Field(
        default={}, json_schema_extra={"inner": True}
    )

    @classmethod
    def reshape(cls, data: dict[Any, Any]) -> dict[Any, Any]:
        return gather(data, cls, into="groups", values=(list, dict))


class StepEntry(Model):
    """A step. Every other key is a parameter of the action."""

    action: Name
    condition: Words | None = None
    as_: Annotated[str, Field(pattern=r"^[a-zA-Z]\w*$")] | None = Field(default=None, alias="as")
    parameters: Mapping[str, Any] = Field(default={}, json_schema_extra={"inner": True})

    @classmethod
    def reshape(cls, data: dict[Any, Any]) -> dict[Any, Any]:
        known = cls.keys()
        given = {camel(str(key)): value for key, value in data.items() if key not in known}
        return {key: data[key] for key in data if key in known} | {"parameters": given}


class AuthenticationEntry(Model):
    """How the customer proves who they are before a playbook begins."""

    required: bool = True
    methods: tuple[str, ...] = ()


class KnowledgeBaseEntry(Model):
    """Where answers are looked up."""

    source: str | None = None
    include_reviews: bool = False
    include_similar_products: bool = False
    include_videos: bool = False
    vector_search: bool = False
    semantic_matching: bool = False


class ResponseEntry(Model):
    """How an answer from the knowledge base is put."""

    format: str | None = None
    include_screenshots: bool = False
    include_related_articles: int = Field(default=0, ge=0)


class PlaybookEntry(Model):
    """A playbook under `autoResponse`, or a group of playbooks."""

    enabled: bool = True
    intents: Names = ()
    proof: Proof | None = None
    on_missing_proof: Name | None = None
    require_human: bool = False
    with_hand_off: bool = False
    authentication: AuthenticationEntry | None = None
    workflow: tuple[StepEntry, ...] = ()
    knowledge_base: KnowledgeBaseEntry | None = waiting()
    response: ResponseEntry | None = waiting()
    method: str | None = waiting()
    expiration: ElapsedField | None = waiting()
    allowed_fields: tuple[str, ...] = waiting(default=())
    parts: "Mapping[str, PlaybookEntry]" = Field(default={}, json_schema_extra={"inner": True})

    @classmethod
    def reshape(cls, data: dict[Any, Any]) -> dict[Any, Any]:
        mappings = data and all(isinstance(value, dict) for value in data.values())
        if mappings and not cls.keys().keys() & data.keys():
            return {"parts": data}
        return data


class TeamEntry(Model):
    """A team of agents."""

    name: Name
    title: str | None = None
    calendar: Name | None = None
    alert_email: str | None = None
    languages: tuple[Language, ...] = waiting(default=())
    skills: tuple[str, ...] = waiting(default=())


class CalendarEntry(Model):
    """When people work."""

    timezone: str | None = None
    schedule: Mapping[str, Any] = {}
    holidays: tuple[str, ...] = ()


class BusinessHoursEntry(CalendarEntry):
    """The calendar of the whole service, written in place."""

    calendar: Name | None = None
    outside_hours: OutsideHours | None = waiting()


def _hours(value: object) -> object:
    return {"calendar": value} if isinstance(value, str) else value


class RoutingEntry(Model):
    """A routing rule; the first that holds wins."""

    condition: Words
    team: Name | None = None
    priority: PriorityWord | None = None


class TriggerEntry(Model):
    """When a person must take over."""

    condition: Words
    action: str = "hand-off"
    notify: Names = ()
    team: Name | None = None
    sla: DurationField | None = None
    preserve_context: bool = True


class EscalationPolicy(Model):
    """What is done for one kind of escalation (`escalation.fraud`)."""

    immediate: bool = False
    notify: Names = ()
    freeze_account: Human = False
    law_enforcement: Human = False
    sla: DurationField | None = None
    compliance_review: Literal[True, False, "required"] = False
    documentation: Literal[True, False, "required"] = False
    route_to: Name | None = None


class EscalationEntry(Model):
    """How conversations reach people. Every other key is the name of an escalation policy."""

    sla: Mapping[str, Any] = {}
    default_team: Name | None = None
    routing: tuple[RoutingEntry, ...] = ()
    triggers: tuple[TriggerEntry, ...] = waiting(default=())
    business_hours: Annotated[BusinessHoursEntry | None, BeforeValidator(_hours)] = None
    policies: Mapping[str, EscalationPolicy] = Field(
        default={}, json_schema_extra={"inner": True, "waiting": True}
    )

    @classmethod
    def reshape(cls, data: dict[Any, Any]) -> dict[Any, Any]:
        return gather(data, cls, into="policies", values=(dict,))


class IntegrationEntry(Model):
    """An outside system. Every other key is a setting of its connector."""

    type: Name | None = None
    url: str | None = None
    settings: Mapping[str, Any] = Field(default={}, json_schema_extra={"inner": True})

    @classmethod
    def reshape(cls, data: dict[Any, Any]) -> dict[Any, Any]:
        known = cls.keys()
        given = {camel(str(key)): value for key, value in data.items() if key not in known}
        return {key: data[key] for key in data if key in known} | {"settings": given}


class EntityEntry(Model):
    """How to recognise one kind of thing in what contacts write."""

    shapes: tuple[Annotated[str, Field(min_length=2, max_length=64)], ...] = ()
    values: Mapping[str, tuple[str, ...]] = {}
    builtin: Literal["currency-pair"] | None = None


class PrivacyEntry(Model):
    """What is kept of customers, and how. Every other key is a type of personal data."""

    store: Literal["database", "none"] = "database"
    forget_after: str | None = None
    phone_countries: tuple[str, ...] | None = Field(default=None, min_length=1, max_length=30)
    treatments: Mapping[PersonalData, Treatment] = Field(
        default={}, json_schema_extra={"inner": True}
    )

    @classmethod
    def reshape(cls, data: dict[Any, Any]) -> dict[Any, Any]:
        return gather(data, cls, into="treatments", values=(str,))


def _brand(value: object) -> object:
    return {"name": value} if isinstance(value, str) else value


def _team(value: object) -> object:
    return {"name": value} if isinstance(value, str) else value


def _text(value: object) -> object:
    return {"": value} if isinstance(value, str) else value


class ServiceDocument(Model):
    """The whole file."""

    service: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=63)
    brand: Annotated[Brand | None, BeforeValidator(_brand)] = None
    language: Language = "en"
    timezone: str = "UTC"
    channels: tuple[Channel, ...] = ()
    classification: ClassificationEntry = ClassificationEntry()
    auto_response: Mapping[str, PlaybookEntry] = {}
    templates: Mapping[Name, Annotated[Mapping[str, str], BeforeValidator(_text)]] = {}
    teams: tuple[Annotated[TeamEntry, BeforeValidator(_team)], ...] = ()
    calendars: Mapping[Name, CalendarEntry] = {}
    escalation: EscalationEntry = EscalationEntry()
    integrations: Mapping[Name, IntegrationEntry] = {}
    entities: Mapping[Name, EntityEntry] = {}
    limits: LimitsEntry = LimitsEntry()
    privacy: PrivacyEntry = PrivacyEntry()
    compliance: Compliance | None = waiting()
    chatbot: Chatbot | None = waiting()
    analytics: Analytics | None = waiting()
    monitoring: Monitoring | None = waiting()


def gather(
    data: dict[Any, Any], model: type[Model], *, into: str, values: tuple[type, ...]
) -> dict[Any, Any]:
    """Moves the entries that are names, not keys, under one key.

    A misspelt key stays where it is, to be refused: it resembles a key, or has no such value.
    """
    known = model.keys()
    names = {
        key: value
        for key, value in data.items()
        if key not in known and isinstance(value, values) and not resembled(str(key), known)
    }
    return {key: value for key, value in data.items() if key not in names} | {into: names}


def resembled(key: str, known: Mapping[str, str]) -> str | None:
    """The known key that `key` is a slip of, or None; short words must not differ at all."""
    close = get_close_matches(camel(key), known, n=1, cutoff=0.84)
    return close[0] if close else None

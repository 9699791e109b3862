"""Parts of a definition that are read and checked, but that nothing acts on yet."""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from answerable.definition.duration import DurationField, ElapsedField
from answerable.definition.keys import Model
from answerable.definition.terms import Criterion, Words


class Compliance(Model):
    """The standards that the service keeps."""

    enabled: bool = False
    standards: tuple[str, ...] = ()
    recording_required: bool = False
    retention_period: ElapsedField | None = None
    encryption: str | None = None


class ReplyCompliance(Model):
    """What replies must not do."""

    no_pii: bool = Field(default=False, alias="noPII")
    no_financial_advice: bool = False
    disclaimers: str | None = None
    approved_responses: Words | None = None


class HandOffTriggers(Model):
    """When the assistant gives up: conditions, or a condition's name and value."""

    triggers: tuple[Criterion, ...] = ()


class ChatbotIntegration(Model):
    """What the assistant may do in an outside system."""

    system: str
    actions: tuple[str, ...] = ()


class Tool(Model):
    """A tool that a language model may call."""

    name: str
    description: str = ""


class Chatbot(Model):
    """How the assistant speaks, and where it stops."""

    engine: str | None = None
    personality: str | None = None
    system_prompt: str | None = None
    context_window: int | None = Field(default=None, ge=1)
    temperature: float | None = Field(default=None, ge=0, le=2)
    tools: tuple[Tool, ...] = ()
    compliance: ReplyCompliance | None = None
    limitations: tuple[str, ...] = ()
    integrations: tuple[ChatbotIntegration, ...] = ()
    fallback_to_human: HandOffTriggers | None = None
    handoff: HandOffTriggers | None = None


class Reporting(Model):
    """Reports that are sent."""

    frequency: Literal["daily", "weekly", "monthly"] = "daily"
    recipients: tuple[str, ...] = ()


class CustomMetric(Model):
    """A metric of one's own: a target, or a formula over counters."""

    name: str
    target: DurationField | None = None
    calculation: str | None = None


class Analytics(Model):
    """What is measured and shown."""

    metrics: tuple[str, ...] = ()
    reporting: Reporting | None = None
    custom_metrics: tuple[CustomMetric, ...] = ()
    dashboards: tuple[str, ...] = ()


class FraudDetection(Model):
    """Which signs of fraud are watched for."""

    anomalies: bool = False
    patterns: bool = False
    real_time_alerts: bool = False


class Monitoring(Model):
    """What is watched while the service runs."""

    compliance: Mapping[str, tuple[str, ...]] = {}
    fraud_detection: FraudDetection | None = None

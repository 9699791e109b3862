"""Channels: the inboxes through which customers reach the service."""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field, field_validator

from answerable.definition.duration import DurationField
from answerable.definition.keys import Model, kebab, waiting
from answerable.definition.terms import CHANNEL_KINDS, ChannelKind, Words


class SignIn(Model):
    """How customers prove themselves on a chat: a token signed by the organisation's own site.

    secret: name of the setting that holds the key, never the key itself.
    """

    method: Literal["hmac"] = "hmac"
    secret: str = Field(pattern=r"^[A-Z][A-Z0-9_]*$")


class ProactiveTrigger(Model):
    """When the widget speaks first. condition: over what the page tells of the visit."""

    condition: str
    message: str


class Proactive(Model):
    """Messages with which the widget opens a conversation."""

    enabled: bool = False
    triggers: tuple[ProactiveTrigger, ...] = ()


class Widget(Model):
    """How the chat looks on the organisation's pages."""

    position: Literal["bottom-right", "bottom-left"] = waiting(default="bottom-right")
    theme: str | None = waiting()
    welcome_message: str | None = None
    proactive: Proactive | None = waiting()


class Channel(Model):
    """An inbox. type: as written; kind: what conversations it carries; name: unique.

    key: a chat's public widget key: it identifies tenant and inbox, and authorises nothing.
    origins: pages that may open the chat. keywords: an SMS word -> the intent it means.
    """

    type: str
    name: str = Field(default_factory=lambda read: kebab(read.get("type", "")), min_length=1)
    key: str | None = Field(default=None, min_length=8)
    origins: tuple[str, ...] = ()
    sign_in: SignIn | None = None
    widget: Widget = Widget()
    address: str | None = None
    number: str | None = waiting()
    team: str | None = waiting()
    auto_reply: bool = waiting(default=True)
    response_time: DurationField | None = waiting()
    keywords: Mapping[str, str] = waiting(default={})
    encryption: str | None = waiting()
    authentication: str | None = waiting()
    recording: str | None = waiting()
    transcription: str | None = waiting()
    dlp: Words | None = waiting()
    integration: str | None = waiting()
    context: Mapping[str, bool] = waiting(default={})
    thread_tracking: bool = waiting(default=True)
    shared_channels: bool = waiting(default=False)

    @field_validator("type", mode="after")
    @classmethod
    def _known_type(cls, value: str) -> str:
        name = kebab(value)
        if name not in CHANNEL_KINDS:
            raise ValueError(f"{value!r} is not a channel: write one of {', '.join(CHANNEL_KINDS)}")
        return name

    @property
    def kind(self) -> ChannelKind:
        return CHANNEL_KINDS[self.type]

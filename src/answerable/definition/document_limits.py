"""The shape of `limits` in a definition, as it is written."""

from collections.abc import Mapping
from typing import Annotated, get_args

from pydantic import BeforeValidator, Field

from answerable.definition.explain import shown
from answerable.definition.keys import Model
from answerable.definition.terms import ChannelKind


def _for_all_channels(value: object) -> object:
    return dict.fromkeys(get_args(ChannelKind), value) if isinstance(value, str) else value


def _as_rates(value: object) -> object:
    given = value if isinstance(value, list) else [value]
    for one in given:
        if not isinstance(one, str):
            raise ValueError(f"{shown(one)} is not a rate: write 5 per 1h, or a list of such")
    if not given:
        raise ValueError("an empty list limits nothing: write 5 per 1h, or leave the key out")
    return given


Rates = Annotated[tuple[str, ...], BeforeValidator(_as_rates)]
"""Rates such as `5 per 1h`, all of which hold; a single one may stand alone."""


class TextMessagesEntry(Model):
    """How many text messages may leave; None: as usual."""

    per_number: Rates | None = None
    per_prefix: Rates | None = None
    per_tenant: Rates | None = None


class CodeMailsEntry(Model):
    """How many mails with one-time codes may leave; None: as usual."""

    per_address: Rates | None = None
    per_tenant: Rates | None = None


class LimitsEntry(Model):
    """Brakes."""

    automatic_replies_per_conversation: Annotated[
        Mapping[ChannelKind, str], BeforeValidator(_for_all_channels)
    ] = {}
    clarifying_questions: int = Field(default=2, ge=0, le=10)
    message_characters: int = Field(default=4000, ge=1, le=4000)  # a frame of the chat holds that
    messages_per_minute: int = Field(default=30, ge=1, le=1_000_000)
    text_messages: TextMessagesEntry = TextMessagesEntry()
    code_mails: CodeMailsEntry = CodeMailsEntry()

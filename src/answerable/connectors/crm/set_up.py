"""What a definition must say so that cases are written, and mails of the CRM taken in."""

import re
from collections.abc import Iterator, Mapping
from datetime import date

from answerable.connectors.crm.feed import LEAST_SECRET
from answerable.connectors.crm.mapping import CrmMapping, mapping_of
from answerable.connectors.set_up import Secret
from answerable.definition.check_playbooks import check_team, error, warning
from answerable.definition.explain import did_you_mean, shown
from answerable.definition.problem import Finding
from answerable.definition.schema import Integration, ServiceDefinition
from answerable.desk.cases import OFF, Texts
from answerable.kit.errors import InvalidInput
from answerable.kit.web_address import web_address

NEEDS = ("clientId", "username")
SETTINGS = (
    "audience", "apiVersion", "externalId", "customerField", "comments", "queues", "statuses",
    "priorities", "origins", "apiShare", "inbox", "mirror", "mirrorSince",
)  # fmt: skip
KEY = Secret(
    what="the private key of the connected app, in PEM",
    without="no case is written, and playbooks that read cases hand off to people",
)
HOOK_SECRET = Secret(
    what=f"{LEAST_SECRET} random bytes or more, which the CRM signs its calls with",
    without="mails that come to the CRM are refused",
    least_bytes=LEAST_SECRET,
    wanted=lambda integration: bool(integration.settings.get("inbox")),
)
_VERSION = re.compile(r"v[0-9]{2,3}\.0")
_MAPPED = ("externalId", "customerField", "comments", "queues", "statuses", "priorities", "origins")


def check(integration: Integration, definition: ServiceDefinition) -> Iterator[Finding]:
    yield from _check_call(integration)
    yield from _check_mapping(integration, definition)
    yield from _check_inbox(integration, definition)
    yield from _check_mirror(integration)


def _check_call(integration: Integration) -> Iterator[Finding]:
    settings, where = integration.settings, integration.where
    audience = settings.get("audience")
    parts = web_address(audience)
    if audience is not None and (parts is None or parts.scheme != "https"):
        told = "audience is no address with https: write https://login.salesforce.com"
        yield error((*where, "audience"), told)
    version = settings.get("apiVersion")
    if version is not None and not _VERSION.fullmatch(str(version)):
        yield error((*where, "apiVersion"), f"{shown(version)} is no version: write v61.0")
    share = settings.get("apiShare")
    if share is not None and not (_is_number(share) and 0 < share <= 1):
        yield error((*where, "apiShare"), f"apiShare is above 0 and at most 1, not {shown(share)}")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _check_mapping(integration: Integration, definition: ServiceDefinition) -> Iterator[Finding]:
    settings, usual = integration.settings, CrmMapping()
    for key in _MAPPED:
        if key not in settings:
            continue
        where = (*integration.where, key)
        try:
            mapping_of(integration.model_copy(update={"settings": {key: settings[key]}}))
        except InvalidInput as wrong:
            yield error(where, wrong.message)
            continue
        if key == "queues":
            for team in settings[key]:
                yield from check_team(str(team), (*where, team), definition)
        elif isinstance(settings[key], Mapping):
            words = list(getattr(usual, key))
            for word in settings[key]:
                if word not in words:
                    told = f"{key} has no {word}{did_you_mean(str(word), words)}"
                    yield warning((*where, word), told, at_key=True)


def _check_inbox(integration: Integration, definition: ServiceDefinition) -> Iterator[Finding]:
    inbox = integration.settings.get("inbox")
    if inbox in (None, ""):
        return
    mail = [channel.name for channel in definition.channels if channel.kind == "email"]
    if inbox not in mail:
        told = f"no mail inbox is called {inbox}{did_you_mean(str(inbox), mail)}"
        yield error((*integration.where, "inbox"), told)


def _check_mirror(integration: Integration) -> Iterator[Finding]:
    settings, where = integration.settings, integration.where
    mirror = settings.get("mirror", OFF)
    if mirror is not False and mirror not in (*Texts, OFF):
        words = ", ".join((*Texts, OFF))
        yield error((*where, "mirror"), f"mirror cannot be {shown(mirror)}: write one of {words}")
    since = settings.get("mirrorSince")
    try:
        _ = since is None or date.fromisoformat(str(since))
    except ValueError:
        yield error((*where, "mirrorSince"), f"{shown(since)} is no date: write 2026-12-25")

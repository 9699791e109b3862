"""What a definition must say so that messages leave, and what became of them is heard."""

import re
from collections.abc import Iterator

from answerable.connectors.set_up import Secret
from answerable.contacts.sms import is_number
from answerable.definition.check_playbooks import error, warning
from answerable.definition.problem import Finding
from answerable.definition.schema import Integration, ServiceDefinition
from answerable.kit.web_address import in_the_clear, web_address

NEEDS = ("accountSid",)
SETTINGS = ("apiKey", "sender", "messagingService", "statusCallback")
KEY = Secret(
    what="the secret of the API key, or the account's auth token if there is no apiKey",
    without="no text message leaves, so nobody gets a code",
)
HOOK_SECRET = Secret(
    what="the account's auth token",
    without="reports of what became of text messages are refused",
    wanted=lambda integration: bool(integration.settings.get("statusCallback")),
)
# Written by letters, or a short number of one country.
_NAMED = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9 ]{2,11}")
_SHORT = re.compile(r"[0-9]{3,8}")
_SERVICE = re.compile(r"MG[0-9a-fA-F]{32}")


def check(integration: Integration, definition: ServiceDefinition) -> Iterator[Finding]:
    settings, where = integration.settings, integration.where
    service, sender = settings.get("messagingService"), settings.get("sender")
    if service in (None, ""):
        yield from _check_sender(sender, integration)
    elif not isinstance(service, str) or not _SERVICE.fullmatch(service):
        told = "messagingService is MG and 32 further digits or letters from a to f"
        yield error((*where, "messagingService"), told)
    elif sender is not None:
        yield warning((*where, "sender"), "messagingService is set too, and wins")
    if settings.get("statusCallback") not in (None, ""):
        yield from _check_callback(settings["statusCallback"], integration, definition)


def _check_sender(sender: object, integration: Integration) -> Iterator[Finding]:
    where = (*integration.where, "sender")
    if sender in (None, ""):
        told = f"{integration.type} needs sender or messagingService: add `sender: '+49...'`"
        yield error(integration.where, told, at_key=True)
    elif not isinstance(sender, str):
        yield error(where, f"sender is a text: put it into quotes, '+{sender}'")
    elif _NAMED.fullmatch(sender):
        told = "a sender of letters is refused in some countries, and nobody can answer it"
        yield warning(where, told)
    elif not is_number(sender) and not _SHORT.fullmatch(sender):
        told = "sender is no number as E.164 writes it: write it as '+493023125999'"
        yield error(where, told)


def _check_callback(
    callback: object, integration: Integration, definition: ServiceDefinition
) -> Iterator[Finding]:
    """It has to be exactly what the gateway calls: the signature covers the whole of it."""
    where = (*integration.where, "statusCallback")
    path = hook_path(definition.tenant, integration.name)
    parts = web_address(callback)
    if parts is None:
        told = f"statusCallback is no address: write https://..., ending with {path}"
        yield error(where, told)
        return
    if parts.query or parts.fragment or not parts.path.endswith(path):
        yield error(where, f"reports sent there are refused: end it with {path}")
    if in_the_clear(parts):
        yield error(where, "statusCallback is not encrypted: write https")


def hook_path(tenant: str, integration: str) -> str:
    """Where reports are taken in, see `answerable.api.hooks.sms_routes`."""
    return f"/v1/hooks/{tenant}/{integration}/sms-status"

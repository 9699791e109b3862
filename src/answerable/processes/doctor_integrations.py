"""The doctor's look at integrations: what they are told, what they are trusted with, and whether
they can be reached. No secret and no address is repeated: either may hold a password.
"""

import asyncio
from collections.abc import Iterator

import httpx

from answerable.connectors.registry import factories
from answerable.connectors.set_up import Secret, check_settings, set_up_of
from answerable.definition.schema import Integration, ServiceDefinition
from answerable.kit.errors import InvalidInput
from answerable.kit.web_address import in_the_clear, is_loopback, web_address
from answerable.processes.doctor_report import Finding, ok, problem, warning
from answerable.processes.roles import Role
from answerable.processes.settings import PREFIX, Settings, capitals

KNOCK_SECONDS = 2.0


def check_integrations(
    definition: ServiceDefinition, settings: Settings, file: str
) -> Iterator[Finding]:
    """What this process needs, by its role: keys where connectors run, hooks' secrets where the
    world calls. file: the definition's, as people name it."""
    known = factories()
    for name, integration in definition.integrations.items():
        address = settings.connector_url(name) or integration.url
        if integration.type not in known:
            told = f"{name}: no connector of type {integration.type!r} is installed"
            yield warning("connectors", told, "playbooks that need it hand off to people")
        elif not address:
            told = f"{name}: has no address"
            yield problem("connectors", told, f"set {_setting(name, 'URL')}")
        else:
            yield ok("connectors", f"{name}: a connector of type {integration.type} is installed")
            yield from _address(name, address)
            yield from _settings(integration, definition, file)
            yield from _key(integration, address, settings)
            yield from _hook_secret(integration, settings)
            yield from _callback(integration, settings)


def role_here(settings: Settings) -> Role:
    """As told; one that is not known stops the start, and is here as if nothing were said."""
    told = settings.get("ROLE")
    return Role(told) if told in list(Role) else Role.ALL


def _setting(name: str, what: str) -> str:
    return f"{PREFIX}CONNECTOR_{capitals(name)}_{what}"


def _address(name: str, address: str) -> Iterator[Finding]:
    parts = web_address(address)
    mend = f"correct the definition's url, or {_setting(name, 'URL')}"
    if parts is None:
        told = f"{name}: its address is none: it begins with https:// and names a host"
        yield problem("connectors", told, mend)
    elif in_the_clear(parts):
        told = f"{name}: its key and customers' data cross the network unencrypted"
        yield warning("connectors", told, f"use https: {mend}")


def _settings(
    integration: Integration, definition: ServiceDefinition, file: str
) -> Iterator[Finding]:
    for found in check_settings(integration, definition):
        say = problem if found.severity == "error" else warning
        told = f"{integration.name}: {found.message}"
        yield say("connectors", told, f"`answerable check {file}` says where")


def _key(integration: Integration, address: str, settings: Settings) -> Iterator[Finding]:
    name, role = integration.name, role_here(settings)
    key, setting = settings.connector_key(name), _setting(name, "KEY")
    if not role.speaks_with_systems:
        if key is not None:
            told = f"{name}: {setting} is set, though a {role} never speaks with it"
            yield warning("secrets", told, f"unset {setting} here: it belongs to connectors only")
        return
    set_up = set_up_of(integration.type)
    wanted = set_up.key if set_up is not None else None
    if wanted is not None:
        yield _given(f"{name}: {setting}", setting, key, wanted)
    if key is not None:
        yield from _made(integration, address, key, setting)


def _made(integration: Integration, address: str, key: str, setting: str) -> Iterator[Finding]:
    """Made as at the start, which a bad key stops."""
    try:
        made = factories()[integration.type](integration, address, lambda _: key)
    except InvalidInput as error:
        yield problem("connectors", error.message, f"correct {setting}, or the definition")
        return
    close = getattr(made, "close", None)
    if close is not None:
        asyncio.run(close())


def _hook_secret(integration: Integration, settings: Settings) -> Iterator[Finding]:
    set_up = set_up_of(integration.type)
    wanted = set_up.hook_secret if set_up is not None else None
    if wanted is None or not role_here(settings).faces_the_world:
        return
    if wanted.wanted(integration):
        setting = _setting(integration.name, "HOOK_SECRET")
        told = f"{integration.name}: {setting}"
        yield _given(told, setting, settings.hook_secret(integration.name), wanted)


def _given(told: str, setting: str, value: str | None, wanted: Secret) -> Finding:
    mend = f"set {setting} or {setting}_FILE to {wanted.what}"
    if value is None:
        return warning("secrets", f"{told} is not set: {wanted.without}", mend)
    if len(value.encode()) < wanted.least_bytes:
        return problem("secrets", f"{told} is shorter than {wanted.least_bytes} bytes", mend)
    return ok("secrets", f"{told} is set")


def callback_of(integration: Integration) -> str | None:
    """The address of ours that the other system is told to call; None if it is told none."""
    set_up = set_up_of(integration.type)
    if set_up is None or set_up.callback is None:
        return None
    told = integration.settings.get(set_up.callback)
    return told if web_address(told) is not None else None


def _callback(integration: Integration, settings: Settings) -> Iterator[Finding]:
    """Whether it is called where customers come in too; what else is wrong, `check` says."""
    told, ours = web_address(callback_of(integration)), web_address(settings.get("PUBLIC_URL"))
    if told is None or ours is None or told.netloc == ours.netloc:
        return
    if not (is_loopback(told.hostname or "") and is_loopback(ours.hostname or "")):
        yield warning(
            "hooks",
            f"{integration.name}: it is told to call another host than customers reach",
            f"see whether both lead to the gateways, or correct it or {PREFIX}PUBLIC_URL",
        )


def check_reachable(definition: ServiceDefinition, settings: Settings) -> Iterator[Finding]:
    """Knock at every other system, and at our own hooks as other systems call them."""
    known, role = factories(), role_here(settings)
    for name, integration in definition.integrations.items():
        url = settings.connector_url(name) or integration.url
        if url and integration.type in known and role.speaks_with_systems:
            yield _knock(name, url)
        callback = callback_of(integration)
        if callback is not None and role.faces_the_world:
            yield _knock_at_hook(name, callback)


def _knock(name: str, url: str) -> Finding:
    try:
        answer = httpx.get(url, timeout=KNOCK_SECONDS)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        told = f"{name}: no answer ({type(error).__name__})"
        return problem("reachable", told, "start it, or correct its address")
    return ok("reachable", f"{name}: answers (status {answer.status_code})")


def _knock_at_hook(name: str, callback: str) -> Finding:
    """A hook takes no GET, and says so in our own words."""
    try:
        answer = httpx.get(callback, timeout=KNOCK_SECONDS)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        told = f"{name}: nobody answers where it is told to call us ({type(error).__name__})"
        mend = "start a gateway and its proxy, or correct the address in the definition"
        return problem("reachable", told, mend)
    if answer.status_code == 405 and "method_not_allowed" in answer.text:
        return ok("reachable", f"{name}: calls of it reach our hook")
    told = f"{name}: where it is told to call us somebody else answers ({answer.status_code})"
    return problem("reachable", told, "let the proxy pass /v1/hooks/ on to the gateways")

"""The doctor's look at service definitions, their secrets, and the systems they name."""

import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from answerable.connectors.registry import factories
from answerable.contacts.customer_token import SECRET_BYTES
from answerable.definition.load import load_definition
from answerable.definition.schema import ServiceDefinition
from answerable.playbooks.library import built_in_actions
from answerable.processes.doctor_report import Finding, ok, problem, warning
from answerable.processes.models import examples_of, own_model_folder
from answerable.processes.settings import PREFIX, Settings, capitals

KNOCK_SECONDS = 2.0
PORTS = {"smtp": 587, "smtps": 465, "smtp+plain": 25, "imap": 143, "imaps": 993}


def check_service(file: Path, settings: Settings) -> Iterator[Finding]:
    loaded = load_definition(file, actions=built_in_actions().catalogue)
    if loaded.definition is None:
        told = f"{file}: {len(loaded.errors)} errors; the first: {loaded.errors[0]}"
        yield problem("definition", told, f"run `answerable check {file}`")
        return
    definition = loaded.definition
    if loaded.warnings:
        told = f"{definition.tenant}: loads, with {len(loaded.warnings)} warnings"
        yield warning("definition", told, f"run `answerable check {file}`")
    else:
        yield ok("definition", f"{definition.tenant} loads")
    yield from _model(definition, settings)
    yield from _secrets(definition, settings)
    yield from _mail(definition, settings)
    yield from _integrations(definition, settings)


def _model(definition: ServiceDefinition, settings: Settings) -> Iterator[Finding]:
    examples = examples_of(definition)
    if own_model_folder(settings, definition).is_dir():
        yield ok("model", f"{definition.tenant}: trained")
    elif examples:
        yield ok("model", f"{definition.tenant}: none yet; it is trained at the first start")
    else:
        yield problem(
            "model",
            f"{definition.tenant}: no intent has examples, so nothing can be understood",
            "write examples into the definition",
        )


def _secrets(definition: ServiceDefinition, settings: Settings) -> Iterator[Finding]:
    for channel in definition.channels:
        if channel.sign_in is None:
            continue
        name = channel.sign_in.secret
        secret = settings.named_secret(name)
        if secret is None:
            yield warning(
                "secrets",
                f"{channel.name}: {name} is not set, so customers cannot sign in",
                f"set {name} or {name}_FILE to {SECRET_BYTES} random bytes or more",
            )
        elif len(secret.encode()) < SECRET_BYTES:
            yield problem(
                "secrets", f"{name} is shorter than {SECRET_BYTES} bytes", "choose a longer one"
            )
        else:
            yield ok("secrets", f"{channel.name}: {name} is set")


def _mail(definition: ServiceDefinition, settings: Settings) -> Iterator[Finding]:
    inboxes = [c for c in definition.channels if c.kind == "email" and c.address]
    if not inboxes:
        return
    if settings.get("SMTP_URL") is None:
        yield warning("mail out", "replies cannot leave", f"set {PREFIX}SMTP_URL")
    else:
        yield ok("mail out", "a server is set")
    for inbox in inboxes:
        own = f"IMAP_URL_{capitals(inbox.name)}"
        if any(settings.get(name) for name in (own, "IMAP_URL", "SMTP_IN")):
            yield ok("mail in", f"{inbox.name}: a way in is set")
        else:
            told = f"{inbox.name}: no mail can come in"
            yield warning("mail in", told, f"set {PREFIX}{own} or {PREFIX}SMTP_IN")


def _integrations(definition: ServiceDefinition, settings: Settings) -> Iterator[Finding]:
    known = factories()
    for name, integration in definition.integrations.items():
        if integration.type not in known:
            told = f"{name}: no connector of type {integration.type!r} is installed"
            yield warning("connectors", told, "playbooks that need it hand off to people")
        elif not (settings.connector_url(name) or integration.url):
            told = f"{name}: has no address"
            yield problem("connectors", told, f"set {PREFIX}CONNECTOR_{capitals(name)}_URL")
        else:
            yield ok("connectors", f"{name}: a connector of type {integration.type} is installed")


def check_connections(file: Path, settings: Settings) -> Iterator[Finding]:
    """Knock at connectors and mail servers; nothing is sent that could change anything."""
    definition = load_definition(file, actions=built_in_actions().catalogue).definition
    if definition is None:
        return
    for name, integration in definition.integrations.items():
        url = settings.connector_url(name) or integration.url
        if url and integration.type in factories():
            yield _knock_http(name, url)
    for name in ("SMTP_URL", "IMAP_URL", *_own_imap(definition)):
        url = settings.get(name)
        if url:
            yield _knock_mail(name, url)


def _own_imap(definition: ServiceDefinition) -> list[str]:
    return [f"IMAP_URL_{capitals(c.name)}" for c in definition.channels if c.kind == "email"]


def _knock_http(name: str, url: str) -> Finding:
    try:
        answer = httpx.get(url, timeout=KNOCK_SECONDS)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        told = f"{name}: no answer ({type(error).__name__})"
        return problem("reachable", told, "start it, or correct its address")
    return ok("reachable", f"{name}: answers (status {answer.status_code})")


def _knock_mail(name: str, url: str) -> Finding:
    # Never the URL itself: it holds a password.
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or PORTS.get(parts.scheme, 0)
    try:
        greeting = _greeting(host, port, tls=parts.scheme in ("smtps", "imaps"))
    except OSError as error:
        told = f"{PREFIX}{name}: no answer ({type(error).__name__})"
        return problem("reachable", told, "start the server, or correct the address")
    if not greeting.startswith((b"220", b"* OK")):
        told = f"{PREFIX}{name}: something answers, but no mail server"
        return problem("reachable", told, "correct host, port or scheme (smtps, imaps for TLS)")
    return ok("reachable", f"{PREFIX}{name}: a mail server answers")


def _greeting(host: str, port: int, *, tls: bool) -> bytes:
    with socket.create_connection((host, port), timeout=KNOCK_SECONDS) as plain:
        if not tls:
            return plain.recv(512)
        with ssl.create_default_context().wrap_socket(plain, server_hostname=host) as secure:
            return secure.recv(512)

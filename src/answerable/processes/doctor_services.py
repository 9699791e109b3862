"""The doctor's look at service definitions, their secrets, and the servers they need."""

import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from answerable.contacts.customer_token import SECRET_BYTES
from answerable.definition.load import LoadResult, load_definition
from answerable.definition.schema import ServiceDefinition
from answerable.kit.errors import InvalidInput
from answerable.kit.web_address import in_the_clear, web_address
from answerable.playbooks.library import built_in_actions
from answerable.processes.doctor_integrations import (
    check_integrations,
    check_reachable,
    role_here,
)
from answerable.processes.doctor_redis import check_kept
from answerable.processes.doctor_report import Finding, ok, problem, warning
from answerable.processes.models import examples_of, own_model_folder
from answerable.processes.settings import PREFIX, Settings, capitals

KNOCK_SECONDS = 2.0
PORTS = {"smtp": 587, "smtps": 465, "smtp+plain": 25, "imap": 143, "imaps": 993}


@dataclass(frozen=True, kw_only=True)
class Source:
    """A definition to be looked at. text: as it is in force; None: as the file `name` has it."""

    name: str
    text: bytes | None = None

    def load(self) -> LoadResult:
        return load_definition(self.name, self.text, actions=built_in_actions().catalogue)


def check_service(source: Source, settings: Settings) -> Iterator[Finding]:
    loaded = source.load()
    if loaded.definition is None:
        told = f"{source.name}: {len(loaded.errors)} errors; the first: {loaded.errors[0]}"
        yield problem("definition", told, f"run `answerable check {source.name}`")
        return
    definition = loaded.definition
    if loaded.warnings:
        told = f"{definition.tenant}: loads, with {len(loaded.warnings)} warnings"
        yield warning("definition", told, f"run `answerable check {source.name}`")
    else:
        yield ok("definition", f"{definition.tenant} loads")
    yield from _model(definition, settings)
    yield from _secrets(definition, settings)
    if definition.keeping.forget_after is not None:
        yield from check_kept(settings)
    yield from _mail(definition, settings)
    yield from _pages(definition, settings)
    yield from check_integrations(definition, settings, source.name)


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
    if not role_here(settings).faces_the_world:
        return
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


def _pages(definition: ServiceDefinition, settings: Settings) -> Iterator[Finding]:
    """Where links in mails lead to."""
    steps = (step.action for book in definition.playbooks.values() for step in book.workflow)
    if "send-link" not in steps:
        return
    setting = f"{PREFIX}PUBLIC_URL"
    try:
        url = web_address(settings.public_url)
    except InvalidInput as error:
        yield problem("pages", error.message, f"correct {setting}")
        return
    if url is None:
        told = f"{definition.tenant}: {setting} is not set: playbooks that send a link hand over"
        yield warning("pages", told, f"set {setting} to where customers reach the gateways")
    elif in_the_clear(url):
        told = f"{definition.tenant}: links in mails lead to pages that are not encrypted"
        yield problem("pages", told, f"use https in {setting}")
    else:
        yield ok("pages", f"{definition.tenant}: links lead to {url.hostname}")


def check_connections(source: Source, settings: Settings) -> Iterator[Finding]:
    """Knock at connectors and mail servers; nothing is sent that could change anything."""
    definition = source.load().definition
    if definition is None:
        return
    yield from check_reachable(definition, settings)
    for name in ("SMTP_URL", "IMAP_URL", *_own_imap(definition)):
        url = settings.get(name)
        if url:
            yield _knock_mail(name, url)


def _own_imap(definition: ServiceDefinition) -> list[str]:
    return [f"IMAP_URL_{capitals(c.name)}" for c in definition.channels if c.kind == "email"]


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

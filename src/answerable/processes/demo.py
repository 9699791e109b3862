"""The demo bank: one process with the platform, and the outside world beside it."""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from secrets import token_urlsafe

from joserfc.jwk import RSAKey

from answerable.desk.agent import Role
from answerable.desk.agents import Agents
from answerable.desk.passwords import Passwords
from answerable.kit.errors import Conflict
from answerable.kit.ids import TenantId
from answerable.kit.resources import example_path
from answerable.processes.platform import Platform
from answerable.processes.serving import application, bind, serve
from answerable.processes.settings import Settings
from answerable.processes.wiring import open_platform
from answerable_sandbox.routes.website import bank_pages
from answerable_sandbox.runner import Sandbox
from answerable_sandbox.settings import DEMO_SECRET
from answerable_sandbox.settings import Settings as SandboxSettings
from answerable_sandbox.world import build_world

TENANT = TenantId("northwind-bank")
CHAT_SECRET = "NORTHWIND_CHAT_SECRET"  # noqa: S105 - the name of a setting
SMS_TOKEN = "sandbox"  # noqa: S105 - of an invented account
PASSWORD = "demo-northwind-2026"  # noqa: S105 - for the demo's invented people, on this machine only
PEOPLE = (
    ("Sam Okoro", "agent@northwind.example", Role.AGENT),
    ("Mia Lindqvist", "supervisor@northwind.example", Role.SUPERVISOR),
    ("Jonas Weber", "admin@northwind.example", Role.ADMINISTRATOR),
)


@dataclass(frozen=True, kw_only=True)
class DemoPorts:
    """Where the demo listens. sandbox: the outside world's pages; mail_in: our SMTP port."""

    host: str = "127.0.0.1"
    web: int = 8080
    sandbox: int = 8090
    sandbox_smtp: int = 2525
    mail_in: int = 2526


def demo_settings(settings: Settings, ports: DemoPorts) -> Settings:
    """The settings of the demo: its mail servers and connectors are the sandbox's, and what is
    secret between the two is made at each start."""
    values = {
        "SMTP_URL": f"smtp+plain://127.0.0.1:{ports.sandbox_smtp}",
        "SMTP_IN": f"127.0.0.1:{ports.mail_in}",
        "CONNECTOR_CORE_BANKING_URL": f"http://127.0.0.1:{ports.sandbox}/core",
        "CONNECTOR_CORE_BANKING_KEY": SandboxSettings.api_key,
        "CONNECTOR_CRM_URL": f"http://127.0.0.1:{ports.sandbox}/crm",
        "CONNECTOR_CRM_KEY": RSAKey.generate_key(2048).as_pem(private=True).decode(),
        "CONNECTOR_CRM_HOOK_SECRET": token_urlsafe(32),
        "CONNECTOR_SMS_URL": f"http://127.0.0.1:{ports.sandbox}/sms",
        "CONNECTOR_SMS_KEY": SMS_TOKEN,
        "CONNECTOR_SMS_HOOK_SECRET": SMS_TOKEN,
        "PUBLIC_URL": f"http://localhost:{ports.web}",
        **settings.values,
    }
    return Settings(values=values, environment=settings.environment)


async def run_demo(
    settings: Settings, ports: DemoPorts, *, ready: Callable[[DemoPorts], None]
) -> None:
    """Serve the demo until it is told to stop."""
    settings = demo_settings(settings, ports)
    secret = settings.named_secret(CHAT_SECRET) or DEMO_SECRET
    world = build_world(sandbox_settings(settings, ports, secret))
    service = service_of(ports, settings)
    listening = bind(ports.host, ports.web)
    async with Sandbox(world, http_port=ports.sandbox, smtp_port=ports.sandbox_smtp, tells=True):
        platform = await open_platform(settings, [service])
        await create_people(platform)
        pages = bank_pages("", secret, sandbox_url=f"http://127.0.0.1:{ports.sandbox}")
        app = application(
            platform, secrets={CHAT_SECRET: secret}, home="/bank", extra_routes=pages.routes
        )
        await serve(app, listening, ready=lambda _port: ready(ports))


def sandbox_settings(settings: Settings, ports: DemoPorts, secret: str) -> SandboxSettings:
    """settings: the demo's. secret: signs customers' tokens."""
    ours = f"http://127.0.0.1:{ports.web}"
    key = RSAKey.import_key(settings.connector_key("crm") or "")
    return SandboxSettings(
        answerable_url=ours,
        secret=secret,
        intake_port=ports.mail_in,
        crm_public_key=key.as_pem(private=False).decode(),
        crm_hook=f"{ours}/v1/hooks/{TENANT}/crm/cases",
        crm_hook_secret=settings.hook_secret("crm") or "",
        sms_token=settings.connector_key("sms") or "",
    )


def service_of(ports: DemoPorts, settings: Settings) -> Path:
    """The demo's definition; with other addresses where the website is not on its usual port."""
    original = example_path("northwind-bank") / "service.yaml"
    if ports.web == DemoPorts.web:
        return original
    moved = settings.data / "service.yaml"
    moved.parent.mkdir(parents=True, exist_ok=True)
    text = original.read_text(encoding="utf-8")
    moved.write_text(text.replace(f":{DemoPorts.web}", f":{ports.web}"), encoding="utf-8")
    return moved


async def create_people(platform: Platform) -> None:
    """The demo's agents, unless they are there already."""
    passwords = Passwords()
    agents = Agents(platform.service.database, platform.service.clock, passwords)
    teams = list(platform.definitions.active(TENANT).teams)
    for name, email, role in PEOPLE:
        with contextlib.suppress(Conflict):  # made at an earlier start
            await agents.create(
                TENANT, name=name, email=email, password=PASSWORD, role=role, teams=teams
            )
    await asyncio.to_thread(passwords.close)


def port_list(ports: DemoPorts) -> Sequence[tuple[str, str]]:
    """What is where, for people."""
    web = f"http://localhost:{ports.web}"
    return (
        ("The bank's website, with the chat", f"{web}/bank"),
        ("The agents' console", f"{web}/console/"),
        ("The outside world (core banking, mail, CRM)", f"http://localhost:{ports.sandbox}/"),
        ("Write a mail as a customer", f"http://localhost:{ports.sandbox}/mail/compose"),
        ("Mail by SMTP", f"localhost:{ports.mail_in}, to support@northwind.example"),
        ("The API", f"{web}/docs"),
    )

"""`python -m answerable_sandbox`: the outside world on fixed ports, until interrupted."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from pathlib import Path

from answerable_sandbox.runner import Sandbox
from answerable_sandbox.settings import DEMO_SECRET, Settings
from answerable_sandbox.world import build_world

SECRET_NAME = "NORTHWIND_CHAT_SECRET"  # noqa: S105 - the name of a setting
HOOK_SECRET_NAME = "NORTHWIND_CRM_HOOK_SECRET"  # noqa: S105 - the name of a setting
PUBLIC_KEY_NAME = "NORTHWIND_CRM_PUBLIC_KEY"


def _arguments() -> argparse.Namespace:
    defaults = Settings()
    parser = argparse.ArgumentParser(prog="python -m answerable_sandbox", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--http-port", type=int, default=8090)
    parser.add_argument("--smtp-port", type=int, default=2525)
    parser.add_argument("--answerable-url", default=defaults.answerable_url)
    parser.add_argument("--intake-host", default=defaults.intake_host)
    parser.add_argument("--intake-port", type=int, default=defaults.intake_port)
    parser.add_argument("--intake-address", default=defaults.intake_address)
    parser.add_argument("--crm-hook", default=defaults.crm_hook)
    return parser.parse_args()


def _told(name: str, otherwise: str) -> str:
    """From the environment, from the file it names, or as usual."""
    file = os.environ.get(f"{name}_FILE")
    if file:
        return Path(file).read_text(encoding="utf-8").strip()
    return os.environ.get(name) or otherwise


async def _run(arguments: argparse.Namespace) -> None:
    settings = Settings(
        answerable_url=arguments.answerable_url,
        secret=_told(SECRET_NAME, DEMO_SECRET),
        crm_public_key=_told(PUBLIC_KEY_NAME, ""),
        crm_hook=arguments.crm_hook,
        crm_hook_secret=_told(HOOK_SECRET_NAME, Settings().crm_hook_secret),
        intake_host=arguments.intake_host,
        intake_port=arguments.intake_port,
        intake_address=arguments.intake_address,
    )
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    async with Sandbox(
        build_world(settings),
        host=arguments.host,
        http_port=arguments.http_port,
        smtp_port=arguments.smtp_port,
        tells=True,
    ) as sandbox:
        print(
            f"Sandbox: {sandbox.url}  bank: {sandbox.url}/bank  SMTP: {sandbox.smtp_port}",
            file=sys.stderr,
        )
        await stopped.wait()


if __name__ == "__main__":
    asyncio.run(_run(_arguments()))

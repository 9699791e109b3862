"""What one process does for all: begun when it leads, ended when it does not any more."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from answerable.kit.membership import Membership
from answerable.kit.telemetry import get_logger

log = get_logger("processes")

LOOK_EVERY = 0.2  # seconds


async def while_leading(
    membership: Membership, duty: str, begin: Callable[[], Coroutine[Any, Any, None]]
) -> None:
    """Keep the work of `begin` going while this process leads in `duty`, until cancelled.

    Work that ends by an error is begun again.
    """
    task: asyncio.Task[None] | None = None
    try:
        while True:
            leads = membership.leads(duty)
            if task is not None and (task.done() or not leads):
                await _end(task, duty)
                task = None
            if task is None and leads:
                task = asyncio.create_task(begin())
            await asyncio.sleep(LOOK_EVERY)
    finally:
        if task is not None:
            await _end(task, duty)


async def _end(task: asyncio.Task[None], duty: str) -> None:
    task.cancel()
    (outcome,) = await asyncio.gather(task, return_exceptions=True)
    if isinstance(outcome, Exception):
        log.error("duty_failed", duty=duty, error=type(outcome).__name__)

"""Whether how long a page takes to say that digits of an app are wrong tells who is a customer.

    python -m benchmarks.strangers

A customer and a stranger take turns with wrong digits, first as it is, then beside a connector that
does not ask the bank about strangers: a difference that would have to be seen. The first ratio
should be near 1 on a machine at rest. That both make the same calls, and see the same pages, is
tested: `tests/integration/changes/test_by_app.py`.
"""

import asyncio
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from statistics import median

from answerable.connectors.core_banking.connector import CoreBanking
from answerable.contacts.one_time_codes import TRIES
from answerable.flow.self_service import MOST_CHECKS
from tests.support.bank import BEN, NOBODY, Bank, Browser, open_bank

CHANGES = 2  # of each: more mails are not answered in a day
WORN = timedelta(hours=1, minutes=1)  # after it, wrong tries are looked at again


@dataclass
class AsksAboutCustomersOnly:
    """What would be simpler: whom the bank does not know it is not asked about."""

    banking: CoreBanking

    async def accepts_app_code(self, customer: str | None, digits: str, *, key: str) -> bool:
        if customer is None:
            return False
        return await self.banking.accepts_app_code(customer, digits, key=key)

    def __getattr__(self, name: str) -> object:
        return getattr(self.banking, name)


async def seconds_of(browser: Browser) -> float:
    """From the digits to the page that says that they are wrong."""
    began = time.perf_counter()
    answer = await browser.submits("code", digits="000000")
    took = time.perf_counter() - began
    if answer.status_code != 422 or "not right, or were used already" not in answer.text:
        raise RuntimeError(f"not what wrong digits are answered with: {answer.status_code}")
    return took


async def compared(bank: Bank) -> str:
    """The median times of a stranger and of a customer, who take turns."""
    took: dict[str, list[float]] = {BEN: [], NOBODY: []}
    for _ in range(CHANGES):
        browsers = {who: await bank.asked_for_the_app(who) for who in took}
        for number in range(MOST_CHECKS - MOST_CHECKS % (TRIES - 1)):
            for who in sorted(browsers, reverse=bool(number % 2)):  # neither is always first
                took[who].append(await seconds_of(browsers[who]))
                await bank.service.settle()
            if number % (TRIES - 1) == TRIES - 2:
                await bank.time_passes(WORN)
    stranger, customer = median(took[NOBODY]), median(took[BEN])
    return (
        f"medians of {len(took[BEN])} tries: stranger {stranger * 1000:.1f} ms, "
        f"customer {customer * 1000:.1f} ms, {stranger / customer:.3f} times"
    )


async def main() -> None:
    ways: dict[str, Callable[[CoreBanking], object]] = {
        "as it is": lambda banking: banking,
        "if the bank were not asked about strangers": AsksAboutCustomersOnly,
    }
    for name, core in ways.items():
        with tempfile.TemporaryDirectory() as folder:
            async with open_bank(Path(folder) / "bank.db", core=core) as bank:
                print(f"{name}: {await compared(bank)}", flush=True)


if __name__ == "__main__":
    asyncio.run(main())

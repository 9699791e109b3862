"""How long a page takes to say that digits of an app are wrong tells nobody who is a customer."""

import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from statistics import median

import pytest

from answerable.connectors.core_banking.connector import CoreBanking
from answerable.contacts.one_time_codes import TRIES
from answerable.flow.self_service import MOST_CHECKS
from tests.support.bank import BEN, NOBODY, Bank, Browser, open_bank

CHANGES = 2  # of each: more mails are not answered in a day
WORN = timedelta(hours=1, minutes=1)  # after it, wrong tries are looked at again
ALIKE = 1.1  # times


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
    assert answer.status_code == 422
    assert "not right, or were used already" in answer.text
    return took


async def ratio(bank: Bank, capsys: pytest.CaptureFixture[str]) -> float:
    """Of the median times of a stranger and of a customer, who take turns."""
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
    with capsys.disabled():
        print(
            f"\nmedians of {len(took[BEN])} tries: stranger {stranger * 1000:.1f} ms, "
            f"customer {customer * 1000:.1f} ms, {stranger / customer:.3f} times"
        )
    return stranger / customer


@pytest.mark.alone
async def test_wrong_digits_of_a_stranger_take_as_long_as_those_of_a_customer(
    bank: Bank, capsys: pytest.CaptureFixture[str]
) -> None:
    assert 1 / ALIKE < await ratio(bank, capsys) < ALIKE


@pytest.mark.alone
async def test_that_the_bank_is_not_asked_about_strangers_would_be_seen(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with open_bank(tmp_path / "bank.db", core=AsksAboutCustomersOnly) as bank:
        assert await ratio(bank, capsys) < 1 / ALIKE

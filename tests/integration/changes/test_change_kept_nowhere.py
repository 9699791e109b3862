"""A change of address of a bank that keeps nothing: all of it works, and none of it stays."""

from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.bank import ADDRESS, BEN, open_bank
from tests.support.traces import files_of, traces

NOTHING = "\nprivacy: {store: none, forgetAfter: 24h}\n"
PHONE = "+491713920002"


async def test_from_a_mail_to_the_new_address_without_a_trace(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with open_bank(tmp_path / "bank.db", postgres=False, also=NOTHING) as bank:
        await bank.proves(by=BEN)
        agent = await bank.signed_in()
        approval = await bank.approval(agent)
        assert [one["after"] for one in approval["changes"]] == [
            ADDRESS[name] for name in ("street", "postal_code", "city", "country")
        ]

        answer = await bank.decides(agent, "approve", approval)

        assert answer.status_code == 200, answer.text
        assert await bank.customer("C-1002") == ADDRESS
        secrets = [ADDRESS["street"], "Hafenstraße 7", BEN, PHONE, "I moved, please"]
        logs = capsys.readouterr()
        places = [*files_of(tmp_path), ("logs", (logs.out + logs.err).encode())]
        assert traces(secrets, places) == []


async def test_a_change_whose_data_are_forgotten_goes_to_a_person(tmp_path: Path) -> None:
    async with open_bank(tmp_path / "bank.db", postgres=False, also=NOTHING) as bank:
        conversation = await bank.mails()
        browser = await bank.opens(await bank.link())
        await bank.submits(browser, "confirm")
        await bank.submits(browser, "enter", **ADDRESS)
        bank.clock.advance(timedelta(hours=24))

        await bank.submits(browser, "send-code")

        kinds = await bank.kinds(conversation)
        assert "effect_failed" in kinds
        assert "handed_off" in kinds
        assert await bank.requests() == []

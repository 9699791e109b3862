"""The doctor at the broker: what is wrong with it, how to mend it, and nothing is changed."""

import asyncio
from collections.abc import AsyncIterator

import aio_pika
import pytest

from answerable.kit.amqp import declare
from answerable.processes.doctor_broker import EXPECTED, check_broker
from answerable.processes.doctor_report import Finding
from answerable.processes.settings import Settings
from tests.support.brokers import QUEUES, Broker, open_broker


@pytest.fixture
async def broker() -> AsyncIterator[Broker]:
    async with open_broker() as broker:
        yield broker


async def examined(url: str, prefix: str) -> list[Finding]:
    settings = Settings(values={"BROKER": url})
    return await asyncio.to_thread(lambda: list(check_broker(settings, prefix=prefix)))


def told(findings: list[Finding], level: str) -> str:
    return "\n".join(
        f"{one.check}: {one.text} -> {one.mend}" for one in findings if one.level == level
    )


def test_without_a_broker_there_is_nothing_to_look_at() -> None:
    assert list(check_broker(Settings())) == []


async def test_a_new_broker_is_fine_and_stays_empty(broker: Broker) -> None:
    findings = await examined(broker.url, broker.prefix)

    assert [one.level for one in findings] == ["ok", "ok"]
    assert "RabbitMQ 3" in findings[0].text
    async with broker.channel() as channel:
        with pytest.raises(Exception, match="NOT_FOUND"):
            await channel.declare_queue(f"{broker.prefix}.conversations", passive=True)


async def test_the_queues_that_we_make_are_what_it_wants(broker: Broker) -> None:
    async with broker.channel() as channel:
        await declare(channel, broker.prefix, "conversations")
        await declare(channel, broker.prefix, "commands", asked=True)

    findings = await examined(broker.url, broker.prefix)

    assert told(findings, "problem") == told(findings, "warning") == ""
    assert "4 quorum queues" in told(findings, "ok")
    assert set(QUEUES) - {"jobs"} <= set(EXPECTED)


async def test_a_queue_of_another_kind_and_dead_letters_are_told(broker: Broker) -> None:
    async with broker.channel() as channel:
        await declare(channel, broker.prefix, "commands", asked=True)
        await channel.declare_queue(f"{broker.prefix}.conversations", durable=True)
        dead = await channel.get_exchange(f"{broker.prefix}.dead.commands")

        await dead.publish(aio_pika.Message(b"refused"), "")

    findings = await examined(broker.url, broker.prefix)

    assert f"{broker.prefix}.conversations is not what we rely on" in told(findings, "problem")
    assert f"{broker.prefix}.dead.commands: 1" in told(findings, "warning")


async def test_a_broker_that_does_not_answer_is_a_problem_and_no_password_is_told() -> None:
    findings = await examined("amqp://me:secret-word@127.0.0.1:1/", "test")

    assert "no answer" in told(findings, "problem")
    assert "secret-word" not in str(findings)


async def test_a_wrong_password_is_no_answer_either(broker: Broker) -> None:
    url = broker.url.replace("guest:guest", "guest:wrong")

    assert "no answer (ProbableAuthenticationError)" in told(
        await examined(url, broker.prefix), "problem"
    )


async def test_far_away_it_wants_encryption_and_an_account_of_our_own() -> None:
    findings = await examined("amqp://guest:guest@broker.invalid/", "test")

    assert "amqps://" in told(findings, "warning")
    assert "make an account" in told(findings, "warning")

"""The doctor finds out whether Redis does what we use it for, and never prints its address."""

import asyncio
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest

from answerable.processes.doctor_redis import check_kept, check_redis
from answerable.processes.doctor_report import Finding
from answerable.processes.settings import Settings
from tests.support.processes import free_port
from tests.support.redis import RedisForTests, open_redis


@pytest.fixture
async def redis() -> AsyncIterator[RedisForTests]:
    async with open_redis() as redis:
        yield redis


async def found(url: str) -> list[Finding]:
    settings = Settings(values={"REDIS": url})
    return await asyncio.to_thread(lambda: list(check_redis(settings)))


async def test_a_good_one_answers_and_passes_on(redis: RedisForTests) -> None:
    findings = await found(redis.url)

    assert {finding.level for finding in findings} == {"ok"}
    assert any("passes on" in finding.text for finding in findings)
    assert list(check_redis(Settings())) == []


async def test_one_that_is_away_is_a_problem_without_its_password() -> None:
    [away] = await found(f"redis://:hunter2@127.0.0.1:{free_port()}/0")
    [wrong] = await found("redis://:hunter2@127.0.0.1:none/0")

    assert (away.level, wrong.level) == ("problem", "problem")
    assert "hunter2" not in str((away, wrong))


async def test_an_account_that_may_not_listen_is_a_problem(redis: RedisForTests) -> None:
    name = redis.channel
    await redis.command("ACL", "SETUSER", name, "on", ">hunter2", "~*", "+@all", "resetchannels")
    try:
        parts = urlsplit(redis.url)
        findings = await found(f"redis://{name}:hunter2@{parts.hostname}:{parts.port}/0")
    finally:
        await redis.command("ACL", "DELUSER", name)

    assert [finding.level for finding in findings] == ["ok", "problem"]
    assert "answerable:*" in findings[-1].mend


async def test_on_another_machine_it_wants_a_password_and_encryption() -> None:
    levels = [finding.level for finding in await found("redis://redis.invalid:6379/0")]

    assert levels == ["warning", "warning", "problem"]


async def test_texts_that_are_kept_nowhere_must_be_on_no_disk_and_stay(
    redis: RedisForTests,
) -> None:
    names = ("save", "appendonly", "maxmemory-policy")
    before = {}
    for name in names:
        [before[name]] = (await redis.command("CONFIG", "GET", name)).values()
    settings = Settings(values={"REDIS": redis.url})
    try:
        for name, value in zip(names, ("", "no", "noeviction"), strict=True):
            await redis.command("CONFIG", "SET", name, value)
        [good] = await asyncio.to_thread(lambda: list(check_kept(settings)))
        await redis.command("CONFIG", "SET", "save", "3600 1")
        [bad] = await asyncio.to_thread(lambda: list(check_kept(settings)))
    finally:
        for name, value in before.items():
            await redis.command("CONFIG", "SET", name, value)

    assert good.level == "ok"
    assert bad.level == "problem"
    assert "save 3600 1" in bad.text


def test_several_processes_without_a_redis_are_a_problem_only_where_texts_need_it() -> None:
    server = Settings(values={"DATABASE": "postgresql://bank@127.0.0.1/bank"})

    assert [one.level for one in check_kept(server)] == ["problem"]
    assert list(check_kept(Settings())) == []

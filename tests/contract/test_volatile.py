"""What is kept for a time and nowhere on disk: in this process, and in Redis."""

import itertools
import os
from collections.abc import Iterator
from datetime import timedelta

import pytest
from redis import Redis

from answerable.kit.errors import StoreUnavailable
from answerable.kit.redis_volatile import RedisVolatile
from answerable.kit.testing import SettableClock
from answerable.kit.volatile import MemoryVolatile, Volatile
from tests.support.needs import needs_redis

HOUR = timedelta(hours=1)
_count = itertools.count()


@pytest.fixture
def in_redis() -> Iterator[RedisVolatile]:
    prefix = f"test-{os.getpid()}-{next(_count)}:volatile"
    kept = RedisVolatile(needs_redis(), prefix=prefix, process="test")
    yield kept
    for group in ("anna", "ben"):
        kept.remove(group, list(kept.all_of(group)))
    kept.close()


@pytest.fixture(params=["memory", "redis"])
def volatile(request: pytest.FixtureRequest) -> Volatile:
    if request.param == "memory":
        return MemoryVolatile(SettableClock())
    kept: Volatile = request.getfixturevalue("in_redis")
    return kept


def test_what_was_put_is_there(volatile: Volatile) -> None:
    volatile.put("anna", {"a": b"1", "b": b"\x00\n"}, lasts=HOUR)
    volatile.put("anna", {"a": b"2"}, lasts=HOUR)

    assert volatile.get("anna", ["a", "b", "c"]) == {"a": b"2", "b": b"\x00\n"}
    assert volatile.all_of("anna") == {"a": b"2", "b": b"\x00\n"}
    assert volatile.get("anna", []) == {}
    assert volatile.all_of("ben") == {}


def test_what_was_removed_is_gone_and_the_rest_is_not(volatile: Volatile) -> None:
    volatile.put("anna", {"a": b"1", "b": b"2"}, lasts=HOUR)

    volatile.remove("anna", ["a", "never there"])
    volatile.remove("ben", ["a"])
    volatile.remove("anna", [])

    assert volatile.all_of("anna") == {"b": b"2"}


def test_to_put_nothing_makes_no_group(volatile: Volatile) -> None:
    volatile.put("anna", {}, lasts=HOUR)

    assert volatile.all_of("anna") == {}


def test_a_group_goes_as_a_whole_after_its_last_write() -> None:
    clock = SettableClock()
    memory = MemoryVolatile(clock)
    memory.put("anna", {"a": b"1"}, lasts=HOUR)
    clock.advance(HOUR - timedelta(seconds=1))
    memory.put("anna", {}, lasts=HOUR)  # writes nothing, and prolongs it all the same
    clock.advance(HOUR - timedelta(seconds=1))
    assert memory.get("anna", ["a"]) == {"a": b"1"}

    clock.advance(timedelta(seconds=1))

    assert memory.get("anna", ["a"]) == {}
    assert memory.names() == []


def test_what_nobody_asks_for_is_dropped_too() -> None:
    clock = SettableClock()
    memory = MemoryVolatile(clock)
    memory.put("anna", {"a": b"1"}, lasts=HOUR)
    clock.advance(2 * HOUR)

    memory.put("ben", {"b": b"2"}, lasts=HOUR)

    assert memory.names() == ["ben"]


def test_redis_has_a_time_limit_on_every_group(in_redis: RedisVolatile) -> None:
    in_redis.put("anna", {"a": b"1"}, lasts=HOUR)
    in_redis.put("anna", {"b": b"2"}, lasts=2 * HOUR)

    with Redis.from_url(needs_redis()) as redis:
        left = redis.pttl(f"{in_redis.prefix}:anna")

    assert HOUR < timedelta(milliseconds=left) <= 2 * HOUR


def test_a_redis_that_is_away_is_told_apart_from_one_that_has_nothing() -> None:
    away = RedisVolatile("redis://127.0.0.1:1", prefix="x", process="test")

    with pytest.raises(StoreUnavailable) as refused:
        away.put("anna", {"a": b"1"}, lasts=HOUR)
    with pytest.raises(StoreUnavailable):
        away.get("anna", ["a"])

    assert refused.value.code == "vault_unavailable"
    away.close()

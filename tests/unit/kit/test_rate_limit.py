"""Rates of one process, and of several together."""

import asyncio
from datetime import timedelta

from answerable.kit.rate_limit import RateLimiter
from answerable.kit.testing import FakeRelay


class Limits:
    """Limiters of several processes, at one time."""

    def __init__(self, count: int, *, keys: int = 1_000) -> None:
        self.now = 100.0
        self.lines: list[FakeRelay] = []
        self.all = [
            RateLimiter(
                per_second=1, burst=10, keys=keys, name="contacts", seconds=lambda: self.now,
                relay=FakeRelay(f"prc_{number}", self.lines),
            )
            for number in range(count)
        ]  # fmt: skip

    async def taken(self, number: int, key: str = "anna", times: int = 1) -> int:
        """How many of so many tries were let pass."""
        passed = sum(self.all[number].take(key, self.now) is None for _ in range(times))
        for _ in range(3):
            await asyncio.sleep(0)
        return passed


async def test_a_burst_passes_and_then_a_steady_rate() -> None:
    limiter = RateLimiter(per_second=2, burst=3)

    assert [limiter.take("anna", 0) for _ in range(3)] == [None] * 3
    assert limiter.take("anna", 0) == timedelta(seconds=0.5)
    assert limiter.take("ben", 0) is None
    assert limiter.take("anna", 0.5) is None


async def test_one_who_uses_several_gateways_has_no_more_than_at_one() -> None:
    limits = Limits(3)

    assert await limits.taken(0, times=7) == 7
    assert await limits.taken(1, times=7) == 3
    assert await limits.taken(2, times=7) == 0
    assert await limits.taken(2, key="ben", times=7) == 7

    limits.now += 2
    assert await limits.taken(2, times=7) == 2
    assert await limits.taken(0, times=7) == 0


async def test_what_is_owed_is_a_burst_at_most() -> None:
    limits = Limits(5)
    for number in range(4):  # at the same moment, before any has heard of the others
        assert sum(limits.all[number].take("anna", 0) is None for _ in range(20)) == 10
    await limits.taken(0)

    limits.now += 11

    assert await limits.taken(4, times=5) == 1


async def test_without_the_relay_each_process_has_its_own_rate() -> None:
    limits = Limits(2)
    for line in limits.lines:
        line.down = True

    assert await limits.taken(0, times=20) == 10
    assert await limits.taken(1, times=20) == 10
    assert limits.all[0]._taken == {}


async def test_limits_of_other_names_and_values_of_other_releases_count_for_nothing() -> None:
    limits = Limits(1)
    for name, value in (("openings", {"x": 5}), ("contacts", [1]), ("contacts", {"x": "5"})):
        limits.all[0]._heard("prc_9", name, value)

    assert not any(bucket._tokens < 10 for bucket in limits.all[0]._buckets.values())


async def test_keys_are_told_as_hashes_and_are_bounded() -> None:
    limits = Limits(2, keys=5)
    for number in range(20):
        await limits.taken(0, key=f"anna-{number}")

    assert len(limits.all[1]._buckets) == 5
    assert not any("anna" in key for key in limits.all[1]._buckets)

"""Hints: they wake, they melt into one, and they cost nothing without listeners."""

import asyncio

from answerable.kit.live import KEPT, Live


async def wakes(waiting: "asyncio.Future[None]") -> bool:
    done, _ = await asyncio.wait([waiting], timeout=0.01)
    return bool(done)


async def test_a_hint_wakes_the_subscribers_of_its_topic_alone() -> None:
    live = Live()
    one, other = live.subscribe("a"), live.subscribe("b")

    live.hint("a")

    await asyncio.wait_for(one.wait(), timeout=1)
    waiting = asyncio.ensure_future(other.wait())
    assert not await wakes(waiting)
    waiting.cancel()


async def test_many_hints_are_one_and_none_is_lost_while_nobody_waits() -> None:
    live = Live()
    subscription = live.subscribe("a", "b")
    live.hint("a")
    live.hint("a")
    live.hint("b")

    await asyncio.wait_for(subscription.wait(), timeout=1)
    waiting = asyncio.ensure_future(subscription.wait())
    assert not await wakes(waiting)
    live.hint("b")
    await asyncio.wait_for(waiting, timeout=1)


async def test_a_topic_may_be_added_later() -> None:
    live = Live()
    subscription = live.subscribe()
    subscription.add("a")

    live.hint("a")

    await asyncio.wait_for(subscription.wait(), timeout=1)


async def test_a_closed_subscription_leaves_nothing_behind() -> None:
    live = Live()
    one, other = live.subscribe("a", "b"), live.subscribe("b")
    one.close()
    one.close()

    live.hint("a")
    assert set(live._subscribers) == {"b"}
    other.close()
    assert live._subscribers == {}


async def test_news_are_handed_over_once_and_in_order() -> None:
    live = Live()
    subscription = live.subscribe("a", "b")

    live.hint("a", 1)
    live.hint("b", 2)

    await asyncio.wait_for(subscription.wait(), timeout=1)
    assert subscription.take() == [1, 2]
    assert subscription.take() == []


async def test_after_a_hint_without_news_it_is_to_be_read() -> None:
    live = Live()
    subscription = live.subscribe("a")
    live.hint("a", 1)
    live.hint("a")
    live.hint("a", 2)

    assert subscription.take() is None
    live.hint("a", 3)
    assert subscription.take() == [3]


async def test_who_does_not_take_the_news_has_to_read_them() -> None:
    live = Live()
    subscription = live.subscribe("a")

    for number in range(KEPT):
        live.hint("a", number)
    assert len(subscription._news or ()) == KEPT
    live.hint("a", KEPT)

    assert subscription._news is None
    assert subscription.take() is None


async def test_a_signal_wakes_and_says_nothing() -> None:
    live = Live()
    subscription = live.subscribe("a")

    subscription.signal()

    await asyncio.wait_for(subscription.wait(), timeout=1)
    assert subscription.take() == []


async def test_who_has_reached_the_news_is_not_woken_for_them() -> None:
    live = Live()
    behind, ahead = live.subscribe("a"), live.subscribe("a")
    behind.reached, ahead.reached = 6, 7

    live.wake_behind("a", 7)

    assert behind.take() is None
    assert ahead.take() == []

"""What a customer says stays in its order."""

from datetime import timedelta

from answerable.channels.chat.in_order import GIVEN_UP_AFTER, KEPT, InOrder

SOON = timedelta(seconds=1)


def test_a_message_waits_for_the_one_before_that_is_not_stored() -> None:
    order = InOrder()
    assert order.before("a", now=0) is None
    assert order.before("b", now=0) == "a"
    assert order.before("c", now=0) == "b"
    order.settled("b")
    assert order.before("d", now=0) == "c"


def test_what_comes_again_takes_its_old_place() -> None:
    order = InOrder()
    order.before("a", now=0)
    order.before("b", now=0)
    order.refused_for_now("a", 0, SOON)
    order.refused_for_now("b", 0, SOON)

    assert order.before("b", now=1) == "a"
    assert order.before("a", now=1) is None
    order.settled("a")
    assert order.before("b", now=1) is None


def test_what_is_refused_for_good_or_never_comes_again_is_not_waited_for() -> None:
    order = InOrder()
    order.before("a", now=0)
    order.settled("a")
    assert order.before("b", now=0) is None
    order.refused_for_now("b", 0, SOON)

    assert order.before("c", now=GIVEN_UP_AFTER + 0.9) == "b"
    assert order.before("d", now=GIVEN_UP_AFTER + 1.1) == "c"


def test_a_flood_of_refused_messages_is_not_kept() -> None:
    order = InOrder()
    for n in range(1000):
        order.before(str(n), now=0)
        order.refused_for_now(str(n), 0, SOON)
    assert len(order._open) == KEPT

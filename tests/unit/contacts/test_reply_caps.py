"""Two robots stop talking; nobody is flooded."""

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from answerable.contacts.reply_caps import (
    Exchange,
    ReplyLimits,
    looks_like_a_loop,
    may_reply_automatically,
)
from answerable.contacts.reply_caps_store import automatic_reply, claim_automatic_reply
from answerable.kit.ids import ConversationId, TenantId

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
LIMITS = ReplyLimits()


def sent(*hours_ago: int) -> tuple[datetime, ...]:
    return tuple(NOW - HOUR * hours for hours in hours_ago)


def test_a_loop_ends_after_two_replies_a_day() -> None:
    second = may_reply_automatically(
        NOW, in_conversation=sent(1), to_address=sent(1), looks_like_a_loop=True, limits=LIMITS
    )
    third = may_reply_automatically(
        NOW, in_conversation=sent(1, 2), to_address=(), looks_like_a_loop=True, limits=LIMITS
    )

    assert second.allowed
    assert not third.allowed
    assert third.reason == "conversation-limit"
    assert third.again_at == NOW + HOUR * 22


def test_an_address_gets_five_a_day_over_all_conversations() -> None:
    decision = may_reply_automatically(
        NOW,
        in_conversation=(),
        to_address=sent(1, 2, 3, 4, 23),
        looks_like_a_loop=False,
        limits=LIMITS,
    )

    assert (decision.allowed, decision.reason) == (False, "address-limit")
    assert decision.again_at == NOW + HOUR


def test_yesterdays_replies_do_not_count() -> None:
    assert may_reply_automatically(
        NOW,
        in_conversation=sent(24, 25, 26, 27, 28),
        to_address=sent(24, 25, 26, 27, 28),
        looks_like_a_loop=True,
        limits=LIMITS,
    ).allowed


def test_robots_are_known_by_speed_repetition_or_their_own_word() -> None:
    slow = Exchange(replied_at=NOW, came_at=NOW + HOUR, digest="a")
    other = Exchange(replied_at=NOW, came_at=NOW + HOUR, digest="b")
    quick = Exchange(replied_at=NOW, came_at=NOW + timedelta(seconds=2), digest="c")
    quicker = Exchange(replied_at=NOW, came_at=NOW + timedelta(seconds=1), digest="d")

    assert not looks_like_a_loop([slow, other, quick])
    assert looks_like_a_loop([slow, slow])
    assert looks_like_a_loop([quick, quicker])
    assert looks_like_a_loop(
        [Exchange(replied_at=NOW, came_at=NOW + HOUR, digest="a", automatic=True)]
    )


def test_a_claim_counts_once_however_often_it_is_repeated() -> None:
    engine = sa.create_engine("sqlite://")
    with engine.begin() as tx:
        automatic_reply.create(tx)
        allowed = [
            claim_automatic_reply(
                tx,
                tenant=TenantId("t"),
                conversation=ConversationId("cnv_1"),
                address_lookup="anna",
                key=key,
                at=NOW,
                looks_like_a_loop=True,
                limits=LIMITS,
            ).allowed
            for key in ("1", "1", "2", "3", "2")
        ]
    engine.dispose()

    assert allowed == [True, True, True, False, True]

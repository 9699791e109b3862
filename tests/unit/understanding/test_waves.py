"""Many people who write much the same: when that is told, and when it is ordinary."""

from datetime import UTC, datetime, timedelta

from answerable.kit.ids import ContactId, ConversationId
from answerable.understanding.waves import LEAST, MOST, MOST_WAVES, Said, find_waves

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
DOWN = "ffffffffffff0000"
NEARLY = "fffffffffffff00f"  # 8 bits beside it
OTHER = "0123456789abcdef"


def said(
    number: int,
    sketch: str = DOWN,
    *,
    minutes: int = 5,
    contact: str = "",
    intent: str | None = "app",
) -> Said:
    return Said(
        conversation=ConversationId(f"conversation-{number}"),
        contact=ContactId(contact or f"contact-{number}"),
        at=NOON - timedelta(minutes=minutes),
        intent=intent,
        sketch=sketch,
    )


def outage(number: int = LEAST) -> list[Said]:
    return [said(n, minutes=n) for n in range(number)]


def test_as_many_as_it_takes_are_a_wave_with_what_they_are_about() -> None:
    [wave] = find_waves(outage(), NOON)

    assert (wave.contacts, wave.usual, wave.intent) == (LEAST, 0.0, "app")
    assert wave.since == NOON - timedelta(minutes=LEAST - 1)
    assert wave.conversations[0] == "conversation-0"
    assert find_waves(outage(LEAST - 1), NOON) == []


def test_other_words_for_the_same_belong_to_it_and_other_matters_do_not() -> None:
    nearly = [said(100 + n, NEARLY) for n in range(3)]
    others = [said(200 + n, OTHER, intent="card") for n in range(3)]

    [wave] = find_waves([*outage(), *nearly, *others], NOON)

    assert wave.contacts == LEAST + 3


def test_one_person_who_writes_often_is_no_wave() -> None:
    assert find_waves([said(n, contact="anna") for n in range(50)], NOON) == []


def test_what_comes_every_hour_is_none() -> None:
    usual = [said(1000 + n, minutes=61 + n) for n in range(24 * 60 - 1)]

    assert find_waves([*outage(60), *usual], NOON) == []

    quiet = [said(1000 + n, minutes=61 + 60 * n) for n in range(23)]
    [wave] = find_waves([*outage(), *quiet], NOON)
    assert wave.usual == 1.0


def test_a_flood_of_the_day_before_is_measured_by_the_time_it_took() -> None:
    """Only the latest of it are compared: they reach back a few minutes, not a day."""
    flood = [said(1000 + n, minutes=61 + n // 200) for n in range(MOST)]

    assert find_waves([*outage(100), *flood], NOON) == []


def test_two_waves_at_once_are_told_apart_the_larger_first() -> None:
    cards = [said(100 + n, OTHER, intent="card") for n in range(LEAST + 5)]

    first, second = find_waves([*outage(), *cards], NOON)

    assert (first.intent, first.contacts) == ("card", LEAST + 5)
    assert (second.intent, second.contacts) == ("app", LEAST)


def test_not_more_are_told_than_a_person_reads() -> None:
    many = [said(100 * kind + n, f"{kind:x}" * 16) for kind in range(16) for n in range(LEAST)]

    assert len(find_waves(many, NOON)) == MOST_WAVES


def test_of_what_nobody_understood_nothing_is_named() -> None:
    [wave] = find_waves([said(n, intent=None) for n in range(LEAST)], NOON)

    assert wave.intent is None
    assert find_waves([], NOON) == []

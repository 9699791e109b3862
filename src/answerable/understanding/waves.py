"""Waves: many people who write much the same within an hour, as when something is broken."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from answerable.kit.ids import ContactId, ConversationId
from answerable.understanding.sketch import as_numbers, distances

WINDOW = timedelta(hours=1)
BEFORE = timedelta(hours=24)  # what is usual is what came in this time before the window
LEAST = 8  # contacts
TIMES = 4  # as many as usual in an hour
# Of 64 bits. Texts of one meaning in other words differ in 2 to 18, two different questions of a
# bank's customers in 28 on average; of these pairs one in two hundred in 14 or fewer.
ALIKE = 14
MOST = 2000  # conversations compared of the window, and of the time before, the latest
MOST_WAVES = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """What a conversation is about since it was opened. sketch: of its latest message."""

    conversation: ConversationId
    contact: ContactId
    at: datetime
    intent: str | None
    sketch: str


@dataclass(frozen=True, kw_only=True)
class Wave:
    """conversations: the most typical, then the latest first. usual: contacts an hour, on average
    before."""

    conversations: tuple[ConversationId, ...]
    contacts: int
    usual: float
    since: datetime
    intent: str | None


def find_waves(said: Sequence[Said], now: datetime) -> list[Wave]:
    """said: what was opened within WINDOW and BEFORE, the latest first. Largest waves first.

    A conversation is in one wave at most; what is usual at this hour or always is none.
    """
    recent = [one for one in said if one.at > now - WINDOW][:MOST]
    before = [one for one in said if one.at <= now - WINDOW][:MOST]
    waves: list[Wave] = []
    while len(waves) < MOST_WAVES:
        alike = _largest_group(recent)
        people = {one.contact for one in alike}
        if len(people) < LEAST:
            break
        usual = _usual(alike[0], before, now)
        if len(people) >= TIMES * usual:
            waves.append(
                Wave(
                    conversations=tuple(one.conversation for one in alike),
                    contacts=len(people),
                    usual=round(usual, 1),
                    since=min(one.at for one in alike),
                    intent=_most_common([one.intent for one in alike]),
                )
            )
        taken = {one.conversation for one in alike}
        recent = [one for one in recent if one.conversation not in taken]
    return waves


def _largest_group(said: Sequence[Said]) -> list[Said]:
    """The conversations around the one that most contacts' are like; it stands first."""
    numbers = as_numbers([one.sketch for one in said])
    best: list[Said] = []
    most = 0
    for one, number in zip(said, numbers, strict=True):
        near = np.flatnonzero(distances(number, numbers) <= ALIKE)
        if len(near) > most:
            group = [said[place] for place in near.tolist()]
            contacts = len({other.contact for other in group})
            if contacts > most:
                best, most = [one, *(other for other in group if other is not one)], contacts
    return best


def _usual(middle: Said, before: Sequence[Said], now: datetime) -> float:
    """Contacts an hour who wrote the like before; the time is what `before` reaches back."""
    if not before:
        return 0.0
    [number] = as_numbers([middle.sketch])
    near = distances(number, as_numbers([one.sketch for one in before])) <= ALIKE
    people = {before[place].contact for place in np.flatnonzero(near).tolist()}
    hours = (now - WINDOW - before[-1].at) / timedelta(hours=1)
    if len(before) < MOST:  # all there is: the time without messages counts
        hours = BEFORE / timedelta(hours=1)
    return len(people) / max(hours, 1.0)


def _most_common(intents: Sequence[str | None]) -> str | None:
    return max(sorted(set(intents), key=str), key=intents.count)

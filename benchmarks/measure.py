"""What a measure is, and how numbers are set beside their yardsticks."""

import statistics
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Any

Figures = dict[str, Any]


class Store(StrEnum):
    SQLITE = "sqlite"
    POSTGRESQL = "postgresql"


SQLITE = (Store.SQLITE,)
POSTGRESQL = (Store.POSTGRESQL,)
BOTH = (Store.SQLITE, Store.POSTGRESQL)


@dataclass(frozen=True)
class Run:
    """store: on which. quick: fewer and shorter rounds, and the smaller sizes."""

    store: Store
    quick: bool

    @property
    def rounds(self) -> int:
        return 3 if self.quick else 7

    @property
    def seconds(self) -> float:
        """How long a round lasts, of ours and of the yardstick's."""
        return 1.0 if self.quick else 3.0

    def pick(self, quick: int, full: int) -> int:
        return quick if self.quick else full


@dataclass(frozen=True)
class Measure:
    """promise: the row it answers. target: in words. held: whether the figures meet it."""

    promise: str
    title: str
    target: str
    held: Callable[[Figures], bool]
    measure: Callable[[Run], Awaitable[Figures]]
    stores: tuple[Store, ...] = SQLITE


def compared(
    bare: Sequence[float], ours: Sequence[float], *, what: str, beside: str, digits: int = 0
) -> Figures:
    """Round for round, which stood beside one another: medians, and each ratio for the spread."""
    ratios = [mine / theirs for mine, theirs in zip(ours, bare, strict=True)]
    return {
        beside: [_rounded(one, digits) for one in bare],
        what: [_rounded(one, digits) for one in ours],
        "median of the yardstick": _rounded(statistics.median(bare), digits),
        "median of ours": _rounded(statistics.median(ours), digits),
        "ratio": round(statistics.median(ratios), 2),
        "ratios, lowest and highest": [round(min(ratios), 2), round(max(ratios), 2)],
    }


def grown(costs: dict[int, list[float]], *, what: str, digits: int = 0) -> Figures:
    """By size: medians, and how many times the smallest size's."""
    medians = {size: statistics.median(many) for size, many in costs.items()}
    smallest = medians[min(medians)]
    return {
        what: {f"{size:,}": _rounded(cost, digits) for size, cost in medians.items()},
        f"{what}, times the smallest": {
            f"{size:,}": round(cost / smallest, 2) if smallest else 0.0
            for size, cost in medians.items()
        },
    }


def at_most(figures: Figures, what: str, times: float) -> bool:
    """Whether no size costs more than `times` as much as one ten times smaller, by `grown`."""
    steps = list(figures[f"{what}, times the smallest"].values())
    return all(larger <= times * max(smaller, 1e-9) for smaller, larger in pairwise(steps))


def at_least(figures: Figures, what: str, times: float) -> bool:
    """The same for what should not sink."""
    steps = list(figures[f"{what}, times the smallest"].values())
    return all(larger >= times * smaller for smaller, larger in pairwise(steps))


def _rounded(value: float, digits: int) -> float | int:
    return round(value, digits) if digits else round(value)

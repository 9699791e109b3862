"""How far a share may be trusted: exact intervals, without SciPy, which a service does not load."""

from math import exp, lgamma, log, log1p

CONFIDENCE = 0.95  # that the true share is not below the lower end; likewise for the upper one
_STEPS = 60  # halvings: the ends are exact to the last digit that is shown
_TINY = 1e-300


def share_interval(
    successes: int, tries: int, confidence: float = CONFIDENCE
) -> tuple[float, float]:
    """Both ends of a share, each missed by luck at most 1 - `confidence` of the time.

    (0, 1) where nothing was tried. Source: Clopper and Pearson 1934.
    """
    if tries == 0:
        return 0.0, 1.0
    doubt = 1 - confidence
    low = 0.0 if successes == 0 else _quantile(doubt, successes, tries - successes + 1)
    high = 1.0 if successes == tries else _quantile(1 - doubt, successes + 1, tries - successes)
    return low, high


def chance_of_so_many(successes: int, tries: int, share: float = 0.5) -> float:
    """That `successes` or more of `tries` come by luck if each does with `share`."""
    return 1.0 if successes <= 0 else beta_below(share, successes, tries - successes + 1)


def difference_interval(
    lost: int, won: int, pairs: int, confidence: float = CONFIDENCE
) -> tuple[float, float]:
    """Ends of the change of a share between two readings of the same messages, -1..1.

    lost: right before and wrong now. won: wrong before and right now. pairs: all messages.
    How many changed, and how many of these were won, are bounded each as by `share_interval`, and
    the ends are the worst and the best of both. So the upper end is below 0 exactly when the exact
    test of McNemar calls the loss more than luck, at 1 - `confidence`.
    """
    if pairs == 0:
        return -1.0, 1.0
    rare, often = share_interval(lost + won, pairs, confidence)
    worst, best = share_interval(won, lost + won, confidence)

    def ends(part: float) -> tuple[float, float]:
        return rare * (2 * part - 1), often * (2 * part - 1)

    return min(ends(worst)), max(ends(best))


def _quantile(chance: float, a: float, b: float) -> float:
    low, high = 0.0, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if beta_below(middle, a, b) < chance:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def beta_below(value: float, a: float, b: float) -> float:
    """The regularised incomplete beta function. Source: Lentz 1976, its continued fraction."""
    if value <= 0:
        return 0.0
    if value >= 1:
        return 1.0
    if value > (a + 1) / (a + b + 2):  # the fraction runs quickly on the other side only
        return 1 - beta_below(1 - value, b, a)
    front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(value) + b * log1p(-value))
    return min(front * _fraction(value, a, b) / a, 1.0)


def _fraction(value: float, a: float, b: float) -> float:
    c, d = 1.0, 1 / _kept(1 - (a + b) * value / (a + 1))
    product = d
    for m in range(1, 10_000):
        even = m * (b - m) * value / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * value / ((a + 2 * m) * (a + 2 * m + 1))
        for factor in (even, odd):
            d = 1 / _kept(1 + factor * d)
            c = _kept(1 + factor / c)
            product *= c * d
        if abs(c * d - 1) < 1e-14:
            break
    return product


def _kept(value: float) -> float:
    return value if abs(value) > _TINY else _TINY

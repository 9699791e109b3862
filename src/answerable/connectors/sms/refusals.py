"""What the gateway's error numbers mean, as far as anybody would act differently."""

from collections.abc import Mapping

_REASONS: Mapping[str, tuple[int, ...]] = {
    "number_invalid": (21211, 21217, 21401, 21614),
    "number_not_reachable": (21214, 21408, 21612, 21635),
    "unsubscribed": (21610,),
    "text_empty": (21602, 21619),
    "text_too_long": (21605, 21617),
    "sender_invalid": (21212, 21603, 21606, 21611, 21659, 21660, 21703),
    "credentials": (20003, 20404, 20005, 20006),
}
_BY_NUMBER = {number: reason for reason, numbers in _REASONS.items() for number in numbers}


def reason_of(code: object, status: int) -> str:
    """A stable word; `refused` where the number says nothing to us."""
    if isinstance(code, int) and code in _BY_NUMBER:
        return _BY_NUMBER[code]
    return "credentials" if status in (401, 403) else "refused"

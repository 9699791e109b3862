"""Which sentences of a long message are worth the encoder's time: spelling, which costs little
beside it, tells which of them say what the message is about."""

import numpy as np
from numpy.typing import NDArray

from answerable.understanding.ports import Matrix

MOST_READ = 10  # units of a text up to which all are read
OF_INTENTS = 4  # sentences that are read for what the customer wants


def most_telling(about: NDArray[np.float64], sounds: Matrix) -> list[int]:
    """Rows that are read, ascending; row 0, the whole text, is always one of them.

    about: (units,), how far each is about something known. sounds: (units, lists), how far each
    sounds the worst. The OF_INTENTS sentences that are most about something, and of each list the
    one that sounds the worst.
    """
    if len(about) <= MOST_READ:
        return list(range(len(about)))
    kept = {0, *(np.argsort(-about[1:], kind="stable")[:OF_INTENTS] + 1).tolist()}
    kept.update((sounds[1:].argmax(axis=0) + 1).tolist())
    return sorted(kept)

"""How many processors there are for this process."""

import os


def processors() -> int:
    """Those that this process may run on: fewer than the machine has where it was pinned to some,
    as in a container with a set of processors. Threads for more would only wait for each other."""
    allowed = getattr(os, "sched_getaffinity", None)  # not on macOS and Windows
    return len(allowed(0)) if allowed else os.cpu_count() or 1

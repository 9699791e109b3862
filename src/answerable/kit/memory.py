"""Memory that was freed and is still ours."""

import ctypes

_M_MMAP_THRESHOLD = -3  # of glibc's malloc.h
LARGE_BYTES = 2**20


def give_back_memory() -> None:
    """Return to the system what starting freed, some 15 MB: files read whole, models unpacked.

    glibc's malloc_trim(3); elsewhere nothing happens.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def give_large_blocks_back() -> None:
    """From now on, what is larger than LARGE_BYTES goes back to the system when it is freed.

    glibc raises this bound by itself to the largest block that was freed, up to 32 MB: each thread
    that once had a large mail would keep room for the next. Elsewhere nothing happens.
    """
    option = getattr(ctypes.CDLL(None), "mallopt", None)
    if option is not None:
        option(_M_MMAP_THRESHOLD, LARGE_BYTES)

"""What was freed goes back to the system, also after something large was held."""

import subprocess
import sys

import pytest

# A block of 16 MiB freed once makes glibc keep later ones of that size in its own heap. The heap's
# end is held by another block, so that it cannot shrink behind the large ones.
PROGRAM = """
import ctypes, os, sys
from answerable.kit.memory import give_large_blocks_back
if sys.argv[1] == "given back":
    give_large_blocks_back()
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
libc.free.argtypes = [ctypes.c_void_p]
libc.memset.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t]
size = 16 * 2**20
libc.free(libc.malloc(size + 2**20))
large = [libc.malloc(size) for _ in range(4)]
last = libc.malloc(200_000)
for block in large:
    libc.memset(block, 1, size)
pages = lambda: int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
held = pages()
for block in large:
    libc.free(block)
print((held - pages()) // 2**20)
"""


def freed(how: str) -> int:
    """MiB that went back to the system, of 64 that were freed."""
    command = [sys.executable, "-c", PROGRAM, how]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


@pytest.mark.skipif(
    sys.platform != "linux", reason="mallopt is glibc's; nothing is promised elsewhere"
)
def test_large_blocks_go_back_to_the_system_when_they_are_freed() -> None:
    assert freed("kept") < 32
    assert freed("given back") > 60

"""The Python that runs us, as far as it matters to how fast we are."""

import sysconfig
from pathlib import Path

_MAPPED = Path("/proc/self/maps")


def is_plainly_compiled(
    arguments: str | None = sysconfig.get_config_var("CONFIG_ARGS"), mapped: Path = _MAPPED
) -> bool:
    """Whether this Python was compiled from source without asking for optimisations.

    False where that cannot be known. arguments: of its `configure`. mapped: what the system has
    loaded for this process. Debian optimises by another name, and links its interpreter statically.
    """
    if arguments is None or "--enable-optimizations" in arguments or not mapped.exists():
        return False
    return "/libpython" in mapped.read_text(encoding="utf-8", errors="replace")

"""The machine that numbers were measured on, as far as it matters to a reader."""

import os
import platform
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

from answerable.kit.interpreter import is_plainly_compiled


def describe() -> dict[str, str]:
    return {
        "measured": datetime.now(UTC).strftime("%Y-%m-%d"),
        "cores": str(os.cpu_count()),
        "processor": _field("/proc/cpuinfo", "model name") or platform.processor(),
        "memory": _gigabytes(_field("/proc/meminfo", "MemTotal")),
        "kernel": platform.release(),
        "Python": platform.python_version()
        + (" (without optimisations)" if is_plainly_compiled() else ""),
        "SQLite": sqlite3.sqlite_version,
        "load before, 1 and 15 minutes": "{0:.1f}, {2:.1f}".format(*os.getloadavg()),
    }


def memory_megabytes(pid: int) -> float:
    """Resident memory of a process."""
    kilobytes = _field(f"/proc/{pid}/status", "VmRSS") or "0 kB"
    return int(kilobytes.split()[0]) / 1024


def processor_seconds(pid: int) -> float:
    """What a process has used of the processor, user and system together."""
    after_name = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(after_name[11]) + int(after_name[12])) / os.sysconf("SC_CLK_TCK")


def _field(file: str, name: str) -> str | None:
    for line in Path(file).read_text(encoding="utf-8").splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return None


def _gigabytes(kilobytes: str | None) -> str:
    return "unknown" if kilobytes is None else f"{int(kilobytes.split()[0]) / 2**20:.0f} GiB"

"""What the disk and SQLite can do by themselves: the yardstick of all that must be durable."""

import os
import sqlite3
import time
from pathlib import Path


def bare_commits(folder: Path, *, seconds: float) -> float:
    """Commits a second of one connection: WAL, synchronous=FULL, one row of 400 bytes each."""
    database = sqlite3.connect(folder / "bare.db", isolation_level=None)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=FULL")
    database.execute("CREATE TABLE IF NOT EXISTS said (id INTEGER PRIMARY KEY, text TEXT)")
    row = ("x" * 400,)
    count, end = 0, time.perf_counter() + seconds
    began = time.perf_counter()
    while time.perf_counter() < end:
        for _ in range(20):
            database.execute("BEGIN IMMEDIATE")
            database.execute("INSERT INTO said (text) VALUES (?)", row)
            database.execute("COMMIT")
        count += 20
    took = time.perf_counter() - began
    database.close()
    return count / took


def syncs(folder: Path, *, seconds: float) -> list[float]:
    """Milliseconds of each fdatasync after an append of 512 bytes."""
    times: list[float] = []
    block, end = b"x" * 512, time.perf_counter() + seconds
    descriptor = os.open(folder / "bare.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        while time.perf_counter() < end:
            os.write(descriptor, block)
            began = time.perf_counter()
            os.fdatasync(descriptor)
            times.append((time.perf_counter() - began) * 1000)
    finally:
        os.close(descriptor)
    return times

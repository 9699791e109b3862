"""A lock on a directory: one process at a time, and free again however that process ends."""

import fcntl
import os
from pathlib import Path

from answerable.kit.errors import Conflict


class DirectoryLock:
    """Held from `take` until `release` or the end of the process."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / "in-use.lock"
        self._descriptor: int | None = None

    def take(self) -> None:
        """Raises Conflict if another process holds it."""
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise Conflict(
                "data_in_use",
                f"another answerable process serves {self._path.parent}; stop it first, or use "
                "another --data directory",
            ) from None
        self._descriptor = descriptor

    def release(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)  # the lock goes with the descriptor
            self._descriptor = None

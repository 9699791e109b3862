"""One process serves a data directory at a time."""

from pathlib import Path

import pytest

from answerable.kit.errors import Conflict
from answerable.kit.lock import DirectoryLock


def test_a_directory_in_use_is_refused_and_free_again_afterwards(tmp_path: Path) -> None:
    first, second = DirectoryLock(tmp_path), DirectoryLock(tmp_path)
    first.take()

    with pytest.raises(Conflict, match="another answerable process"):
        second.take()

    first.release()
    second.take()
    second.release()

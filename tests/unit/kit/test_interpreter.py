"""Which Python is slower than it need be."""

from pathlib import Path

import pytest

from answerable.kit.interpreter import is_plainly_compiled

SHARED = "7f00-7f01 r-xp 00000000 fe:00 1 /opt/python/lib/libpython3.11.so.1.0\n"
STATIC = "5500-5501 r-xp 00000000 fe:00 1 /usr/bin/python3.11\n"


@pytest.mark.parametrize(
    ("arguments", "mapped", "plainly"),
    [
        ("'--prefix=/opt/python' '--enable-shared'", SHARED, True),
        ("'--enable-shared' '--enable-optimizations' '--with-lto'", SHARED, False),
        ("'--enable-shared' '--prefix=/usr'", STATIC, False),
        (None, SHARED, False),
    ],
    ids=["from source", "the image's", "a distribution's", "not told"],
)
def test_a_python_without_optimisations_is_recognised(
    tmp_path: Path, arguments: str | None, mapped: str, plainly: bool
) -> None:
    maps = tmp_path / "maps"
    maps.write_text(mapped)

    assert is_plainly_compiled(arguments, maps) is plainly


def test_where_a_system_does_not_tell_what_is_loaded_nothing_is_claimed(tmp_path: Path) -> None:
    assert is_plainly_compiled("'--enable-shared'", tmp_path / "not there") is False

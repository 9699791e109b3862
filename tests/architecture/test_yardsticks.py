"""What our numbers are compared with does not change unseen."""

import json
from pathlib import Path

from answerable.kit.canonical import sha256_hex

YARDSTICKS = Path(__file__).resolve().parents[2] / "benchmarks" / "yardsticks"


def test_every_yardstick_is_the_one_that_was_frozen() -> None:
    frozen = json.loads((YARDSTICKS / "frozen.json").read_text(encoding="utf-8"))

    found = {file.name: sha256_hex(file.read_bytes()) for file in YARDSTICKS.glob("*.py")}

    assert found == frozen, "a changed yardstick makes earlier ratios worthless: measure all anew"


def test_no_yardstick_imports_what_it_measures() -> None:
    for file in YARDSTICKS.glob("*.py"):
        assert "import answerable" not in file.read_text(encoding="utf-8")
        assert "from answerable" not in file.read_text(encoding="utf-8")

"""A process counts the processors that it may run on, not those that the machine has."""

import os
import subprocess
import sys

import pytest

from answerable.kit.processors import processors

COUNT = "from answerable.kit.processors import processors; print(processors())"


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system pins no processes")
def test_a_process_that_was_pinned_to_one_counts_one() -> None:
    first = min(os.sched_getaffinity(0))

    said = subprocess.run(
        [sys.executable, "-c", f"import os; os.sched_setaffinity(0, {{{first}}}); {COUNT}"],
        capture_output=True,
        text=True,
        check=True,
    )

    assert said.stdout.split() == ["1"]


def test_there_is_at_least_one_and_no_more_than_the_machine_has() -> None:
    assert 1 <= processors() <= (os.cpu_count() or 1)

"""What was shipped to read texts is looked at before a process serves its first customer."""

from pathlib import Path

import pytest

from answerable.kit.errors import InvalidInput
from answerable.processes import wiring
from answerable.processes.settings import Settings

DAMAGED = InvalidInput("damaged", "it is damaged: run `make setup`")


def refuses(*_: object) -> None:
    raise DAMAGED


@pytest.mark.parametrize("loader", ["load_tagger", "load_tones"])
async def test_a_process_with_damaged_tables_does_not_start(
    loader: str, data: Path, service_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wiring, loader, refuses)

    with pytest.raises(InvalidInput, match="it is damaged"):
        await wiring.open_platform(Settings(values={"DATA": str(data)}), [service_file])

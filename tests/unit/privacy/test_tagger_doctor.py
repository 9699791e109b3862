"""Whether names are found is said by the doctor, for nothing else would tell."""

import pytest

from answerable.kit.errors import InvalidInput
from answerable.privacy.tagger.model import Tagger
from answerable.processes import doctor


def damaged() -> Tagger | None:
    raise InvalidInput("damaged_tagger", "it is damaged")


def test_a_tagger_that_is_there_is_fine() -> None:
    assert doctor.check_tagger().level == "ok"


def test_a_missing_tagger_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "load_tagger", lambda: None)

    assert doctor.check_tagger().level == "warning"


def test_a_damaged_tagger_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "load_tagger", damaged)

    finding = doctor.check_tagger()

    assert (finding.level, finding.text) == ("problem", "it is damaged")

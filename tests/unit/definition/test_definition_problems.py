"""Loading: what is said of definitions that are wrong, and that nothing makes the loader fail."""

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from answerable.definition.actions import ActionSpec, Parameter
from answerable.definition.load import load_definition
from answerable.definition.positions import UnreadableDocument, read_document
from answerable.definition.problem import Finding, Position, Problem
from answerable.definition.terms import Proof

DATA = Path(__file__).parents[2] / "data" / "definitions"
ACTIONS = {
    spec.name: spec
    for spec in (
        ActionSpec(
            name="reply", parameters={"template": Parameter(kind="template", required=True)}
        ),
        ActionSpec(
            name="lookup",
            proof=Proof.SIGNED_IN,
            parameters={
                "connector": Parameter(kind="integration", required=True),
                "operation": Parameter(kind="name", required=True),
                "fields": Parameter(kind="names"),
            },
        ),
        ActionSpec(name="wait", parameters={"duration": Parameter(kind="duration", required=True)}),
        ActionSpec(
            name="hand-off",
            parameters={"team": Parameter(kind="team"), "priority": Parameter(kind="priority")},
        ),
        ActionSpec(name="search-known-issues", open_parameters=True, gives=("knownIssue",)),
    )
}


def wrong_definitions() -> Iterator[tuple[str, list[str]]]:
    _, _, table = (DATA / "wrong.txt").read_text().partition("\n")
    for entry in table.removesuffix("---\n").split("\n---\n"):
        lines = entry.split("\n")
        text = [line for line in lines if not line.startswith("=> ")]
        said = [f"d.yaml:{line[3:]}" for line in lines if line.startswith("=> ")]
        yield "\n".join(text) + "\n", said


@pytest.mark.parametrize(("text", "said"), list(wrong_definitions()))
def test_each_mistake_is_told_by_place_with_what_to_write(text: str, said: list[str]) -> None:
    result = load_definition("d.yaml", text.encode(), actions=ACTIONS)

    assert [str(problem) for problem in result.problems] == said


def test_a_definition_with_an_error_is_not_handed_out() -> None:
    result = load_definition("d.yaml", b"service: x\nservise: y\n")

    assert result.definition is None
    assert result.errors == (
        Problem(
            severity="error",
            file="d.yaml",
            line=2,
            column=1,
            message="unknown key servise: did you mean service?",
        ),
    )


def test_a_file_that_cannot_be_read_is_a_problem_like_any_other(tmp_path: Path) -> None:
    missing = load_definition(tmp_path / "none.yaml")

    assert str(missing.problems[0]).endswith(
        "none.yaml:1:1: cannot be read: No such file or directory"
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"", "1:1: the file is empty"),
        (b"service: \xff", "1:10: this is not UTF-8"),
        (b"a: " + b"x" * (5 * 1024 * 1024), "1:1: the file has 5242883 bytes"),
        (b"[" * 100_000, "1:41: nested more than 40 levels"),
        (b'{"a":' * 100_000, "1:1: this is not JSON: maximum recursion depth"),
        (b"a: &a [x, x, x, x, x, x, x, x, x, x]\n" + b"".join(
            b"%c: &%c [%s]\n" % (name, name, b", ".join([b"*%c" % (name - 1)] * 10))
            for name in range(98, 110)
        ), "unfold to too many values"),
        (b"a: &x {b: *x}", "1:11: *x names nothing defined before it"),
        (b"a: !!python/object/apply:os.getcwd []", "1:4: the tag"),
        (b"condition: !vip", "1:12: a text that begins with ! needs quotes: '!vip ...'"),
        (b"condition: !vip && x", "a text that begins with !, & or * needs quotes"),
        (b"<<: {a: b}", "1:1: << is not taken"),
        (b"? [a]\n: b", "1:3: a key must be a text"),
        (b"a: 1e999", "1:4: 1e999 is too large"),
        (b'{"a": NaN}', "1:1: this is not JSON: NaN"),
        (b"a: 'x", "this is not YAML"),
        (
            b"service: x\ntemplates:\n  t: |\n    Hello,\n    {{ name | shuot }}",
            "5:1: template syntax: No filter named 'shuot'. (line 2 of the text)",
        ),
        (
            b"service: x\ntemplates: {t: '{% for n in range(9) %}x{% endfor %}'}",
            "template syntax: range() is not available: loop over what a step found",
        ),
        (
            b"service: x\ntemplates: {t: '{{ " + b"(" * 5000 + b"}}'}",
            "2:16: template syntax: nested too deeply",
        ),
    ],
)  # fmt: skip
def test_what_no_honest_file_contains_is_refused(text: bytes, said: str) -> None:
    result = load_definition("d.yaml", text)

    assert result.definition is None
    assert said in str(result.problems[0])


@settings(max_examples=200)
@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_no_bytes_make_the_loader_fail(text: bytes) -> None:
    assert load_definition("d.yaml", text).problems


def mutated(text: str, seed: int) -> str:
    """The text with a few lines lost, doubled, moved or cut, as careless editing does."""
    chance = random.Random(seed)
    lines = text.split("\n")
    for _ in range(chance.randint(1, 4)):
        at, other = chance.randrange(len(lines)), chance.randrange(len(lines))
        match chance.randint(0, 3):
            case 0:
                del lines[at]
            case 1:
                lines.insert(at, lines[other])
            case 2:
                lines[at], lines[other] = lines[other], lines[at]
            case _:
                lines[at] = lines[at][: chance.randint(0, len(lines[at]))]
        lines = lines or [""]
    return "\n".join(lines)


@pytest.mark.parametrize("name", ["shop.yaml", "insurer.yaml", "software.json"])
def test_no_careless_editing_makes_the_loader_fail(name: str) -> None:
    text = (DATA / name).read_text()
    for seed in range(150):
        result = load_definition(name, mutated(text, seed).encode(), actions=ACTIONS)
        assert result.definition is not None or result.errors


@settings(max_examples=100)
@given(st.data())
def test_no_value_in_any_place_makes_the_loader_fail(data: st.DataObject) -> None:
    document: Any = read_document((DATA / "insurer.yaml").read_bytes()).data
    odd = data.draw(
        st.sampled_from([None, True, 3, -1.5, "x", "", [], ["x"], [[]], {}, {"x": 1}, {"name": {}}])
    )
    place = document
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = data.draw(st.sampled_from(keys))
        below = place[key]
        if not isinstance(below, dict | list) or not below or data.draw(st.booleans()):
            place[key] = odd
            break
        place = below
    result = load_definition("d.json", json.dumps(document).encode(), actions=ACTIONS)

    assert result.definition is not None or result.errors


scalars = st.none() | st.booleans() | st.integers(-(10**15), 10**15) | st.floats(-1e9, 1e9)
values = st.recursive(
    scalars | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.from_regex(r"[a-z]{1,8}", fullmatch=True), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(values, st.booleans())
def test_json_means_to_us_what_it_means_to_everyone(value: Any, escaped: bool) -> None:
    text = json.dumps({"a": value}, ensure_ascii=escaped)

    assert read_document(text.encode()).data == json.loads(text)


def test_every_key_and_value_has_its_place() -> None:
    document = read_document(b"a:\n  - b: 'x'\n    c: |\n      one\n      two\n")

    assert document.values[("a", 0, "b")] == Position(line=2, column=8)
    assert document.keys[("a", 0, "c")] == Position(line=3, column=5)
    finding = Finding(severity="error", where=("a", 0, "c"), message="", text_line=2)
    assert document.place(finding) == Position(line=5, column=1)
    within = Finding(severity="error", where=("a", 0, "b"), message="", offset=3)
    assert document.place(within) == Position(line=2, column=12)


def test_a_tab_is_named_as_what_it_is() -> None:
    with pytest.raises(UnreadableDocument) as raised:
        read_document(b"a:\n\tb: c\n")

    assert raised.value.message == "this is not YAML: a tab cannot indent: use spaces"


def test_what_an_action_gives_may_be_named_by_later_conditions() -> None:
    text = b"""
service: x
classification:
  a: [{name: bug, examples: [a, b, c, d, e]}]
autoResponse:
  bug:
    workflow:
      - {action: searchKnownIssues, source: github}
      - {action: hand-off, condition: '!knownIssue'}
"""

    assert load_definition("d.yaml", text, actions=ACTIONS).problems == ()


def test_a_playbook_with_an_action_not_yet_performed_does_not_run() -> None:
    text = b"""
service: x
classification:
  a: [{name: order-status, examples: [a, b, c, d, e]}]
autoResponse:
  orderStatus:
    workflow: [{action: extractOrderNumber}]
"""
    result = load_definition("d.yaml", text, actions=ACTIONS)

    assert result.definition is not None
    assert result.definition.playbook_for("order-status") is None
    assert "people" in result.warnings[0].message

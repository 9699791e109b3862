"""The house: names, sizes and rules of the source that a machine can check."""

import ast
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator

from tests.architecture.source import ROOT, Module, calls, modules

VAGUE = {"utils", "util", "helpers", "helper", "common", "misc", "base", "manager", "managers"}
LONGEST_FILE = 400
LONG_WITH_REASON = {
    "answerable/ledger/verify.py": "one file, so that it can be read and run alone",
    "answerable/channels/chat/connection.py": "one connection's life, from hello to its end",
}
LINT = "from importlinter.cli import lint_imports_command; lint_imports_command"
GENERATED = re.compile(r"answerable/kit/migrations/versions/\d+_\w+\.py")
MAY_PRINT = {
    "answerable/understanding/build_encoder.py": "a build step with its own command line",
    "answerable_sandbox/__main__.py": "the sandbox's own command line",
}
NEVER_LOGGED = {
    "address",
    "addresses",
    "body",
    "email",
    "iban",
    "password",
    "phone",
    "recipient",
    "secret",
    "sender",
    "subject",
    "text",
    "token",
}
LOG_CALL = re.compile(r"(self\.)?_?log(ger)?\.(debug|info|warning|error|exception|critical|bind)")


def test_imports_point_down_and_make_no_cycles() -> None:
    """The contracts stand in pyproject.toml."""
    done = subprocess.run(
        [sys.executable, "-c", f"{LINT}()", "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_module_is_named_after_what_it_holds() -> None:
    parts = {m.name: set(m.name.removesuffix(".py").split("/")) for m in modules()}

    assert [name for name, words in parts.items() if VAGUE & words] == []


def test_a_room_opens_with_one_docstring_and_nothing_else() -> None:
    assert [m.name for m in modules() if m.path.name == "__init__.py" and not is_opening(m)] == []


def is_opening(module: Module) -> bool:
    rest = module.tree.body[1:]
    if module.name.count("/") == 1:  # a package itself may say its version
        rest = [node for node in rest if not ast.unparse(node).startswith("__version__")]
    return ast.get_docstring(module.tree) is not None and not rest


def test_no_file_is_too_long_to_be_read_without_a_reason() -> None:
    lengths = {m.name: m.text.count("\n") for m in modules() if not GENERATED.match(m.name)}
    long = {name for name, length in lengths.items() if length > LONGEST_FILE}

    assert long - set(LONG_WITH_REASON) == set()
    assert set(LONG_WITH_REASON) - long == set(), "these are short now: take them off the list"


def test_nothing_prints_but_the_command_line() -> None:
    printing = {
        m.name
        for m in modules()
        for name, _ in calls(m)
        if name == "print" and m.room != "cli" and m.name not in MAY_PRINT
    }
    assert printing == set()


def log_calls() -> Iterator[tuple[Module, ast.Call]]:
    for module in modules():
        for name, call in calls(module):
            if LOG_CALL.fullmatch(name):
                yield module, call


def test_no_log_line_has_a_field_for_personal_data() -> None:
    found = [
        (module.name, call.lineno, keyword.arg)
        for module, call in log_calls()
        for keyword in call.keywords
        if keyword.arg in NEVER_LOGGED
    ]
    assert found == []


def test_a_log_line_is_an_event_and_fields_not_a_sentence() -> None:
    found = [
        (module.name, call.lineno)
        for module, call in log_calls()
        if not ast.unparse(call.func).endswith(".bind") and not names_event(call)
    ]
    assert found == []


def names_event(call: ast.Call) -> bool:
    first = call.args[0] if call.args else None
    if not isinstance(first, ast.Constant):
        return False
    return re.fullmatch(r"[a-z0-9_]+", str(first.value)) is not None


def test_imports_stand_at_the_top() -> None:
    """Inside functions they hide cycles; only the command line is lazy, to start quickly."""
    hidden = [
        (module.name, inner.lineno)
        for module in modules()
        if module.room != "cli"
        for node in ast.walk(module.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for inner in ast.walk(node)
        if isinstance(inner, ast.Import | ast.ImportFrom)
    ]
    assert hidden == []


def test_every_module_says_what_it_is() -> None:
    assert [m.name for m in modules() if not ast.get_docstring(m.tree)] == []


def loaded_by(statement: str) -> set[str]:
    """The modules that a fresh interpreter has after `statement`."""
    done = subprocess.run(
        [sys.executable, "-c", f"{statement}\nimport sys\nprint(*sys.modules, sep='\\n')"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.split())


def test_the_command_line_loads_nothing_until_a_command_is_known() -> None:
    loaded = loaded_by("import answerable.cli.main")

    heavy = {"numpy", "onnxruntime", "sqlalchemy", "fastapi", "pydantic", "httpx", "asyncio"}
    assert loaded & heavy == set()
    assert {name for name in loaded if name.startswith("answerable.")} <= {
        "answerable.cli",
        "answerable.cli.main",
    }


def test_a_running_service_loads_nothing_that_only_builds_or_trains() -> None:
    """Each start would pay for it."""
    loaded = loaded_by("import answerable.cli.run_command")

    elsewhere = {"alembic", "mako", "scipy", "sklearn", "onnx", "torch", "pytest", "IPython", "pip"}
    assert loaded & elsewhere == set()
    assert {"answerable.understanding.train", "answerable_sandbox"} & loaded == set()


def test_no_two_test_files_have_the_same_name() -> None:
    """Pytest imports them by their name alone, and would refuse the second."""
    names = Counter(path.name for path in (ROOT / "tests").rglob("test_*.py"))

    assert [name for name, count in names.items() if count > 1] == []

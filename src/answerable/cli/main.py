"""The entry point: finds the command, imports its module, runs it.

Exit codes: 0 fine, 1 found something wrong, 2 wrong usage.
"""

import gc
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from importlib import import_module
from types import ModuleType

COMMANDS = {
    "demo": "the demo bank with its outside world, on http://localhost:8080",
    "run": "serve one or more service definitions",
    "check": "say what is wrong with a service definition, as file:line:column: message",
    "discover": "what old mail is about, who answered it, and what of it looks automatable",
    "intake": "take mail from files through the whole flow; one JSON line a mail",
    "understand": "JSON lines of texts in, what they mean out",
    "train": "train a model from labelled examples",
    "evaluate": "measure a model on labelled examples",
    "models": "the versions of a service's model: list, compare, shadow, promote, roll back",
    "redact": "JSON lines of texts in, the same without personal data out",
    "replay": "run decisions again over the stored ledger and show differences",
    "test": "run conversations written in YAML as tests",
    "audit": "export the ledger, or verify an export",
    "doctor": "look for misconfiguration and say how to mend it",
    "backup": "copy a running installation's data, consistently",
    "migrate": "bring the database up to this version",
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit."""
    sys.exit(run(sys.argv[1:] if arguments is None else list(arguments)))


def run(arguments: Sequence[str]) -> int:
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        _out(_help())
        return 0 if arguments else 2
    name = arguments[0]
    if name in ("--version", "-V"):
        from answerable import __version__

        _out(f"answerable {__version__}\n")
        return 0
    if name not in COMMANDS:
        near = get_close_matches(name, COMMANDS, n=1)
        hint = f"did you mean {near[0]!r}?" if near else "see `answerable --help`"
        sys.stderr.write(f"answerable: no command {name!r}; {hint}\n")
        return 2
    module = _imported(f"answerable.cli.{name}_command")
    try:
        return int(module.run(arguments[1:]))
    except SystemExit as stop:  # argparse has said why
        return stop.code if isinstance(stop.code, int) else 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return 0  # the reader of our output has seen enough
    except Exception as error:
        return _failed(name, error)


# New objects, that the garbage collector looks through them. With Python's 700 it does so often
# enough in a long text that to mask one of twice the length takes 2.4 times as long.
COLLECT_AFTER = 10_000


def _imported(name: str) -> ModuleType:
    """The module, with the garbage collector kept away from what its imports make.

    None of that is ever garbage. Looking through it takes a tenth of a start, and afterwards each
    full collection would stop the service for 0.1 s instead of 0.01 s.
    """
    if name in sys.modules:
        return sys.modules[name]
    gc.disable()
    try:
        return import_module(name)
    finally:
        gc.freeze()
        gc.set_threshold(COLLECT_AFTER)
        gc.enable()


def _failed(name: str, error: Exception) -> int:
    from answerable.kit.errors import AnswerableError, InvalidInput

    if not isinstance(error, AnswerableError | OSError):
        raise error
    message = error.message if isinstance(error, AnswerableError) else _os_error(error)
    sys.stderr.write(f"answerable {name}: {message}\n")
    return 2 if isinstance(error, InvalidInput | OSError) else 1


def _os_error(error: OSError) -> str:
    where = f"{error.filename}: " if error.filename else ""
    return f"{where}{error.strerror or error}"


def _help() -> str:
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {summary}" for name, summary in COMMANDS.items()]
    return (
        "usage: answerable COMMAND [OPTIONS]\n\n"
        "Customer-service automation whose every decision can be explained, verified and\n"
        "replayed.\n\ncommands:\n" + "\n".join(lines) + "\n\n"
        "`answerable COMMAND --help` says more. Settings: docs/reference/settings.md\n"
    )


def _out(text: str) -> None:
    sys.stdout.write(text)

"""Starts `answerable` processes by forking one that has imported everything: a start costs a tenth.

Run as a program. It reads one JSON object a line, {"arguments","environment","log","clock"}, and
writes one for each process begun, {"began": pid}, and for each that ended,
{"ended": pid, "code": n}.
"""

import importlib
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from answerable.cli.main import run
from tests.support.stepped_clock import SteppedClock, run_with_clock

IMPORTED = (
    "answerable.cli.run_command",
    "answerable.processes.schema",
    "answerable.kit.amqp",
    "answerable.kit.postgres_membership",
)


def main() -> None:
    from answerable.processes.schema import load_tables

    for module in IMPORTED:
        importlib.import_module(module)
    load_tables()
    signal.signal(signal.SIGCHLD, _reap)
    _tell({"ready": True})
    for line in _lines():
        order = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _live(order)
        _tell({"began": pid})


def _lines() -> Any:
    """Standard input line by line, unbuffered: a child must not inherit half a line."""
    pending = b""
    while data := os.read(0, 65536):
        pending += data
        *whole, pending = pending.split(b"\n")
        yield from whole


def _live(order: dict[str, Any]) -> None:
    """The child: a process of its own, as if it had been started by a shell."""
    code = 1
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.setsid()
        log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.environ.clear()
        os.environ.update(order["environment"])
        if order["clock"] is None:
            code = run(order["arguments"])
        else:
            code = run_with_clock(order["arguments"], SteppedClock(Path(order["clock"])))
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def _reap(_number: int, _frame: object) -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        _tell({"ended": pid, "code": os.waitstatus_to_exitcode(status)})


def _tell(what: dict[str, Any]) -> None:
    os.write(1, json.dumps(what).encode() + b"\n")


if __name__ == "__main__":
    main()

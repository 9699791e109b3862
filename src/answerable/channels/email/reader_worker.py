"""The child process that reads mail: `python -m answerable.channels.email.reader_worker`.

It may be killed by its limits at any byte of a hostile mail; its parent then starts another one.
Frames on standard input: 8 bytes length of the mail, the mail. On standard output: 8 bytes length
of a JSON document, 8 bytes length of the masked mail (0: nothing had to be masked), both.
"""

import json
import os
import resource
import struct
import sys
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from answerable.channels.email.parse import parse
from answerable.channels.email.parsed_mail import MailLimits, UnreadableMail
from answerable.channels.email.reply_text import reply_text
from answerable.privacy.raw_mail import mask_raw_mail

HEADER = struct.Struct(">QQ")
SIZE = struct.Struct(">Q")
_PAGE = resource.getpagesize()
_STATM = Path("/proc/self/statm")


def main(arguments: list[str]) -> None:
    """arguments: CPU seconds and extra bytes of memory that one mail may take."""
    cpu_seconds, memory_bytes = int(arguments[0]), int(arguments[1])
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    source, target = sys.stdin.buffer, os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    while True:
        head = source.read(SIZE.size)
        if len(head) < SIZE.size:
            return
        size = SIZE.unpack(head)[0]
        # Room for the mail itself, its decoded and masked copies, and what the limit grants.
        _limit(cpu_seconds, memory_bytes + 5 * size)
        raw = source.read(size)
        if len(raw) < size:
            return
        _answer(target, raw)


def _limit(cpu_seconds: int, memory_bytes: int) -> None:
    spent = resource.getrusage(resource.RUSAGE_SELF)
    cpu = int(spent.ru_utime + spent.ru_stime) + 1 + cpu_seconds
    resource.setrlimit(resource.RLIMIT_CPU, (cpu, resource.RLIM_INFINITY))
    if _STATM.exists():  # only Linux tells what is held, and keeps the limit
        held = int(_STATM.read_text("ascii").split()[0]) * _PAGE
        resource.setrlimit(resource.RLIMIT_AS, (held + memory_bytes, resource.RLIM_INFINITY))


def _answer(target: BinaryIO, raw: bytes) -> None:
    masked: bytes | None = None
    try:
        masked = mask_raw_mail(raw)
        mail = parse(raw if masked is None else masked, MailLimits())
        document: dict[str, Any] = {"mail": asdict(mail), "reply_text": reply_text(mail.text)}
    except UnreadableMail as error:
        document = {"unreadable": error.reason}
    except MemoryError:
        document = {"unreadable": "memory-limit"}
    except RecursionError:
        document = {"unreadable": "nested-too-deep"}
    content = json.dumps(document, default=_as_text).encode("utf-8", "replace")
    target.write(HEADER.pack(len(content), len(masked or b"")))
    target.write(content)
    target.write(masked or b"")
    target.flush()


def _as_text(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(type(value).__name__)


if __name__ == "__main__":
    main(sys.argv[1:])

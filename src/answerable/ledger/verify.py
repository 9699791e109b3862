"""Verifies an exported ledger without trusting, or even having, the program that wrote it.

    python3 verify.py EXPORT.jsonl [--public-key KEY] [--checkpoints FILE] [--state FILE] [--json]

Standard library only, and short enough to be read before it is believed. It checks that every
event has the hash it claims and follows its predecessor; that every checkpoint is signed, follows
its predecessor and names exactly the streams that moved, where they stood; that nothing is missing
at the end. EXPORT may be `-`. Exit code: 0 accepted, 1 something is wrong, 2 wrong usage.

KEY (base64, or a file that holds it) is the public key as you got it from the company by another
way: without it, whoever could replace the whole export could have signed it anew. FILE is a copy
of checkpoints kept elsewhere: it shows an export that is older than it should be.

With --state, what was accepted is noted in a file (SQLite): the next export may begin where this
one ended, and takes as long as what is new in it. Whoever can write that file can make you believe
in another past.
"""

import argparse
import base64
import hashlib
import json
import re
import sqlite3
import sys
from dataclasses import asdict, dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, BinaryIO

FORMAT = "answerable-ledger-1"
LONGEST_LINE = 64 * 1024 * 1024
MOST_FINDINGS = 1_000  # kept; the rest is counted

# --- Ed25519 (RFC 8032), verification only ------------------------------------------------------

_P = 2**255 - 19
_L = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, _P - 2, _P) % _P
_TWO_D = 2 * _D % _P
_ROOT = pow(2, (_P - 1) // 4, _P)
Point = tuple[int, int, int, int]  # extended coordinates: x = X/Z, y = Y/Z, T = XY/Z
_NEUTRAL: Point = (0, 1, 1, 0)


def _add(a: Point, b: Point) -> Point:
    x1, y1, z1, t1 = a
    x2, y2, z2, t2 = b
    p, q = (y1 - x1) * (y2 - x2) % _P, (y1 + x1) * (y2 + x2) % _P
    r, s = _TWO_D * t1 % _P * t2 % _P, 2 * z1 * z2 % _P
    e, f, g, h = q - p, s - r, s + r, q + p
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _encoded(point: Point) -> bytes:
    x, y, z, _ = point
    inverse = pow(z, _P - 2, _P)
    return (y * inverse % _P | (x * inverse % _P & 1) << 255).to_bytes(32, "little")


def _decoded(data: bytes) -> Point:
    """Raises ValueError unless these bytes name a point."""
    number = int.from_bytes(data, "little")
    y, odd = number & (2**255 - 1), number >> 255
    if len(data) != 32 or y >= _P:
        raise ValueError("not a point")
    square = (y * y - 1) * pow(_D * y * y + 1, _P - 2, _P) % _P
    x = pow(square, (_P + 3) // 8, _P)
    if x * x % _P != square:
        x = x * _ROOT % _P
    if x * x % _P != square or (x == 0 and odd):
        raise ValueError("not a point")
    if x & 1 != odd:
        x = _P - x
    return x, y, 1, x * y % _P


class _Multiples:
    """A point times any scalar by 32 additions, after a table was made once."""

    def __init__(self, point: Point) -> None:
        self._rows: list[list[Point]] = []
        for _ in range(32):
            row = [_NEUTRAL]
            for _ in range(255):
                row.append(_add(row[-1], point))
            self._rows.append(row)
            point = _add(row[-1], point)

    def times(self, scalar: int, start: Point = _NEUTRAL) -> Point:
        for row in self._rows:
            if scalar & 255:
                start = _add(start, row[scalar & 255])
            scalar >>= 8
        return start


@lru_cache(maxsize=8)
def _multiples(point: Point) -> _Multiples:
    return _Multiples(point)


_BASE_Y = 4 * pow(5, _P - 2, _P) % _P
_BASE = _decoded(_BASE_Y.to_bytes(32, "little"))


class PublicKey:
    """An Ed25519 public key. Raises ValueError unless `text` is base64 of one."""

    def __init__(self, text: str) -> None:
        self.raw = _from_base64(text, 32)
        x, y, z, t = _decoded(self.raw)
        self.key_id = hashlib.sha256(self.raw).hexdigest()[:16]
        self._negative = _multiples(((-x) % _P, y, z, (-t) % _P))

    def signed(self, message: bytes, signature: str) -> bool:
        try:
            raw = _from_base64(signature, 64)
        except ValueError:
            return False
        s = int.from_bytes(raw[32:], "little")
        if s >= _L:
            return False
        h = int.from_bytes(hashlib.sha512(raw[:32] + self.raw + message).digest(), "little") % _L
        return _encoded(self._negative.times(h, _multiples(_BASE).times(s))) == raw[:32]


def _from_base64(text: str, length: int) -> bytes:
    raw = base64.b64decode(text, validate=True)
    # The last character has spare bits: only one spelling is accepted.
    if len(raw) != length or base64.b64encode(raw).decode() != text:
        raise ValueError(f"not base64 of {length} bytes")
    return raw


# --- the export ---------------------------------------------------------------------------------

_EVENT_END = re.compile(
    rb',"kind":"[a-z_]+","previous":"([0-9a-f]{64}|)","seq":([1-9][0-9]*)'
    rb',"stream":"([^"\\]+)","tenant":"([^"\\]+)","hash":"([0-9a-f]{64})"}\n\Z'
)
_HASH_LENGTH = len(b',"hash":"' + b"0" * 64 + b'"}\n')


@dataclass(frozen=True)
class Finding:
    """Something wrong: where, a stable code, and what it means."""

    line: int
    code: str
    meaning: str


class State:
    """What was accepted before: where each stream stood, the last checkpoint, and the key.

    Raises sqlite3.Error for a file that is something else.
    """

    def __init__(self, path: Path) -> None:
        self._database = sqlite3.connect(path)
        self._database.execute(
            "CREATE TABLE IF NOT EXISTS head (stream BLOB PRIMARY KEY, seq INTEGER, hash BLOB)"
        )
        self._database.execute("CREATE TABLE IF NOT EXISTS about (name TEXT PRIMARY KEY, value)")
        about = dict(self._database.execute("SELECT name, value FROM about").fetchall())
        self.tenant = str(about.get("tenant", ""))
        self.key = str(about.get("key", ""))
        self.checkpoint = (int(about.get("number", 0)), str(about.get("hash", "")))

    def head(self, stream: bytes) -> tuple[int, bytes]:
        query = "SELECT seq, hash FROM head WHERE stream = ?"
        row = self._database.execute(query, (stream,)).fetchone()
        return (0, b"") if row is None else (int(row[0]), bytes(row[1]))

    def accept(self, tenant: str, key: str, number: int, seal: str, heads: "Heads") -> None:
        """Note all of it, or nothing."""
        about = {"tenant": tenant, "key": key, "number": number, "hash": seal}
        with self._database:
            self._database.executemany(
                "INSERT OR REPLACE INTO head VALUES (?, ?, ?)",
                ((stream, *head) for stream, head in heads.items()),
            )
            self._database.executemany("INSERT OR REPLACE INTO about VALUES (?, ?)", about.items())

    def close(self) -> None:
        self._database.close()


Heads = dict[bytes, tuple[int, bytes]]
Outside = dict[str, dict[int, str]]  # by tenant, by number: the hash of a checkpoint kept outside


class Verifier:
    """Takes an export line by line; memory grows with the number of streams, not of events.

    state: what was accepted before; noted in it is what is accepted now.
    """

    def __init__(
        self, pinned: PublicKey | None, outside: Outside | None, state: State | None = None
    ) -> None:
        self.findings: list[Finding] = []
        self.notes: list[str] = []
        self.more_findings = 0
        self.events = self.checkpoints = self.line = 0
        self._pinned = pinned is not None
        self._key = pinned
        self._outside = outside
        self._state = state
        self._continues = False
        self._tenant = ""
        self._tenant_bytes = b""
        self._kept: dict[int, str] = {}
        self._heads: Heads = {}
        self._moved: set[bytes] = set()
        self._checkpoint = (0, "")
        self._digest = hashlib.sha256()
        self._closed = False
        if not self._pinned:
            self.notes.append(
                "the public key is the one in the export itself: compare it with the one that the"
                " company published, or pin it with --public-key"
            )

    @property
    def last_checkpoint(self) -> int:
        """Its number: what comes next begins after it."""
        return self._checkpoint[0]

    def read(self, file: BinaryIO) -> None:
        for line in iter(partial(file.readline, LONGEST_LINE), b""):
            self.line += 1
            if self._closed:
                self._found("after_the_end", "a line after the closing record: it was added later")
                break
            # No name in the tail holds a quote, so the last "kind" begins it.
            end = _EVENT_END.match(line, max(line.rfind(b',"kind":"'), 0))
            if end is not None and self.line > 1:
                self._event(line, end)
            else:
                self._other(line)
        self._finish()

    def _found(self, code: str, meaning: str) -> None:
        if len(self.findings) < MOST_FINDINGS:
            self.findings.append(Finding(self.line, code, meaning))
        else:
            self.more_findings += 1

    def _event(self, line: bytes, end: re.Match[bytes]) -> None:
        previous, digits, stream, tenant, claimed = end.groups()
        self._digest.update(line)
        self.events += 1
        seq = int(digits)
        computed = hashlib.sha256(line[:-_HASH_LENGTH] + b"}").hexdigest().encode()
        last_seq, last_hash = self._head_of(stream)
        if computed != claimed:
            self._found("changed", f"{_name(stream, seq)} was changed: it has not the hash it says")
        if seq != last_seq + 1:
            self._out_of_order(stream, seq, last_seq)
        elif previous != last_hash:
            self._found(
                "broken_link", f"{_name(stream, seq)} does not follow from the event before it"
            )
        if tenant != self._tenant_bytes:
            self._found("foreign", f"{_name(stream, seq)} belongs to another tenant")
        self._heads[stream] = (seq, claimed)
        self._moved.add(stream)

    def _head_of(self, stream: bytes) -> tuple[int, bytes]:
        """Where a stream stands: in this export, or where the one before it ended."""
        head = self._heads.get(stream)
        if head is None and self._continues and self._state is not None:
            head = self._state.head(stream)
        return head or (0, b"")

    def _out_of_order(self, stream: bytes, seq: int, last: int) -> None:
        if seq > last + 1:
            meaning = f"{_name(stream, last + 1)} is missing" + (
                f", and all up to {seq - 1}" if seq > last + 2 else ""
            )
            self._found("gap", meaning)
        else:
            self._found("reordered", f"{_name(stream, seq)} comes after event {last}")

    def _other(self, line: bytes) -> None:
        record = _parsed(line)
        if self.line == 1:
            self._header(record)
        elif record is None:
            cut = not line.endswith(b"\n")
            self._found("unreadable", "the line is cut off" if cut else "the line is no record")
        elif record.get("kind") == "closing":
            self._closing(record)
            return
        elif "heads" in record:
            self._sealed(record)
        else:
            self._found("unreadable", "the line is no record of a ledger")
        self._digest.update(line)

    def _header(self, record: dict[str, Any] | None) -> None:
        if record is None or record.get("kind") != "header":
            self._found("no_header", "the export does not begin with its header")
            return
        if record.get("format") != FORMAT:
            self._found("unknown_format", f"the format is not {FORMAT}")
        self._tenant = str(record.get("tenant"))
        self._tenant_bytes = self._tenant.encode()
        self._kept = dict((self._outside or {}).get(self._tenant, {}))
        try:
            key = PublicKey(str(record.get("public_key")))
        except ValueError:
            self._found("bad_key", "the header holds no usable public key")
            return
        self._go_on(record.get("after"), str(record.get("public_key")))
        if self._key is None:
            self._key = key
        elif key.raw != self._key.raw:
            self._found("other_key", "the export was signed with another key than the pinned one")

    def _go_on(self, after: object, key: str) -> None:
        """after: the checkpoint that the export begins after; None for a whole one."""
        known = self._state
        if known is not None and known.tenant not in ("", self._tenant):
            self._found("foreign", f"what was accepted before is the ledger of {known.tenant}")
        if known is not None and known.key not in ("", key):
            self._found("other_key", "what was accepted before was signed with another key")
        if after is None:
            if known is not None and known.checkpoint[0]:
                self._kept.setdefault(*known.checkpoint)  # a whole one holds what is known
            return
        number, seal = (
            (after.get("number"), str(after.get("hash"))) if isinstance(after, dict) else (0, "")
        )
        if not isinstance(number, int) or known is None or known.checkpoint != (number, seal):
            ended = f"checkpoint {known.checkpoint[0]}" if known is not None else "nothing"
            self._found(
                "not_next",
                f"the export begins after checkpoint {number}, and what was accepted before"
                f" (--state) ends with {ended}",
            )
            return
        if self._kept.get(number, seal) != seal:
            self._found("rewritten", f"checkpoint {number} is not the one that was kept outside")
        self._kept = {one: kept for one, kept in self._kept.items() if one > number}
        self._checkpoint, self._continues = (number, seal), True

    def _sealed(self, record: dict[str, Any]) -> None:
        self.checkpoints += 1
        number, seal = record.get("number"), str(record.get("hash"))
        last_number, last_seal = self._checkpoint
        what = f"checkpoint {number}"
        self._signature(record, what)
        if number != last_number + 1:
            self._found("checkpoint_gap", f"{what} comes after checkpoint {last_number}")
        elif record.get("previous") != last_seal:
            self._found("checkpoint_link", f"{what} does not follow from the one before it")
        if record.get("tenant") != self._tenant:
            self._found("foreign", f"{what} belongs to another tenant")
        self._compare_heads(record.get("heads"), what)
        self._moved.clear()
        if isinstance(number, int):
            self._checkpoint = (number, seal)
            if self._kept.pop(number, seal) != seal:
                self._found("rewritten", f"{what} is not the one that was kept outside")

    def _signature(self, record: dict[str, Any], what: str) -> None:
        body = {k: v for k, v in record.items() if k not in ("hash", "signature")}
        signed = _canonical(body)
        if record.get("hash") != hashlib.sha256(signed).hexdigest():
            self._found("changed", f"{what} was changed: it has not the hash it says")
        if self._key is None:
            return
        if record.get("key") != self._key.key_id:
            self._found("other_key", f"{what} names another key")
        if not self._key.signed(signed, str(record.get("signature"))):
            self._found("bad_signature", f"{what} was not signed with the key, or was changed")

    def _compare_heads(self, heads: object, what: str) -> None:
        if not isinstance(heads, dict):
            self._found("unreadable", f"{what} names no heads")
            return
        for name, head in heads.items():
            stream = str(name).encode()
            seq, digest = self._head_of(stream)
            if head != [seq, digest.decode()]:
                self._found(
                    "head_mismatch",
                    f"{what} sealed {name} at {_head(head)}, and the export has it at event {seq}:"
                    " events were removed, added or changed",
                )
            self._moved.discard(stream)
        for stream in sorted(self._moved):
            self._found("unsealed", f"{what} does not know the new events of {_text(stream)}")

    def _closing(self, record: dict[str, Any]) -> None:
        self._closed = True
        self._signature(record, "the closing record")
        if record.get("tenant") != self._tenant:
            self._found("foreign", "the closing record belongs to another tenant")
        for what, claimed, counted in (
            ("events", record.get("events"), self.events),
            ("checkpoints", record.get("checkpoints"), self.checkpoints),
        ):
            if claimed != counted:
                self._found("count", f"{claimed} {what} were exported, and {counted} are here")
        if record.get("last_checkpoint") != self._checkpoint[1]:
            self._found("cut_tail", "the last checkpoint here is not the last one exported")
        if record.get("digest") != self._digest.hexdigest():
            self._found("changed_since", "lines were changed, moved or removed after the export")

    def _finish(self) -> None:
        if not self._closed:
            self._found("cut_tail", "the closing record is missing: the end of the export is cut")
        if self._moved:
            names = ", ".join(_text(stream) for stream in sorted(self._moved)[:5])
            self._found("unsealed", f"no checkpoint covers the last events of {names}")
        last = self._checkpoint[0]
        self._compare_outside(last)
        if self._state is not None and not self.findings and self._key is not None:
            key = base64.b64encode(self._key.raw).decode()
            self._state.accept(self._tenant, key, *self._checkpoint, self._heads)

    def _compare_outside(self, last: int) -> None:
        if self._outside is None:
            self.notes.append(
                "not compared with checkpoints kept outside (--checkpoints): an older export that"
                " was whole in its day would be accepted"
            )
        later = sorted(number for number in self._kept if number > last)
        if later:
            self._found(
                "truncated",
                f"the export ends with checkpoint {last}, and checkpoint {later[-1]} was kept"
                " outside: what came after is missing",
            )
        for number in sorted(number for number in self._kept if number <= last):
            self._found("checkpoint_gap", f"checkpoint {number} was kept outside, and is not here")


def _parsed(line: bytes) -> dict[str, Any] | None:
    """The record of a line in its one accepted spelling; None for anything else."""
    try:
        record = json.loads(line)
        canonical = _canonical(record) + b"\n"
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) and canonical == line else None


def _canonical(value: object) -> bytes:
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()


def _text(name: bytes) -> str:
    return name.decode(errors="replace")


def _name(stream: bytes, seq: int) -> str:
    return f"event {seq} of {_text(stream)}"


def _head(head: object) -> str:
    return f"event {head[0]}" if isinstance(head, list) and head else "an unknown place"


# --- the command --------------------------------------------------------------------------------


def read_outside(path: Path) -> Outside:
    """The checkpoints of a file that was kept away from the database."""
    kept: Outside = {}
    with path.open("rb") as file:
        for line in file:
            try:
                record = json.loads(line)
                kept.setdefault(record["tenant"], {})[int(record["number"])] = record["hash"]
            except (ValueError, LookupError, TypeError):
                continue  # cut by a crash while it was written: the writer repeats it whole
    return kept


def read_key(text: str) -> PublicKey:
    """From base64, or from a file that holds it. Raises ValueError or OSError."""
    path = Path(text)
    return PublicKey(path.read_text().strip() if path.is_file() else text)


def verify(
    file: BinaryIO,
    key: PublicKey | None = None,
    outside: Outside | None = None,
    state: Path | None = None,
) -> Verifier:
    """Read the whole export; `findings` of the result is empty if all is well.

    Raises sqlite3.Error if `state` is there and no file of ours.
    """
    if state is not None:
        known = State(state)
        try:
            verifier = Verifier(key, outside, known)
            verifier.read(file)
        finally:
            known.close()
        return verifier
    verifier = Verifier(key, outside)
    verifier.read(file)
    return verifier


def report(done: Verifier) -> str:
    """What was found, for people."""
    lines = [f"line {f.line}: {f.code}: {f.meaning}" for f in done.findings]
    if done.more_findings:
        lines.append(f"and {done.more_findings} more")
    lines += [f"note: {note}" for note in done.notes]
    verdict = "NOT accepted" if done.findings else "accepted"
    held = f"{done.events} events, {done.checkpoints} checkpoints, the last {done.last_checkpoint}"
    return "\n".join([*lines, f"{verdict}: {held}"])


def report_json(done: Verifier) -> str:
    """What was found, for programs."""
    return json.dumps(
        {
            "accepted": not done.findings,
            "events": done.events,
            "checkpoints": done.checkpoints,
            "last_checkpoint": done.last_checkpoint,
            "findings": [asdict(finding) for finding in done.findings],
            "more_findings": done.more_findings,
            "notes": done.notes,
        }
    )


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("export", help="a file of JSON lines, or - for standard input")
    parser.add_argument("--public-key", help="base64, or a file that holds it")
    parser.add_argument("--checkpoints", type=Path, help="a copy of checkpoints kept elsewhere")
    parser.add_argument("--state", type=Path, help="what was accepted before, and is now")
    parser.add_argument("--json", action="store_true", help="the result as JSON")
    options = parser.parse_args(arguments)
    try:
        key = read_key(options.public_key) if options.public_key else None
        outside = read_outside(options.checkpoints) if options.checkpoints else None
        if options.export == "-":
            done = verify(sys.stdin.buffer, key, outside, options.state)
        else:
            with open(options.export, "rb") as file:
                done = verify(file, key, outside, options.state)
    except (OSError, ValueError, sqlite3.Error) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.write((report_json(done) if options.json else report(done)) + "\n")
    return 1 if done.findings else 0


if __name__ == "__main__":
    raise SystemExit(main())

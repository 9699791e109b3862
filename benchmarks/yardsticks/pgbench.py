"""PostgreSQL's own load generator: single inserts of a row of 400 bytes, each committed."""

import re
import shutil
import subprocess
from pathlib import Path

SCRIPT = "INSERT INTO bare_said (text) VALUES (repeat('x', 400));\n"
TABLE = "CREATE TABLE IF NOT EXISTS bare_said (id bigserial PRIMARY KEY, text text)"
_RATE = re.compile(r"^tps = ([0-9.]+)", re.MULTILINE)


def program() -> str | None:
    """The path of pgbench; on Debian it lies beside the server, not in the PATH."""
    beside = sorted(Path("/usr/lib/postgresql").glob("*/bin/pgbench"))
    return shutil.which("pgbench") or (str(beside[-1]) if beside else None)


def inserts(url: str, folder: Path, *, clients: int, seconds: float) -> float:
    """Transactions a second of so many connections. The table must be there (TABLE)."""
    found = program()
    if found is None:
        raise FileNotFoundError("pgbench is not installed (Debian: postgresql-contrib)")
    script = folder / "insert.sql"
    script.write_text(SCRIPT)
    command = [found, "--no-vacuum", "--client", str(clients), "--jobs", "1",
               "--time", str(max(1, round(seconds))), "--file", str(script), url]  # fmt: skip
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    rate = _RATE.search(told)
    assert rate is not None, told
    return float(rate[1])

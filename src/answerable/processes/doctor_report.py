"""What the doctor says: one finding a line."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Finding:
    """level: "ok", "warning" (it works, but) or "problem". mend: what to do; empty if it is ok."""

    level: str
    check: str
    text: str
    mend: str = ""


def ok(check: str, text: str) -> Finding:
    return Finding(level="ok", check=check, text=text)


def warning(check: str, text: str, mend: str) -> Finding:
    return Finding(level="warning", check=check, text=text, mend=mend)


def problem(check: str, text: str, mend: str) -> Finding:
    return Finding(level="problem", check=check, text=text, mend=mend)

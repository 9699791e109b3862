"""Turning values into HTML pages; everything that is shown is escaped."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

HERE = Path(__file__).parent
STATIC = HERE / "static"

_environment = Environment(
    loader=FileSystemLoader(HERE / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def _pretty(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)


def _moment(value: datetime) -> str:
    return value.strftime("%Y-%m-%d %H:%M:%S")


_environment.filters["pretty"] = _pretty
_environment.filters["moment"] = _moment


def page(
    template: str, *, status: int = 200, policy: str | None = None, **values: Any
) -> HTMLResponse:
    """A page from `templates/`; policy: its Content-Security-Policy, if not the usual one."""
    html = _environment.get_template(template).render(**values)
    headers = {"Content-Security-Policy": policy} if policy else None
    return HTMLResponse(html, status_code=status, headers=headers)

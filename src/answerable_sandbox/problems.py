"""Refusals, in each vendor's own form."""

from __future__ import annotations

from typing import Any


class Problem(Exception):
    """A request that cannot be met; the routes turn it into the dialect of their vendor.

    status: HTTP status. code: stable, for machines. detail: a sentence for people.
    """

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail

    def as_json(self) -> dict[str, Any]:
        """The problem as RFC 9457 describes it."""
        return {
            "type": "about:blank",
            "title": self.code.replace("_", " "),
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
        }

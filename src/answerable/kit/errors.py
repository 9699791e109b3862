"""Errors, by what to do next. HTTP status codes exist only in `api`."""

from datetime import timedelta
from typing import Any


class AnswerableError(Exception):
    """A refusal with a stable `code` for machines and a sentence for people.

    details: further fields for machines; never personal data or secrets.
    """

    def __init__(self, code: str, message: str, **details: Any) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = details

    def __reduce__(self) -> tuple[Any, ...]:
        # Training happens in a child process, and its refusal must come out of it as it is.
        return _restored, (type(self), self.args, self.__dict__)


def _restored(
    kind: type[AnswerableError], args: tuple[Any, ...], state: dict[str, Any]
) -> AnswerableError:
    error = kind.__new__(kind, *args)
    error.__dict__.update(state)
    return error


class NotFound(AnswerableError):
    """What was asked for does not exist, or not for whoever asks."""


class Conflict(AnswerableError):
    """It exists in another state than the request assumes: read again, then decide."""


class InvalidInput(AnswerableError):
    """The request is malformed; `message` says where and what to write instead."""


class NotAllowed(AnswerableError):
    """The credential or proof at hand does not permit this."""


class TooMany(AnswerableError):
    """A limit is reached; ask again after `retry_after`."""

    def __init__(self, code: str, message: str, *, retry_after: timedelta, **details: Any) -> None:
        super().__init__(code, message, **details)
        self.retry_after = retry_after


class StoreUnavailable(AnswerableError):
    """The database server cannot be reached or takes no work; nothing was changed."""

    def __init__(self, code: str, message: str, *, retry_after: timedelta) -> None:
        super().__init__(code, message)
        self.retry_after = retry_after


class ConnectorUnavailable(AnswerableError):
    """The other system may answer later; the same call may be repeated after `retry_after`."""

    def __init__(
        self, connector: str, message: str = "", *, retry_after: timedelta | None = None
    ) -> None:
        super().__init__(
            "connector_unavailable", message or f"{connector} does not answer", connector=connector
        )
        self.retry_after = retry_after


class ConnectorRefused(AnswerableError):
    """The other system understood and said no; repeating will not help."""

    def __init__(self, connector: str, message: str) -> None:
        super().__init__("connector_refused", message, connector=connector)

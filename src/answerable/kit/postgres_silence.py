"""Connections on which nothing is heard any more are ended, so that whoever waits can ask anew.

A network may swallow all that is sent without breaking the connection (a hanging proxy, a firewall
that forgot it). Keepalives may still be answered, and the server's own limits do not help where
the server never heard the question.
"""

import contextlib
import os
import socket
import threading
import time
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Engine

from answerable.kit.telemetry import get_logger

log = get_logger("kit")

UNLIMITED = "answerable_unlimited"  # execution option of what may take as long as it takes


class SilenceWatch:
    """Looks after the connections of one engine, until `stop`.

    longest: how long an answer may take; more than the server's own limit of a statement.
    """

    def __init__(self, engine: Engine, longest: timedelta) -> None:
        self._longest = longest.total_seconds()
        self._asked: dict[Any, float] = {}  # driver's connection -> when it was asked something
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        for name, listener in {
            "before_cursor_execute": self._before,
            "after_cursor_execute": self._after,
            "commit": self._begin,
            "rollback": self._begin,
        }.items():
            sa.event.listen(engine, name, listener)
        for name in ("checkin", "invalidate", "close"):
            sa.event.listen(engine.pool, name, self._over)
        threading.Thread(target=self._look, name="silence", daemon=True).start()

    def stop(self) -> None:
        self._stopped.set()

    def _before(self, connection: sa.Connection, *_: Any) -> None:
        if not connection.get_execution_options().get(UNLIMITED):
            self._begin(connection)

    def _begin(self, connection: sa.Connection) -> None:
        if connection.invalidated:
            return
        driver = connection.connection.driver_connection
        with self._lock:
            self._asked[driver] = time.monotonic()

    def _after(self, connection: sa.Connection, *_: Any) -> None:
        self._over(connection.connection.driver_connection)

    def _over(self, driver: Any, *_: Any) -> None:
        with self._lock:
            self._asked.pop(driver, None)

    def _look(self) -> None:
        while not self._stopped.wait(min(1.0, self._longest / 4)):
            with self._lock:
                # Under the lock: what is asked and not answered is still open, and this one's.
                for driver, since in list(self._asked.items()):
                    if time.monotonic() > since + self._longest:
                        del self._asked[driver]
                        _end(driver)


def _end(driver: Any) -> None:
    """The waiting thread reads an end of the stream."""
    log.warning("database_silent", effect="the connection is ended, and the server asked anew")
    with contextlib.suppress(Exception), socket.socket(fileno=os.dup(driver.fileno())) as same:
        same.shutdown(socket.SHUT_RDWR)  # fails if it was closed meanwhile

"""What a test needs from outside the repository, and what is said when it is not there.

A test that is left out says why. With ANSWERABLE_LEAVE_NOTHING_OUT=1 it fails instead, so that
the place that must run everything cannot pass by skipping.
"""

import os
import shutil
import socket
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit

import pytest
from sqlalchemy import make_url

REPOSITORY = Path(__file__).resolve().parents[2]
SHARED = REPOSITORY.parent / "shared"


def left_out(reason: str) -> NoReturn:
    """Ends the test: left out, or failed where nothing may be left out."""
    if os.environ.get("ANSWERABLE_LEAVE_NOTHING_OUT") == "1":
        pytest.fail(f"must not be left out: {reason}")
    pytest.skip(f"left out: {reason}")


def needs_shared_data(*parts: str) -> Path:
    """The path of test data that lies beside the repository, such as `reference/configs`."""
    path = SHARED.joinpath(*parts)
    if not path.exists():
        left_out(f"no shared test data at ../shared/{'/'.join(parts)}")
    return path


def needs_chromium() -> str:
    """The path of the system's Chromium."""
    found = next(
        (
            shutil.which(name)
            for name in ("chromium", "chromium-browser", "google-chrome")
            if shutil.which(name)
        ),
        None,
    )
    return found or left_out("no Chromium is installed")


def needs_dovecot() -> str:
    """The path of a Dovecot IMAP server."""
    found = shutil.which("dovecot", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
    return found or left_out("no Dovecot is installed")


def needs_postgres() -> str:
    """The URL of a PostgreSQL server where databases may be made: ANSWERABLE_TEST_POSTGRES."""
    url = os.environ.get("ANSWERABLE_TEST_POSTGRES", "postgresql://root@127.0.0.1:5432/postgres")
    address = make_url(url)
    try:
        socket.create_connection((address.host or "127.0.0.1", address.port or 5432), 2).close()
    except OSError:
        left_out("no PostgreSQL server answers; ANSWERABLE_TEST_POSTGRES names one")
    return url


def needs_rabbitmq() -> str:
    """The URL of a RabbitMQ broker where queues may be made: ANSWERABLE_TEST_RABBITMQ."""
    url = os.environ.get("ANSWERABLE_TEST_RABBITMQ", "amqp://guest:guest@127.0.0.1:5672/")
    address = urlsplit(url)
    try:
        socket.create_connection((address.hostname or "", address.port or 5672), 2).close()
    except OSError:
        left_out("no RabbitMQ broker answers; ANSWERABLE_TEST_RABBITMQ names one")
    return url


def needs_redis() -> str:
    """The URL of a Redis for tests, which they may flush: ANSWERABLE_TEST_REDIS."""
    url = os.environ.get("ANSWERABLE_TEST_REDIS", "redis://127.0.0.1:6379/9")
    address = urlsplit(url)
    try:
        socket.create_connection((address.hostname or "", address.port or 6379), 2).close()
    except OSError:
        left_out("no Redis answers; ANSWERABLE_TEST_REDIS names one")
    return url

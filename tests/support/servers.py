"""PostgreSQL, RabbitMQ and Redis of a scene's own: they may be stopped, killed and filled up.

Nothing here touches the machine's servers. Each takes ports and folders of its own, and its
processes end with it.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import psycopg

from tests.support.needs import left_out
from tests.support.processes import free_port

START_WITHIN = 60.0  # seconds
END_WITHIN = 30.0
RABBITMQ = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
Stop = Literal["graceful", "immediate", "kill"]
_NOBODY = 65534  # PostgreSQL refuses to run as root


class CannotHave(Exception):
    """What a scene needs is not to be had on this machine; the message says what."""


def needs_servers() -> None:
    """Leaves a test out where the servers' programs are not installed."""
    try:
        for find in (_postgres_folder, _rabbitmq, _redis):
            find()
    except CannotHave as missing:
        left_out(str(missing))


@dataclass
class Server(ABC):
    """A program that serves, with a folder and a port of its own. Raises CannotHave if there is
    none on this machine."""

    folder: Path
    port: int = field(default_factory=free_port)
    _process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def create(self) -> None:
        """Make what it needs; it is not started."""

    def start(self, *, ready: bool = True) -> None:
        """ready: wait until it answers."""
        self._begin(self._command(), self._environment())
        if ready:
            self.ready()

    def ready(self) -> None:
        """Until it answers. Raises RuntimeError, with its log, if it does not."""
        until = time.monotonic() + START_WITHIN
        while not self.answers():
            if not self.runs or time.monotonic() > until:
                raise RuntimeError(f"{type(self).__name__} did not start:\n{self._log()}")
            time.sleep(0.02)

    def stop(self, how: Stop = "graceful") -> None:
        """graceful: told to end; immediate, kill: as by a crash."""
        if self._process is None:
            return
        told = self._signal(how)
        if self.runs and told is not None:
            self._process.send_signal(told)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(END_WITHIN)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    @property
    def runs(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @abstractmethod
    def answers(self) -> bool:
        """Whether a client is served now."""

    def remove(self) -> None:
        """Nothing of it is left."""
        self.stop("kill")
        shutil.rmtree(self.folder, ignore_errors=True)

    @abstractmethod
    def _command(self) -> list[str]: ...

    def _environment(self) -> dict[str, str] | None:
        return None

    def _signal(self, how: Stop) -> signal.Signals | None:
        """None: no word, only SIGKILL to all of it."""
        return signal.SIGTERM if how == "graceful" else None

    def _begin(self, command: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
        with (self.folder / "log.txt").open("ab") as file:
            self._process = subprocess.Popen(
                command, env=None if environment is None else dict(environment), cwd=self.folder,
                stdin=subprocess.DEVNULL, stdout=file, stderr=file, start_new_session=True,
            )  # fmt: skip

    def _log(self) -> str:
        return (self.folder / "log.txt").read_text(errors="replace")[-2000:]


@dataclass
class PostgresServer(Server):
    """size_mb: its data lie on a file system of so many megabytes, which can be filled."""

    size_mb: int | None = None
    _ballast: Path | None = None

    @property
    def disk(self) -> Path:
        return self.folder / "disk"

    def create(self) -> None:
        self.disk.mkdir(parents=True)
        if self.size_mb is not None:
            _mount(self.disk, self.size_mb)
        _give_to_nobody(self.folder, self.disk)
        made = subprocess.run(
            [
                *_as_nobody(), str(_postgres_folder() / "initdb"), "-D", str(self.disk / "data"),
                "-A", "trust", "-U", "owner", "-E", "UTF8", "--locale=C", "--no-sync",
                "--wal-segsize=1",
            ],
            cwd="/", capture_output=True, text=True, check=False,
        )  # fmt: skip
        if made.returncode:
            raise CannotHave(f"initdb: {made.stderr[-300:]}")

    def _command(self) -> list[str]:
        (self.disk / "data" / "postmaster.pid").unlink(missing_ok=True)  # of one that was killed
        settings = {
            "port": self.port, "listen_addresses": "127.0.0.1", "unix_socket_directories": "",
            "max_connections": 200, "shared_buffers": "32MB", "max_wal_size": "64MB",
            "min_wal_size": "16MB",
        }  # fmt: skip
        return [
            *_as_nobody(), str(_postgres_folder() / "postgres"), "-D", str(self.disk / "data"),
            *(part for name, value in settings.items() for part in ("-c", f"{name}={value}")),
        ]  # fmt: skip

    def _signal(self, how: Stop) -> signal.Signals | None:
        return {"graceful": signal.SIGINT, "immediate": signal.SIGQUIT}.get(how)

    def stop(self, how: Stop = "graceful") -> None:
        """graceful: connections are ended; immediate: as by a crash; kill: SIGKILL to all."""
        children = self._children() if how == "kill" else []
        super().stop(how)
        for child in children:  # each leads a session of its own
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)

    def _children(self) -> list[int]:
        if self._process is None or not self.runs:
            return []
        pid = self._process.pid
        return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def answers(self) -> bool:
        try:
            with psycopg.connect(self.url("postgres", user="owner"), connect_timeout=2) as asked:
                asked.execute("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def url(self, name: str, *, user: str = "program", port: int | None = None) -> str:
        """Of a database, here or through a proxy's port."""
        return f"postgresql://{user}@127.0.0.1:{port or self.port}/{name}"

    def create_database(self, name: str, *, template: str = "template1") -> None:
        """Owned by a role that neither owns the server nor passes the wall between tenants."""
        with psycopg.connect(self.url("postgres", user="owner"), autocommit=True) as server:
            if (
                server.execute("SELECT 1 FROM pg_roles WHERE rolname = 'program'").fetchone()
                is None
            ):
                server.execute("CREATE ROLE program LOGIN NOSUPERUSER NOBYPASSRLS")
            server.execute(f"CREATE DATABASE {name} TEMPLATE {template} OWNER program".encode())

    def fill_disk(self) -> None:
        """Leave no room on its file system."""
        self._ballast = self.disk / "ballast"
        try:
            with self._ballast.open("wb", buffering=0) as file:
                while True:
                    file.write(b"\0" * 65536)
        except OSError:
            pass

    def empty_disk(self) -> None:
        if self._ballast is not None:
            self._ballast.unlink()
            self._ballast = None

    def remove(self) -> None:
        self.stop("kill")
        if self.size_mb is not None:
            subprocess.run(["umount", "-l", str(self.disk)], check=False)
        super().remove()


@dataclass
class RabbitServer(Server):
    """A node of its own name, with a port mapper of its own."""

    _mapper_port: int = field(default_factory=free_port)
    _dist_port: int = field(default_factory=free_port)
    _mapper: subprocess.Popen[bytes] | None = None

    def create(self) -> None:
        mapper = shutil.which("epmd")
        if mapper is None:
            raise CannotHave("no Erlang port mapper (epmd) is installed")
        _rabbitmq()
        self.folder.mkdir(parents=True)
        (self.folder / "plugins").write_text("[].\n")
        (self.folder / "rabbitmq.conf").write_text(
            f"listeners.tcp.1 = 127.0.0.1:{self.port}\n"
            "log.file = false\nlog.console = true\nlog.console.level = warning\n"
            "vm_memory_high_watermark.absolute = 512MB\ndisk_free_limit.absolute = 50MB\n"
        )
        self._mapper = subprocess.Popen(
            [mapper, "-port", str(self._mapper_port), "-address", "127.0.0.1"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def _command(self) -> list[str]:
        return [str(_rabbitmq())]

    def _environment(self) -> dict[str, str] | None:
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        return kept | {
            "HOME": str(self.folder),
            "ERL_EPMD_PORT": str(self._mapper_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": f"chaos-{self.port}@localhost",
            "RABBITMQ_DIST_PORT": str(self._dist_port),
            "RABBITMQ_MNESIA_BASE": str(self.folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(self.folder),
            "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbitmq.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "plugins"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1 +sbwt none -start_epmd false",
        }

    def answers(self) -> bool:
        """Whether it greets: a node that is still starting does not."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), 2) as line:
                line.sendall(b"AMQP\x00\x00\x09\x01")
                return bool(line.recv(8))
        except OSError:
            return False

    def url(self, *, port: int | None = None) -> str:
        return f"amqp://guest:guest@127.0.0.1:{port or self.port}/"

    def remove(self) -> None:
        super().remove()
        if self._mapper is not None:
            self._mapper.kill()
            self._mapper.wait()


@dataclass
class RedisServer(Server):
    """Keeps nothing on disk."""

    def create(self) -> None:
        _redis()
        self.folder.mkdir(parents=True)

    def _command(self) -> list[str]:
        return [
            _redis(), "--port", str(self.port), "--bind", "127.0.0.1", "--save", "",
            "--appendonly", "no", "--dir", str(self.folder),
        ]  # fmt: skip

    def answers(self) -> bool:
        return self._told(b"PING\r\n").startswith(b"+PONG")

    def flush(self) -> None:
        """Forget everything."""
        self._told(b"FLUSHALL\r\n")

    def _told(self, command: bytes) -> bytes:
        try:
            with socket.create_connection(("127.0.0.1", self.port), 2) as line:
                line.sendall(command)
                return line.recv(64)
        except OSError:
            return b""

    def url(self, *, port: int | None = None) -> str:
        return f"redis://127.0.0.1:{port or self.port}/0"


def _postgres_folder() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    on_path = shutil.which("initdb")
    if found:
        return found[-1].parent
    if on_path is None:
        raise CannotHave("no PostgreSQL server is installed")
    return Path(on_path).parent


def _rabbitmq() -> Path:
    if not RABBITMQ.exists():
        raise CannotHave("no RabbitMQ server is installed")
    return RABBITMQ


def _redis() -> str:
    found = shutil.which("redis-server")
    if found is None:
        raise CannotHave("no Redis server is installed")
    return found


def _as_nobody() -> list[str]:
    if os.geteuid() != 0:
        return []
    if shutil.which("setpriv") is None:
        raise CannotHave("PostgreSQL does not run as root, and there is no setpriv")
    return ["setpriv", f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups"]


def _give_to_nobody(*folders: Path) -> None:
    if os.geteuid() != 0:
        return
    for folder in folders:
        os.chown(folder, _NOBODY, _NOBODY)
    for above in folders[0].parents:  # a test's own folders are closed to others
        if above.stat().st_uid == 0 and above.stat().st_mode & 0o011 != 0o011:
            above.chmod(above.stat().st_mode | 0o011)


def _mount(folder: Path, size_mb: int) -> None:
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size_mb}m", "none", str(folder)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if mounted.returncode:
        raise CannotHave(f"a small disk cannot be mounted: {mounted.stderr.strip()}")

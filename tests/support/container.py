"""A container without an engine: what the Dockerfile says, in namespaces made by `unshare`.

User, working directory, environment, entry point and arguments are the Dockerfile's own, taken as
they stand. The file system is read-only but for the volume, all capabilities are gone, and the
network ends at the loopback. Only the layers are not built by Docker: the environment holds the
packages of requirements.lock, copied from the one the tests run in, and the freshly built wheel.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from tests.support.dockerfile import Stage
from tests.support.needs import REPOSITORY, left_out

ENVIRONMENT = "/opt/answerable"
INIT = REPOSITORY / "tests" / "support" / "container_init.py"
PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==", re.MULTILINE)


def needs_namespaces() -> None:
    """Ends the test where a process may not make namespaces: without root, or in a tight jail."""
    tried = subprocess.run(
        [
            "unshare",
            "--mount",
            "--net",
            "--ipc",
            "--pid",
            "--fork",
            "mount",
            "--make-rprivate",
            "/",
        ],
        capture_output=True,
        check=False,
    )
    if tried.returncode:
        left_out("no namespaces can be made here: run the tests as root")


def make_environment(at: Path, wheel: Path) -> None:
    """What the image has in /opt/answerable: the locked packages, the wheel, and nothing else."""
    packages = at / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}"
    packages = packages / "site-packages"
    packages.mkdir(parents=True)
    (at / "bin").mkdir()
    (at / "pyvenv.cfg").write_text(
        f"home = {sys.base_prefix}/bin\ninclude-system-site-packages = false\n"
        f"version = {sys.version.split()[0]}\n"
    )
    for name in ("python", "python3"):
        (at / "bin" / name).symlink_to(f"{sys.base_prefix}/bin/python3.{sys.version_info.minor}")
    for name in sorted(set(PIN.findall((REPOSITORY / "requirements.lock").read_text()))):
        _copy(name, packages)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*command, "--target", str(packages), str(wheel)], check=True)
    script = (packages / "bin" / "answerable").read_text().splitlines(keepends=True)
    started = at / "bin" / "answerable"
    started.write_text("".join([f"#!{ENVIRONMENT}/bin/python\n", *script[1:]]))
    started.chmod(0o755)


def _copy(name: str, packages: Path) -> None:
    try:
        found = distribution(name)
    except PackageNotFoundError:
        return  # pinned for other systems
    for top in {file.parts[0] for file in found.files or [] if file.parts[0] != ".."}:
        source = Path(str(found.locate_file(top)))
        if source.is_dir():
            shutil.copytree(source, packages / top, dirs_exist_ok=True)
        elif source.exists():
            shutil.copy2(source, packages / top)


@dataclass
class Container:
    """One container of the image that `stage` describes.

    root: an empty directory, where its file system is put together. volumes: writable directories
    by their place inside; read_only: files and directories. settings: further environment.
    relays: ports of its loopback, and the socket files they lead to.
    """

    stage: Stage
    environment: Path
    root: Path
    volumes: Mapping[str, Path]
    read_only: Mapping[str, Path] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)
    relays: Mapping[int, Path] = field(default_factory=dict)
    _process: subprocess.Popen[bytes] | None = None

    @contextmanager
    def started(self, arguments: Sequence[str], log: Path) -> Iterator["Container"]:
        """Starts the entry point with these arguments; whatever still runs is killed at the end."""
        command = [*self.stage.last("ENTRYPOINT").listed, *arguments]
        order = {
            "root": str(self.root),
            "cwd": self.stage.last("WORKDIR").value,
            "volumes": {target: str(source) for target, source in self.volumes.items()},
            "read_only": {
                "/usr": "/usr",
                sys.base_prefix: sys.base_prefix,
                ENVIRONMENT: str(self.environment),
                **{target: str(source) for target, source in self.read_only.items()},
            },
            "relays": {port: str(file) for port, file in self.relays.items()},
            "command": self._as_user(command),
        }
        apart = ["unshare", "--mount", "--net", "--ipc", "--pid", "--fork", "--kill-child"]
        with log.open("ab") as said:
            self._process = subprocess.Popen(
                [*apart, sys.executable, str(INIT), json.dumps(order)], stdout=said, stderr=said
            )
        try:
            yield self
        finally:
            self._process.kill()
            self._process.wait()

    def run(self, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
        """A command inside the started container, as `docker exec` would run it."""
        enter = ["nsenter", "--target", str(self._first()), "--mount", "--net", "--ipc", "--pid"]
        inside = [*enter, "--root", "--wd", "/usr/bin/setpriv", *self._as_user(command)]
        return subprocess.run(inside, capture_output=True, text=True, check=False, timeout=60)

    def stop(self) -> None:
        """What `docker stop` begins with: SIGTERM to the first process."""
        os.kill(self._first(), 15)

    def wait(self, within_seconds: float) -> int:
        """Its exit code. Raises TimeoutExpired."""
        assert self._process is not None
        return self._process.wait(within_seconds)

    def has_ended(self) -> bool:
        assert self._process is not None
        return self._process.poll() is not None

    def wait_until_healthy(self, within_seconds: float) -> bool:
        """Whether the image's own health check passed in time; False also if it ended before."""
        deadline = time.monotonic() + within_seconds
        while time.monotonic() < deadline and not self.has_ended():
            try:
                if self.run(self.stage.health_check).returncode == 0:
                    return True
            except LookupError:
                pass  # not begun yet
            time.sleep(0.5)
        return False

    def _as_user(self, command: Sequence[str]) -> list[str]:
        user, _, group = self.stage.last("USER").value.partition(":")
        environment = {**self.stage.environment, **self.settings}
        pairs = [f"{name}={value}" for name, value in environment.items()]
        drop = ["--clear-groups", "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"]
        become = ["--reuid", user, "--regid", group, *drop]
        return [*become, "/usr/bin/env", "-i", *pairs, *command]

    def _first(self) -> int:
        assert self._process is not None
        path = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        children = path.read_text().split()
        if not children:
            raise LookupError("the container has no process yet")
        return int(children[0])

"""A stand-in for a container begins here: builds the file system, then becomes the command.

Runs as root in mount, network and process namespaces of its own, with one argument: a JSON order
(see `container.py`). Afterwards it is nobody special: another user, without capabilities, in a
file system that is read-only but for the volumes, on a network that ends at the loopback, but for
the ways out that the order names.
"""

import fcntl
import json
import os
import socket
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1
DEVICES = ("null", "zero", "full", "random", "urandom")


def mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True)


def bind(source: str, target: Path, *, writable: bool) -> None:
    if Path(source).is_dir():
        target.mkdir(parents=True, exist_ok=True)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.touch()
    mount("--bind", source, str(target))
    if not writable:
        mount("-o", "remount,bind,ro", str(target))


def build(order: dict[str, Any]) -> None:
    root = Path(order["root"])
    mount("--make-rprivate", "/")
    mount("-t", "tmpfs", "-o", "mode=0755", "tmpfs", str(root))
    for name in ("tmp", "proc", "dev/shm", "etc"):
        (root / name).mkdir(parents=True, exist_ok=True)
    mount("-t", "proc", "proc", str(root / "proc"))
    mount("-t", "tmpfs", "-o", "mode=1777", "tmpfs", str(root / "dev" / "shm"))
    for device in DEVICES:
        bind(f"/dev/{device}", root / "dev" / device, writable=True)
    for name in ("bin", "lib", "lib64", "sbin"):
        if Path("/", name).is_symlink():
            (root / name).symlink_to(Path("/", name).readlink())
        elif Path("/", name).exists():
            bind(f"/{name}", root / name, writable=False)
    for target, source in order["read_only"].items():
        bind(source, root / target.lstrip("/"), writable=False)
    for target, source in order["volumes"].items():
        bind(source, root / target.lstrip("/"), writable=True)
    mount("-o", "remount,ro", str(root))


def loopback_up() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        name = struct.pack("16sh", b"lo", 0)
        flags = struct.unpack("16sh", fcntl.ioctl(asking, SIOCGIFFLAGS, name))[1]
        fcntl.ioctl(asking, SIOCSIFFLAGS, struct.pack("16sh", b"lo", flags | IFF_UP))


def begin_relays(relays: dict[str, str]) -> None:
    """The ways out of this network: a port of the loopback, and the socket file it leads to."""
    script = Path(__file__).with_name("relay.py")
    for port, file in relays.items():
        subprocess.Popen([sys.executable, str(script), f"tcp:127.0.0.1:{port}", f"unix:{file}"])


def main() -> None:
    order = json.loads(sys.argv[1])
    loopback_up()
    begin_relays(order["relays"])
    build(order)
    os.chroot(order["root"])
    os.chdir(order["cwd"])
    os.execv("/usr/bin/setpriv", ["setpriv", *order["command"]])


if __name__ == "__main__":
    main()

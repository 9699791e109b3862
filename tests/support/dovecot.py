"""A real IMAP server for tests: Debian's Dovecot with its own configuration, on a free port."""

import grp
import imaplib
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from tests.support.needs import left_out, needs_dovecot

PASSWORD = "mail-secret"

_CONFIGURATION = """
base_dir = {base}/run
state_dir = {base}/state
log_path = {base}/log
protocols = imap
ssl = no
disable_plaintext_auth = no
auth_mechanisms = plain login
default_login_user = {login}
default_internal_user = {login}
default_internal_group = {group}
first_valid_uid = 1
mail_location = maildir:{base}/mail/%u
mail_fsync = never
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={base}/home
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    address = 127.0.0.1
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
namespace inbox {{
  inbox = yes
}}
"""


class Dovecot:
    """Started by `start`, stopped by `stop`; all its files are in a directory of its own.

    account: whose mailbox the methods mean; any name has one, empty at first.
    """

    def __init__(self) -> None:
        self._program = needs_dovecot()
        if os.geteuid() != 0:
            left_out("Dovecot needs root to change to its accounts")
        self._base = Path(tempfile.mkdtemp(prefix="dovecot-"))  # short: sockets' paths are limited
        self._process: subprocess.Popen[bytes] | None = None
        self.port = _free_port()
        self.account = "support"

    def start(self) -> None:
        owner = pwd.getpwnam("dovecot")
        for name in ("mail", "home", "run", "state"):
            (self._base / name).mkdir()
            os.chown(self._base / name, owner.pw_uid, owner.pw_gid)
        self._base.chmod(0o755)
        configuration = self._base / "dovecot.conf"
        configuration.write_text(
            _CONFIGURATION.format(
                base=self._base,
                port=self.port,
                password=PASSWORD,
                uid=owner.pw_uid,
                gid=owner.pw_gid,
                login=owner.pw_name,
                group=grp.getgrgid(owner.pw_gid).gr_name,
            )
        )
        self._process = subprocess.Popen(
            [self._program, "-F", "-c", str(configuration)], stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 20
        while True:
            try:
                self.connect().logout()
                return
            except (OSError, imaplib.IMAP4.error):
                if time.monotonic() > deadline:
                    raise AssertionError(self.log()) from None
                self._process.poll()
                time.sleep(0.02)  # there is nothing to wait on before the port is open

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout=20)
        shutil.rmtree(self._base, ignore_errors=True)

    def log(self) -> str:
        path = self._base / "log"
        return path.read_text() if path.exists() else ""

    def connect(self) -> imaplib.IMAP4:
        client = imaplib.IMAP4("127.0.0.1", self.port, timeout=10)
        client.login(self.account, PASSWORD)
        return client

    def deliver(self, *mails: bytes) -> None:
        """Put mails into the inbox, as a mail server would."""
        client = self.connect()
        for mail in mails:
            status, _ = client.append("INBOX", "", "", mail)
            assert status == "OK"
        client.logout()

    def flags(self) -> list[bytes]:
        """The flags of all mails in the inbox, in order."""
        client = self.connect()
        client.select("INBOX", readonly=True)
        _, lines = client.fetch("1:*", "(FLAGS)")
        client.logout()
        return [line for line in lines if isinstance(line, bytes)]

    def expunge(self, *uids: int) -> None:
        client = self.connect()
        client.select("INBOX")
        client.uid("STORE", ",".join(map(str, uids)), "+FLAGS", r"(\Deleted)")
        client.expunge()
        client.logout()

    def mark_all_as_read(self) -> None:
        client = self.connect()
        client.select("INBOX")
        client.store("1:*", "+FLAGS", r"(\Seen)")
        client.logout()

    def forget_numbers_above(self, uid: int) -> None:
        """As servers do that were restored badly: the same UIDVALIDITY, numbers used again."""
        mailbox = self._base / "mail" / self.account
        numbers = mailbox / "dovecot-uidlist"
        first, *lines = numbers.read_text().splitlines()
        words = [f"N{uid + 1}" if word.startswith("N") else word for word in first.split()]
        kept = [line for line in lines if int(line.split()[0]) <= uid]
        for path in mailbox.glob("dovecot.index*"):
            path.unlink()
        numbers.write_text("\n".join([" ".join(words), *kept]) + "\n")

    def make_anew(self) -> None:
        """As after a restore from backup: a new UIDVALIDITY, and all mails get new numbers."""
        mailbox = self._base / "mail" / self.account
        numbers = mailbox / "dovecot-uidlist"
        validity = int(numbers.read_text().split()[1].removeprefix("V"))
        for path in mailbox.glob("dovecot*"):
            path.unlink()
        numbers.write_text(f"3 V{validity + 1000} N100\n")
        shutil.chown(numbers, "dovecot", "dovecot")


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])

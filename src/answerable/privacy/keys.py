"""The master key: wraps the data keys of contacts, and is never in the database."""

import base64
import binascii
import hashlib
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from answerable.kit.errors import AnswerableError, InvalidInput

KEY_SETTING = "ANSWERABLE_MASTER_KEY"
FILE_SETTING = "ANSWERABLE_MASTER_KEY_FILE"
KEY_BYTES = 32
NONCE_BYTES = 12
# Readable by its owner alone; 0400 is what secret stores mount.
_PRIVATE_MODES = (0o600, 0o400)


class WrongMasterKey(AnswerableError):
    """The data was encrypted under another master key than the one at hand."""

    def __init__(self, *, wanted: str, held: str) -> None:
        super().__init__(
            "wrong_master_key",
            f"this data was encrypted under master key {wanted}, but the key given is {held}; "
            f"set {KEY_SETTING} or {FILE_SETTING} to the key with id {wanted}",
            wanted=wanted,
            held=held,
        )


class MasterKey:
    """A 256-bit key. `id` (8 hex digits of its SHA-256) tells keys apart without revealing them."""

    __slots__ = ("_cipher", "_key", "id")

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise InvalidInput("bad_master_key", f"a master key has {KEY_BYTES} bytes")
        self._key = key
        self._cipher = AESGCM(key)
        self.id = hashlib.sha256(key).hexdigest()[:8]

    @classmethod
    def generate(cls) -> "MasterKey":
        return cls(os.urandom(KEY_BYTES))

    @classmethod
    def from_settings(cls, settings: Mapping[str, str]) -> "MasterKey":
        """The key in ANSWERABLE_MASTER_KEY (32 bytes as base64) or in ANSWERABLE_MASTER_KEY_FILE.

        settings: the process's environment. Raises InvalidInput if neither or both are set, if the
        file can be read by others, or if it holds no key.
        """
        text, file = settings.get(KEY_SETTING), settings.get(FILE_SETTING)
        if text and file:
            raise InvalidInput("bad_master_key", f"set {KEY_SETTING} or {FILE_SETTING}, not both")
        if file:
            return cls.from_file(Path(file))
        if text:
            return cls(_decode(text, source=KEY_SETTING))
        raise InvalidInput("no_master_key", f"no master key: set {KEY_SETTING} or {FILE_SETTING}")

    @classmethod
    def from_file(cls, path: Path) -> "MasterKey":
        try:
            # Checked on the open file, so that it cannot be exchanged in between.
            with path.open("rb") as file:
                mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
                if mode not in _PRIVATE_MODES:
                    raise InvalidInput(
                        "master_key_exposed",
                        f"{path} has mode {mode:04o}, so others may read the master key; "
                        f"run: chmod 600 {path}",
                    )
                content = file.read(1024)
        except OSError as error:
            raise InvalidInput(
                "no_master_key", f"cannot read the master key file {path}: {error.strerror}"
            ) from error
        return cls(_decode(content.decode("ascii", "replace"), source=str(path)))

    def wrap(self, data_key: bytes, context: bytes) -> bytes:
        """`data_key` encrypted; opens only under the same `context`."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, data_key, context)

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        """Raises InvalidInput if the wrapped key was altered or belongs to another context."""
        try:
            return self._cipher.decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], context)
        except InvalidTag as error:
            raise InvalidInput(
                "vault_damaged", "a stored data key was altered or moved to another contact"
            ) from error

    def derive(self, purpose: bytes) -> bytes:
        """32 bytes for another use, from which this key cannot be recovered."""
        return hashlib.blake2b(purpose, key=self._key, digest_size=32).digest()

    def __repr__(self) -> str:
        return f"MasterKey(id={self.id})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a master key is not to be copied out of the process")


def create_key_file(path: Path) -> MasterKey:
    """A new random key in a new file that only its owner can read.

    Raises InvalidInput if the file exists.
    """
    key = os.urandom(KEY_BYTES)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise InvalidInput("key_file_exists", f"{path} exists and is not overwritten") from error
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(file.fileno(), 0o600)  # whatever the umask says
        file.write(base64.b64encode(key) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    return MasterKey(key)


def _decode(text: str, *, source: str) -> bytes:
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        # Never quote the content: it may be a key with one character lost.
        raise InvalidInput(
            "bad_master_key", f"{source} must hold {KEY_BYTES} random bytes in base64"
        )
    return key

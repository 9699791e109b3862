"""Raw mail at rest: AES-256-GCM under a key of its own, which only the master key opens.

Destroying the wrapped key destroys the mail.
"""

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from answerable.kit.errors import InvalidInput
from answerable.privacy.keys import KEY_BYTES, NONCE_BYTES, MasterKey


class MailSeal:
    """Encrypts and decrypts raw mail. context: the mail's id, so that no two can be exchanged."""

    def __init__(self, master: MasterKey) -> None:
        self._master = master

    def seal(self, plain: bytes, *, context: str) -> tuple[bytes, bytes]:
        """The wrapped key and the ciphertext."""
        key, nonce, about = os.urandom(KEY_BYTES), os.urandom(NONCE_BYTES), _about(context)
        return self._master.wrap(key, about), nonce + AESGCM(key).encrypt(nonce, plain, about)

    def open(self, wrapped_key: bytes, ciphertext: bytes, *, context: str) -> bytes:
        """The mail. Raises InvalidInput if anything was altered or belongs to another mail."""
        about = _about(context)
        key = self._master.unwrap(wrapped_key, about)
        sealed = memoryview(ciphertext)  # a slice of bytes would be a second copy of a large mail
        try:
            return AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], about)
        except InvalidTag as error:
            raise InvalidInput("mail_damaged", "a stored mail was altered") from error


def _about(context: str) -> bytes:
    return f"raw-mail\x00{context}".encode()

"""Contacts' keys in memory: what they do, and how many are remembered."""

import hmac
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from answerable.kit.canonical import canonical_json

MAC_BYTES = 16


class DataKey:
    """A contact's unwrapped key, ready for use. wrapped: the same as it is kept, by which master
    key. lost: it is kept nowhere, in the place of one that was destroyed."""

    __slots__ = ("_key", "_mac_key", "cipher", "lost", "master_key_id", "wrapped")

    def __init__(self, key: bytes, *, wrapped: bytes, master_key_id: str) -> None:
        self._key = key
        self.lost = False
        self.wrapped = wrapped
        self.master_key_id = master_key_id
        self.cipher = AESGCM(key)
        self._mac_key: bytes | None = None

    def mac(self, conversation_id: str, kind: str, value: str) -> bytes:
        """The same for the same value in the same conversation, and for nobody without the key."""
        if self._mac_key is None:
            info = b"answerable handle"
            kdf = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=info)
            self._mac_key = kdf.derive(self._key)
        message = canonical_json([conversation_id, kind, value])
        return hmac.digest(self._mac_key, message, "sha256")[:MAC_BYTES]


@dataclass
class RememberedKeys:
    """A bounded cache, the least recently used go first; the writer and readers share it."""

    limit: int
    _entries: OrderedDict[Any, DataKey] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def get(self, name: object) -> DataKey | None:
        with self._lock:
            key = self._entries.get(name)
            if key is not None:
                self._entries.move_to_end(name)
            return key

    def put(self, name: object, key: DataKey) -> None:
        with self._lock:
            self._entries[name] = key
            self._entries.move_to_end(name)
            while len(self._entries) > self.limit:
                self._entries.popitem(last=False)

    def forget(self, name: object) -> None:
        with self._lock:
            self._entries.pop(name, None)

    def __len__(self) -> int:
        return len(self._entries)

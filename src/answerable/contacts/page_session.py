"""A browser on the page behind a link: known again by a cookie that no table keeps.

The cookie is a random number with a MAC that binds it to the link. From it follow the session's
name, by which a conversation remembers in which browser something was entered, and the token that
each form sends along, which another site's page cannot know.
"""

import hashlib
import hmac
import secrets

from answerable.contacts.links import token_hash

NONCE_BYTES = 16
_MAC_BYTES = 16


class PageSessions:
    """key: 32 bytes, derived from the master key."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def open(self, token: str) -> str:
        """A new cookie for this link."""
        nonce = secrets.token_hex(NONCE_BYTES)
        return f"{nonce}.{self._mac('session', token, nonce)}"

    def name_of(self, token: str, cookie: str) -> str | None:
        """The session's name, which opens nothing; None if the cookie is not of this link."""
        nonce, _, mac = cookie.partition(".")
        if not _same(mac, self._mac("session", token, nonce)):
            return None
        return hashlib.sha256(f"page\x00{cookie}".encode()).hexdigest()[:32]

    def form_token(self, token: str, cookie: str) -> str:
        return self._mac("form", token, cookie)

    def form_token_fits(self, token: str, cookie: str, given: str) -> bool:
        return _same(given, self.form_token(token, cookie))

    def _mac(self, what: str, token: str, text: str) -> str:
        message = f"{what}\x00{token_hash(token)}\x00{text}".encode("utf-8", "surrogatepass")
        return hmac.digest(self._key, message, "sha256")[:_MAC_BYTES].hex()


def _same(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), wanted.encode())

"""Links in mails and chats: a valet key, which opens the page of one change in one conversation.

The token in it is a MAC of the change's id under a key derived from the master key: a mail that is
sent again has the same link, and nothing secret is stored anywhere. The table has a hash of the
token. Whoever looks at a link changes nothing, however often.
"""

import base64
import hashlib
import hmac

from answerable.kit.errors import InvalidInput

TOKEN_BYTES = 24  # 192 bits, 32 characters
PATH = "/c/"
PLACEHOLDER = "<link:1>"  # what stands in a text until it is delivered


class Links:
    """key: 32 bytes; changing it makes all links invalid.

    origin: of the pages ("https://help.bank.example"); None where customers have none.
    """

    def __init__(self, key: bytes, origin: str | None) -> None:
        self._key = key
        self._origin = origin.rstrip("/") if origin else None

    def token(self, change_id: str) -> str:
        mac = hmac.digest(self._key, f"link\x00{change_id}".encode(), "sha256")
        return base64.urlsafe_b64encode(mac[:TOKEN_BYTES]).decode("ascii")

    def url(self, change_id: str) -> str:
        """Raises InvalidInput where no pages are served: a link to nowhere must not leave."""
        if self._origin is None:
            raise InvalidInput(
                "no_public_url",
                "links need ANSWERABLE_PUBLIC_URL: the address at which customers reach the pages",
            )
        return f"{self._origin}{PATH}{self.token(change_id)}"

    def put_in(self, text: str, change_id: str) -> str:
        """The text as its receiver sees it, with the link where the placeholder stood."""
        return text.replace(PLACEHOLDER, self.url(change_id))

    @property
    def is_secure(self) -> bool:
        """Whether pages are reached by TLS, so that their cookies may ask for it."""
        return (self._origin or "").startswith("https://")


def token_hash(token: str) -> str:
    """What is stored of a link."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()

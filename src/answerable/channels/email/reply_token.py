"""The signed token in our Reply-To address: it names a conversation, and only we can make it.

It routes a reply and proves that its sender saw our mail. It never proves who they are.
"""

import base64
import hashlib
import hmac
import re

from answerable.channels.email.addresses import is_address
from answerable.channels.email.parsed_mail import MailAddress
from answerable.kit.errors import InvalidInput
from answerable.kit.ids import ConversationId, TenantId

_ID = re.compile(r"cnv_([0-9A-HJKMNP-TV-Z]{26})")
_TAG_BYTES = 10  # 80 bits, 16 characters of base 32
_TOKEN = re.compile(r"([0-9a-hjkmnp-tv-z]{26})([a-z2-7]{16})")
_LOCAL_MOST = 64  # octets, RFC 5321
_MARK = "+c_"


class ReplyTokens:
    """Signs and verifies. secret: at least 32 bytes; changing it makes old tokens invalid.

    Letters are lower case and their case does not matter, because mail systems change it.
    """

    def __init__(self, secret: bytes) -> None:
        if len(secret) < 32:
            raise InvalidInput("reply_secret_short", "the reply secret must have 32 bytes or more")
        self._secret = secret

    def sign(self, tenant: TenantId, conversation: ConversationId) -> str:
        match = _ID.fullmatch(conversation)
        if match is None:
            raise InvalidInput("conversation_id", "this is not a conversation id")
        return f"{match[1].lower()}{self._tag(tenant, conversation)}"

    def verify(self, tenant: TenantId, token: str) -> ConversationId | None:
        match = _TOKEN.fullmatch(token.lower())
        if match is None:
            return None
        conversation = ConversationId(f"cnv_{match[1].upper()}")
        valid = hmac.compare_digest(self._tag(tenant, conversation), match[2])
        return conversation if valid else None

    def address(self, tenant: TenantId, inbox_address: str, conversation: ConversationId) -> str:
        """`support+c_<token>@…`, or the plain address if that would be too long to be legal."""
        local, at, domain = inbox_address.rpartition("@")
        signed = f"{local}{_MARK}{self.sign(tenant, conversation)}"
        if len(signed) > _LOCAL_MOST or not is_address(f"{signed}{at}{domain}"):
            return inbox_address
        return f"{signed}{at}{domain}"

    def find(
        self, tenant: TenantId, inbox_address: str, recipients: tuple[MailAddress, ...]
    ) -> ConversationId | None:
        """The conversation named by a valid token among the recipients that are this inbox."""
        local, _, domain = inbox_address.casefold().rpartition("@")
        for recipient in recipients:
            its_local, _, its_domain = recipient.address.casefold().rpartition("@")
            name, mark, token = its_local.rpartition(_MARK)
            if mark and name == local and its_domain == domain:
                conversation = self.verify(tenant, token)
                if conversation is not None:
                    return conversation
        return None

    def message_id(self, key: str, domain: str) -> str:
        """The Message-ID of the mail that an effect sends: the same on every retry."""
        digest = hmac.new(self._secret, f"message-id\x00{key}".encode(), hashlib.sha256)
        return f"<a.{digest.hexdigest()[:40]}@{domain}>"

    def _tag(self, tenant: TenantId, conversation: ConversationId) -> str:
        text = f"reply-token\x00{tenant}\x00{conversation}".encode()
        digest = hmac.new(self._secret, text, hashlib.sha256).digest()
        return base64.b32encode(digest[:_TAG_BYTES]).decode("ascii").lower()

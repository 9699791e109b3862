"""Reports that the gateway sends of its own accord: believed if it has signed them.

The signature is HMAC-SHA1 under the account's auth token, in base64, over the address that was
called and the form's fields, sorted by name, each followed by its value. It has no time in it, so
a report may be sent again by anybody who saw it; a repeat changes nothing.
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from urllib.parse import parse_qs, parse_qsl

from answerable.contacts.sms import ENDS, PROGRESS, SmsReport
from answerable.kit.errors import InvalidInput, NotAllowed

MOST_FIELDS = 100
_LONGEST_KEY = 200


def read_report(
    *, callback: str, secret: str, query: str, body: bytes, signature: str
) -> SmsReport | None:
    """The report; None if it says nothing of a message of ours.

    callback: the address as the gateway was told it, without what follows `?`.
    query: what follows it, as it came. secret: the auth token.
    Raises NotAllowed `hook_signature_invalid`, InvalidInput `hook_unreadable`.
    """
    fields = _fields(body)
    address = f"{callback}?{query}" if query else callback
    if not hmac.compare_digest(sign(address, fields, secret).encode(), signature.encode()):
        raise NotAllowed("hook_signature_invalid", "The signature does not fit.")
    told = dict(fields)
    key = _key_of(parse_qs(query).get("key", [""])[0])
    status = told.get("MessageStatus") or told.get("SmsStatus") or ""
    if key is None or status not in (*PROGRESS, *ENDS):
        return None
    error = told.get("ErrorCode", "")
    return SmsReport(
        key=key,
        message_id=(told.get("MessageSid") or told.get("SmsSid") or "")[:64],
        status=status,
        error=error if error.isascii() and error.isdigit() and len(error) <= 10 else None,
    )


def callback_of(callback: str, key: str) -> str:
    """The address under which reports of the message with this key are to come. Only characters
    that nobody on the way would write otherwise: the address is signed as it stands."""
    return f"{callback}?key={base64.urlsafe_b64encode(key.encode()).decode().rstrip('=')}"


def _key_of(text: str) -> str | None:
    if not 0 < len(text) <= _LONGEST_KEY:
        return None
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode("ascii") or None
    except ValueError:
        return None


def sign(address: str, fields: Sequence[tuple[str, str]], secret: str) -> str:
    """What the gateway puts into `X-Twilio-Signature`."""
    signed = address + "".join(name + value for name, value in sorted(set(fields)))
    digest = hmac.new(secret.encode(), signed.encode("utf-8", "surrogatepass"), hashlib.sha1)
    return base64.b64encode(digest.digest()).decode()


def _fields(body: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            max_num_fields=MOST_FIELDS,
            encoding="utf-8",
            errors="strict",
        )
    except ValueError as error:
        raise InvalidInput("hook_unreadable", "This is not a form.") from error

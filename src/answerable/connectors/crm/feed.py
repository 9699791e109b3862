"""The e-mail-to-case feed: cases that the CRM tells us of, believed if it has signed them.

The signature is HMAC-SHA256 under a secret that both know, over the time of the call in seconds
since 1970, a full stop, and the body; in hex after `v1=`, in `X-Answerable-Signature`, the time in
`X-Answerable-Timestamp`. A call is good for five minutes, and a repeat changes nothing.
"""

import hmac
import json
import re
from datetime import datetime, timedelta
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from answerable.kit.errors import InvalidInput, NotAllowed

GOOD_FOR = timedelta(minutes=5)
LEAST_SECRET = 32  # bytes
_ID = r"^[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?$"
_Id = Annotated[str, StringConstraints(pattern=_ID)]
_SIGNATURE = re.compile(r"v1=([0-9a-f]{64})")


class FedCase(BaseModel):
    """A case as Salesforce writes it down; other fields are not looked at.

    Id: of the case. EmailMessageId: of a further mail in a case that we were told of before; then
    Subject and Description are that mail's.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    Id: _Id
    EmailMessageId: _Id | None = None
    Subject: Annotated[str, Field(max_length=1_000)] | None = None
    Description: Annotated[str, Field(max_length=100_000)] | None = None
    SuppliedEmail: Annotated[str, Field(max_length=320)] | None = None
    SuppliedName: Annotated[str, Field(max_length=200)] | None = None

    @property
    def case(self) -> str:
        """Its id without the three characters that only guard against a lost capital."""
        return self.Id[:15]

    @property
    def external_id(self) -> str:
        """What makes two calls tell of the same message."""
        further = f" {self.EmailMessageId[:15]}" if self.EmailMessageId else ""
        return f"case {self.case}{further}"


def read_feed_call(
    body: bytes, *, timestamp: str, signature: str, secret: str, now: datetime
) -> FedCase:
    """Raises NotAllowed `hook_signature_invalid`, InvalidInput `hook_unreadable`."""
    match = _SIGNATURE.fullmatch(signature)
    at = (
        int(timestamp) if timestamp.isascii() and timestamp.isdigit() and len(timestamp) < 12 else 0
    )
    expected = hmac.digest(secret.encode(), f"{timestamp}.".encode() + body, "sha256").hex()
    # Compared whatever the time is, so that it takes as long.
    fits = hmac.compare_digest(expected, match[1] if match else "")
    if not fits or abs(now.timestamp() - at) > GOOD_FOR.total_seconds():
        raise NotAllowed("hook_signature_invalid", "The signature does not fit.")
    try:
        told: Any = json.loads(body)
        json.dumps(told, ensure_ascii=False).encode()  # half of a surrogate pair is no text
        return FedCase.model_validate(told)
    except (ValueError, RecursionError, ValidationError) as error:
        raise InvalidInput("hook_unreadable", "This is not a case.") from error

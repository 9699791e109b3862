"""The connector: builds the request, says what became of the message."""

import base64
from collections.abc import Mapping
from typing import Any

from answerable.connectors.http import (
    Ambassador,
    Answer,
    AnswerLost,
    Call,
    Judge,
    UnreadableAnswer,
)
from answerable.connectors.registry import Secrets, needed, warn_without_key
from answerable.connectors.set_up import ConnectorType
from answerable.connectors.sms.callback import callback_of
from answerable.connectors.sms.refusals import reason_of
from answerable.connectors.sms.set_up import HOOK_SECRET, KEY, NEEDS, SETTINGS, check
from answerable.contacts.sms import (
    LONGEST_TEXT,
    MaybeSent,
    Sent,
    SmsOutcome,
    SmsRefused,
    is_number,
)
from answerable.definition.schema import Integration
from answerable.flow.ports import Finding, Question
from answerable.kit.errors import AnswerableError, ConnectorRefused, ConnectorUnavailable


class _Refused(ConnectorRefused):
    """reason: a stable word."""

    def __init__(self, connector: str, reason: str) -> None:
        super().__init__(connector, f"{connector} refused: {reason}")
        self.reason = reason


class TwilioSms:
    """Sends text messages; `SmsSender`. Knows nobody and reads nothing.

    sender: a number, or the id of a messaging service (MG…). callback: where reports are sent to.
    account: None if no key is set; then every message is refused.
    """

    def __init__(
        self,
        ambassador: Ambassador,
        *,
        account: str | None,
        sender: str,
        callback: str | None = None,
    ) -> None:
        self._ambassador = ambassador
        self._account = account
        self._sender = sender
        self._callback = callback

    async def send(self, to: str, text: str, key: str) -> SmsOutcome:
        """Once. A lost answer is MaybeSent, for this gateway does not know a message again."""
        if self._account is None:
            return SmsRefused(reason="not_set_up")
        if not is_number(to):
            return SmsRefused(reason="number_invalid")
        if not text.strip() or len(text) > LONGEST_TEXT:
            return SmsRefused(reason="text_too_long" if text.strip() else "text_empty")
        form = {"To": to, "Body": text, **self._from()}
        if self._callback is not None:
            form["StatusCallback"] = callback_of(self._callback, key)
        path = f"/2010-04-01/Accounts/{self._account}/Messages.json"
        try:
            answer = await self._ambassador.exchange(
                Call(method="POST", path=path, key=key, form=form)
            )
        except (AnswerLost, UnreadableAnswer):
            return MaybeSent()
        except _Refused as refused:
            return SmsRefused(reason=refused.reason)
        sid = answer.body.get("sid") if isinstance(answer.body, dict) else None
        return Sent(id=sid) if isinstance(sid, str) and 0 < len(sid) <= 64 else MaybeSent()

    def _from(self) -> dict[str, str]:
        name = "MessagingServiceSid" if self._sender.startswith("MG") else "From"
        return {name: self._sender}

    async def read(self, question: Question) -> Finding:
        raise ConnectorRefused(self._ambassador.name, "a gateway for text messages reads nothing")

    async def contact_facts(self, subject: tuple[str, str]) -> Mapping[str, Any]:
        return {}  # this system knows numbers, not customers

    async def close(self) -> None:
        await self._ambassador.close()


def judge_of(name: str) -> Judge:
    """What its refusals mean. Of a fault inside it nobody knows whether the message went out."""

    def judge(answer: Answer) -> AnswerableError:
        if answer.status in (429, 503):
            return ConnectorUnavailable(name, retry_after=answer.retry_after)
        if answer.status >= 500:
            return AnswerLost(name, retry_after=answer.retry_after)
        code = answer.body.get("code") if isinstance(answer.body, dict) else None
        return _Refused(name, reason_of(code, answer.status))

    return judge


def _create(integration: Integration, address: str, secrets: Secrets) -> TwilioSms:
    """`key` is the auth token, or the secret of the API key that `apiKey` names.

    Raises InvalidInput if the definition does not say who sends from which account.
    """
    account = needed(integration, "accountSid")
    settings = integration.settings
    sender = str(settings.get("messagingService") or needed(integration, "sender"))
    key = secrets("key")
    if key is None:
        warn_without_key(integration.name)
    user = str(settings.get("apiKey") or account)
    basic = base64.b64encode(f"{user}:{key}".encode()).decode()
    ambassador = Ambassador(
        name=integration.name,
        base_url=address,
        headers={"Authorization": f"Basic {basic}"},
        judge=judge_of(integration.name),
    )
    callback = settings.get("statusCallback")
    return TwilioSms(
        ambassador,
        account=account if key is not None else None,
        sender=sender,
        callback=str(callback) if callback else None,
    )


create = ConnectorType(
    create=_create,
    needs=NEEDS,
    settings=SETTINGS,
    check=check,
    key=KEY,
    hook_secret=HOOK_SECRET,
    callback="statusCallback",
)
"""The entry point."""

"""What the API asks of the rest: `answerable.flow.service.Service` is the one that has it."""

from collections.abc import Mapping
from typing import Protocol

from answerable.contacts.book import ContactBook
from answerable.flow.acts import AgentAct
from answerable.flow.admission import Admission
from answerable.flow.definitions import Definitions
from answerable.flow.message import Accepted, InboundMessage
from answerable.flow.pages import Pages
from answerable.kit.clock import Clock
from answerable.kit.database import Database
from answerable.kit.ids import ConversationId, TenantId
from answerable.kit.live import Live
from answerable.privacy.vault import Vault


class CaseTexts(Protocol):
    """What a CRM has of conversations whose texts are not here."""

    async def of(self, tenant: TenantId, conversation: ConversationId) -> Mapping[int, str]:
        """By seq, what was said, whole; none where the CRM does not answer, or is not asked."""
        ...


class NoCaseTexts:
    """Where no CRM is asked."""

    async def of(self, tenant: TenantId, conversation: ConversationId) -> Mapping[int, str]:
        return {}


class Service(Protocol):
    """One per process. live: is told `conversation:<id>` and `tenant:<id>` after each commit."""

    @property
    def database(self) -> Database: ...

    @property
    def clock(self) -> Clock: ...

    @property
    def live(self) -> Live: ...

    @property
    def vault(self) -> Vault: ...

    @property
    def contacts(self) -> ContactBook: ...

    @property
    def definitions(self) -> Definitions: ...

    @property
    def admission(self) -> Admission: ...

    @property
    def pages(self) -> Pages: ...

    async def accept(self, message: InboundMessage) -> Accepted:
        """Durable when it returns. The same external_id again is answered with the same place."""
        ...

    async def accept_new(self, message: InboundMessage) -> Accepted:
        """`accept`, unless there is too much to do. Raises TooMany."""
        ...

    async def act(self, act: AgentAct) -> Accepted:
        """Raises NotFound, InvalidInput, or Conflict when somebody else was faster."""
        ...

"""An inbox that receives mail, and what we believe of what its mail server says."""

from dataclasses import dataclass, field

from answerable.channels.email.automatic import OwnNames
from answerable.contacts.threading import Evidence
from answerable.kit.ids import TenantId


@dataclass(frozen=True, kw_only=True)
class MailInbox:
    """An inbox of a tenant. address: its public one, in lower case.

    trusted_server: authserv-id of the mail server whose Authentication-Results we believe; None
    believes nobody, so no mail counts as authenticated. hops: see `authentication.is_aligned`.
    required: what a mail must show before it may join a conversation of its sender. ALIGNED needs
    a trusted_server.
    messages_per_minute: of one sender by SMTP, whose server keeps what is beyond and comes back.
    own: all addresses and aliases of the installation, to know our own mail when it comes back.
    """

    tenant: TenantId
    name: str
    address: str
    trusted_server: str | None = None
    hops: int = 1
    required: Evidence = Evidence.TOKEN
    messages_per_minute: int = 30
    own: OwnNames = field(default_factory=OwnNames)

"""An inbox that receives mail, and what we believe of what its mail server says."""

from dataclasses import dataclass, field

from answerable.channels.email.automatic import OwnNames
from answerable.kit.ids import TenantId


@dataclass(frozen=True, kw_only=True)
class MailInbox:
    """An inbox of a tenant. address: its public one, in lower case.

    trusted_server: authserv-id of the mail server whose Authentication-Results we believe; None
    believes nobody, so no mail counts as authenticated. hops: see `authentication.is_aligned`.
    own: all addresses and aliases of the installation, to know our own mail when it comes back.
    """

    tenant: TenantId
    name: str
    address: str
    trusted_server: str | None = None
    hops: int = 1
    own: OwnNames = field(default_factory=OwnNames)

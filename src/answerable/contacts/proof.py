"""How well we know who is speaking."""

from enum import IntEnum


class Proof(IntEnum):
    """Levels in rising order; a higher one satisfies every lower demand.

    EMAIL: the sender controls, or claims with aligned DMARC, a mail address: it routes, no more.
    SIGNED_IN: a signed token of the tenant's own application vouches for the contact.
    """

    ANONYMOUS = 0
    EMAIL = 1
    SIGNED_IN = 2
    ONE_TIME_CODE = 3
    FRESH_ONE_TIME_CODE = 4

    @property
    def wire(self) -> str:
        """The name in definitions, events and the API: "signed-in"."""
        return self.name.lower().replace("_", "-")


def parse_proof(wire: str) -> Proof:
    """Raises KeyError for an unknown name."""
    return Proof[wire.upper().replace("-", "_")]

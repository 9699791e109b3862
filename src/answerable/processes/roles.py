"""What each kind of process does. One process may do all of it."""

from enum import StrEnum

from answerable.flow.work import CONNECTOR_EFFECTS, Work
from answerable.kit.errors import InvalidInput
from answerable.processes.settings import Settings

SEALING = "sealing"
FETCHING_MAIL = "fetching mail"
FEEDING = "feeding events"
DEAD_LETTERS = "dead letters"
INDEXING = "indexing for the search"
TIDYING = "tidying"
MIRRORING = "mirroring cases"
DUTIES = (SEALING, FETCHING_MAIL, FEEDING, DEAD_LETTERS, INDEXING, TIDYING)
_NOTHING: frozenset[str] = frozenset()


class Role(StrEnum):
    """gateway: what the world reaches. worker: moves conversations on. connector: the only one
    that speaks with the tenants' own systems, and has their secrets. scheduler: what one process
    does for all."""

    ALL = "all"
    GATEWAY = "gateway"
    WORKER = "worker"
    CONNECTOR = "connector"
    SCHEDULER = "scheduler"

    @property
    def faces_the_world(self) -> bool:
        return self in (Role.ALL, Role.GATEWAY)

    @property
    def duties(self) -> tuple[str, ...]:
        """What it would do for all, if it leads."""
        match self:
            case Role.ALL:
                return (*DUTIES, MIRRORING)
            case Role.SCHEDULER:
                return DUTIES
            case Role.CONNECTOR:
                return (MIRRORING,)  # what is told to a CRM needs its key
            case _:
                return ()

    @property
    def speaks_with_systems(self) -> bool:
        return self in (Role.ALL, Role.CONNECTOR)

    @property
    def reads_texts(self) -> bool:
        """Whether it needs the models."""
        return self in (Role.ALL, Role.WORKER)

    def work(self, holder: str) -> Work:
        """What it does of the conversations' work, in the name of this process."""
        match self:
            case Role.ALL:
                return Work(holder=holder)
            case Role.WORKER:
                return Work(holder=holder, leaves=CONNECTOR_EFFECTS)
            case Role.CONNECTOR:
                return Work(holder=holder, advances=False, performs=CONNECTOR_EFFECTS)
            case _:
                return Work(holder=holder, advances=False, performs=_NOTHING)


def role_of(settings: Settings) -> Role:
    """As set. Raises InvalidInput for one that is not known, or that needs a server."""
    told = settings.get("ROLE") or Role.ALL.value
    if told not in list(Role):
        raise InvalidInput("bad_role", f"ANSWERABLE_ROLE must be one of {', '.join(Role)}")
    if told != Role.ALL.value and settings.get("DATABASE") is None:
        raise InvalidInput(
            "role_needs_server",
            f"role {told}: several processes need a PostgreSQL server; set ANSWERABLE_DATABASE",
        )
    return Role(told)

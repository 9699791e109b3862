"""Who a conversation belongs to: exactly one of the assistant, a team's queue, or an agent."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Owner:
    """kind: "assistant" | "queue" | "agent"; id: team name or agent id, empty for the assistant."""

    kind: str
    id: str = ""

    def is_agent(self, agent_id: str) -> bool:
        return self.kind == "agent" and self.id == agent_id


ASSISTANT_OWNS = Owner(kind="assistant")


def queue_of(team: str) -> Owner:
    return Owner(kind="queue", id=team)


def owned_by(agent_id: str) -> Owner:
    return Owner(kind="agent", id=agent_id)

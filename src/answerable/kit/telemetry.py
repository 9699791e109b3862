"""Logs and metrics. Logs hold events and ids, never message texts, addresses or tokens."""

import logging
import sys
from typing import Any, TextIO

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

registry = CollectorRegistry()

STAGE_SECONDS = Histogram(
    "answerable_stage_seconds",
    "Time spent in a stage of a message's way: accept, advance, or an effect by its kind.",
    ["stage"],
    registry=registry,
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
EFFECTS = Counter(
    "answerable_effects_total",
    "Effects performed, by kind and outcome (done, retried, unanswered, failed).",
    ["kind", "outcome"],
    registry=registry,
)
QUEUE_DEPTH = Gauge(
    "answerable_queue_depth", "Effects that are due, by kind.", ["kind"], registry=registry
)
FIRST_RESPONSES_LATE = Gauge(
    "answerable_first_responses_late",
    "Open conversations whose first answer by a person is overdue.",
    ["tenant", "team", "priority"],
    registry=registry,
)
HINTS_LOST = Counter(
    "answerable_hints_lost_total",
    "Hints at work that the bus did not take; the sweep finds the work within a second.",
    registry=registry,
)
DEAD_LETTERS = Counter(
    "answerable_dead_letters_total",
    "Messages of the bus that nobody could handle, by what became of them.",
    ["became"],
    registry=registry,
)
MESSAGES = Counter(
    "answerable_messages_total",
    "Messages accepted, by channel; duplicates are those taken before.",
    ["channel", "duplicate"],
    registry=registry,
)
EVENTS = Counter(
    "answerable_events_total",
    "Events appended to ledgers, by kind: how much is answered, handed off, closed.",
    ["kind"],
    registry=registry,
)
HOOKS = Counter(
    "answerable_hooks_total",
    "Calls of other systems at our hooks, by hook and outcome: taken, repeated, ignored, refused, "
    "forged (no signature that fits).",
    ["hook", "outcome"],
    registry=registry,
)
SHED = Counter(
    "answerable_shed_total",
    "New work that was told to come again later, because there was too much, by its way in.",
    ["way"],
    registry=registry,
)
TEXTS_CAPPED = Counter(
    "answerable_texts_capped_total",
    "Text messages that were not sent, by the limit that was reached: number, prefix or tenant.",
    ["cap"],
    registry=registry,
)
CODE_MAILS_CAPPED = Counter(
    "answerable_code_mails_capped_total",
    "Codes that were not sent by e-mail, by the limit that was reached: address or tenant.",
    ["cap"],
    registry=registry,
)
CLOCK_AHEAD = Gauge(
    "answerable_clock_ahead_seconds",
    "How far this process's clock is ahead of the database server's; what it writes is put right.",
    registry=registry,
)
SEARCH_BEHIND = Gauge(
    "answerable_search_behind_seconds",
    "Age of the oldest event that the search does not know yet; 0 if another process leads.",
    registry=registry,
)
SERVER_CONNECTIONS = Gauge(
    "answerable_server_connections",
    "Connections to the servers that join this process to others: two to the broker, one to Redis.",
    ["server"],
    registry=registry,
)
FEED_BEHIND = Gauge(
    "answerable_feed_behind_seconds",
    "Age of the oldest event that the event feed could not announce; 0 if another process leads.",
    registry=registry,
)
CONNECTIONS = Gauge(
    "answerable_connections", "Open live connections, by audience.", ["audience"], registry=registry
)
CONNECTOR_SECONDS = Histogram(
    "answerable_connector_seconds",
    "Time of calls to outside systems, by connector and outcome.",
    ["connector", "outcome"],
    registry=registry,
)


CASES = Counter(
    "answerable_case_updates_total",
    "Updates of cases in a CRM, by connector and outcome: written, refused, later.",
    ["connector", "outcome"],
    registry=registry,
)
CASES_BEHIND = Gauge(
    "answerable_cases_behind_seconds",
    "Age of the oldest event that a CRM was not told yet, by step: noting, writing.",
    ["step"],
    registry=registry,
)
CONNECTOR_CALLS_LEFT = Gauge(
    "answerable_connector_calls_left",
    "Calls that an outside system still takes of us today, as it last said, by connector.",
    ["connector"],
    registry=registry,
)


def configure_logging(
    *, level: str = "info", as_json: bool = True, to: TextIO | None = None
) -> None:
    """One JSON object a line (or readable lines), on standard error unless said otherwise."""
    renderer: Any = (
        structlog.processors.JSONRenderer(sort_keys=True)
        if as_json
        else structlog.dev.ConsoleRenderer(colors=False)
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        logger_factory=structlog.PrintLoggerFactory(to or sys.stderr),
        cache_logger_on_first_use=False,
    )


def get_logger(room: str) -> Any:
    """The logger of a room: `log.info("reply_sent", conversation_id=…)`."""
    return structlog.get_logger(room=room)

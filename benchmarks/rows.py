"""Every measure that has a target: its promise, its words, and whether the figures keep it."""

import asyncio

from benchmarks import (
    answers,
    changes,
    crowd,
    durable,
    growth,
    idle,
    mails,
    overload,
    pages,
    queues,
    records,
    starting,
    tenants,
    workers,
)
from benchmarks.measure import BOTH, POSTGRESQL, Figures, Measure, Run, at_least, at_most

SQLITE_BARE = "ratio to bare SQLite (WAL, FULL, a row a commit)"


async def _help(run: Run) -> Figures:
    return await asyncio.to_thread(starting.help_seconds, rounds=run.pick(5, 15))


def _starts(figures: Figures) -> bool:
    full = list(figures.values())[-1]
    in_time = full["start to ready, s"] < 3 and full["start / that"] <= 6
    return bool(in_time and full["memory, MB"] < 450)


def _chats(figures: Figures) -> bool:
    return (
        figures["ratio"] <= 4
        and at_most(figures, "message p99, ms", 1.3)
        and at_most(figures, "idle processor, % of a core", 11)
        and at_most(figures, "memory of the chats, MB", 10.5)
    )


def _inbox(figures: Figures) -> bool:
    return (
        at_most(figures, "inbox page p95, ms", 1.2)
        and at_most(figures, "open a conversation p95, ms", 1.2)
        and at_most(figures, "count badges p95, ms", 1.5)
        and at_most(figures, "search p95, ms", 2)
        and at_least(figures, "intake, messages/s", 0.9)
    )


def _ledger(figures: Figures) -> bool:
    return all(
        at_most(figures, what, 10.5)
        for what in ("disk, MB", "backup, s", "export and verify, processor s")
    ) and all(at_most(figures, what, 1.2) for what in (records.PROVED_ON, records.COPIED_ON))


def _many_tenants(figures: Figures) -> bool:
    idle_now = list(figures["idle processor, % of a core"].values())[-1]
    return (
        at_most(figures, "a session opened p95, ms", 1.1)
        and at_most(figures, "start to ready, s", 2)
        and idle_now < 5
    )


def _length(figures: Figures) -> bool:
    opened = list(figures[f"{growth.OPENED}, times the smallest"].values())
    # Twenty turns are less than a page: opening can be compared from two hundred on.
    full = len(opened) < 3 or opened[2] <= 1.2 * opened[1]
    return at_most(figures, growth.COST, 1.1) and full


def _agents(figures: Figures) -> bool:
    return at_most(figures, "an event, processor ms", 10) and at_most(
        figures, "all entering, processor ms", 11
    )


def _overload(figures: Figures) -> bool:
    before, _, after = figures["reply p95 ms before, during, after"]
    return bool(
        figures["ratio"] >= 0.8
        and figures["a refusal p99 ms"] <= overload.MOST_REFUSED_MS
        and after <= 2 * before
    )


def _change_pages(figures: Figures) -> bool:
    each = [figures[f"{name}, p50 / p95 ms"] for name in changes.PAGES.values()]
    return all(float(one.rpartition("/")[2]) < changes.MOST_MS for one in each)


def _queue(figures: Figures) -> bool:
    return at_least(figures, "jobs/s", 0.9) and at_most(figures, "enqueued p99, ms", 1.2)


MEASURES: dict[str, Measure] = {
    "help": Measure(
        "",
        "The command line: `answerable --help`",
        "under 0.3 s",
        lambda figures: figures["answerable --help, s"] < 0.3,
        _help,
    ),
    "answers": Measure(
        "",
        "A customer's message to the assistant's reply, 50 conversations, 25 messages/s",
        "p95 under 100 ms, memory under 450 MB",
        lambda figures: figures["p95 ms"] < 100 and figures["memory MB"] < 450,
        answers.answers,
    ),
    "service": Measure(
        "P01",
        "Durable chat messages/s at the service",
        f"{SQLITE_BARE} at least 0.3, aim 0.6",
        lambda figures: figures["ratio"] >= 0.3,
        durable.at_service,
        BOTH,
    ),
    "index": Measure(
        "P01",
        "The same while the search index follows, beside the same without it",
        "at least 0.85 times",
        lambda figures: figures["ratio"] >= 0.85,
        durable.beside_the_index,
        BOTH,
    ),
    "sockets": Measure(
        "P01, P16",
        "The same over 50 WebSockets, acknowledged, and sent to an agent who follows",
        f"{SQLITE_BARE} at least 0.3, aim 0.6; at least 15 times the peak, aim 100",
        lambda figures: (
            figures["ratio"] >= 0.3 and figures["times the documents' peak of 13/s"] >= 15
        ),
        durable.over_sockets,
        BOTH,
    ),
    "waits": Measure(
        "P02",
        "How long an acknowledgement takes at half of that capacity",
        "p99 at most 8 times raw echo p99 and fdatasync p99 together, aim 3",
        lambda figures: figures["ratio"] <= 8,
        durable.waits,
        BOTH,
    ),
    "typing": Measure(
        "P03",
        "Typing, from 50 customers to an agent, without storage",
        "ratio to raw ASGI echo at least 0.25, aim 0.5",
        lambda figures: figures["ratio"] >= 0.25,
        durable.without_storage,
    ),
    "overload": Measure(
        "L05",
        "Five times as many questions as the assistant can answer, from 200 customers",
        "answered at least 0.8 times as many as at most, refusals within 50 ms, and ten seconds "
        "later replies as before",
        _overload,
        overload.overload,
        BOTH,
    ),
    "idle": Measure(
        "P04, G08",
        "Chats that are open and say nothing, and ten times as many",
        "memory at most 4 times a bare server's, aim 2; of ten times as many: p99 of those who "
        "talk at most 1.3 times, idle processor 11 times, memory 10.5 times",
        _chats,
        idle.chats,
    ),
    "workflows": Measure(
        "P05",
        "Durable workflows of three steps that do nothing",
        "at least 2 times DBOS on SQLite, aim 6",
        lambda figures: figures["ratio"] >= 2,
        queues.workflows,
        BOTH,
    ),
    "jobs": Measure(
        "P06",
        "Jobs of the outbox, from enqueued to done",
        "at least 0.5 times huey's SQLite queue with fsync, aim 1.5",
        lambda figures: figures["ratio"] >= 0.5,
        queues.jobs,
        BOTH,
    ),
    "mail-in": Measure(
        "P08",
        "Mails of 3 KB stored, read and understood",
        "at least 0.08 times the standard library's parsing of the same mails, aim 0.2",
        lambda figures: figures["ratio"] >= 0.08,
        mails.taken_in,
        BOTH,
    ),
    "mail-out": Measure(
        "P09",
        "Replies that wait to be sent by mail, to what the ledger says of each delivery",
        "at least 0.3 times smtplib in a loop into aiosmtpd, aim 0.8",
        lambda figures: figures["ratio"] >= 0.3,
        mails.sent_out,
        BOTH,
    ),
    "inbox": Measure(
        "P10",
        "Pages of the inbox a second",
        "at least 0.15 times the same bytes as a constant from the same web server, aim 0.35",
        lambda figures: figures["ratio"] >= 0.15,
        pages.inbox,
        BOTH,
    ),
    "change-pages": Measure(
        "",
        "A contact's pages between the link in a mail and the submitted change, 20 at once",
        "p95 of each page and act under 300 ms",
        _change_pages,
        changes.visited,
        BOTH,
    ),
    "changes": Measure(
        "",
        "Changes of address at the same time, from the mail to the customer who is told",
        "each applied once",
        lambda figures: not figures["wrong"],
        changes.together,
        BOTH,
    ),
    "four": Measure(
        "P11",
        "Four processes on one PostgreSQL: messages taken in and advanced over, at the service",
        "at least 0.1 times pgbench's single inserts of 16 clients, aim 0.25",
        lambda figures: figures["ratio"] >= 0.1,
        workers.four,
        POSTGRESQL,
    ),
    "agents": Measure(
        "P13",
        "One event to all agents who follow, until the last has it",
        "at most 3 times a raw broadcast, aim 1.5",
        lambda figures: figures["ratio"] <= 3,
        crowd.fan_out,
    ),
    "verify": Measure(
        "P14",
        "Verifying an export of the ledger",
        "ratio to a bare chain of SHA-256 at least 0.05, aim 0.2",
        lambda figures: figures["ratio"] >= 0.05,
        records.verified,
    ),
    "start": Measure(
        "P15",
        "Start to ready, memory with the model loaded, and the console's pages (p50 / p95)",
        "with 100,000 conversations: ready under 3 s and within 6 times the import of the web "
        "framework (aim 3), under 450 MB",
        _starts,
        starting.start_and_pages,
    ),
    "number": Measure(
        "G01",
        "Processor time of a message, by the number of conversations stored, "
        "the same 500 customers writing",
        "at most 1.2 times",
        lambda figures: at_most(figures, growth.COST, 1.2),
        growth.by_number,
        BOTH,
    ),
    "number-at-random": Measure(
        "G01",
        "The same, each message to any conversation of the store",
        "at most 1.2 times",
        lambda figures: at_most(figures, growth.COST, 1.2),
        growth.by_number_at_random,
        BOTH,
    ),
    "pages": Measure(
        "G01, G02",
        "The console and intake, by the number of conversations stored",
        "pages at most 1.2 times, counts 1.5 times, searches 2 times, intake at least 0.9 times",
        _inbox,
        pages.by_number,
        BOTH,
    ),
    "ledger": Measure(
        "G03",
        "Disk, backup and proof, by the number of conversations stored",
        "at most 10.5 times for ten times as many; proving what is new, and an incremental backup "
        "of it, at most 1.2 times",
        _ledger,
        records.by_number,
        BOTH,
    ),
    "tenants": Measure(
        "G04",
        "Tenants of one process",
        "for ten times as many: requests at most 1.1 times, start 2 times, idle under 5 % of a "
        "core",
        _many_tenants,
        tenants.by_number,
    ),
    "length": Measure(
        "G07",
        "Processor time of a message, and of opening it, by the length of its conversation (turns)",
        "a message at most 1.1 times, opening (from 200 turns on: 20 are less than a page) "
        "1.2 times; no prompt is made of it yet",
        _length,
        growth.by_length,
        BOTH,
    ),
    "crowd": Measure(
        "G09",
        "Agents on one inbox: what an event costs, and all of them entering",
        "for ten times as many agents: an event at most 10 times, presence 11 times",
        _agents,
        crowd.by_agents,
    ),
    "backlog": Measure(
        "G10",
        "A backlog worked off, by its length, while a little is enqueued besides",
        "jobs/s at least 0.9 times, p99 of enqueueing at most 1.2 times",
        _queue,
        queues.backlog,
        BOTH,
    ),
    "attachments": Measure(
        "G11",
        "Peak memory of taking in a mail, by the size of its attachment (bytes)",
        "at most 1.2 times",
        lambda figures: at_most(figures, "peak memory, MB", 1.2),
        mails.attachments,
    ),
    "workers": Measure(
        "G14",
        "A backlog read, decided and handed off by one worker, and by two",
        "two carry at least 1.6 times as much",
        lambda figures: figures["ratio"] >= 1.6,
        workers.one_and_two,
        POSTGRESQL,
    ),
}

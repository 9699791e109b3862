"""What old mail is about, as one HTML page for whoever decides what to automate."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from answerable.understanding.report_parts import (
    NOTHING,
    Table,
    facts_section,
    figure,
    percent,
    section,
    table_html,
    tiles,
    whole_page,
)
from answerable.understanding.topics.charts import KINDS, MOST_BARS, size_chart, weeks_chart

LOOKS = {
    "template": "looks answerable from a template",
    "form": "looks like a change of data, for a form",
    "person": "looks as if it needs a person",
}
REASONS = {
    "answered": "of the requests were answered at all",
    "same-answer": "of the first replies are nearly the same letter",
    "one-exchange": "of the answered requests were settled by one reply",
    "change-of-data": "ask, by their words, to change an address, a phone, a name or the like",
    "question-of-fact": "ask a question of fact",
    "attachment": "have an attachment",
}
SET_APART = {
    "newsletters": "newsletters and mailing lists",
    "bounces": "bounces",
    "automatic": "other automatic mail, such as absence notes",
    "spam": "look like spam, and nobody answered them",
    "internal": "from us to us",
    "ours_without_question": "from us, to a customer who asked nothing in these files",
    "copies": "the same mail again",
}
SENSITIVE = {
    "fraud": "fraud",
    "complaint": "a complaint",
    "account-closure": "the closing of an account",
}
CAUTION = (
    "What looks automatable is an estimate from how people answered: the same letter to many, one"
    " reply, no attachment, words that ask to change data. It is no promise, and it knows neither"
    " your rules nor what was done beside the mail."
)
_HANDLERS = 8
_EXAMPLES = 3


def discovery_page(data: Mapping[str, Any], facts: Sequence[tuple[str, str]]) -> str:
    """The whole page. data: as `answerable discover --json` gives it. facts: how it was made."""
    topics = data["topics"]
    inside = [_tiles(data), _charts(data), _topics_section(topics)]
    inside += [_topic(number, topic) for number, topic in enumerate(topics)]
    inside += [_rest(data), _apart(data), facts_section(facts)]
    return whole_page("What your mail is about", measured(data), "".join(inside))


def measured(data: Mapping[str, Any]) -> str:
    """On which mails, a sentence."""
    when = f" of {data['from']} to {data['until']}" if data["from"] else ""
    return (
        f"{data['mails']:,} mails were read. {data['threads']:,} requests of customers{when} are"
        f" among them, in {len(data['topics'])} topics."
    )


def looks_shares(data: Mapping[str, Any]) -> dict[str, float]:
    """By kind, the part of all requests; what is in no topic needs a person."""
    all_ = max(1, data["threads"])
    shares = {
        kind: sum(one["threads"] * one["looks"][kind] for one in data["topics"]) / all_
        for kind in KINDS
    }
    shares["person"] = max(0.0, 1 - shares["template"] - shares["form"])
    return shares


def topics_table(topics: Sequence[Mapping[str, Any]]) -> Table:
    return Table(
        caption="The largest first. What it looks like: an estimate, part of the topic's requests.",
        columns=(
            "Topic",
            "Requests",
            "A week",
            "Answered by",
            "First reply",
            "Replies",
            "Template",
            "Form",
            "Person",
        ),
        rows=[
            (
                one["title"],
                f"{one['threads']:,}",
                f"{one['per_week']:.1f}",
                _most(one["handlers"], 2),
                first_reply(one),
                f"{one['exchanges']:.1f}" if one["answered"] else NOTHING,
                *(_whole(one["looks"][kind]) for kind in KINDS),
            )
            for one in topics
        ],
        wide=True,
        words=("Answered by",),
    )


def first_reply(topic: Mapping[str, Any]) -> str:
    """How long half of the customers waited at most."""
    hours = topic["first_reply_hours"]
    return NOTHING if hours is None else elapsed(hours["median"])


def elapsed(hours: float) -> str:
    if hours < 1:
        return f"{round(hours * 60)} min"
    return f"{hours:.1f} h" if hours < 48 else f"{hours / 24:.1f} days"


def _tiles(data: Mapping[str, Any]) -> str:
    shares = looks_shares(data)
    grouped = 1 - data["not_grouped"]["threads"] / max(1, data["threads"])
    return tiles(
        [
            (f"{data['per_week']:,.0f}", "requests a week"),
            (str(len(data["topics"])), f"topics, with {_whole(grouped)} of the requests"),
            (_whole(shares["template"]), LOOKS["template"]),
            (_whole(shares["form"]), LOOKS["form"]),
            (_whole(shares["person"]), LOOKS["person"]),
        ]
    )


def _charts(data: Mapping[str, Any]) -> str:
    topics = data["topics"]
    sizes = Table(
        caption="Requests a week, and the parts of them.",
        columns=("Topic", "A week", "Template", "Form", "Person"),
        rows=[
            (one["title"], f"{one['per_week']:.1f}", *(_whole(one["looks"][k]) for k in KINDS))
            for one in topics
        ],
        wide=True,
    )
    weeks = Table(
        caption="By the Monday of the week.",
        columns=("Week", "Requests"),
        rows=[(monday, f"{count:,}") for monday, count in data["weeks"].items()],
    )
    key = "".join(f"<li><i class={kind}></i>{escape(LOOKS[kind])}" for kind in KINDS)
    more = f" The {MOST_BARS} largest." if len(topics) > MOST_BARS else ""
    return (
        "<div class=charts>"
        + figure(
            "Topics by mails a week",
            f"<ul class=key>{key}</ul>{size_chart(topics)}",
            f"Each bar is a topic.{more} {CAUTION}",
            sizes,
        )
        + "<div>"
        + figure(
            "Week by week",
            weeks_chart("weeks", "Requests of customers, week by week", data["weeks"]),
            "Requests of customers, all topics and what fits in none. The first week and the last "
            "may be no whole ones.",
            weeks,
        )
        + section("Who replied first", _handlers_table(topics), "Nobody: there is no reply here.")
        + "</div></div>"
    )


def _handlers_table(topics: Sequence[Mapping[str, Any]]) -> Table:
    replied: dict[str, float] = {}
    for topic in topics:
        for name, part in topic["handlers"].items():
            replied[name] = replied.get(name, 0) + part * topic["threads"] * topic["answered"]
    most = sorted(replied, key=lambda name: (-replied[name], name))
    rows = [(name, f"{replied[name]:,.0f}") for name in most[:_HANDLERS]]
    if len(most) > _HANDLERS:
        others = sum(replied[name] for name in most[_HANDLERS:])
        rows.append((f"{len(most) - _HANDLERS} more", f"{others:,.0f}"))
    return Table(
        caption="To requests in topics. People are numbered, not named.",
        columns=("Who", "First replies"),
        rows=rows,
    )


def _topics_section(topics: Sequence[Mapping[str, Any]]) -> str:
    if topics:
        return f"<section><h2>The topics</h2>{table_html(topics_table(topics))}</section>"
    return (
        "<section><h2>The topics</h2><p>There are none: the requests are too few, or no three of"
        " them are alike.</section>"
    )


def _topic(number: int, topic: Mapping[str, Any]) -> str:
    chart = weeks_chart(f"topic-{number}", f"{topic['title']}, week by week", topic["weeks"], 130)
    looks = topic["looks"]
    why = [
        f"{_whole(looks['reasons'][name])} {said}"
        for name, said in REASONS.items()
        if looks["reasons"].get(name)
    ]
    careful = topic["sensitive"]
    if careful:
        why.append(f"some speak of {SENSITIVE[careful]}: people must answer")
    answer = ""
    if topic["answer"]:
        answer = f"<h3>The answer given most</h3><blockquote>{escape(topic['answer'])}</blockquote>"
    examples = "".join(
        f"<blockquote>{escape(one)}</blockquote>" for one in topic["examples"][:_EXAMPLES]
    )
    return (
        f"<section><h2>{escape(topic['title'])}</h2>"
        f"<p class=soft>{_counted(topic)}</p><div class=topic><div>{chart}"
        f"<h3>How it was handled</h3><ul>{''.join(f'<li>{one}' for one in _handled(topic))}</ul>"
        f"</div><div><h3>It {escape(LOOKS[looks['kind']])}</h3>"
        f"<ul>{''.join(f'<li>{escape(one)}' for one in why)}</ul>"
        f"<h3>Typical, masked</h3>{examples}{answer}</div></div></section>"
    )


def _counted(topic: Mapping[str, Any]) -> str:
    words = ", ".join(topic["words"])
    return escape(
        f"{topic['threads']:,} requests of {topic['customers']:,} customers,"
        f" {topic['per_week']:.1f} a week. Words: {words or NOTHING}."
        f" Languages: {_most(topic['languages'], 3)}."
    )


def _handled(topic: Mapping[str, Any]) -> list[str]:
    said = [f"Written to: {_most(topic['inboxes'], 3)}"]
    hours = topic["first_reply_hours"]
    if topic["answered"]:
        said.append(f"Answered by: {_most(topic['handlers'], 4)}")
        said.append(f"Replies until it was settled: {topic['exchanges']:.1f} on average")
    if hours is not None:
        said.append(
            f"First reply: half within {elapsed(hours['median'])}, nine of ten within"
            f" {elapsed(hours['nine_of_ten_within'])}"
        )
    if topic["answered"] < 1:
        said.append(f"Never answered in these files: {_whole(1 - topic['answered'])}")
    return [escape(one) for one in said]


def _rest(data: Mapping[str, Any]) -> str:
    rest = data["not_grouped"]
    part = _whole(rest["threads"] / max(1, data["threads"]))
    examples = "".join(f"<blockquote>{escape(one)}</blockquote>" for one in rest["examples"][:5])
    silent = data["without_text"]
    more = f" {silent:,} more say nothing in words (only an attachment, say)." if silent else ""
    return (
        f"<section><h2>What could not be grouped</h2><p>{rest['threads']:,} requests, {part} of"
        f" all, are like too few others.{more}</p>{examples}</section>"
    )


def _apart(data: Mapping[str, Any]) -> str:
    table = Table(
        caption="In no topic and in no figure above.",
        columns=("Mails", "Count"),
        rows=[
            (said, f"{data['set_apart'][name]:,}")
            for name, said in SET_APART.items()
            if data["set_apart"].get(name)
        ],
    )
    inside = table_html(table) if table.rows else "<p class=soft>Nothing.</p>"
    return f"<section><h2>Set apart</h2>{inside}{_damaged(data)}</section>"


def _damaged(data: Mapping[str, Any]) -> str:
    """How much could not be read, and why; file names, which may be subjects, stay out of it."""
    told = [f"{count:,} mails: {why}" for why, count in data["unreadable"].items()]
    told += [f"{count:,} files: {why}" for why, count in data["no_mail"].items()]
    if not told:
        return ""
    items = "".join(f"<li>{escape(one)}" for one in told)
    return f"<h2>What could not be read</h2><ul>{items}</ul>"


def _most(shares: Mapping[str, float], count: int) -> str:
    """The largest parts; they come sorted."""
    said = [f"{name} {_whole(part)}" for name, part in list(shares.items())[:count]]
    if len(shares) > count:
        said.append(f"{len(shares) - count} more")
    return ", ".join(said) or NOTHING


def _whole(part: float) -> str:
    return percent(round(part, 2)).replace(".0", "")

"""`answerable discover MAIL…`: what old mail is about, and what of it looks automatable."""

import asyncio
import re
import sys
from argparse import ArgumentParser
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from answerable.cli.options import out, parser, say, settings
from answerable.cli.report_output import moment, show_table, write_page
from answerable.definition.draft import draft_text
from answerable.definition.load import load_definition
from answerable.kit.clock import SystemClock
from answerable.kit.errors import InvalidInput
from answerable.processes.discovered_draft import draft_of
from answerable.processes.discovering import NAMED, Found, discover
from answerable.processes.encoders import encoder_of
from answerable.understanding.ports import Encoder
from answerable.understanding.topics.page import (
    CAUTION,
    LOOKS,
    SET_APART,
    discovery_page,
    looks_shares,
    measured,
    topics_table,
)

_SERVICE = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_EVERY = 2_000  # of mails read or texts understood, a line is said


def _options() -> ArgumentParser:
    options = parser(
        "discover",
        "Groups old mail by topic: how much there is, who answered it and how, and how much of it "
        "looks automatable. Reads files and folders; sends and stores nothing.",
    )
    options.add_argument("mail", metavar="MAIL", type=Path, nargs="+", help=".mbox, .eml, folders")
    options.add_argument(
        "--ours",
        metavar="A",
        action="append",
        default=[],
        help="an address or a domain of the company; default: recognised by who writes to it",
    )
    options.add_argument("--report", metavar="FILE", type=Path, help="write a page with charts")
    options.add_argument(
        "--definition", metavar="FILE", type=Path, help="write a draft of a service definition"
    )
    options.add_argument(
        "--service", metavar="ID", default="my-service", help="the draft's service, like my-bank"
    )
    options.add_argument("--json", action="store_true", help="everything as one JSON value")
    return options


def run(arguments: Sequence[str]) -> int:
    options = _options()
    given = options.parse_args(arguments)
    if not _SERVICE.fullmatch(given.service) or len(given.service) > 63:
        options.error("--service: small letters, digits and single hyphens, like my-bank")
    encoder = encoder_of(settings(None))
    found = asyncio.run(discover(given.mail, encoder, ours=given.ours, told=_Progress().told))
    _say_what_was_not_read(found)
    if not found.mails:
        say("no mail could be read: name .mbox or .eml files, or folders that hold them")
        return 1
    data = found.to_data()
    if given.report is not None:
        write_page(given.report, discovery_page(data, _facts(found, encoder)))
        say(f"wrote {given.report}")
    if given.definition is not None:
        _write_definition(given.definition, data, given.service)
    if given.json:
        out(data)
    else:
        _show(data)
    _say_what_to_do(found)
    return 0 if found.topics.topics else 1


class _Progress:
    """Says how far it is, at times: for those who wait."""

    def __init__(self) -> None:
        self._said = ("", 0)

    def told(self, how_far: str) -> None:
        number, _, what = how_far.partition(" ")
        step = int(number.replace(",", "")) // _EVERY
        if step and (what, step) != self._said:
            self._said = (what, step)
            say(f"  {how_far}")


def _show(data: Mapping[str, Any]) -> None:
    sys.stdout.write(f"{measured(data)}\n\n")
    if data["topics"]:
        show_table(topics_table(data["topics"]))
        shares = looks_shares(data)
        sys.stdout.write("\n")
        sys.stdout.write("".join(f"{shares[kind]:>5.0%}  {LOOKS[kind]}\n" for kind in LOOKS))
    rest = data["not_grouped"]["threads"]
    sys.stdout.write(f"\n{rest:,} requests fit in no topic.\n")
    apart = [f"{data['set_apart'][name]:,} {said}" for name, said in SET_APART.items()]
    apart = [one for one in apart if not one.startswith("0 ")]
    if apart:
        sys.stdout.write(f"Set apart: {'; '.join(apart)}.\n")
    sys.stdout.write(f"{CAUTION}\n")


def _say_what_was_not_read(found: Found) -> None:
    for file, why in found.no_mail[:NAMED]:
        say(f"passed over: {file} {why}")
    for where, why in found.unreadable[:NAMED]:
        say(f"not read: {where}: {why}")
    more = max(0, len(found.unreadable) - NAMED) + max(0, len(found.no_mail) - NAMED)
    if more:
        say(f"and {more:,} more that could not be read")


def _say_what_to_do(found: Found) -> None:
    topics = found.topics
    if found.recognised and found.ours:
        names = ", ".join(found.shown) or "some addresses"
        say(f"taken for yours, because many write there: {names} (name yours with --ours)")
    elif not found.ours:
        say("no address was recognised as yours, so nothing counts as answered: name them, --ours")
    if not topics.threads:
        say("no request of a customer is among these mails: are all of --ours yours?")
    elif not topics.topics:
        say("no topic was found: the requests are too few, or no three of them are alike")


def _write_definition(path: Path, data: Mapping[str, Any], service: str) -> None:
    text = draft_text(draft_of(data, service))
    errors = load_definition(path, text.encode()).errors
    if errors:
        raise InvalidInput("bad_draft", f"the draft is no definition: {errors[0]}")
    write_page(path, text)
    say(f"wrote {path}; look at what it says beside DECIDE, then: answerable check {path}")


def _facts(found: Found, encoder: Encoder) -> list[tuple[str, str]]:
    ours = ", ".join(found.shown) or "nothing"
    how = "recognised by who writes there" if found.recognised else "as given"
    return [
        ("Mails read", f"{found.mails:,}"),
        ("Mails that could not be read", f"{len(found.unreadable):,}"),
        ("Taken for ours", f"{ours} ({how})"),
        ("Encoder", encoder.name),
        ("Grouped the same again, without a fifth", f"{found.topics.stability:.0%}"),
        ("Made", moment(SystemClock())),
    ]

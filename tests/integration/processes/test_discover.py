"""A bank's old mail goes in; what it is about, and a draft to start from, come out."""

import json
from collections import Counter
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from answerable.cli.main import run
from answerable.definition.load import load_definition
from answerable.playbooks.library import installed_actions
from tests.support.old_mail import (
    ACCOUNTS,
    AGENT,
    AGENT_NAME,
    BEGINS,
    SECRET_IBAN,
    SECRET_NAME,
    TOPICS,
    letter,
    old_mail,
    write_mbox,
)

Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def mbox(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_mbox(tmp_path_factory.mktemp("old") / "mail.mbox", list(old_mail()))


def discovered(capsys: Capture, *arguments: str | Path) -> dict[str, Any]:
    code = run(["discover", "--json", *map(str, arguments)])
    told = capsys.readouterr()
    assert code == 0, told.err
    data: dict[str, Any] = json.loads(told.out)
    return data


def topics(data: dict[str, Any], word: str) -> list[dict[str, Any]]:
    """Those with this word, the largest first."""
    return [
        one for one in data["topics"] if word in " ".join((one["title"], *one["words"])).lower()
    ]


def topic(data: dict[str, Any], word: str) -> dict[str, Any]:
    return topics(data, word)[0]


def test_the_topics_are_found_named_and_counted(mbox: Path, capsys: Capture) -> None:
    data = discovered(capsys, mbox)

    assert data["threads"] == 30 * len(TOPICS)
    assert data["ours_recognised"]
    for word in ("address", "mortgage", "fee"):
        assert sum(one["threads"] for one in topics(data, word)) >= 28  # of 30, in two at most
        assert len(topics(data, word)) <= 2
        assert topic(data, word)["threads"] > 15
    assert 4 <= len(data["topics"]) <= 7
    assert data["not_grouped"]["threads"] <= 6
    assert sum(data["weeks"].values()) == data["threads"]
    assert len(data["weeks"]) == 13
    names = [one["name"] for one in data["topics"]]
    assert len(set(names)) == len(names)


def test_who_answered_how_fast_and_how_alike_says_what_looks_automatable(
    mbox: Path, capsys: Capture
) -> None:
    data = discovered(capsys, mbox)

    delivery = max(data["topics"], key=lambda one: one["looks"]["template"])
    assert delivery["handlers"] == {"cards": 1.0}
    assert delivery["first_reply_hours"]["median"] == 2
    assert delivery["looks"]["reasons"]["same-answer"] > 0.9
    assert "ordinary post" in delivery["answer"]
    assert topic(data, "address")["looks"]["kind"] == "form"
    mortgage = topic(data, "mortgage")
    assert mortgage["looks"]["kind"] == "person"
    assert mortgage["handlers"] == {"person 1": 1.0}
    assert mortgage["first_reply_hours"]["median"] == 30
    assert topic(data, "fee")["answered"] < 0.2


def test_nothing_personal_stands_in_report_draft_or_table(
    mbox: Path, tmp_path: Path, capsys: Capture
) -> None:
    report, draft = tmp_path / "report.html", tmp_path / "draft.yaml"
    run(["discover", str(mbox), "--report", str(report), "--definition", str(draft)])
    told = capsys.readouterr()
    shown = [report.read_text(), draft.read_text(), told.out, told.err]
    shown.append(json.dumps(discovered(capsys, mbox)))

    for text in shown:
        for part in (*SECRET_NAME.split(), SECRET_IBAN[:9], AGENT, *AGENT_NAME.split()):
            assert part not in text
        assert "@people.example" not in text


def test_the_draft_is_a_definition_in_which_nothing_is_automatic(
    mbox: Path, tmp_path: Path, capsys: Capture
) -> None:
    draft = tmp_path / "draft.yaml"
    run(["discover", str(mbox), "--definition", str(draft), "--service", "corner-bank"])
    capsys.readouterr()

    loaded = load_definition(draft, actions=installed_actions().catalogue)

    assert loaded.problems == ()
    assert loaded.definition is not None
    assert loaded.definition.tenant == "corner-bank"
    intents = loaded.definition.intents.values()
    assert len(intents) >= 4
    assert not any(one.auto_resolve for one in intents)
    assert {"cards", "accounts"} <= {one.team for one in intents}
    roles = {loaded.definition.role_of(one.name) for one in intents}
    assert roles <= {"draft-and-review", "context-only", "human-only", "escalate"}
    assert run(["check", str(draft)]) == 0
    assert "DECIDE" in draft.read_text()


def test_the_same_mail_gives_the_same_in_whatever_files_it_lies(
    mbox: Path, tmp_path: Path, capsys: Capture
) -> None:
    folder = tmp_path / "letters" / "august"
    folder.mkdir(parents=True)
    mails = list(old_mail())
    for number, mail in enumerate(mails[: len(mails) // 2]):
        (folder / f"{number:04}.eml").write_bytes(mail.as_bytes())
    rest = write_mbox(tmp_path / "rest.mbox", mails[len(mails) // 2 :])

    apart = discovered(capsys, folder.parent, rest)

    assert apart == discovered(capsys, mbox)
    assert discovered(capsys, mbox, mbox)["set_apart"]["copies"] == apart["mails"]


def test_robots_newsletters_bounces_and_what_is_ours_are_set_apart(
    tmp_path: Path, capsys: Capture
) -> None:
    def robot(number: int, sender: str, **headers: str) -> EmailMessage:
        mail = letter(number, sender, ACCOUNTS, "News", "Our news of this month", BEGINS)
        for name, value in headers.items():
            mail[name.replace("_", "-")] = value
        return mail

    mails: list[EmailMessage | bytes] = [
        *old_mail(),
        robot(1, "news@shop.example", List_Unsubscribe="<mailto:out@shop.example>"),
        robot(2, "away@people.example", Auto_Submitted="auto-replied"),
        robot(3, "MAILER-DAEMON@mx.example", Return_Path="<>"),
        letter(4, AGENT, ACCOUNTS, "Lunch", "Who comes along?", BEGINS),
        letter(5, AGENT, "new@people.example", "Your offer", "Here it is.", BEGINS),
    ]
    data = discovered(capsys, write_mbox(tmp_path / "mixed.mbox", mails))

    apart = Counter(data["set_apart"])
    assert apart["newsletters"] == apart["bounces"] == apart["automatic"] == 1
    assert apart["internal"] == apart["ours_without_question"] == 1
    assert data["threads"] == 30 * len(TOPICS)


def test_damaged_mail_is_named_on_the_side_and_stops_nothing(
    tmp_path: Path, capsys: Capture
) -> None:
    mails: list[EmailMessage | bytes] = [
        *old_mail(),
        b"Subject: nobody wrote this\n\nx",
        b"From: a@people.example\nSubject: long\n\n" + b"y" * (31 * 2**20),
        b"From: b@people.example\nContent-Type: text/plain; charset=utf-9\n\n\xff\xfe gr\xfc\xdfe",
    ]
    (tmp_path / "empty.mbox").write_bytes(b"")
    folder = write_mbox(tmp_path / "mixed.mbox", mails).parent

    code = run(["discover", str(folder), "--json"])
    told = capsys.readouterr()

    data = json.loads(told.out)
    assert code == 0
    assert data["unreadable"] == {"no sender": 1, "too-large": 1}
    assert data["no_mail"] == {"is empty": 1}
    assert "mixed.mbox" in told.err
    assert "empty.mbox is empty" in told.err
    assert data["threads"] == 30 * len(TOPICS) + 1


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"\n\n\n", "is empty"),
        (b"!BDN\x00\x00", ".pst"),
        (b"PK\x03\x04\x00", "unpack it first"),
        (b"\x00\x01\x02" * 50, "is binary"),
        (b"Dear diary\ntoday it rained", "neither an mbox nor a mail"),
    ],
)
def test_what_is_no_mail_is_said_to_be_none(
    content: bytes, said: str, tmp_path: Path, capsys: Capture
) -> None:
    file = tmp_path / "file.mbox"
    file.write_bytes(content)

    assert run(["discover", str(file)]) == 1
    told = capsys.readouterr()
    assert said in told.err
    assert "no mail could be read" in told.err
    assert told.out == ""


def test_one_mail_is_no_topic_and_a_hundred_times_the_same_is_one(
    tmp_path: Path, capsys: Capture
) -> None:
    one = letter(1, "a@people.example", ACCOUNTS, "Card", "Where is my card?", BEGINS)
    alone = write_mbox(tmp_path / "one.mbox", [one])
    same = [
        letter(n, f"a{n}@people.example", ACCOUNTS, "Card", "Where is my card?", BEGINS)
        for n in range(100)
    ]

    assert run(["discover", str(alone), "--ours", "corner.example"]) == 1
    assert "no topic was found" in capsys.readouterr().err
    data = discovered(capsys, write_mbox(tmp_path / "same.mbox", same))
    assert [(one["threads"], one["name"]) for one in data["topics"]] == [(100, "card")]


def test_only_ones_own_mail_is_said_to_hold_no_request(tmp_path: Path, capsys: Capture) -> None:
    mail = letter(1, AGENT, "x@people.example", "Offer", "Here it is.", BEGINS)
    file = write_mbox(tmp_path / "ours.mbox", [mail])

    assert run(["discover", str(file), "--ours", "corner.example"]) == 1
    assert "no request of a customer" in capsys.readouterr().err


def test_usage_that_makes_no_sense_is_refused(tmp_path: Path, capsys: Capture) -> None:
    assert run(["discover"]) == 2
    assert run(["discover", str(tmp_path / "nowhere.mbox")]) == 2
    assert "nowhere.mbox" in capsys.readouterr().err
    assert run(["discover", str(tmp_path), "--service", "My Bank"]) == 2
    assert run(["discover", str(tmp_path)]) == 1
    assert "holds no .eml and no .mbox file" in capsys.readouterr().err


def test_the_page_loads_nothing_and_says_what_it_shows(mbox: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.html"
    run(["discover", str(mbox), "--report", str(report)])
    page = report.read_text()

    assert "<script" not in page
    assert "default-src 'none'" in page
    assert "It is no promise" in page
    assert page.count("<svg") == page.count("<desc") >= 6
    assert not list(tmp_path.glob("*.part"))


def test_a_wrong_clock_makes_no_thousand_weeks(tmp_path: Path, capsys: Capture) -> None:
    wrong = [
        letter(n, f"late{n}@people.example", ACCOUNTS, "Card", "Where is my card?", at)
        for n, at in ((1, BEGINS.replace(year=1971)), (2, BEGINS.replace(year=2097)))
    ]

    data = discovered(capsys, write_mbox(tmp_path / "clock.mbox", [*old_mail(), *wrong]))

    assert data["threads"] == 30 * len(TOPICS) + 2
    assert len(data["weeks"]) == 13

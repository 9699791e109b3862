"""Personal data: throughput, recall, precision, and how cost grows with length.

    python benchmarks/privacy.py [--data FILE.jsonl] [--rounds 5]

Yardstick, in the same run and interleaved: one compiled regular expression scanned over the same
texts. CPU time (process_time), so other programs on the machine matter little. Presidio's 17
pattern recognizers reach 37 KB/s on such a machine (promise P07: 5 times that, goal 20 times).
"""

import argparse
import gc
import json
import re
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from answerable.cli.main import COLLECT_AFTER
from answerable.kit.database import metadata
from answerable.kit.ids import ContactId, ConversationId, TenantId
from answerable.privacy import store
from answerable.privacy.detect import find
from answerable.privacy.keys import MasterKey
from answerable.privacy.mask import mask_raw_mail
from answerable.privacy.sealing import VaultEntry
from answerable.privacy.spans import TYPES
from answerable.privacy.vault import Vault

SHARED = Path(__file__).parents[2] / "shared/data"
DATA = SHARED / "pii/generated-large.jsonl"
LABELLED = Path(__file__).parent / "labelled/personal-data.jsonl"
LANGUAGES = Path(__file__).parent / "labelled/names-languages.jsonl"
COUNTRIES = Path(__file__).parent / "labelled/addresses-languages.jsonl"
# No personal data in nearly all of the first; the others hold names here and there.
MESSAGES = ("banking77/train", "clinc150/dev", "hwu64/dev")
# What is asked, as (recall, precision); of names and addresses the share masked, and the aim.
ASKED = {
    "card": "1.00/.99", "iban": "1.00/.99", "email": "1.00/.99", "national_id": "1.00/.99",
    "phone": ".93/.85, aim .97/.92", "date_of_birth": "1.00/.93",
    "name": "masked .95, aim .98", "address": "masked .97, aim .99",
}  # fmt: skip
_TITLES = ("mr.", "mrs.", "ms.", "miss", "dr.")
PRESIDIO_KB_PER_SECOND = 37
KINDS = {
    "CREDIT_CARD": "card",
    "IBAN_CODE": "iban",
    "US_SSN": "national_id",
    "EMAIL_ADDRESS": "email",
    "PHONE_NUMBER": "phone",
    "IP_ADDRESS": "ip",
    "US_DRIVER_LICENSE": "passport",
}
YARDSTICK = re.compile(r"\b(?:\d[ -]?){13,19}\b|[\w.+-]+@[\w-]+\.[\w.]+|\b\d{3}-\d\d-\d{4}\b")
INNOCENT = (
    "Hello, I would like to know where my new card is, because I have been waiting for more than "
    "two weeks and nobody has told me anything about it so far. Could you please check? Thank you"
)
ATTACKS = {
    "digits": "1",
    "digits spaced": "1 ",
    "fours spaced": "4 ",
    "fours dashed": "4111-",
    "cards": "4111111111111111 ",
    "at signs": "@",
    "local parts": "a.",
    "mails": "a@b.c@",
    "iban starts": "DE89 ",
    "iban letters": "DE89A",
    "colons": "1:",
    "dots": "1.1.1.",
    "slashes": "1/1/",
    "brackets": "(1)(",
    "plus": "+1",
    "dates": "born 1.1.1980 ",
    "arabic names": "اسمي ",
    "called": "my name is Anna ",
    "streets named": "Calle Mayor ",
    "chinese lines": "王\n",
    "japanese": "ま。\n",
    "cvv words": "cvv ",
    "cvv and digits": "cvv 12 ",
    "phones": "call 030 1234567 ",
    "named": "account 123456 passport A1234567 ",
    "bic words": "bic swift ",
    "letters": "AB12",
    "underscores": "_1",
    "tags": "<iban:1",
    "spaces": "1" + " " * 40,
    "newlines": "1\n",
    "non-ASCII digits": "\u0661\u200b",
    "prose": INNOCENT + " ",
    "names": "Anna Kowalska ",
    "small names": "anna kowalska ",
    "unknown words": "Xqzt vbnm ",
    "streets": "12 Elm Street ",
    "numbers and words": "Aa 1, ",
    "postcodes": "postcode ",
    "one word": "a",
    "hyphens": "a-",
    "apostrophes": "a'",
    "code": "a::B<",
    "spelt mails": "a at b dot ",
    "bracketed mails": "a (at) ",
    "brackets of mails": "(at)",
}
MAILS = {
    "mail, parts": "--b\r\n\r\n4111 ",
    "mail, headers": "A: =?utf-8?q?",
    "mail, folds": "\n \t",
    "mail, markup": "<&#52;",
    "mail, encoded": "=41",
}


def _find_in_each(texts: list[str]) -> None:
    for text in texts:
        find(text)


def cpu(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def accuracy(rows: list[dict[str, Any]]) -> None:
    print(f"\n{'type':18}{'labelled':>9}{'recall':>8}{'precision':>10}")
    found = [find(str(row["text"])) for row in rows]
    for label, kind in KINDS.items():
        hits = labelled = answered = 0
        for row, spans in zip(rows, found, strict=True):
            entities = row["entities"]
            truth = {(e["start"], e["end"]) for e in entities if e["type"] == label}
            ours = {(s.start, s.end) for s in spans if s.type == kind}
            hits, labelled = hits + len(truth & ours), labelled + len(truth)
            answered += len(ours)
        recall, precision = hits / max(1, labelled), hits / max(1, answered)
        asked = ASKED.get(kind, "")
        print(f"{kind:18}{labelled:9}{recall:8.3f}{precision:10.3f}  {asked}")
    for label, kind in (("PERSON", "name"), ("ADDRESS", "address")):
        whole, partly, letters, count = masked_share(rows, label)
        print(f"{kind:18}{count:9} masked whole {whole:.3f}, at least in part {partly:.3f}, "
              f"letters and digits {letters:.3f}  {ASKED[kind]}")  # fmt: skip


def masked_share(rows: list[dict[str, Any]], label: str) -> tuple[float, float, float, int]:
    """Of the values labelled so: how many are hidden whole, how many at least in part, which share
    of their letters and digits, of how many values.

    Hidden by whatever type. Titles alone ("Mr."), which one set labels as persons, do not count.
    """
    whole = partly = count = hidden_letters = letters = 0
    for row in rows:
        text = row["text"]
        hidden = {at for span in find(text) for at in range(span.start, span.end)}
        for entity in row["entities"]:
            start, end = entity["start"], entity["end"]
            if entity["type"] != label or text[start:end].lower() in _TITLES:
                continue
            places = range(start, end)
            count += 1
            whole += hidden.issuperset(places)
            partly += not hidden.isdisjoint(places)
            written = [at for at in places if text[at].isalnum()]
            letters += len(written)
            hidden_letters += sum(at in hidden for at in written)
    share = hidden_letters / max(1, letters)
    return whole / max(1, count), partly / max(1, count), share, count


def labelled(rows: list[dict[str, Any]]) -> None:
    """Exact spans, on the messages that were written for measuring."""
    print(f"\n{LABELLED.name}\n{'type':18}{'labelled':>9}{'recall':>8}{'precision':>10}  asked")
    for kind in TYPES:
        right = said = there = 0
        for row in rows:
            truth = {(e["start"], e["end"]) for e in row["entities"] if e["type"] == kind}
            ours = {(s.start, s.end) for s in find(row["text"]) if s.type == kind}
            right, said, there = right + len(truth & ours), said + len(ours), there + len(truth)
        recall, precision = right / max(1, there), right / max(1, said)
        print(f"{kind:18}{there:9}{recall:8.3f}{precision:10.3f}  {ASKED.get(kind, '')}")
    for kind in ("name", "address"):
        whole, partly, letters, count = masked_share(rows, kind)
        print(f"{kind:18}{count:9} masked whole {whole:.3f}, at least in part {partly:.3f}, "
              f"letters and digits {letters:.3f}")  # fmt: skip
    innocent = [row["text"] for row in rows if not row["entities"]]
    touched = sum(bool(find(text)) for text in innocent) / len(innocent)
    print(f"innocent, full of what resembles data: touched {touched:.3f} of {len(innocent)}")


def languages(rows: list[dict[str, Any]]) -> None:
    """Names in messages to a company, of which six in ten name nobody, by language."""
    print(
        f"\n{LANGUAGES.name}\n{'':9}{'names':>6}{'whole':>7}{'partly':>8}{'innocent':>10}{'touched':>9}"
    )
    by_language = {row["language"]: list[dict[str, Any]]() for row in rows}
    for row in rows:
        by_language[row["language"]].append(row)
    for name, some in [*by_language.items(), ("all", rows)]:
        whole, partly, _, count = masked_share(some, "name")
        innocent = [row["text"] for row in some if not row["entities"]]
        touched = sum(bool(find(text)) for text in innocent) / len(innocent)
        print(f"{name:9}{count:6}{whole:7.2f}{partly:8.2f}{len(innocent):10}{touched:9.3f}")


def countries(rows: list[dict[str, Any]]) -> None:
    """Addresses as people of some twenty countries write them, a third of the messages without any.

    Every second line was not looked at when lists and rules were made.
    """
    print(
        f"\n{COUNTRIES.name}\n{'':9}{'number':>7}{'whole':>7}{'partly':>8}{'letters':>9}"
        f"{'innocent':>10}{'touched':>9}"
    )
    by_locale = {row["locale"]: list[dict[str, Any]]() for row in rows}
    for row in rows:
        by_locale[row["locale"]].append(row)
    for name, some in [*by_locale.items(), ("unseen", rows[1::2]), ("all", rows)]:
        whole, partly, letters, count = masked_share(some, "address")
        innocent = [row["text"] for row in some if not row["entities"]]
        touched = sum(
            any(span.type == "address" for span in find(text)) for text in innocent
        ) / len(innocent)
        print(
            f"{name:9}{count:7}{whole:7.2f}{partly:8.2f}{letters:9.3f}{len(innocent):10}"
            f"{touched:9.3f}"
        )


def messages(rounds: int) -> None:
    """How many ordinary messages are touched, and how fast they are read with the tagger."""
    print("\ntouched: asked at most .01, aim .003; texts/s: asked 2000, aim 10000")
    for name in MESSAGES:
        file = SHARED / f"{name}.jsonl"
        if not file.exists():
            print(f"left out: {file} is absent")
            continue
        texts = [json.loads(line)["text"] for line in file.read_text("utf-8").splitlines()]
        touched = sum(bool(find(text)) for text in texts) / len(texts)
        best = min(cpu(partial(_find_in_each, texts)) for _ in range(rounds))
        print(f"{name:18}{len(texts):7} touched {touched:.4f}  {len(texts) / best:8.0f} texts/s")


def throughput(texts: list[str], rounds: int) -> None:
    kilobytes = sum(len(text.encode()) for text in texts) / 1024
    ours, yard = [], []
    for _ in range(rounds):
        ours.append(cpu(lambda: [find(text) for text in texts]))
        yard.append(cpu(lambda: [YARDSTICK.findall(text) for text in texts]))
    mine, other = statistics.median(ours), statistics.median(yard)
    print(f"texts {len(texts)}, {kilobytes:.0f} KB, rounds {rounds}, spread "
          f"{max(ours) / min(ours):.2f}")  # fmt: skip
    print(f"find          {kilobytes / mine:8.0f} KB/s  {len(texts) / mine:8.0f} texts/s")
    print(f"regex scan    {kilobytes / other:8.0f} KB/s   ratio find/scan {other / mine:.2f}")
    print(f"to Presidio's {PRESIDIO_KB_PER_SECOND} KB/s: "
          f"{kilobytes / mine / PRESIDIO_KB_PER_SECOND:.0f} times")  # fmt: skip
    innocent = min(cpu(lambda: [find(INNOCENT) for _ in range(2000)]) for _ in range(rounds))
    print(f"innocent {len(INNOCENT)} characters: {innocent / 2000 * 1e6:.1f} us")


def growth() -> None:
    """CPU for 50,000 and 100,000 characters, and their ratio (promise: at most 2.3).

    The garbage collector is set as in every process of ours.
    """
    gc.set_threshold(COLLECT_AFTER)
    print(f"\n{'attack':18}{'100k ms':>9}{'per doubling':>14}")
    worst = 0.0
    cases: list[tuple[str, str, Callable[[str], object]]] = [
        (name, unit, find) for name, unit in ATTACKS.items()
    ]
    head = "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
    html = "Content-Type: text/html\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n123"
    for name, unit in MAILS.items():
        start = {"mail, parts": head, "mail, headers": "", "mail, folds": "A: b"}.get(name, html)
        cases.append((name, unit, lambda text, start=start: mask_raw_mail((start + text).encode())))  # type: ignore[misc]
    for name, unit, work in cases:
        half, whole = (_best_of_three(work, _fill(unit, size)) for size in (50_000, 100_000))
        ratio = whole / max(half, 1e-5)
        worst = max(worst, ratio)
        print(f"{name:18}{whole * 1000:9.1f}{ratio:14.2f}")
    print(f"worst {worst:.2f}")


def _best_of_three(work: Callable[[str], object], text: str) -> float:
    return min(cpu(lambda: work(text)) for _ in range(3))


def _fill(unit: str, size: int) -> str:
    return (unit * (size // len(unit) + 1))[:size]


class _Now:
    def now(self) -> datetime:
        return datetime(2026, 11, 23, tzinfo=UTC)


def vault() -> None:
    """CPU of one 200-byte value: all of it, and without the statements."""
    engine = sa.create_engine("sqlite://")
    metadata.create_all(engine, tables=[store.vault_key, store.vault_value, store.handle])
    safe = Vault(MasterKey.generate(), clock=_Now(), exclusive=True)
    entries = [
        VaultEntry(
            tenant=TenantId("t"),
            contact_id=ContactId(f"c{n % 50}"),
            conversation_id=ConversationId("v"),
            value={"text": "x" * 200},
        )
        for n in range(2000)
    ]
    with engine.connect() as tx:
        safe.put_many(tx, entries[:50])
        together = cpu(lambda: safe.put_many(tx, entries)) / len(entries)
        insert, store.insert_values = store.insert_values, lambda _tx, _rows: None  # type: ignore[assignment]
        alone = cpu(lambda: [safe.put_many(tx, [e]) for e in entries]) / len(entries)
        store.insert_values = insert
        singly = cpu(lambda: [safe.put_many(tx, [e]) for e in entries]) / len(entries)
        ids = [ref.id for ref in safe.put_many(tx, entries)]
        read = cpu(lambda: safe.get_many(tx, tenant=TenantId("t"), ids=ids)) / len(ids)
    print(f"\nput, without SQL {alone * 1e6:.0f} us; put_many {together * 1e6:.0f} us a value; "
          f"put {singly * 1e6:.0f} us; get_many {read * 1e6:.0f} us a value")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    if options.data.exists():
        rows = [json.loads(line) for line in options.data.read_text("utf-8").splitlines()]
        throughput([row["text"] for row in rows], options.rounds)
        accuracy(rows)
    else:
        print(f"left out: {options.data} is absent (recall, precision)")
        throughput([INNOCENT, *(_fill(unit, 200) for unit in ATTACKS.values())], options.rounds)
    labelled([json.loads(line) for line in LABELLED.read_text("utf-8").splitlines()])
    languages([json.loads(line) for line in LANGUAGES.read_text("utf-8").splitlines()])
    countries([json.loads(line) for line in COUNTRIES.read_text("utf-8").splitlines()])
    messages(options.rounds)
    growth()
    vault()


if __name__ == "__main__":
    main()

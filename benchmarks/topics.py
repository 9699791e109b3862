"""Measures how well topics are found without labels: labelled sets, grouped as if there were none.

    python benchmarks/topics.py [--only banking77,clinc150,hwu64,bitext,languages] [--data DIR]

Sets stand as they are, and as mail comes: few topics often, most seldom (a topic's size falls with
its rank). Purity: the part of the messages that have the commonest label of their group. NMI, ARI:
how far groups and labels are one, 1 at best; messages in the rest are left out of the three.
"""

import argparse
import csv
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from answerable.understanding.encoder import load_encoder
from answerable.understanding.examples import read_examples
from answerable.understanding.language import LanguageReader
from answerable.understanding.ports import Matrix
from answerable.understanding.prepare import as_one_line
from answerable.understanding.topics.grouping import REST, grouped
from answerable.understanding.topics.neighbours import agreement

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
LABELLED = Path(__file__).resolve().parent / "labelled"
TAGS = ("de", "fr", "es", "it", "nl", "pt", "pl")  # of which there are messages of our own
LEAST = 3
Labels = NDArray[np.int64]
Set = tuple[list[str], list[str]]


def labelled(path: Path) -> Set:
    rows = [row for row in read_examples(path) if row.intents]
    return [row.text for row in rows], [row.intents[0] for row in rows]


def bitext(data: Path) -> Set:
    texts, labels = [], []
    for path in sorted((data / "bitext-customer-support" / "data").glob("*/*.csv")):
        with path.open(encoding="utf-8") as file:
            for row in csv.DictReader(file):
                texts.append(row["utterance"])
                labels.append(row["intent"])
    return texts, labels


def languages(data: Path) -> Set:
    """Our own messages in all languages that the dictionary has; a label is one in all of them."""
    texts, labels = [], []
    for tag in TAGS:
        said, names = labelled(LABELLED / f"intents-{tag}.jsonl")
        texts += said
        labels += names
    return texts, labels


def as_mail_comes(labels: Labels, messages: int, topics: int) -> NDArray[np.int64]:
    """Places of about so many messages of so many topics, of which the first is the largest."""
    chance = np.random.RandomState(1)
    chosen = chance.permutation(int(labels.max()) + 1)[:topics]
    sizes = 1 / np.arange(1, len(chosen) + 1)
    sizes = np.maximum(LEAST, messages * sizes / sizes.sum()).astype(int)
    places = [
        chance.permutation(np.flatnonzero(labels == label))[:size]
        for label, size in zip(chosen, sizes, strict=True)
    ]
    return np.sort(np.concatenate(places))


def measured(vectors: Matrix, labels: Labels, kinds: Labels | None = None) -> str:
    begun = time.process_time()
    ones = np.ones(len(vectors), dtype=np.int64)
    found = grouped(vectors, ones, least=LEAST, kinds=kinds)
    seconds = time.process_time() - begun
    kept = found.labels != REST
    truth = np.unique(labels[kept], return_inverse=True)[1]
    groups = found.labels[kept]
    table = np.zeros((int(truth.max()) + 1, int(groups.max()) + 1))
    np.add.at(table, (truth, groups), 1)
    purity = table.max(axis=0).sum() / table.sum()
    return (
        f"{len(vectors):,} | {len(np.unique(labels))} | {found.count} | {purity:.2f} | "
        f"{_nmi(table):.2f} | {agreement(truth, groups):.2f} | {1 - kept.mean():.1%} | "
        f"{found.stability:.2f} | {seconds:.1f} s"
    )


def _nmi(table: NDArray[np.float64]) -> float:
    part = table / table.sum()
    rows, columns = part.sum(axis=1), part.sum(axis=0)
    there = part > 0
    mutual = float((part[there] * np.log(part[there] / np.outer(rows, columns)[there])).sum())
    entropy = [-float((p[p > 0] * np.log(p[p > 0])).sum()) for p in (rows, columns)]
    return mutual / max(sum(entropy) / 2, 1e-12)


def rows(name: str, found: Set) -> Iterator[tuple[str, str]]:
    texts, names = found
    labels = np.unique(names, return_inverse=True)[1].astype(np.int64)
    kept = np.sort(np.unique(texts, return_index=True)[1])
    vectors = load_encoder().encode([as_one_line(texts[place]) for place in kept])
    labels = labels[kept]
    if name == "languages":
        read = LanguageReader(TAGS)
        kinds = read.numbers([texts[place] for place in kept]).astype(np.int64)
        yield name, measured(vectors, labels)
        yield f"{name}, each by itself", measured(vectors, labels, kinds)
        return
    yield name, measured(vectors, labels)
    for messages, topics in ((1_500, 30), (400, 12)):
        places = as_mail_comes(labels, messages, topics)
        yield f"{name}, as mail comes", measured(vectors[places], labels[places])


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--only", default="banking77,hwu64,clinc150,bitext,languages")
    options.add_argument("--data", type=Path, default=DATA)
    given = options.parse_args()
    print("| set | messages | labels | groups | purity | NMI | ARI | rest | stability | time |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for name in given.only.split(","):
        if name == "bitext":
            found = bitext(given.data)
        elif name == "languages":
            found = languages(given.data)
        else:
            found = labelled(given.data / name / "train.jsonl")
        for row, figures in rows(name, found):
            print(f"| {row} | {figures} |", flush=True)


if __name__ == "__main__":
    main()

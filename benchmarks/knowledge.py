"""Measures knowledge search on a bank's articles beside the repository, and prints a table.

    python -m benchmarks.knowledge [--data ../shared/data]

The questions are the customers' stories of sixty tasks, forty sentences long on average, most of
which say how to behave and not what is asked; right are the articles that the task's authors say
it needs, one to 23 of them. recall@10: which share of these is among the first ten, on average
over the tasks.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from answerable.replies.knowledge import Article, KnowledgeSearch
from answerable.understanding.encoder import NgramsOnly, load_encoder

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
LIMIT = 10
Row = tuple[str, str, str]  # what, measured, asked


def bank_articles(folder: Path) -> list[Article]:
    files = (json.loads(one.read_text("utf-8")) for one in sorted(folder.glob("*.json")))
    return [Article(id=one["id"], title=one["title"], text=one["content"]) for one in files]


def tasks(file: Path) -> list[tuple[str, set[str]]]:
    """Each customer's story, and the articles it needs."""
    return [
        (one["user_scenario"]["instructions"], set(one["required_documents"]))
        for one in json.loads(file.read_text("utf-8"))
    ]


def recall(
    stories: Sequence[tuple[str, set[str]]], ranked: Callable[[str], Sequence[str]]
) -> float:
    """ranked: ids of the articles found, best first."""
    shares = [len(needed & set(ranked(story)[:LIMIT])) / len(needed) for story, needed in stories]
    return sum(shares) / len(shares)


def rows(data: Path) -> Iterator[Row]:
    folder = data / "bank-knowledge"
    articles, stories = bank_articles(folder / "documents"), tasks(folder / "tasks-1-60.json")
    began = time.perf_counter()
    search = KnowledgeSearch(articles, load_encoder())
    yield f"{len(articles)} articles read, s", f"{time.perf_counter() - began:.1f}", ""
    waits = []

    def by_meaning(story: str) -> list[str]:
        began = time.perf_counter()
        found = search.search(story, limit=LIMIT)
        waits.append(time.perf_counter() - began)
        return [one.article.id for one in found]

    yield f"recall@{LIMIT}", f"{recall(stories, by_meaning):.3f}", ".40 (.24 BM25, .31 both)"
    slowest = sorted(waits)[int(len(waits) * 0.95)] * 1000
    yield "a search of forty sentences, p95, ms", f"{slowest:.0f}", ""
    words = KnowledgeSearch(articles, NgramsOnly())
    by_words = recall(stories, lambda story: [one.article.id for one in words.search(story)])
    yield f"recall@{LIMIT} without an encoder", f"{by_words:.3f}", ""


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--data", type=Path, default=DATA)
    given = parser.parse_args()
    if not (given.data / "bank-knowledge").is_dir():
        print(f"no bank-knowledge in {given.data}", file=sys.stderr)
        return 1
    print("| what | measured | asked |\n|---|---|---|")
    for row in rows(given.data):
        print(f"| {' | '.join(row)} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

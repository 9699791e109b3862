"""Measures understanding on public data beside the repository, and prints a table.

    python benchmarks/understanding.py [--only banking77,hwu64] [--data ../shared/data]

Accuracy is always on messages the model was not trained on: a fifth split off by a fixed seed, or
the set's development part. Anchors: what a plain combination of the same encoder, TF-IDF and a
linear head reaches on the very same messages (where scikit-learn is installed), and what it reached
on the sets' test parts, which are not at hand: how much harder or easier the messages here are is
the difference of the two.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np

from answerable.definition.load import load_definition
from answerable.understanding.calibration import auroc
from answerable.understanding.definition_examples import definition_examples
from answerable.understanding.encoder import load_encoder
from answerable.understanding.evaluate import evaluate
from answerable.understanding.examples import Example, read_examples
from answerable.understanding.language import LanguageReader
from answerable.understanding.model import Model
from answerable.understanding.ports import Matrix
from answerable.understanding.train import train

try:
    from benchmarks.yardsticks import plain_reader
except ImportError:  # pip install scikit-learn adds it
    plain_reader = None  # type: ignore[assignment]

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
LABELLED = Path(__file__).resolve().parent / "labelled"
BANK = Path(__file__).resolve().parents[1] / "examples" / "northwind-bank" / "service.yaml"
FOLDS = 5
Row = tuple[str, str, str]  # what, measured, anchor

GREETINGS = (
    "Hello,\n\nI hope this message finds you well. I have been a customer since 2019.\n",
    "Hi there,\n",
    "Dear Sir or Madam,\n\nI am writing to you about the following.\n",
)
SIGNATURES = (
    "\n\nBest regards,\nJohn Smith\nSenior Analyst, Example Ltd\n12 High Street, London",
    "\n\nThanks in advance for your help!\nAnna",
    "\n\nKind regards\nM. Jones\n\nSent from my phone",
)


def split(rows: list[Example], part: float = 0.2) -> tuple[list[Example], list[Example]]:
    """Most of the rows to learn from and `part` of them to ask about, by a fixed seed."""
    order = np.random.default_rng(1).permutation(len(rows)).tolist()
    cut = int(len(rows) * part)
    return [rows[n] for n in order[cut:]], [rows[n] for n in order[:cut]]


def percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f} %"


def meanings(texts: Sequence[str]) -> Matrix:
    """(texts, dimensions): the encoder's last layer alone, as anchors have it."""
    vectors = load_encoder().encode(texts)
    last = vectors[:, : vectors.shape[1] // 2]
    return np.asarray(last / np.linalg.norm(last, axis=1, keepdims=True), dtype=np.float32)


def pairs(rows: list[Example]) -> list[tuple[str, str]]:
    return [(row.text, row.intents[0]) for row in rows if row.intents]


def here(value: float | None, published: str) -> str:
    """Beside each other: the plain combination on these messages, and on a set's test part."""
    return published if value is None else f"{percent(value)} here, {published}"


def figures(
    name: str, model: Model, learnt: list[Example], rows: list[Example], published: str
) -> Iterator[Row]:
    found = evaluate(model, rows)
    plain = None
    if plain_reader is not None:
        # TF-IDF helps where there is enough to learn from, as the anchors found.
        words = len(learnt) > 1_000
        plain = plain_reader.read_plainly(meanings, pairs(learnt), pairs(rows), words=words)
    yield (
        f"{name}: accuracy, macro-F1",
        f"{percent(found.accuracy)}, {found.macro_f1}",
        here(plain.accuracy if plain else None, published),
    )
    yield f"{name}: ECE", f"{found.ece}", "0.02"
    for asked in (0.95, 0.98):
        there = evaluate(model, rows, asked)
        yield (
            f"{name}: coverage and precision at {asked}",
            f"{percent(there.coverage)}, {percent(there.precision)}",
            f"{percent(plain.coverage(asked))}, found on the asked" if plain else "",
        )


def banking77(data: Path) -> Iterator[Row]:
    learnt, asked = split(read_examples(data / "banking77" / "train.jsonl"))
    started = time.monotonic()
    model = train(learnt, languages=["en"])
    seconds = time.monotonic() - started
    yield f"BANKING77 training, {len(learnt)} examples", f"{seconds:.1f} s", "90 s"
    yield from figures("BANKING77 full (80/20)", model, learnt, asked, "93.9 (on test, all data)")
    mails = [
        Example(text=GREETINGS[n % 3] + row.text + SIGNATURES[n // 3 % 3], intents=row.intents)
        for n, row in enumerate(asked)
    ]
    yield "  inside an e-mail: accuracy", percent(evaluate(model, mails).accuracy), "90.8"
    misspelt = [
        Example(text=typos(row.text, n), intents=row.intents) for n, row in enumerate(asked)
    ]
    found = evaluate(model, misspelt)
    yield "  8 % letters wrong: accuracy", percent(found.accuracy), "77.1; augmented 85.4"
    yield from size_and_memory(model)


def banking77_10shot(data: Path) -> Iterator[Row]:
    learnt = read_examples(data / "banking77" / "train-10shot.jsonl")
    known = {" ".join(row.text.lower().split()) for row in learnt}
    asked = [
        row
        for row in read_examples(data / "banking77" / "train.jsonl")
        if " ".join(row.text.lower().split()) not in known
    ]
    started = time.monotonic()
    model = train(learnt, languages=["en", "de"])
    yield "BANKING77 10-shot training", f"{time.monotonic() - started:.1f} s", "15 s"
    yield from figures("BANKING77 10-shot", model, learnt, asked[::3], "86.4 (on test)")


def hwu64(data: Path) -> Iterator[Row]:
    learnt = read_examples(data / "hwu64" / "train.jsonl")
    asked = read_examples(data / "hwu64" / "dev.jsonl")
    model = train(learnt, languages=["en"])
    yield from figures("HWU64 full, dev", model, learnt, asked, "91.8 (on test)")


def clinc150(data: Path) -> Iterator[Row]:
    folder = data / "clinc150"
    learnt = read_examples(folder / "train.jsonl") + read_examples(folder / "oos-train.jsonl")
    model = train(learnt, languages=["en"])
    asked = read_examples(folder / "dev.jsonl") + read_examples(folder / "oos-dev.jsonl")
    found = evaluate(model, asked)
    accuracy = inside = None
    if plain_reader is not None:
        known, wanted = pairs(learnt), pairs(asked)
        wanted += [(row.text, "") for row in asked if not row.intents]
        plain = plain_reader.read_plainly(meanings, known, wanted, strengths=(30.0,))
        scope = plain_reader.nearness(
            plain, *(meanings([text for text, _ in rows]) for rows in (known, wanted))
        )
        own = np.array([bool(label) for _, label in wanted])
        accuracy, inside = float(plain.right[own].mean()), auroc(scope[own], scope[~own])
    yield "CLINC150 dev: accuracy", percent(found.accuracy), here(accuracy, "96.0 (on test)")
    yield "CLINC150 dev: out-of-scope AUROC", f"{found.scope_auroc}", here(inside, ".982")
    kept = f"{percent(found.in_scope_kept)}, {percent(found.out_of_scope_found)}"
    yield "CLINC150 dev: in scope kept, out of scope found", kept, "95, 93"
    said = model.understand([row.text for row in asked])
    own = np.array([bool(row.intents) for row in asked])
    scope = np.array([one.scope for one in said])
    kept_95 = scope >= np.quantile(scope[own], 0.05)
    right = np.array([u.intents[0].name in r.intents for u, r in zip(said, asked, strict=True)])
    both = ", ".join(percent(float(np.mean(p))) for p in ((kept_95 & right)[own], ~kept_95[~own]))
    yield "  95 % of in scope kept: kept and right, out of scope found", both, "93.5, 93"


def near_out_of_scope(data: Path) -> Iterator[Row]:
    rows = read_examples(data / "banking77" / "train.jsonl")
    names = sorted({name for row in rows for name in row.intents})
    hidden = set(names[::4])
    known = [row for row in rows if not hidden & set(row.intents)]
    strange = [row for row in rows if hidden & set(row.intents)][::6]
    learnt, asked = split(known[::2])
    model = train(learnt, languages=["en"])
    inside = np.array([one.scope for one in model.understand([row.text for row in asked])])
    outside = np.array([one.scope for one in model.understand([row.text for row in strange])])
    found = auroc(inside, outside) or 0.0
    yield "near out of scope (a quarter of intents hidden): AUROC", f"{found:.3f}", ".84"


def nlupp(data: Path) -> Iterator[Row]:
    every = read_examples(data / "nlupp-banking" / "train.jsonl")
    for part, anchor in ((0.1, ".88"), (0.9, ".69")):
        learnt, asked = split(every, part)
        found = evaluate(train(learnt, languages=["en"]), asked)
        label = f"NLU++ banking, {100 * (1 - part):.0f} % of data: micro-F1"
        plain = None
        if plain_reader is not None:
            several = ([(row.text, row.intents) for row in rows] for rows in (learnt, asked))
            plain = plain_reader.several_plainly(meanings, *several)
        yield label, f"{found.micro_f1}", here(plain, anchor)


def language(data: Path) -> Iterator[Row]:
    tags = [file.stem for file in sorted((data / "language").glob("??.txt"))]
    reader = LanguageReader(tags)
    for words, anchor in ((None, ".998"), (5, ".976")):
        right = total = 0
        for tag in tags:
            for line in (data / "language" / f"{tag}.txt").read_text().splitlines():
                text = " ".join(line.split()[:words]) if words else line
                right += reader.language(text) == tag
                total += 1
        what = "sentences" if words is None else f"{words} words"
        yield f"language among {len(tags)}, {what}", f"{right / total:.3f}", anchor


def other_languages(_data: Path) -> Iterator[Row]:
    """Messages of our own in other languages to the demo bank, whose examples are a third German
    and hardly French. Then four fifths of the German and the French ones are taught besides, and
    the rest asked."""
    definition = load_definition(BANK).definition
    assert definition is not None, f"{BANK} cannot be read"
    own = definition_examples(definition.intents)
    spoken = ["en", "de", "fr", "es", "it", "nl", "pt", "pl"]
    first = train(own, languages=spoken)
    for tag in spoken[1:]:
        rows = read_examples(LABELLED / f"intents-{tag}.jsonl")
        yield from spoken_figures(f"{tag}, {len(rows)} messages", [(first, rows)])
        if tag not in ("de", "fr"):
            continue
        taught = []
        for fold in range(FOLDS):
            learnt = [row for number, row in enumerate(rows) if number % FOLDS != fold]
            taught.append((train([*own, *learnt], languages=spoken), rows[fold::FOLDS]))
        yield from spoken_figures("  four fifths of them taught", taught)


def spoken_figures(what: str, asked: list[tuple[Model, list[Example]]]) -> Iterator[Row]:
    pairs = [
        (row, one)
        for model, rows in asked
        for row, one in zip(rows, model.understand([row.text for row in rows]), strict=True)
    ]
    right = [one.intents[0].name in row.intents for row, one in pairs if row.intents]
    answered = [one.intents[0].name in row.intents for row, one in pairs if one.automatic]
    yield f"{what}: accuracy", percent(float(np.mean(right))), ""
    found = percent(float(np.mean(answered))) if answered else "-"
    yield (
        "  automatic at .98: share, precision",
        f"{percent(len(answered) / len(pairs))}, {found}",
        "",
    )


def speed(data: Path) -> Iterator[Row]:
    learnt = read_examples(data / "banking77" / "train-10shot.jsonl")
    model = train(learnt, languages=["en", "de"])
    texts = [row.text for row in read_examples(data / "banking77" / "train.jsonl")[::20]]
    # Some 30 tokens, as in the promise.
    texts = [" ".join(f"{one} {two}".split()[:26]) for one, two in pairwise(texts)]
    model.understand(texts[:20])
    times = []
    for text in texts:
        started = time.perf_counter()
        model.understand([text])
        times.append((time.perf_counter() - started) * 1e3)
    middle, high = np.percentile(times, [50, 95])
    yield "one analysis of about 30 tokens, p50 and p95", f"{middle:.1f}, {high:.1f} ms", "15 ms"
    started = time.process_time()
    model.understand(texts)
    a_second = len(texts) / (time.process_time() - started)
    yield "  a second, in batches, one core", f"{a_second:.0f}", "400"
    started = time.process_time()
    load_encoder().encode(texts)
    per_text = (time.process_time() - started) / len(texts) * 1e3
    yield "of this the encoder, CPU time", f"{per_text:.1f} ms", "1.0 ms"


def size_and_memory(model: Model) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder:
        model.save(Path(folder))
        size = sum(file.stat().st_size for file in Path(folder).iterdir()) / 1e6
        yield "  model directory", f"{size:.1f} MB", "40 MB"
        code = (
            "import sys, psutil, pathlib\n"
            "from answerable.understanding.model import Model\n"
            "m = Model.load(pathlib.Path(sys.argv[1]))\n"
            "m.understand(['My card is lost', 'Wo ist meine Karte?'] * 20)\n"
            "print(psutil.Process().memory_info().rss / 1e6)\n"
        )
        said = subprocess.run(
            [sys.executable, "-c", code, folder], capture_output=True, text=True, check=True
        )
        yield "  memory of a process with this model", f"{float(said.stdout):.0f} MB", "250 MB"


def typos(text: str, seed: int) -> str:
    """8 % of the letters missing, wrong or doubled."""
    chance = np.random.default_rng(seed)
    letters = []
    for letter in text:
        kind = int(chance.integers(3)) if letter.isalpha() and chance.random() < 0.08 else 3
        if kind:
            letters.append(chr(97 + int(chance.integers(26))) if kind == 1 else letter)
        if kind == 2:
            letters.append(letter)
    return "".join(letters)


MEASURES: dict[str, Callable[[Path], Iterator[Row]]] = {
    "speed": speed,
    "10shot": banking77_10shot,
    "banking77": banking77,
    "hwu64": hwu64,
    "near": near_out_of_scope,
    "nlupp": nlupp,
    "clinc150": clinc150,
    "language": language,
    "other-languages": other_languages,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default=",".join(MEASURES))
    parser.add_argument("--data", type=Path, default=DATA)
    arguments = parser.parse_args()
    names = arguments.only.split(",")
    if not set(names) <= set(MEASURES):
        parser.error(f"--only takes some of {', '.join(MEASURES)}")
    if not arguments.data.is_dir():
        print(f"no data at {arguments.data}: nothing measured", file=sys.stderr)
        return 1
    print(f"| {'what':58} | {'measured':18} | anchor or aim |\n|---|---|---|")
    for name in names:
        for what, measured, anchor in MEASURES[name](arguments.data):
            print(f"| {what:58} | {measured:18} | {anchor} |", flush=True)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    print(f"| {'peak memory of this benchmark, training included':58} | {peak:.0f} MB | |")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

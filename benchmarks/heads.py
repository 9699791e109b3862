"""Measures the heads beside the intents on labelled messages of our own, and prints a table.

    python benchmarks/heads.py [--only sentiment,urgency] [--data ../shared/data]

The model is that of the demo bank, as a tenant would have it, asked through `Model.understand`;
its tones learnt from the shipped lists. Nothing in benchmarks/labelled is learnt from, but in one
row that says so. The SMS set is cross-validated: five folds, each judged by a head that learnt from
the other four and, trusted far less, our own list; three divisions into folds. So are our mails,
besides being read as shipped. AUROC: the chance that a message that has the
property scores above one that has it not. At 0.5 % false positives: the threshold is drawn on the
ham of the set itself, as is usual, so that it says how well the two kinds are told apart.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from answerable.definition.load import load_definition
from answerable.understanding.calibration import auroc
from answerable.understanding.definition_examples import definition_examples
from answerable.understanding.encoder import load_encoder
from answerable.understanding.fitting import Material, fit
from answerable.understanding.model import Model
from answerable.understanding.ngrams import Ngrams
from answerable.understanding.prepare import prepared, units
from answerable.understanding.tone_training import DISTRUST, SPAM_TUNING, list_material
from answerable.understanding.train import train
from answerable.understanding.understanding import URGENCIES

HERE = Path(__file__).resolve().parent
LABELLED = HERE / "labelled"
BANK = HERE.parent / "examples" / "northwind-bank" / "service.yaml"
DATA = HERE.parents[1] / "shared" / "data"
FALSE_POSITIVES = 0.005
FOLDS = 5
DIVISIONS = (1, 2, 3)  # seeds: one division alone is two or three messages better or worse
Row = tuple[str, str, str]  # what, measured, asked
Numbers = NDArray[np.float64]


def labelled(name: str) -> tuple[list[str], list[str]]:
    """Texts and labels of one of our sets."""
    lines = (LABELLED / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    return [row["text"] for row in rows], [row["label"] for row in rows]


def area(scores: Sequence[float], has: Sequence[bool]) -> float:
    values, mask = np.array(scores, dtype=float), np.array(has, dtype=bool)
    return auroc(values[mask], values[~mask]) or 0.0


def recall_at(scores: Sequence[float], has: Sequence[bool], false: float) -> float:
    """How many that have the property score above all but `false` of the others."""
    values, mask = np.array(scores, dtype=float), np.array(has, dtype=bool)
    others = np.sort(values[~mask])[::-1]
    return float((values[mask] > others[int(false * len(others))]).mean())


def found_and_right(said: Sequence[bool], has: Sequence[bool]) -> str:
    """Recall and precision."""
    one, two = np.array(said, dtype=bool), np.array(has, dtype=bool)
    both = int((one & two).sum())
    return f"{both / max(1, int(two.sum())):.3f}, {both / max(1, int(one.sum())):.3f}"


def macro_f1(said: Sequence[str], true: Sequence[str]) -> float:
    scores = []
    for label in sorted(set(true)):
        right = sum(one == two == label for one, two in zip(said, true, strict=True))
        scores.append(2 * right / (said.count(label) + true.count(label)))
    return float(np.mean(scores))


def accuracy(said: Sequence[str], true: Sequence[str]) -> float:
    return float(np.mean([one == two for one, two in zip(said, true, strict=True)]))


def sentiment(model: Model, data: Path) -> Iterator[Row]:
    texts, labels = labelled("sentiment")
    tones = [one.sentiment for one in model.understand(texts)]
    negative = area([-tone for tone in tones], [label == "negative" for label in labels])
    positive = area(tones, [label == "positive" for label in labels])
    yield "sentiment: AUROC of negative", f"{negative:.3f}", ".88, aim .91"
    yield "sentiment: AUROC of positive", f"{positive:.3f}", ""
    handed = found_and_right(
        [tone < -0.5 for tone in tones], [label == "negative" for label in labels]
    )
    yield "sentiment below -0.5: recall, precision of negative", handed, ""


def urgency(model: Model, data: Path) -> Iterator[Row]:
    texts, labels = labelled("urgency")
    said = [str(one.urgency) for one in model.understand(texts)]
    yield (
        "urgency: accuracy, macro-F1",
        f"{accuracy(said, labels):.3f}, {macro_f1(said, labels):.3f}",
        "",
    )
    upper = URGENCIES[2:]
    true = [label in upper for label in labels]
    yield (
        "urgency high or critical: recall, precision",
        found_and_right([one in upper for one in said], true),
        "aim .9 at .8",
    )
    yield "urgency high or critical: AUROC", f"{area(upper_scores(model, texts), true):.3f}", ""
    yield (
        "urgency critical: recall, precision",
        found_and_right([one == "critical" for one in said], [one == "critical" for one in labels]),
        "",
    )


def upper_scores(model: Model, texts: Sequence[str]) -> list[float]:
    """How likely the most urgent unit of each text is high or critical."""
    ngrams = Ngrams(model.encoder.as_read)
    scores = []
    for text in texts:
        parts = units(prepared(text))
        counts = [ngrams.counts(part) for part in parts]
        grams = model.tones.head.gram_scores(counts)
        levels = model.tones.probabilities(model.encoder.encode(parts), grams)["urgency"]
        scores.append(float(levels[:, 2:].sum(axis=1).max()))
    return scores


def ordinary(model: Model, data: Path) -> Iterator[Row]:
    """Questions of customers in which nobody leaves, insults or sells: every find is false."""
    for name in ("banking77/train", "clinc150/dev"):
        path = data / f"{name}.jsonl"
        if not path.exists():
            print(f"no data at {path}: left out", file=sys.stderr)
            continue
        lines = path.read_text(encoding="utf-8").splitlines()[::10]
        said = model.understand([json.loads(line)["text"] for line in lines])
        for what, level in (("churn", 0.5), ("abuse", 0.5), ("spam", 0.9)):
            share = np.mean([getattr(one, what) >= level for one in said])
            yield f"{name.split('/')[0]}, every tenth: {what} from {level}", f"{share:.3f}", ""


def churn(model: Model, data: Path) -> Iterator[Row]:
    yield from _of_two(model, "churn", "leaving", "aim .92")


def abuse(model: Model, data: Path) -> Iterator[Row]:
    yield from _of_two(model, "abuse", "abusive", "")


def _of_two(model: Model, name: str, label: str, asked: str) -> Iterator[Row]:
    texts, labels = labelled(name)
    scores = [float(getattr(one, name)) for one in model.understand(texts)]
    true = [one == label for one in labels]
    yield f"{name}: AUROC", f"{area(scores, true):.3f}", asked
    said = found_and_right([score >= 0.5 for score in scores], true)
    yield f"{name} from .5: recall, precision", said, ""
    said = found_and_right([score >= 0.8 for score in scores], true)
    yield f"{name} from .8: recall, precision", said, ""


def other_languages(model: Model, data: Path) -> Iterator[Row]:
    """Languages that the encoder was not made for; it reads them through the dictionary."""
    lines = (LABELLED / "tones-languages.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    for language in ("de", "fr", "es", "it", "nl", "pt", "pl"):
        for task, wanted in (
            ("sentiment", ("negative",)),
            ("urgency", URGENCIES[2:]),
            ("churn", ("leaving",)),
            ("abuse", ("abusive",)),
        ):
            some = [row for row in rows if (row["language"], row["task"]) == (language, task)]
            texts, true = [row["text"] for row in some], [row["label"] in wanted for row in some]
            found = area(_scores(model, task, texts), true)
            yield f"{language}, {task}, {len(some)} messages: AUROC", f"{found:.3f}", ""


def _scores(model: Model, task: str, texts: Sequence[str]) -> list[float]:
    if task == "urgency":
        return upper_scores(model, texts)
    said = model.understand(texts)
    if task == "sentiment":
        return [-one.sentiment for one in said]
    return [float(getattr(one, task)) for one in said]


def mail_spam(model: Model, data: Path) -> Iterator[Row]:
    texts, labels = labelled("mail-spam")
    scores = [one.spam for one in model.understand(texts)]
    true = [label == "spam" for label in labels]
    found = recall_at(scores, true, FALSE_POSITIVES)
    yield "mail spam: recall at 0.5 % false positives", f"{found:.3f}", ".92, aim .95"
    # Of 400 honest mails .5 % is two: the figure above hangs on those that look worst.
    yield "mail spam: recall at 1 % false positives", f"{recall_at(scores, true, 0.01):.3f}", ""
    yield "mail spam: recall at 5 % false positives", f"{recall_at(scores, true, 0.05):.3f}", ""
    yield "mail spam: AUROC", f"{area(scores, true):.3f}", ""
    said = found_and_right([score >= 0.9 for score in scores], true)
    yield "mail spam from .9, where it is set aside: recall, precision", said, ""


def sms_spam(model: Model, data: Path) -> Iterator[Row]:
    path = data / "spam" / "sms.jsonl"
    if not path.exists():
        print(f"no data at {path}: left out", file=sys.stderr)
        return
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    # Our list is mostly of mails: to text messages it is what lists borrow of each other.
    yield from _in_folds(
        "SMS spam",
        [row["text"] for row in rows],
        [bool(row["spam"]) for row in rows],
        distrust=DISTRUST,
        asked=".97, aim .98",
    )


def mail_spam_taught(model: Model, data: Path) -> Iterator[Row]:
    """As one that is taught: each mail read by who learnt four fifths of the others besides."""
    texts, labels = labelled("mail-spam")
    true = [label == "spam" for label in labels]
    yield from _in_folds("mail spam", texts, true, distrust=1.0, asked=".92, aim .95")


def _in_folds(
    what: str, texts: Sequence[str], true: Sequence[bool], *, distrust: float, asked: str
) -> Iterator[Row]:
    """Each fifth read by who learnt the other four and, with `distrust`, our own list."""
    texts = [prepared(text).replace("\n", " ") for text in texts]
    encoder = load_encoder()
    ngrams = Ngrams(encoder.as_read)
    own = list_material("spam", encoder)
    material = Material(
        vectors=encoder.encode(texts),
        counts=[ngrams.counts(text) for text in texts],
        targets=np.eye(2, dtype=np.float32)[np.array(true, dtype=int)],
        parts=encoder.parts,
    )
    # Copies of one text are in one fold: many senders of spam repeat themselves.
    number = {text: place for place, text in enumerate(dict.fromkeys(texts))}
    same = np.array([number[text] for text in texts])
    divisions = []
    for seed in DIVISIONS:
        turn = np.random.default_rng(seed).permutation(len(number)) % FOLDS
        divisions.append(_crosswise(material, own, turn[same], distrust))
    found = [recall_at(scores, true, FALSE_POSITIVES) for scores in divisions]
    each = ", ".join(f"{one:.3f}" for one in found)
    yield f"{what}, 5 folds: recall at 0.5 %, mean of {each}", f"{np.mean(found):.3f}", asked
    areas = [area(scores, true) for scores in divisions]
    yield f"{what}, 5 folds: AUROC", f"{np.mean(areas):.4f}", ""


def _crosswise(
    material: Material, own: Material, fold: NDArray[np.int64], distrust: float
) -> list[float]:
    scores = np.zeros(len(fold))
    for this in range(FOLDS):
        rows = np.flatnonzero(fold != this)
        learnt = Material(
            vectors=np.concatenate([own.vectors, material.vectors[rows]]),
            counts=[*own.counts, *(material.counts[row] for row in rows.tolist())],
            targets=np.concatenate([own.targets, material.targets[rows]]),
            parts=material.parts,
            distrust=np.repeat(np.array([distrust, 1], np.float32), [len(own.counts), len(rows)]),
        )
        asked = material.part(np.flatnonzero(fold == this))
        head = fit(learnt, SPAM_TUNING).head
        said, _ = head.scores(asked.vectors, head.gram_scores(asked.counts))
        scores[fold == this] = said[:, 1] - said[:, 0]
    return [float(score) for score in scores]


def speed(model: Model, data: Path) -> Iterator[Row]:
    """Some 30 tokens, as in the promise."""
    texts = [" ".join(f"{text} {text}".split()[:26]) for text in labelled("urgency")[0]]
    model.understand(texts[:20])
    times = []
    for text in texts:
        started = time.thread_time()  # of this thread alone: others' work is no part of it
        model.understand([text])
        times.append((time.thread_time() - started) * 1e3)
    middle, high = np.percentile(times, [50, 95])
    yield (
        "one analysis of about 30 tokens, CPU, p50, p95",
        f"{middle:.1f}, {high:.1f} ms",
        "10 ms, aim 5",
    )
    size = sum(array.nbytes for array in model.tones.head.arrays("tones").values()) / 1e6
    yield "arrays of the tones, shared by all models of a machine", f"{size:.1f} MB", ""


MEASURES: dict[str, Callable[[Model, Path], Iterator[Row]]] = {
    "sentiment": sentiment,
    "urgency": urgency,
    "churn": churn,
    "abuse": abuse,
    "other-languages": other_languages,
    "mail": mail_spam,
    "mail-taught": mail_spam_taught,
    "sms": sms_spam,
    "ordinary": ordinary,
    "speed": speed,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default=",".join(MEASURES))
    parser.add_argument("--data", type=Path, default=DATA)
    arguments = parser.parse_args()
    names = arguments.only.split(",")
    if not set(names) <= set(MEASURES):
        parser.error(f"--only takes some of {', '.join(MEASURES)}")
    definition = load_definition(BANK).definition
    if definition is None:
        print(f"{BANK} cannot be read: nothing measured", file=sys.stderr)
        return 1
    model = train(definition_examples(definition.intents), languages=["en", "de", "fr"])
    print(f"| {'what':60} | {'measured':14} | asked |\n|---|---|---|")
    for name in names:
        for what, measured, asked in MEASURES[name](model, arguments.data):
            print(f"| {what:60} | {measured:14} | {asked} |", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

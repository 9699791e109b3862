"""What a text sounds like: mood, urgency, spam, churn, abuse; learnt from lists of our own.

All tenants share it, and it is made with the environment or the wheel: a model has nothing of it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from answerable.kit.canonical import canonical_json, sha256_hex
from answerable.kit.errors import InvalidInput
from answerable.understanding.calibration import softmax
from answerable.understanding.kernel import KernelHead
from answerable.understanding.lexicon_file import lists_hash
from answerable.understanding.ports import Encoder, Matrix
from answerable.understanding.prepare import has_latin_letters
from answerable.understanding.understanding import URGENCIES

SHIPPED = Path(__file__).resolve().parent.parent / "_models" / "tones"
RECIPE = 2  # of the fit: other numbers from the same lists are other tones
LABELS: Mapping[str, tuple[str, ...]] = {
    "sentiment": ("negative", "neutral", "positive"),
    "urgency": URGENCIES,
    "spam": ("ham", "spam"),
    "churn": ("staying", "leaving"),
    "abuse": ("civil", "abusive"),
}
# What one sentence of many is enough for.
WORST: Mapping[str, tuple[str, ...]] = {
    "sentiment": ("negative",),
    "urgency": ("high", "critical"),
    "churn": ("leaving",),
    "abuse": ("abusive",),
}
_PREFIX = "tones"
_DAMAGE = (OSError, ValueError, KeyError, TypeError, EOFError, BadZipFile, InvalidInput)


@dataclass(frozen=True, kw_only=True)
class Scale:
    """From scores to probabilities: softmax of slope * score + offset of each label."""

    slope: float
    offsets: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Tones:
    """name: of lists, encoder and recipe. head: one column for each label of each list, in the
    order of LABELS, so that a text is compared with all sentences of all lists but once."""

    name: str
    head: KernelHead
    scales: Mapping[str, Scale]

    def probabilities(self, vectors: Matrix, grams: Matrix) -> dict[str, Matrix]:
        """By list, (texts, labels); rows sum to 1. grams: as in `KernelHead.scores`."""
        scores, _ = self.head.scores(vectors, grams)
        found, start = {}, 0
        for name, labels in LABELS.items():
            scale, end = self.scales[name], start + len(labels)
            offsets = np.array(scale.offsets, dtype=np.float32)
            found[name] = softmax(scores[:, start:end] * np.float32(scale.slope) + offsets, 1.0)
            start = end
        return found

    def telling(self, grams: Matrix) -> Matrix:
        """(texts, lists that one sentence decides): how far the spelling of each says the worst.

        grams: what the head's `gram_scores` gave.
        """
        columns, start = [], 0
        for name, labels in LABELS.items():
            part = grams[:, start : start + len(labels)]
            if name in WORST:
                worst = [labels.index(label) for label in WORST[name]]
                columns.append(part[:, worst].max(axis=1) - np.delete(part, worst, 1).max(axis=1))
            start += len(labels)
        return np.stack(columns, axis=1)

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        arrays = self.head.arrays(_PREFIX)
        # Whole, so that all processes of a machine map one copy.
        np.save(folder / "centres.npy", self.head.centres)
        del arrays[f"{_PREFIX}.centres"]
        # numpy's types take the names for options of its own.
        np.savez(folder / "head.npz", **arrays)  # type: ignore[arg-type]
        about = {
            "name": self.name,
            "scales": {
                name: {"slope": scale.slope, "offsets": scale.offsets}
                for name, scale in self.scales.items()
            },
        }
        (folder / "tones.json").write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")

    @staticmethod
    def load(folder: Path) -> "Tones":
        """Read what `save` wrote; raises InvalidInput if that is damaged."""
        try:
            about = json.loads((folder / "tones.json").read_text(encoding="utf-8"))
            with (folder / "head.npz").open("rb") as file:
                stored = np.load(file, allow_pickle=False)
                arrays = {name: stored[name] for name in stored.files}
            arrays[f"{_PREFIX}.centres"] = np.load(folder / "centres.npy", mmap_mode="r")
            head = KernelHead.from_arrays(arrays, _PREFIX)
            scales = {
                name: Scale(slope=float(one["slope"]), offsets=tuple(map(float, one["offsets"])))
                for name, one in about["scales"].items()
            }
            fits = head.classes == sum(map(len, LABELS.values())) and all(
                len(scales[name].offsets) == len(labels) for name, labels in LABELS.items()
            )
            if not fits:
                raise ValueError("another number of labels than this version's")
            return Tones(name=str(about["name"]), head=head, scales=scales)
        except _DAMAGE as error:
            raise InvalidInput(
                "damaged_tones", f"{folder} does not hold the tones: {error}"
            ) from error


def tones_name(encoder: Encoder) -> str:
    return f"t{RECIPE}-{sha256_hex(canonical_json([lists_hash(), encoder.name]))[:12]}"


@lru_cache(maxsize=4)
def load_tones(encoder: Encoder, folder: Path = SHIPPED) -> Tones:
    """Those in `folder` if they are of this encoder and these lists, else fitted here: seconds.

    Raises InvalidInput if they are there and damaged.
    """
    if (folder / "tones.json").exists():
        shipped = Tones.load(folder)
        if shipped.name == tones_name(encoder):
            return shipped
    # By name: a process that only serves needs no training code.
    training = import_module("answerable.understanding.tone_training")
    tones: Tones = training.fit_tones(encoder)
    return tones


def sounds(text: str, encoder: Encoder) -> bool:
    """Whether tones can tell how a text sounds: of what the encoder does not read, and of other
    writing than that of the lists, they would say what they do not know, and a customer would be
    taken for spam."""
    return has_latin_letters(text) and encoder.reads(text)


def sentiment(probabilities: Matrix) -> float:
    """-1..1 from the moods (units, 3): the whole text and its worst sentence count alike.

    Praise counts only as far as there is no blame beside it: sarcasm is both, and meant as blame.
    Squared, blame is told from all else with an AUROC of .893, plainly .880, as a mere difference
    .867; praise is told less well for it, .706 against .727 and .770 (benchmarks/heads.py).
    """
    negative, positive = probabilities[:, 0], probabilities[:, 2]
    tones = positive * (1 - negative) ** 2 - negative
    return float((tones[0] + tones.min()) / 2)


def most_urgent(probabilities: Matrix) -> int:
    """The level, as a place in URGENCIES, of the most urgent unit (units, 4).

    A level is reached when it and those above it are likelier than not.
    """
    at_least = probabilities[:, ::-1].cumsum(axis=1)[:, ::-1].max(axis=0)
    for level in (3, 2, 1):
        if at_least[level] >= 0.5:
            return level
    return 0


def likeliest(probabilities: Matrix) -> float:
    """0..1, how sure the surest unit is of the second of two labels (units, 2).

    One sentence in which somebody gives notice, or threatens, is enough in a long letter.
    """
    return float(probabilities[:, 1].max())

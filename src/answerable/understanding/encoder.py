"""Encoders: the shipped sentence encoder, and n-grams alone where its file is missing."""

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import onnxruntime  # type: ignore[import-untyped]
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from answerable.kit.errors import InvalidInput
from answerable.understanding.dictionary import ENGLISH, load_dictionary
from answerable.understanding.glossing_encoder import GlossingEncoder
from answerable.understanding.ngrams import BUCKETS, Ngrams
from answerable.understanding.ports import Encoder, Matrix
from answerable.understanding.word_pieces import WordPieces

_KINDS = {"tensor(int32)": np.int32, "tensor(int64)": np.int64}
SHIPPED = Path(__file__).resolve().parent.parent / "_models" / "encoder"


class OnnxEncoder:
    """A sentence encoder in a folder: encoder.onnx, vocab.txt and encoder.json; beside them, if
    it was tuned, learnt.json with the digests of the texts that it was tuned on.

    The graph gives a vector of length 1 for `input_ids`, as the shipped one does, or the last
    hidden states of a BERT model, as exported; of these the mean over the pieces is taken.

    Each text is run by itself and without padding: int8 scales are taken from what is run
    together, so that a batch would change the numbers of its members; on one core it is also
    as fast.
    """

    def __init__(self, folder: Path) -> None:
        """Raises InvalidInput if the folder does not hold an encoder."""
        try:
            about = json.loads((folder / "encoder.json").read_text())
            self._name = str(about["name"])
            self._dimensions = int(about["dimensions"])
            self._parts = tuple(map(int, about.get("parts", [self._dimensions])))
            self._longest = int(about["longest"])
            self.english_alone = about.get("languages") == [ENGLISH]
            self._learnt = _learnt(folder / "learnt.json")
            self._pieces = WordPieces.load(folder / "vocab.txt")
            self._session = _session(folder / "encoder.onnx")
            self._inputs = [(one.name, _KINDS[one.type]) for one in self._session.get_inputs()]
            self._check(folder)
        except InvalidInput:
            raise
        except Exception as error:  # onnxruntime raises its own kinds, all meaning this
            raise InvalidInput("damaged_encoder", f"{folder} holds no encoder: {error}") from error

    def _check(self, folder: Path) -> None:
        found = self._one(self._pieces.numbers("hello", self._longest)).shape
        if found != (self._dimensions,):
            raise InvalidInput(
                "damaged_encoder",
                f"{folder / 'encoder.json'} says {self._dimensions} dimensions, the graph gives"
                f" {found[-1]}",
            )
        if min(self._parts, default=0) < 1 or sum(self._parts) != self._dimensions:
            raise InvalidInput(
                "damaged_encoder",
                f"{folder / 'encoder.json'} says the parts {list(self._parts)}, which are not"
                f" {self._dimensions} dimensions together",
            )

    @property
    def name(self) -> str:
        return self._name

    @property
    def dimensions(self) -> int:
        return self._dimensions

    @property
    def parts(self) -> tuple[int, ...]:
        return self._parts

    @property
    def learnt(self) -> frozenset[str]:
        return self._learnt

    def knows(self, word: str) -> bool:
        return self._pieces.knows(word)

    def as_read(self, text: str) -> str:
        return text

    def reads(self, text: str) -> bool:
        return True

    def encode(self, texts: Sequence[str]) -> Matrix:
        vectors = np.empty((len(texts), self._dimensions), dtype=np.float32)
        for row, text in enumerate(texts):
            numbers = self._pieces.numbers(text, self._longest)
            vectors[row] = self._one(numbers)
        return vectors

    def _one(self, numbers: Sequence[int]) -> NDArray[np.float32]:
        values = {"input_ids": numbers, "attention_mask": [1] * len(numbers)}
        values["token_type_ids"] = [0] * len(numbers)
        asked = {name: np.array([values[name]], dtype=kind) for name, kind in self._inputs}
        found: NDArray[np.float32] = self._session.run(None, asked)[0][0]
        if found.ndim == 1:
            return found
        mean = found.mean(axis=0)
        return np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-9), dtype=np.float32)


class NgramsOnly:
    """Without an encoder file: hashed n-grams as a vector, which sees spelling, not meaning."""

    name = "ngrams-1"
    dimensions = 1024
    parts = (dimensions,)
    learnt: frozenset[str] = frozenset()

    def __init__(self) -> None:
        self._ngrams = Ngrams()

    def knows(self, word: str) -> bool:
        return False

    def as_read(self, text: str) -> str:
        return text

    def reads(self, text: str) -> bool:
        return True

    def encode(self, texts: Sequence[str]) -> Matrix:
        vectors = np.zeros((len(texts), self.dimensions), dtype=np.float32)
        for row, text in enumerate(texts):
            counts = self._ngrams.counts(text)
            buckets = counts.buckets.astype(np.int64)
            # The sign makes what falls into one place by chance cancel out on average.
            signs = np.where((buckets * 2654435761 >> 13) & 1, 1.0, -1.0)
            places = (buckets * 40503 % BUCKETS) % self.dimensions
            np.add.at(vectors[row], places, signs * np.log1p(counts.times))
            vectors[row] /= max(float(np.linalg.norm(vectors[row])), 1e-9)
        return vectors


@cache
def load_encoder(folder: Path = SHIPPED) -> Encoder:
    """The encoder of `folder`, or `NgramsOnly` if there is no such file; one for all models. One
    that reads English alone is given other languages through the shipped dictionary.

    Raises InvalidInput if the file is there and damaged: weaker work must not begin unnoticed.
    """
    # Once for the process: threads that share one short product mostly wait for each other.
    threadpool_limits(1, "blas")
    if not (folder / "encoder.onnx").exists():
        return NgramsOnly()
    encoder = OnnxEncoder(folder)
    return GlossingEncoder(encoder, load_dictionary()) if encoder.english_alone else encoder


def _learnt(path: Path) -> frozenset[str]:
    return frozenset(map(str, json.loads(path.read_text()))) if path.exists() else frozenset()


def _session(path: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    # One message takes one core a few milliseconds; more threads would fight with other messages.
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

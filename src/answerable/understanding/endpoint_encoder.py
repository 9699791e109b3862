"""An encoder behind HTTP: an embeddings endpoint as OpenAI's API and many servers offer it.

What it is sent are masked texts, as the local encoder reads them.
"""

import hashlib
from collections.abc import Sequence
from typing import Any

import httpx
import numpy as np

from answerable.kit.errors import ConnectorRefused, ConnectorUnavailable
from answerable.understanding.ports import Matrix

TIMEOUT = httpx.Timeout(10.0, connect=2.0)
TOGETHER = 64  # texts in a call
_NAME = "embeddings"


class EndpointEncoder:
    """url: whole, such as https://host/v1/embeddings. model: what the endpoint calls it.

    Making one asks the endpoint once. Raises ConnectorUnavailable where asking again may help,
    else ConnectorRefused.
    """

    def __init__(self, url: str, *, model: str, key: str | None = None) -> None:
        self._url = url
        self._model = model
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        # No redirects: one could lead anywhere, also inside.
        self._client = httpx.Client(headers=headers, timeout=TIMEOUT, trust_env=False)
        digest = hashlib.sha256(f"{url} {model}".encode()).hexdigest()
        self._name = f"endpoint-{digest[:12]}"
        self._dimensions = len(self._asked(["hello"])[0])

    @property
    def name(self) -> str:
        return self._name

    @property
    def dimensions(self) -> int:
        return self._dimensions

    @property
    def parts(self) -> tuple[int, ...]:
        return (self._dimensions,)

    @property
    def learnt(self) -> frozenset[str]:
        return frozenset()

    def knows(self, word: str) -> bool:
        return False

    def as_read(self, text: str) -> str:
        return text

    def reads(self, text: str) -> bool:
        return True

    def encode(self, texts: Sequence[str]) -> Matrix:
        """Raises ConnectorUnavailable or ConnectorRefused."""
        vectors = np.zeros((len(texts), self._dimensions), dtype=np.float32)
        for start in range(0, len(texts), TOGETHER):
            answered = self._asked(texts[start : start + TOGETHER])
            for place, row in enumerate(answered):
                if len(row) != self._dimensions:
                    raise ConnectorRefused(_NAME, f"{_NAME}: vectors of several lengths came")
                vectors[start + place] = row
        vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
        return vectors

    def _asked(self, texts: Sequence[str]) -> list[list[float]]:
        # Endpoints refuse an empty text, which has no meaning either.
        body = {"model": self._model, "input": [text or " " for text in texts]}
        try:
            answer = self._client.post(self._url, json=body)
        except httpx.HTTPError as error:
            raise ConnectorUnavailable(_NAME) from error
        if answer.status_code == 429 or answer.status_code >= 500:
            raise ConnectorUnavailable(_NAME, f"{_NAME} answered HTTP {answer.status_code}")
        if answer.status_code != 200:
            raise ConnectorRefused(_NAME, f"{_NAME} refused (HTTP {answer.status_code})")
        try:
            return _vectors(answer.json(), len(texts))
        except (ValueError, TypeError, KeyError) as error:
            raise ConnectorRefused(_NAME, f"{_NAME} answered nonsense") from error


def _vectors(answer: Any, expected: int) -> list[list[float]]:
    """In the order of the texts. Raises ValueError, TypeError or KeyError for anything else."""
    rows = sorted(answer["data"], key=lambda one: int(one["index"]))
    if [int(one["index"]) for one in rows] != list(range(expected)):
        raise ValueError("another number of vectors than texts")
    found = [[float(number) for number in one["embedding"]] for one in rows]
    if not found[0] or not np.isfinite(np.concatenate([np.array(row) for row in found])).all():
        raise ValueError("no numbers")
    return found

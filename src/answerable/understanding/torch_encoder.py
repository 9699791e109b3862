"""The sentence encoder in torch, where it can be taught; a service never loads this.

Needs the extra `tune`. What comes out are weights of the published shape, which `build_encoder`
makes an encoder of.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
import torch.nn.functional as F

from answerable.understanding.build_encoder import (
    LONGEST,
    MIDDLE,
    MIDDLE_SHARE,
    Published,
    Weights,
)
from answerable.understanding.ports import Matrix

_BATCH = 64  # texts a step
_GROUP = 4  # of one intent in a step
_TOGETHER = 16  # texts of about one length, so that little of what is computed is padding
RATE = 5e-5  # of learning
_WARM_UP = 0.1  # of all steps
_TEMPERATURE = 0.07
_FAR = 1e9
_TAUGHT = "encoder.layer."  # what words mean by themselves stays as it is

Pieces = list[int]


class TorchEncoder:
    """Starts as published. One thread, so that the same texts and seed teach it the same.

    as_read: what is read instead of a text, as by the encoder that will be made of it.
    """

    def __init__(
        self,
        published: Published,
        *,
        as_read: Callable[[str], str] = str,
        seed: int = 0,
        rate: float = RATE,
    ) -> None:
        torch.set_num_threads(1)
        self._weights = {
            name: torch.tensor(array, requires_grad=name.startswith(_TAUGHT))
            for name, array in published.weights.items()
        }
        self._heads = int(published.config["num_attention_heads"])
        self._layers = int(published.config["num_hidden_layers"])
        self._dimensions = 2 * int(published.config["hidden_size"])
        self._epsilon = float(published.config["layer_norm_eps"])
        self._common = {layer: torch.tensor(mean) for layer, mean in published.common.items()}
        self._pieces = published.pieces
        self._as_read = as_read
        self._rate = rate
        self._chance = np.random.default_rng(seed)

    @property
    def parts(self) -> tuple[int, ...]:
        return (self._dimensions // 2,) * 2

    def as_read(self, text: str) -> str:
        return self._as_read(text)

    def encode(self, texts: Sequence[str]) -> Matrix:
        """(texts, dimensions), as the encoder made of these weights gives it before int8."""
        rows = self._numbers(texts)
        found: Matrix = np.empty((len(rows), self._dimensions), dtype=np.float32)
        with torch.no_grad():
            for places in _alike_long(rows, range(len(rows))):
                found[places] = self._sentences([rows[place] for place in places]).numpy()
        return found

    def learn(self, texts: Sequence[str], targets: Matrix, epochs: int) -> Iterator[float]:
        """Teach it which texts belong together; after each of `epochs`, the mean loss.

        targets: (texts, intents), above 0 where a text has an intent; a text without any belongs
        to none, also not to another such text.
        """
        rows = self._numbers(texts)
        taught = [one for one in self._weights.values() if one.requires_grad]
        optimizer = torch.optim.AdamW(taught, lr=self._rate)
        steps = epochs * -(-len(rows) // _BATCH)
        rates = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda done: _rate(done / steps))
        for _ in range(epochs):
            losses = []
            for batch in self._batches(targets):
                optimizer.zero_grad()
                losses.append(self._step(rows, batch, targets))
                optimizer.step()
                rates.step()
            yield float(np.mean(losses))

    def weights(self) -> Weights:
        return {name: one.detach().numpy().copy() for name, one in self._weights.items()}

    def _batches(self, targets: Matrix) -> Iterator[list[int]]:
        """Each text once, by chance, but always some of one intent together."""
        first = np.where(targets.any(axis=1), targets.argmax(axis=1), targets.shape[1])
        groups: list[list[int]] = []
        for number in range(targets.shape[1] + 1):
            mine = self._chance.permutation(np.flatnonzero(first == number)).tolist()
            groups += [mine[start : start + _GROUP] for start in range(0, len(mine), _GROUP)]
        batch: list[int] = []
        for number in self._chance.permutation(len(groups)).tolist():
            batch += groups[number]
            if len(batch) >= _BATCH:
                yield batch
                batch = []
        if batch:
            yield batch

    def _step(self, rows: Sequence[Pieces], batch: Sequence[int], targets: Matrix) -> float:
        """Texts of one intent should be nearer to each other than to all others of the batch.

        Source: Khosla et al. 2020 (arXiv:2004.11362), supervised contrastive learning.
        """
        places: list[int] = []
        parts = []
        for chosen in _alike_long(rows, batch):
            places += chosen
            parts.append(self._sentences([rows[place] for place in chosen]))
        vectors = torch.cat(parts)
        alike = torch.tensor(targets[places] @ targets[places].T > 0).fill_diagonal_(False)
        has = alike.any(dim=1)
        if not has.any():
            return 0.0
        near = (vectors @ vectors.T / _TEMPERATURE).fill_diagonal_(-_FAR)
        chances = (near - near.logsumexp(dim=1, keepdim=True)).masked_fill(~alike, 0)
        loss = -(chances.sum(dim=1)[has] / alike.sum(dim=1)[has]).mean()
        loss.backward()
        return float(loss.detach())

    def _numbers(self, texts: Sequence[str]) -> list[Pieces]:
        return [self._pieces.numbers(self._as_read(text), LONGEST) for text in texts]

    def _sentences(self, rows: Sequence[Pieces]) -> torch.Tensor:
        """(rows, dimensions), of length 1: see `build_encoder` for what it is made of."""
        means = self._means(rows)
        apart = [F.normalize(means[layer] - self._common[layer], dim=1) for layer in MIDDLE]
        middle = F.normalize(torch.stack(apart).sum(dim=0), dim=1)
        last = F.normalize(means[self._layers - 1], dim=1)
        whole = 1 + MIDDLE_SHARE
        return torch.cat([last * (1 / whole) ** 0.5, middle * (MIDDLE_SHARE / whole) ** 0.5], dim=1)

    def _means(self, rows: Sequence[Pieces]) -> dict[int, torch.Tensor]:
        """By layer, the mean over each row's pieces, (rows, hidden)."""
        longest = max(map(len, rows))
        padded = torch.tensor([row + [0] * (longest - len(row)) for row in rows])
        lengths = torch.tensor([[len(row)] for row in rows])
        there = torch.arange(longest)[None] < lengths
        hidden = self._embedded(padded)
        means = {}
        for number in range(self._layers):
            layer = f"encoder.layer.{number}"
            hidden = self._feed_forward(self._attention(hidden, there, layer), layer)
            if number in (*MIDDLE, self._layers - 1):
                means[number] = (hidden * there[:, :, None]).sum(dim=1) / lengths
        return means

    def _embedded(self, padded: torch.Tensor) -> torch.Tensor:
        words = self._weights["embeddings.word_embeddings.weight"][padded]
        places = self._weights["embeddings.position_embeddings.weight"][: padded.shape[1]]
        segment = self._weights["embeddings.token_type_embeddings.weight"][0]
        return self._normal(words + places + segment, "embeddings")

    def _attention(self, hidden: torch.Tensor, there: torch.Tensor, layer: str) -> torch.Tensor:
        texts, longest, size = hidden.shape
        query, key, value = (
            self._linear(hidden, f"{layer}.attention.self.{part}")
            .view(texts, longest, self._heads, -1)
            .transpose(1, 2)
            for part in ("query", "key", "value")
        )
        seen = there[:, None, None, :]
        attended = F.scaled_dot_product_attention(query, key, value, attn_mask=seen)
        joined = attended.transpose(1, 2).reshape(texts, longest, size)
        place = f"{layer}.attention.output"
        return self._normal(self._linear(joined, f"{place}.dense") + hidden, place)

    def _feed_forward(self, hidden: torch.Tensor, layer: str) -> torch.Tensor:
        wide = F.gelu(self._linear(hidden, f"{layer}.intermediate.dense"), approximate="tanh")
        place = f"{layer}.output"
        return self._normal(self._linear(wide, f"{place}.dense") + hidden, place)

    def _linear(self, hidden: torch.Tensor, place: str) -> torch.Tensor:
        return F.linear(hidden, self._weights[f"{place}.weight"], self._weights[f"{place}.bias"])

    def _normal(self, hidden: torch.Tensor, place: str) -> torch.Tensor:
        place = f"{place}.LayerNorm"
        return F.layer_norm(
            hidden,
            hidden.shape[-1:],
            self._weights[f"{place}.weight"],
            self._weights[f"{place}.bias"],
            self._epsilon,
        )


def _rate(done: float) -> float:
    """Of the learning rate, after the part `done` of all steps: up at first, then down to 0."""
    return done / _WARM_UP if done < _WARM_UP else (1 - done) / (1 - _WARM_UP)


def _alike_long(rows: Sequence[Pieces], places: Sequence[int]) -> Iterator[list[int]]:
    order = sorted(places, key=lambda place: len(rows[place]))
    for start in range(0, len(order), _TOGETHER):
        yield order[start : start + _TOGETHER]

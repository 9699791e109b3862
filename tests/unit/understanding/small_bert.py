"""An encoder of the published shape with few and random weights, for tests."""

import numpy as np

from answerable.understanding.build_encoder import Published

_SIZE, _WIDE, _LAYERS = 16, 32, 6
_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789?.,'"
_MARKS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")


def small_bert() -> Published:
    """The same each time. Its words are single letters."""
    chance = np.random.default_rng(3)
    pieces = [*_MARKS, *_LETTERS, *(f"##{letter}" for letter in _LETTERS)]
    shapes: dict[str, tuple[int, ...]] = {
        "embeddings.word_embeddings.weight": (len(pieces), _SIZE),
        "embeddings.position_embeddings.weight": (128, _SIZE),
        "embeddings.token_type_embeddings.weight": (2, _SIZE),
    }
    normal = ["embeddings"]
    for number in range(_LAYERS):
        layer = f"encoder.layer.{number}"
        normal += [f"{layer}.attention.output", f"{layer}.output"]
        linear = {
            **{f"{layer}.attention.self.{part}": _SIZE for part in ("query", "key", "value")},
            f"{layer}.attention.output.dense": _SIZE,
            f"{layer}.intermediate.dense": _WIDE,
            f"{layer}.output.dense": _SIZE,
        }
        for name, size in linear.items():
            shapes[f"{name}.weight"] = (size, _WIDE if name == f"{layer}.output.dense" else _SIZE)
            shapes[f"{name}.bias"] = (size,)
    weights = {
        name: chance.normal(0, 0.4, shape).astype(np.float32) for name, shape in shapes.items()
    }
    for place in normal:
        weights[f"{place}.LayerNorm.weight"] = np.ones(_SIZE, dtype=np.float32)
        weights[f"{place}.LayerNorm.bias"] = np.zeros(_SIZE, dtype=np.float32)
    return Published(
        weights=weights,
        config={
            "num_attention_heads": 2,
            "num_hidden_layers": _LAYERS,
            "layer_norm_eps": 1e-12,
            "hidden_size": _SIZE,
        },
        vocabulary="\n".join(pieces).encode(),
    )

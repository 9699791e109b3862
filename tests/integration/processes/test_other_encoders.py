"""Another encoder than the shipped one, by settings: from a folder, or behind HTTP."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from answerable.kit.errors import ConnectorRefused, ConnectorUnavailable, InvalidInput
from answerable.processes.encoders import encoder_of
from answerable.processes.settings import Settings, read_settings
from answerable.understanding.endpoint_encoder import TOGETHER, EndpointEncoder
from tests.support.embeddings import LETTERS, Embeddings, embeddings
from tests.support.processes import ANSWERABLE

EXAMPLES = [
    {"text": text, "intents": [intent]}
    for intent, texts in {
        "zoo": ["zebra zoo", "zany zebras", "a zoo with zebras", "the zebra at the zoo"],
        "mum": ["my mum", "mummy hums", "mmm, my mum", "the mum of my mum"],
    }.items()
    for text in texts
]


@pytest.fixture
def endpoint() -> Iterator[Embeddings]:
    with embeddings() as there:
        yield there


def of_endpoint(there: Embeddings) -> EndpointEncoder:
    return EndpointEncoder(there.url, model="letters", key="key-1")


def bert_like(folder: Path, *, dimensions: int = 4, told: int | None = None, **also: Any) -> Path:
    """A folder with a graph that has the inputs and the output of an exported BERT model."""
    folder.mkdir()
    vocabulary = ["[UNK]", "[CLS]", "[SEP]", "card", "lost"]
    (folder / "vocab.txt").write_text("\n".join(vocabulary) + "\n")
    about = {"name": "tiny", "dimensions": told or dimensions, "longest": 16, **also}
    (folder / "encoder.json").write_text(json.dumps(about))
    table = np.eye(len(vocabulary), dimensions, dtype=np.float32) + 0.1
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.INT64, ["texts", "pieces"])
        for name in ("input_ids", "attention_mask", "token_type_ids")
    ]
    output = helper.make_tensor_value_info(
        "last_hidden_state", TensorProto.FLOAT, ["texts", "pieces", dimensions]
    )
    node = helper.make_node("Gather", ["table", "input_ids"], ["last_hidden_state"])
    graph = helper.make_graph(
        [node], "bert", inputs, [output], [numpy_helper.from_array(table, "table")]
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    onnx.save(model, str(folder / "encoder.onnx"))
    return folder


def test_an_exported_bert_model_in_a_folder_is_an_encoder(tmp_path: Path) -> None:
    encoder = encoder_of(Settings(values={"ENCODER": str(bert_like(tmp_path / "tiny"))}))

    vectors = encoder.encode(["card", "lost card", "moon"])

    assert (encoder.name, encoder.dimensions, vectors.shape) == ("tiny", 4, (3, 4))
    assert encoder.parts == (4,)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1)
    assert encoder.knows("card")
    assert not encoder.knows("moon")


def test_a_folder_that_holds_no_encoder_is_told_with_its_setting(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"ANSWERABLE_ENCODER: .* holds no encoder\.onnx"):
        encoder_of(Settings(values={"ENCODER": str(tmp_path)}))

    wrong = bert_like(tmp_path / "wrong", told=5)
    with pytest.raises(InvalidInput, match="says 5 dimensions, the graph gives 4"):
        encoder_of(Settings(values={"ENCODER": str(wrong)}))


def test_an_encoder_may_say_what_parts_its_vectors_have(tmp_path: Path) -> None:
    two = bert_like(tmp_path / "two", parts=[3, 1])
    assert encoder_of(Settings(values={"ENCODER": str(two)})).parts == (3, 1)


@pytest.mark.parametrize("parts", [[3, 2], [4, 0], [], [5, -1], "four", 4])
def test_parts_that_are_not_the_whole_are_refused(tmp_path: Path, parts: object) -> None:
    folder = bert_like(tmp_path / "wrong", parts=parts)

    with pytest.raises(InvalidInput, match="wrong"):
        encoder_of(Settings(values={"ENCODER": str(folder)}))


def test_an_endpoint_is_asked_for_many_texts_at_once_and_with_its_key(endpoint: Embeddings) -> None:
    encoder = of_endpoint(endpoint)

    vectors = encoder.encode(["zebra"] * (TOGETHER + 1) + [""])

    assert encoder.dimensions == len(LETTERS)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1)
    assert np.array_equal(vectors[0], vectors[TOGETHER])
    assert [len(body["input"]) for body, _ in endpoint.asked] == [1, TOGETHER, 2]
    assert {(body["model"], key) for body, key in endpoint.asked} == {("letters", "Bearer key-1")}
    assert "" not in endpoint.asked[-1][0]["input"]


@pytest.mark.parametrize("status", [429, 500, 503])
def test_an_endpoint_that_is_busy_may_be_asked_again(endpoint: Embeddings, status: int) -> None:
    encoder = of_endpoint(endpoint)
    endpoint.status = status

    with pytest.raises(ConnectorUnavailable):
        encoder.encode(["zebra"])


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (401, None),
        (302, None),
        (200, {"data": []}),
        (200, {"data": [{"index": 0, "embedding": []}]}),
        (200, {"data": [{"index": 0, "embedding": [1.0, 2.0]}]}),
        (200, {"data": [{"index": 0, "embedding": ["a"]}]}),
        (200, {"data": [{"index": 1, "embedding": [1.0]}]}),
        (200, ["no object"]),
    ],
)
def test_what_an_endpoint_refuses_or_says_wrongly_is_not_asked_again(
    endpoint: Embeddings, status: int, answer: Any
) -> None:
    encoder = of_endpoint(endpoint)
    endpoint.status, endpoint.answer = status, answer

    with pytest.raises(ConnectorRefused):
        encoder.encode(["zebra"])


def test_an_endpoint_that_is_not_there_stops_the_start(endpoint: Embeddings) -> None:
    with pytest.raises(ConnectorUnavailable):
        EndpointEncoder("http://127.0.0.1:9/v1/embeddings", model="letters")
    with pytest.raises(InvalidInput, match="ANSWERABLE_ENCODER_MODEL"):
        encoder_of(read_settings({"ANSWERABLE_ENCODER": endpoint.url}))


def test_a_model_is_trained_and_asked_with_the_endpoint_from_the_command_line(
    endpoint: Embeddings, tmp_path: Path
) -> None:
    """Also what it sounds like: the tones are fitted for this encoder."""
    examples = tmp_path / "examples.jsonl"
    examples.write_text("".join(f"{json.dumps(one)}\n" for one in EXAMPLES))
    setting = {"ANSWERABLE_ENCODER": endpoint.url, "ANSWERABLE_ENCODER_MODEL": "letters"}

    def answerable(*words: str, told: str = "", more: bool = True) -> tuple[int, str, str]:
        done = subprocess.run(
            [str(ANSWERABLE), *words],
            input=told,
            env={**os.environ, **(setting if more else {})},
            capture_output=True,
            text=True,
            timeout=120,
            cwd=tmp_path,
        )
        return done.returncode, done.stdout, done.stderr

    code, _, said = answerable("train", "-", "--examples", str(examples), "--out", "model")
    assert code == 0, said
    asked = '{"id":"1","text":"a zebra in the zoo"}\n'
    code, found, said = answerable("understand", "-", "--model", "model", told=asked)
    assert code == 0, said
    assert json.loads(found)["intents"][0]["name"] == "zoo"

    code, _, said = answerable("understand", "-", "--model", "model", told=asked, more=False)

    assert code != 0
    assert "was trained with the encoder 'endpoint-" in said
    assert "Traceback" not in said

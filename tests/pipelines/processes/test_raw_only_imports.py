"""What a run imports: TensorFlow only where a graph, a model or TFDV's own statistics are asked for."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from google.protobuf import text_format
from support import hand_made, logs, prediction_logs
from support.homes import Home
from tensorflow.core.example.example_pb2 import SequenceExample
from tensorflow_metadata.proto.v0 import schema_pb2

TENSORFLOW = {
    "tensorflow",
    "tensorflow_data_validation",
    "tensorflow_serving",
    "tensorflow_transform",
    "tfx_bsl",
    "keras",
}
RUN = """
import sys
from pipelines import cli
cli.main(sys.argv[1:])
print(*sys.modules, file=sys.stderr)
"""
ROWS = [logs.example(fare=[i / 4], word=[b"a"]) for i in range(40)]
CODERS = """
import sys
import apache_beam as beam
import pipelines.prepare
import tensorflow_data_validation
from transforms.core.arrow import pa
print(type(beam.coders.registry.get_coder(pa.RecordBatch)).__module__)
"""


def imported(*argv: str) -> set[str]:
    """Which of TensorFlow's packages a command imports."""
    run = subprocess.run([sys.executable, "-c", RUN, *argv], capture_output=True, text=True, check=True)
    modules = set(run.stderr.splitlines()[-1].split())
    assert "apache_beam" in modules, run.stderr
    return TENSORFLOW & modules


def examples() -> list[bytes]:
    return ROWS


def sequence_examples() -> list[bytes]:
    sequence = SequenceExample()
    sequence.context.feature["word"].bytes_list.value.append(b"a")
    sequence.feature_lists.feature_list["fare"].feature.add().float_list.value.append(0.5)
    return [sequence.SerializeToString()] * 40


def requests_to_predict() -> list[bytes]:
    return [logs.examples_log(ROWS[:3])] * 40


def requests_to_classify() -> list[bytes]:
    return [prediction_logs.log_of("classify_log", ROWS[:3]).SerializeToString()] * 40


def broken_records() -> list[bytes]:
    return [*ROWS * 10, b"\xff\xff"]


def write_json(folder: Path) -> str:
    encoded = base64.b64encode(ROWS[3]).decode()
    bodies = [{"instances": [{"b64": encoded}, {"fare": 1.5, "word": "a"}]} for _ in range(20)]
    (folder / "log.jsonl").write_text("".join(json.dumps(body) + "\n" for body in bodies))
    return str(folder / "log.jsonl")


def reference(folder: Path) -> list[str]:
    """The flags of a training side without a baseline."""
    features = {"fare": schema_pb2.FLOAT, "word": schema_pb2.BYTES}
    schema = hand_made.schema(*(schema_pb2.Feature(name=n, type=kind) for n, kind in features.items()))
    numbers = hand_made.number("fare", 40, buckets=[(0, 10, 40)], quantiles=[(0, 5, 20), (5, 10, 20)])
    statistics = hand_made.statistics(40, numbers, hand_made.category("word", {"a": 40}))
    for name, message in (("schema", schema), ("statistics", statistics)):
        (folder / f"{name}.pbtxt").write_text(text_format.MessageToString(message))
    return [f"--schema={folder / 'schema.pbtxt'}", f"--statistics={folder / 'statistics.pbtxt'}"]


def validate(folder: Path, log: str, *training: str) -> set[str]:
    """Which of TensorFlow's packages a run imports that publishes a verdict."""
    output = folder / "output"
    modules = imported("validate", f"--logs={log}", f"--output={output}", "--max_rejects=0.01", *training)
    assert json.loads((output / "verdict.json").read_text())["counts"]["compared"] > 0
    return modules


@pytest.mark.parametrize(
    "records",
    [
        examples(),
        sequence_examples(),
        requests_to_predict(),
        requests_to_classify(),
        broken_records(),
    ],
    ids=["examples", "sequence examples", "predict", "classify", "broken"],
)
def test_raw_features_are_compared_without_tensorflow(tmp_path: Path, records: Sequence[bytes]) -> None:
    logs.write_records(tmp_path / "log.tfrecord", records)
    assert validate(tmp_path, str(tmp_path / "log.tfrecord"), *reference(tmp_path)) == set()


def test_json_bodies_are_compared_without_tensorflow(tmp_path: Path) -> None:
    assert validate(tmp_path, write_json(tmp_path), *reference(tmp_path)) == set()


@pytest.mark.parametrize(
    ("spaces", "expected"),
    [("raw", set()), ("raw,transformed", {"tensorflow", "tensorflow_transform", "tfx_bsl"})],
)
def test_a_baseline_needs_tensorflow_for_its_graph_alone(
    home: Home, tmp_path: Path, spaces: str, expected: set[str]
) -> None:
    modules = validate(tmp_path, home.clean, f"--baseline={home.baseline}", f"--spaces={spaces}")
    assert (modules >= expected, bool(modules)) == (True, bool(expected))


def test_statistics_of_tfdv_need_tfdv(tmp_path: Path) -> None:
    logs.write_records(tmp_path / "log.tfrecord", examples())
    training = [*reference(tmp_path), "--statistics_engine=tfdv"]
    modules = validate(tmp_path, str(tmp_path / "log.tfrecord"), *training)
    assert modules >= {"tensorflow", "tensorflow_data_validation"}


def test_batches_of_prepare_have_our_coder_though_tfdv_registers_its_own() -> None:
    command = [sys.executable, "-c", CODERS]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert run.stdout == "transforms.coders\n"

"""What a run imports: TensorFlow only where a graph, a model or TFDV's own statistics are asked for."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

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
# Runs commands one after the other, and says after each what is imported.
RUN = """
import json, sys
from trueserve.pipelines import cli
for argv in json.loads(sys.argv[1]):
    cli.main(argv)
    print("imported", *sys.modules, file=sys.stderr)
"""
ROWS = [logs.example(fare=[i / 4], word=[b"a"]) for i in range(40)]
CODERS = """
import sys
import apache_beam as beam
import trueserve.pipelines.prepare
import tensorflow_data_validation
from trueserve.transforms.core.arrow import pa
print(type(beam.coders.registry.get_coder(pa.RecordBatch)).__module__)
"""


def imported(*commands: Sequence[str]) -> list[set[str]]:
    """Which of TensorFlow's packages are imported after each of these commands of one process."""
    argv = [sys.executable, "-c", RUN, json.dumps(commands)]
    run = subprocess.run(argv, capture_output=True, text=True, check=True)
    modules = [set(line.split()) for line in run.stderr.splitlines() if line.startswith("imported ")]
    assert len(modules) == len(commands)
    assert "apache_beam" in modules[0], run.stderr
    return [TENSORFLOW & of_run for of_run in modules]


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


def test_tensorflow_is_imported_for_graphs_and_tfdvs_statistics_alone(home: Home, tmp_path: Path) -> None:
    raw = reference(tmp_path)
    commands = {"json bodies": [f"--logs={write_json(tmp_path)}", *raw]}
    for records in (examples, sequence_examples, requests_to_predict, requests_to_classify, broken_records):
        path = tmp_path / f"{records.__name__}.tfrecord"
        logs.write_records(path, records())
        commands[records.__name__] = [f"--logs={path}", *raw]
    of_home = [f"--logs={home.clean}", f"--baseline={home.baseline}"]
    commands["baseline"] = [*of_home, "--spaces=raw"]
    compared_without = len(commands)
    commands["graph"] = [*of_home, "--spaces=raw,transformed"]
    commands["tfdv"] = [*commands["examples"], "--statistics_engine=tfdv"]
    outputs = {name: tmp_path / "output" / name for name in commands}
    modules = imported(
        *(
            ["validate", *flags, f"--output={outputs[name]}", "--max_rejects=0.01"]
            for name, flags in commands.items()
        )
    )
    for output in outputs.values():
        assert json.loads((output / "verdict.json").read_text())["counts"]["compared"] > 0
    by_run = dict(zip(commands, modules, strict=True))
    assert [name for name, packages in by_run.items() if packages] == [*commands][compared_without:]
    assert by_run["graph"] >= {"tensorflow", "tensorflow_transform", "tfx_bsl"}
    assert by_run["tfdv"] >= {"tensorflow", "tensorflow_data_validation"}


def test_batches_of_prepare_have_our_coder_though_tfdv_registers_its_own() -> None:
    command = [sys.executable, "-c", CODERS]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert run.stdout == "trueserve.transforms.coders\n"

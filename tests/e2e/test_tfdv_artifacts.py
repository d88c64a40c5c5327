"""`trueserve validate` with a schema and statistics of TFDV's alone, in every form that they have."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_data_validation as tfdv
from google.protobuf import text_format
from google.protobuf.message import Message
from support import e2e, logs
from support.homes import Home
from tensorflow_data_validation.statistics import stats_impl
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx_bsl.coders.sequence_example_coder import SequenceExamplesToRecordBatchDecoder

from trueserve.transforms.baseline.load import load_baseline
from trueserve.transforms.files.tfrecord import frame

Capture = pytest.CaptureFixture[str]


def as_text(message: Message) -> bytes:
    text: str = text_format.MessageToString(message)
    return text.encode()


def as_binary(message: Message) -> bytes:
    data: bytes = message.SerializeToString()
    return data


def as_tfrecord(message: Message) -> bytes:
    return gzip.compress(frame(as_binary(message)), mtime=0)


@pytest.fixture(scope="module")
def artifacts(home: Home) -> tuple[Message, Message]:
    """Schema and statistics as TFDV alone would make them: no environments, no comparators."""
    statistics = load_baseline(home.baseline).statistics
    schema = tfdv.infer_schema(statistics)
    assert not schema.default_environment
    assert not any(feature.HasField("skew_comparator") for feature in schema.feature)
    return schema, statistics


@pytest.mark.parametrize("encode", [as_text, as_binary, as_tfrecord])
def test_bare_tfdv_artifacts(
    home: Home,
    artifacts: tuple[Message, Message],
    tmp_path: Path,
    capsys: Capture,
    encode: Callable[[Message], bytes],
) -> None:
    reference = write_reference(tmp_path, artifacts, encode)
    before = e2e.tree(tmp_path)
    clean = without_baseline(capsys, home.clean, tmp_path / "clean", *reference, "--ignore=late")
    assert (clean.code, clean.err) == (0, [])
    assert e2e.verdict(tmp_path / "clean")["contract"] is None
    skewed = without_baseline(capsys, home.skewed, tmp_path / "skewed", *reference, "--ignore=late")
    assert skewed.code == 1
    assert e2e.errors(e2e.verdict(tmp_path / "skewed")) == {("raw", "distance"), ("raw", "carrier")}
    assert {name: data for name, data in e2e.tree(tmp_path).items() if name in before} == before


def write_reference(
    folder: Path, artifacts: tuple[Message, Message], encode: Callable[[Message], bytes]
) -> list[str]:
    paths = {"schema": folder / "given_schema", "statistics": folder / "given_statistics"}
    for path, message in zip(paths.values(), artifacts, strict=True):
        path.write_bytes(encode(message))
    return [f"--{flag}={path}" for flag, path in paths.items()]


def without_baseline(capsys: Capture, logs: str, output: Path, *flags: str) -> e2e.Run:
    return e2e.run(capsys, "validate", f"--logs={logs}", f"--output={output}", *flags)


def test_a_bare_schema_takes_the_thresholds_and_hints_at_the_label(
    home: Home, artifacts: tuple[Message, Message], tmp_path: Path, capsys: Capture
) -> None:
    reference = write_reference(tmp_path, artifacts, as_text)
    assert without_baseline(capsys, home.clean, tmp_path / "out", *reference).code == 1
    [finding] = [f for f in e2e.verdict(tmp_path / "out")["findings"] if f["severity"] == "error"]
    assert finding["feature"] == "late"
    assert "--label=late" in finding["message"]
    wide = ("--ignore=late,carrier", "--jsd=1")
    assert without_baseline(capsys, home.skewed, tmp_path / "out", *reference, *wide).code == 0


def test_the_users_own_environments_and_thresholds_hold(
    home: Home, artifacts: tuple[Message, Message], tmp_path: Path, capsys: Capture
) -> None:
    schema = schema_pb2.Schema()
    schema.CopyFrom(artifacts[0])
    schema.default_environment.extend(["TRAINING", "SERVING"])
    for feature in schema.feature:
        if feature.name == "late":
            feature.not_in_environment.append("SERVING")
        if feature.name == "distance":
            feature.skew_comparator.jensen_shannon_divergence.threshold = 0.625
    reference = write_reference(tmp_path, (schema, artifacts[1]), as_text)
    assert without_baseline(capsys, home.skewed, tmp_path / "out", *reference).code == 1
    document = e2e.verdict(tmp_path / "out")
    assert e2e.errors(document) == {("raw", "carrier")}
    assert {row["feature"]: row["reason"] for row in document["not_compared"]} == {"late": "label"}


def sequences(count: int, seed: int) -> list[bytes]:
    """Sessions with a number, a list of steps that may have none, and several values, or an empty list."""
    rng = np.random.default_rng(seed)
    records = []
    for number in range(count):
        record = tf.train.SequenceExample()
        record.context.feature["session"].int64_list.value.append(number)
        scores = rng.random(3 * (rng.random() < 0.75))
        record.context.feature["scores"].float_list.value.extend(scores)
        steps = record.feature_lists.feature_list["clicked"]
        steps.SetInParent()
        for name in rng.choice([b"a", b"b", b"c"], rng.integers(0, 4)):
            steps.feature.add().bytes_list.value.append(name)
        records.append(record.SerializeToString(deterministic=True))
    return records


def test_tfx_s_schema_and_statistics_of_sequence_examples(tmp_path: Path, capsys: Capture) -> None:
    """As StatisticsGen and SchemaGen write them: lists in a struct, and empty lists that are present."""
    batch = SequenceExamplesToRecordBatchDecoder("##SEQUENCE##").DecodeBatch(sequences(4000, 1))
    statistics = stats_impl.generate_statistics_in_memory(batch, tfdv.StatsOptions())
    schema = tfdv.infer_schema(statistics)
    assert [f.name for f in schema.feature if f.type == schema_pb2.STRUCT] == ["##SEQUENCE##"]
    reference = write_reference(tmp_path, (schema, statistics), as_binary)
    logs.write_records(tmp_path / "same.tfrecord", sequences(3000, 2))
    flags = [*reference, "--ignore=session"]
    ran = without_baseline(capsys, str(tmp_path / "same.tfrecord"), tmp_path / "out", *flags)
    assert (ran.code, ran.err) == (0, [])
    document = e2e.verdict(tmp_path / "out")
    assert not e2e.errors(document)
    assert not {"clicked", "scores"} & {left_out["feature"] for left_out in document["not_compared"]}
    other = [record.replace(b"\n\x01a", b"\n\x01z") for record in sequences(3000, 3)]
    logs.write_records(tmp_path / "other.tfrecord", other)
    assert without_baseline(capsys, str(tmp_path / "other.tfrecord"), tmp_path / "out", *flags).code == 1
    assert {("raw", "clicked")} == e2e.errors(e2e.verdict(tmp_path / "out"))
    flags = [f"--examples={tmp_path}/same.tfrecord", "--key=session", f"--schema={tmp_path}/given_schema"]
    joined = e2e.run(
        capsys, "join", *flags, f"--logs={tmp_path}/same.tfrecord", f"--output={tmp_path}/joined"
    )
    assert (joined.code, joined.err) == (0, [])
    compared = json.loads((tmp_path / "joined" / "join.json").read_text())
    assert "clicked" in str(compared["features"])

"""The baseline folder: whole or not at all, and one clear line for everything else."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path

import pytest
from google.protobuf import text_format
from google.protobuf.message import Message
from support import baseline as support
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from trueserve.transforms.baseline import atomic_replace, layout, messages, probes
from trueserve.transforms.baseline import contract as contracts
from trueserve.transforms.baseline.load import load_baseline
from trueserve.transforms.baseline.write import check_target, write_baseline
from trueserve.transforms.core.errors import UsageError
from trueserve.transforms.files import paths, tfrecord

STATISTICS = "datasets { num_examples: 4 features { path { step: 'distance' } type: FLOAT } }"


def statistics() -> statistics_pb2.DatasetFeatureStatisticsList:
    return text_format.Parse(STATISTICS, statistics_pb2.DatasetFeatureStatisticsList())


def write(path: Path, num_examples: int = 4) -> None:
    staged = atomic_replace.staging(str(path))
    shutil.copytree(support.transform_output(), Path(staged, layout.TRANSFORM_OUTPUT))
    rows = support.batch(support.ROWS)
    probes.write_probes(paths.join(staged, layout.PROBES), rows, rows)
    contract = contracts.make_contract(
        support.transform_output(),
        preprocessing_source="abc",
        num_examples=num_examples,
        label="late",
        raw_features=["distance"],
        transformed_features={},
    )
    write_baseline(
        str(path),
        staged,
        schema=support.schema(),
        statistics=statistics(),
        transformed_schema=support.schema(),
        transformed_statistics=statistics(),
        contract=contract,
    )


@pytest.fixture
def baseline(tmp_path: Path) -> Path:
    write(tmp_path / "baseline")
    return tmp_path / "baseline"


def test_what_is_written_is_read(baseline: Path) -> None:
    loaded = load_baseline(str(baseline))
    assert loaded.schema == loaded.transformed_schema == support.schema()
    assert loaded.statistics == loaded.transformed_statistics == statistics()
    assert loaded.contract.num_examples == 4
    assert Path(loaded.transform_output, "transform_fn/saved_model.pb").is_file()
    assert probes.read_probes(loaded.probes)[0].num_rows == len(support.ROWS)


def test_a_baseline_is_replaced_whole_and_nothing_is_left_beside_it(baseline: Path) -> None:
    check_target(str(baseline))
    write(baseline, num_examples=5)
    assert load_baseline(str(baseline)).contract.num_examples == 5
    assert [path.name for path in baseline.parent.iterdir()] == ["baseline"]


def test_limits_that_were_reviewed_outlive_the_baseline(baseline: Path) -> None:
    (baseline / layout.THRESHOLDS).write_bytes(b"format = 1\n")
    write(baseline, num_examples=5)
    assert load_baseline(str(baseline)).contract.num_examples == 5
    assert (baseline / layout.THRESHOLDS).read_bytes() == b"format = 1\n"


def test_a_baseline_that_was_killed_on_its_way_to_its_name_is_found_and_put_there(baseline: Path) -> None:
    baseline.rename(atomic_replace.staging(str(baseline)))
    loaded = load_baseline(str(baseline))
    assert loaded.contract.num_examples == 4
    assert Path(loaded.transform_output, "transform_fn/saved_model.pb").is_file()
    assert not baseline.exists(), "readers change nothing"
    check_target(str(baseline))
    assert load_baseline(str(baseline)).path == str(baseline)
    assert [path.name for path in baseline.parent.iterdir()] == ["baseline"]


@pytest.mark.parametrize(
    "name",
    [
        layout.SCHEMA,
        layout.STATISTICS,
        layout.TRANSFORMED_SCHEMA,
        layout.TRANSFORMED_STATISTICS,
        layout.PROBES,
        layout.CONTRACT,
        "transform_output/transform_fn/saved_model.pb",
        "transform_output/metadata/schema.pbtxt",
    ],
)
def test_an_incomplete_baseline_names_what_is_missing(baseline: Path, name: str) -> None:
    (baseline / name).unlink()
    with pytest.raises(
        UsageError, match=f"baseline is incomplete: {name} is missing; .*run trueserve prepare"
    ):
        load_baseline(str(baseline))


def test_a_missing_baseline(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no baseline at .*/none; make one with trueserve prepare"):
        load_baseline(str(tmp_path / "none"))


def test_another_format_version(baseline: Path) -> None:
    contract = json.loads((baseline / layout.CONTRACT).read_bytes())
    (baseline / layout.CONTRACT).write_text(json.dumps({**contract, "format_version": 99}))
    with pytest.raises(UsageError, match="has format version 99; expected 1"):
        load_baseline(str(baseline))


@pytest.mark.parametrize("content", ["{", "[]", '{"format_version": 1}'])
def test_a_broken_contract(baseline: Path, content: str) -> None:
    (baseline / layout.CONTRACT).write_text(content)
    with pytest.raises(UsageError, match=r"contract\.json is no contract|has format version None"):
        load_baseline(str(baseline))


def test_a_broken_schema_names_the_file(baseline: Path) -> None:
    (baseline / layout.SCHEMA).write_bytes(b"\x00\x01nonsense")
    with pytest.raises(UsageError, match=r"baseline/schema\.pbtxt is no Schema in text"):
        load_baseline(str(baseline))


def test_targets(tmp_path: Path, baseline: Path) -> None:
    check_target(str(tmp_path / "new/folder"))
    (tmp_path / "empty").mkdir()
    check_target(str(tmp_path / "empty"))
    (tmp_path / "other").mkdir()
    (tmp_path / "other/precious").touch()
    with pytest.raises(UsageError, match="other is not empty and holds no baseline"):
        check_target(str(tmp_path / "other"))
    with pytest.raises(UsageError, match="precious is a file"):
        check_target(str(tmp_path / "other/precious"))
    assert not (tmp_path / "new").exists()


def encodings(message: Message) -> dict[str, bytes]:
    binary = message.SerializeToString()
    return {
        "text": text_format.MessageToString(message).encode(),
        "binary": binary,
        "tfrecord": tfrecord.frame(binary),
        "gzip": gzip.compress(tfrecord.frame(binary), mtime=0),
    }


@pytest.mark.parametrize("encoding", ["text", "binary", "tfrecord", "gzip"])
def test_tfdv_artifacts_are_told_by_content(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "schema").write_bytes(encodings(support.schema())[encoding])
    (tmp_path / "stats").write_bytes(encodings(statistics())[encoding])
    loaded = messages.load_schema_and_statistics(str(tmp_path / "schema"), str(tmp_path / "stats"))
    assert loaded == (support.schema(), statistics())


@pytest.mark.parametrize(
    ("schema", "stats", "message"),
    [
        (b"", STATISTICS.encode(), "schema has no feature"),
        (b"feature { nme: 1 ", STATISTICS.encode(), "schema is no Schema in text"),
        (b'feature { name: "f" }', b"", "stats hold no data set"),
        (b'feature { name: "f" }', b"\xff\x00\x01", "stats is no DatasetFeatureStatisticsList"),
        (
            b'feature { name: "f" }',
            tfrecord.frame(b"\xff\x00")[:-1],
            "stats is no DatasetFeatureStatisticsList",
        ),
    ],
)
def test_files_with_something_else(tmp_path: Path, schema: bytes, stats: bytes, message: str) -> None:
    (tmp_path / "schema").write_bytes(schema)
    (tmp_path / "stats").write_bytes(stats)
    with pytest.raises(UsageError, match=message):
        messages.load_schema_and_statistics(str(tmp_path / "schema"), str(tmp_path / "stats"))


def test_a_missing_artifact_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot read .*/none"):
        messages.load_schema(str(tmp_path / "none"))


def test_a_schema_with_a_field_of_a_later_release_is_read(tmp_path: Path) -> None:
    (tmp_path / "schema").write_text('feature { name: "f" type: INT } field_of_tomorrow: 3')
    assert messages.load_schema(str(tmp_path / "schema")).feature[0].type == schema_pb2.INT

"""`trueserve prepare`, end to end: what is in the baseline, against an answer worked out in memory."""

from __future__ import annotations

import datetime as dt
import gzip
import hashlib
import io
import json
import platform
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import NUM_TRAINING, Home
from google.protobuf import text_format
from support import e2e, logs
from support.memory_files import OBJECTS
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from transforms.baseline.load import Baseline, load_baseline
from transforms.baseline.probes import NUM_PROBES, read_probes
from transforms.core import schema as schemas
from transforms.files import paths
from transforms.files.tfrecord import read_records
from transforms.graph.transform_graph import TransformGraph

RAW = {"distance", "hour", "carrier", "late", "delay", "stops", "tags"}
LABEL_OUTPUTS = {"label", "distance_if_late"}
RAW_OF = {
    "distance_z": ["distance"],
    "delay_filled": ["delay"],
    "carrier_id": ["carrier"],
    "tag_ids": ["tags"],
    "hour_bucket": ["hour"],
    "stops_filled": ["stops"],
    "label": ["late"],
    "distance_if_late": ["distance", "late"],
}
# The user's own: a threshold, a wider type of presence, and no word of environments.
GIVEN = """
# kept as it is
feature { name: "distance" type: FLOAT presence { min_fraction: 1 min_count: 1 }
  skew_comparator { jensen_shannon_divergence { threshold: 0.625 } } }
feature { name: "hour" type: INT }
feature { name: "carrier" type: BYTES }
feature { name: "late" type: INT }
feature { name: "delay" type: FLOAT }
feature { name: "stops" type: INT }
feature { name: "tags" type: BYTES }
"""


@pytest.fixture(scope="module")
def loaded(home: Home) -> Baseline:
    return load_baseline(home.baseline)


@pytest.fixture(scope="module")
def transformed(home: Home) -> list[e2e.Row]:
    """All training rows, transformed: the graph's word for requests, our own for the label's outputs."""
    return with_label_outputs(e2e.transformed(home.baseline, home.training), home.training)


def with_label_outputs(outputs: Sequence[e2e.Row], rows: Sequence[e2e.Row]) -> list[e2e.Row]:
    return [
        {**made, "label": row["late"], "distance_if_late": [row["distance"][0] * row["late"][0]]}
        for made, row in zip(outputs, rows, strict=True)
    ]


def statistics(baseline: Path, name: str) -> Any:
    return statistics_pb2.DatasetFeatureStatisticsList.FromString((baseline / name).read_bytes())


def schema(baseline: Path, name: str = "schema.pbtxt") -> Any:
    return text_format.Parse((baseline / name).read_text(), schema_pb2.Schema())


def written_examples(baseline: Path) -> list[e2e.Row]:
    files = sorted((baseline / "transformed_examples").glob("*.gz"))
    streams = [io.BytesIO(gzip.decompress(file.read_bytes())) for file in files]
    records = [record for stream in streams for part in read_records(stream) for record in part]
    return [logs.plain_row(record) for record in records]


def multiset(rows: Sequence[e2e.Row]) -> Counter[str]:
    """Rows without their order, and empty lists as missing ones.

    Floats to six digits: batches of another size differ in the last bits.
    """
    rounded = [
        {
            name: [float(f"{v:.6g}") if isinstance(v, float) else v for v in row[name]]
            for name in sorted(row)
            if row[name]
        }
        for row in rows
    ]
    return Counter(map(repr, rounded))


def test_raw_statistics_are_those_counted_in_memory(home: Home) -> None:
    e2e.check_statistics(statistics(Path(home.baseline), "stats.binpb"), home.training, RAW)


def test_transformed_statistics_are_those_counted_in_memory(home: Home, transformed: list[e2e.Row]) -> None:
    computed = statistics(Path(home.baseline), "transformed_stats.binpb")
    e2e.check_statistics(computed, transformed, RAW_OF)


def test_transformed_examples_are_what_the_graph_makes_of_requests(
    home: Home, transformed: list[e2e.Row]
) -> None:
    assert multiset(written_examples(Path(home.baseline))) == multiset(transformed)


def test_the_graph_computes_what_the_preprocessing_says(home: Home, transformed: list[e2e.Row]) -> None:
    distance = np.array([row["distance"][0] for row in home.training])
    z = np.array([row["distance_z"][0] for row in transformed])
    np.testing.assert_allclose(z, (distance - distance.mean()) / distance.std(), atol=1e-4)
    carriers = Counter(row["carrier"][0] for row in home.training)
    rank = {carrier: number for number, (carrier, _) in enumerate(carriers.most_common())}
    assert [row["carrier_id"] for row in transformed] == [[rank[row["carrier"][0]]] for row in home.training]
    assert [row["delay_filled"] for row in transformed] == [row.get("delay", [-1.0]) for row in home.training]
    assert [len(row.get("tag_ids", [])) for row in transformed] == [
        len(row.get("tags", [])) for row in home.training
    ]
    assert Counter(row["hour_bucket"][0] for row in transformed).keys() == {0, 1, 2, 3}


def test_the_label_is_in_training_and_not_in_serving(loaded: Baseline) -> None:
    for made, absent in ((loaded.schema, {"late"}), (loaded.transformed_schema, LABEL_OUTPUTS)):
        assert list(made.default_environment) == ["TRAINING", "SERVING"]
        assert {f.name for f in made.feature if "SERVING" in f.not_in_environment} == absent
        assert not any(f.not_in_environment for f in made.feature if f.name not in absent)


def test_comparators_fit_the_kind_of_feature(loaded: Baseline) -> None:
    comparators = {
        f.name: [field.name for field, _ in f.skew_comparator.ListFields()]
        for made in (loaded.schema, loaded.transformed_schema)
        for f in made.feature
    }
    numbers = {"distance", "delay", "hour", "stops", "distance_z", "delay_filled", "stops_filled"}
    categories = {"carrier", "tags", "carrier_id", "tag_ids", "hour_bucket"}
    jsd, linf = ["jensen_shannon_divergence"], ["infinity_norm"]
    assert comparators == {
        **dict.fromkeys(numbers, jsd),
        **dict.fromkeys(categories, linf),
        **{name: [] for name in ("late", *LABEL_OUTPUTS)},
    }


def test_the_contract_says_what_the_baseline_is(home: Home, loaded: Baseline) -> None:
    contract = json.loads((Path(home.baseline) / "contract.json").read_text())
    assets = Path(home.baseline) / "transform_output" / "transform_fn" / "assets"
    assert (contract["num_examples"], contract["label"]) == (NUM_TRAINING, "late")
    assert set(contract["raw_features"]) == RAW
    assert contract["transformed_features"] == RAW_OF
    assert contract["digests"]["preprocessing_source"] == sha256(Path(home.preprocessing))
    assert contract["digests"]["assets"] == {name: sha256(assets / name) for name in ("carriers", "tags")}
    assert contract["versions"]["python"] == platform.python_version()
    assert {"tensorflow", "tensorflow_transform", "apache_beam"} <= contract["versions"].keys()
    created = dt.datetime.fromisoformat(contract["created"])
    assert created.utcoffset() == dt.timedelta(0)
    assert abs(dt.datetime.now(dt.UTC) - created) < dt.timedelta(hours=1)


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_probes_are_training_rows_and_what_the_graph_made_of_them(home: Home, loaded: Baseline) -> None:
    raw, outputs = read_probes(loaded.probes)
    # The made-up ones come last; tests/unit/baseline/test_probes.py looks at those.
    assert raw.num_rows == outputs.num_rows > NUM_PROBES == 500
    rows = [{name: v for name, v in row.items() if v is not None} for row in raw.to_pylist()][:NUM_PROBES]
    assert not multiset(rows) - multiset(home.training)
    assert outputs.to_pylist() == TransformGraph(loaded.transform_output).apply(raw).to_pylist()
    # A sample of all files, not the first rows that came.
    first_file = multiset(home.training[:8_700])
    assert multiset(rows) - first_file
    assert multiset(rows) - multiset(home.training[:500])


def prepare(capsys: pytest.CaptureFixture[str], home: Home, examples: str, target: Path, *more: str) -> None:
    result = e2e.run(
        capsys,
        "prepare",
        f"--examples={examples}",
        f"--preprocessing={home.preprocessing}:preprocessing_fn",
        "--label=late",
        f"--baseline={target}",
        *more,
    )
    assert (result.code, result.err) == (0, [])
    assert result.out[-1] == f"baseline {target}"


def test_from_csv(home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{name: values[:1] for name, values in row.items()} for row in home.training[:1200]]
    target = tmp_path / "baseline"
    prepare(capsys, home, e2e.write_csv(tmp_path / "csv", rows, (700, 900)), target)
    e2e.check_statistics(statistics(target, "stats.binpb"), rows, RAW)
    types = {f.name: schema_pb2.FeatureType.Name(f.type) for f in schema(target).feature}
    assert types == {
        "distance": "FLOAT",
        "delay": "FLOAT",
        "hour": "INT",
        "stops": "INT",
        "late": "INT",
        "carrier": "BYTES",
        "tags": "BYTES",
    }
    outputs = with_label_outputs(e2e.transformed(str(target), rows), rows)
    e2e.check_statistics(statistics(target, "transformed_stats.binpb"), outputs, RAW_OF)
    assert multiset(written_examples(target)) == multiset(outputs)


@pytest.fixture(scope="module")
def with_given_schema(home: Home, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `given.pbtxt` and, made from Parquet files with it, `baseline`."""
    folder = tmp_path_factory.mktemp("given")
    (folder / "given.pbtxt").write_text(GIVEN)
    return folder


def test_on_an_object_store_from_this_machine(
    home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """TensorFlow does not know the store; two runs, so that one baseline takes the place of another."""
    OBJECTS.clear()
    examples = e2e.write_examples(tmp_path / "training", home.training[:300], ())
    for _ in range(2):
        result = e2e.run(
            capsys,
            "prepare",
            f"--examples={examples}",
            f"--preprocessing={home.preprocessing}",
            f"--label={e2e.LABEL}",
            "--baseline=memory://bucket/baseline",
        )
        assert result.code == 0, result.err
    assert load_baseline("memory://bucket/baseline").contract.num_examples == 300
    assert {path.split("/")[3] for path in OBJECTS} == {"baseline"}
    assert any("transformed_examples/" in path for path in OBJECTS)
    with paths.local_copy("memory://bucket/baseline/transform_output") as folder:
        assert set(TransformGraph(folder).serving_outputs) == RAW_OF.keys() - LABEL_OUTPUTS


@pytest.mark.parametrize("flag", ["baseline", "temp_location"])
def test_a_remote_runner_needs_folders_that_tensorflow_can_write(
    home: Home, capsys: pytest.CaptureFixture[str], flag: str
) -> None:
    folders = {"baseline": "gs://bucket/baseline", "temp_location": "gs://bucket/tmp", flag: "memory://b/x"}
    result = e2e.run(
        capsys,
        "prepare",
        "--examples=gs://bucket/*",
        f"--preprocessing={home.preprocessing}",
        "--runner=DataflowRunner",
        *(f"--{name}={folder}" for name, folder in folders.items()),
    )
    assert result.code == 2
    assert (
        f"--{flag}: TensorFlow, which writes the transform graph, cannot write to 'memory://b/x'"
        in result.err[0]
    )


def test_from_parquet_with_a_given_schema(
    home: Home, with_given_schema: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, rows = with_given_schema, home.training[:1200]
    given, target = folder / "given.pbtxt", folder / "baseline"
    prepare(
        capsys, home, e2e.write_parquet(folder / "parquet", rows, (700, 900)), target, f"--schema={given}"
    )
    e2e.check_statistics(statistics(target, "stats.binpb"), rows, RAW)
    outputs = with_label_outputs(e2e.transformed(str(target), rows), rows)
    e2e.check_statistics(statistics(target, "transformed_stats.binpb"), outputs, RAW_OF)
    assert given.read_text() == GIVEN
    assert schema(target) == text_format.Parse(GIVEN, schema_pb2.Schema())
    _validate_adds_what_the_given_schema_lacks(home, target, folder, capsys)


def _validate_adds_what_the_given_schema_lacks(
    home: Home, target: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = e2e.tree(target)
    clean = e2e.validate(capsys, target, home.clean, folder / "clean")
    assert (clean.code, e2e.verdict(folder / "clean")["findings"]) == (0, [])
    skewed = e2e.validate(capsys, target, home.skewed, folder / "skewed")
    assert skewed.code == 1
    # The user's own threshold for the distance in kilometres holds; the default for carriers was added.
    assert {name for space, name in e2e.errors(e2e.verdict(folder / "skewed")) if space == "raw"} == {
        "carrier"
    }
    assert e2e.tree(target) == before
    assert not any(schemas.SERVING in each.default_environment for each in [schema(target)])

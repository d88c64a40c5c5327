"""`trueserve adopt` on the artifacts of a TFX pipeline, and what other commands make of such a baseline."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import tensorflow_data_validation as tfdv
from google.protobuf import text_format
from support import check, e2e, tfx
from tensorflow_metadata.proto.v0 import schema_pb2

from trueserve.pipelines import cli
from trueserve.transforms.baseline.load import Baseline, load_baseline
from trueserve.transforms.baseline.probes import read_probes

Capture = pytest.CaptureFixture[str]

ROWS = 2000
SPAN = ("--start=2013-07-01", "--end=2013-07-01T16:00", "--every=PT2H")


class Adopted(NamedTuple):
    """The artifacts, the baselines of them and logs of requests."""

    artifacts: tfx.Artifacts
    training: list[e2e.Row]
    bare: Path
    full: Path
    clean: str
    skewed: str
    out: list[str]


@pytest.fixture(scope="module")
def adopted(tmp_path_factory: pytest.TempPathFactory) -> Adopted:
    folder = tmp_path_factory.mktemp("tfx")
    training, serving = e2e.rides(ROWS, 1), e2e.requests(e2e.rides(ROWS, 2))
    artifacts = tfx.make(folder / "pipeline", training, e2e.rides(100, 3))
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        for name in ("bare", "full"):
            assert cli.main(adopt(artifacts, folder / name, examples=name == "full")) == 0
    return Adopted(
        artifacts,
        training,
        folder / "bare",
        folder / "full",
        e2e.write_logs(folder / "clean", serving, (900,)),
        e2e.write_logs(folder / "skewed", e2e.in_lower_case(e2e.in_kilometres(serving)), (900,)),
        out.getvalue().splitlines(),
    )


def adopt(artifacts: tfx.Artifacts, baseline: Path, *more: str, examples: bool = False) -> list[str]:
    return ["adopt", *artifacts.flags(examples=examples), "--label=late", f"--baseline={baseline}", *more]


def loaded(folder: Path) -> Baseline:
    return load_baseline(str(folder))


def test_schema_statistics_and_graph_are_kept_as_they_are(adopted: Adopted) -> None:
    given = adopted.artifacts
    statistics = tfdv.load_stats_binary(str(given.statistics / "Split-train/FeatureStats.pb"))
    graph = e2e.tree(given.transform_graph / "transform_fn")
    for folder in (adopted.bare, adopted.full):
        baseline = loaded(folder)
        assert baseline.statistics == statistics
        assert baseline.schema == tfdv.load_schema_text(str(given.schema / "schema.pbtxt"))
        assert e2e.tree(folder / "transform_output/transform_fn") == graph
        assert (baseline.contract.num_examples, baseline.contract.label) == (ROWS, e2e.LABEL)
        assert {*baseline.contract.adopted} == {"schema", "statistics"}


def test_what_is_not_known_is_said_and_kept(adopted: Adopted) -> None:
    bare, full = loaded(adopted.bare).contract.lacks, loaded(adopted.full).contract.lacks
    assert {*full} == {"distributions"}
    assert {*bare} - {*full} == {
        "transformed_statistics",
        "training_rows",
        "sample",
        "identifiers",
        "variation",
        "transformed_examples",
    }
    lines = [line.removeprefix("not known: ") for line in adopted.out if line.startswith("not known: ")]
    assert sorted(lines) == sorted([*bare.values(), *full.values()])


def test_without_examples_raw_features_are_compared_and_the_rest_is_an_info(
    adopted: Adopted, tmp_path: Path, capsys: Capture
) -> None:
    clean = e2e.validate(capsys, adopted.bare, adopted.clean, tmp_path / "clean")
    assert clean.code == 0, clean.err
    document = e2e.verdict(tmp_path / "clean")
    [info] = [f for f in document["findings"] if f["metric"] == "adopted_baseline"]
    assert info["message"] == loaded(adopted.bare).contract.lacks["transformed_statistics"]
    assert e2e.validate(capsys, adopted.bare, adopted.skewed, tmp_path / "skewed").code == 1
    skewed = e2e.verdict(tmp_path / "skewed")
    assert e2e.errors(skewed) == {("raw", "distance"), ("raw", "carrier")}
    alone = e2e.validate(capsys, adopted.bare, adopted.clean, tmp_path / "no", "--spaces=transformed")
    assert alone.code == 2
    assert "adopted without examples" in e2e.one_error(alone)


def test_with_examples_both_spaces_and_slices_are_compared(
    adopted: Adopted, tmp_path: Path, capsys: Capture
) -> None:
    sliced = e2e.validate(capsys, adopted.full, adopted.clean, tmp_path / "a", "--slice_by=carrier")
    assert sliced.code == 0, sliced.out
    slices = e2e.verdict(tmp_path / "a")["slices"]
    assert {"carrier=AA", "carrier=UA"} <= {each["slice"] for each in slices if each["verdict"] == "ok"}
    assert e2e.validate(capsys, adopted.full, adopted.skewed, tmp_path / "b").code == 1
    errors = e2e.errors(e2e.verdict(tmp_path / "b"))
    assert errors >= {("raw", "distance"), ("raw", "carrier"), ("transformed", "distance_z")}


def test_with_examples_the_transformed_statistics_are_those_of_their_rows(adopted: Adopted) -> None:
    statistics = loaded(adopted.full).transformed_statistics
    names = {feature.path.step[0] for feature in statistics.datasets[0].features}
    assert {"label", "distance_if_late"} <= names  # those of the label, which serving cannot give
    for_label = [
        {"label": row["late"], "distance_if_late": [row["distance"][0] * row["late"][0]]}
        for row in adopted.training
    ]
    rows = e2e.transformed(str(adopted.full), adopted.training)
    together = [{**row, **more} for row, more in zip(rows, for_label, strict=True)]
    e2e.check_statistics(statistics, together, names)
    assert loaded(adopted.full).contents.below("transformed_examples")


def test_probes_are_rows_of_the_examples_or_drawn_from_the_statistics(adopted: Adopted) -> None:
    training = {json.dumps(_plain(row)) for row in e2e.requests(adopted.training)}
    shares = {}
    for folder in (adopted.bare, adopted.full):
        raw, transformed = read_probes(str(folder / "probes.tfrecord"))
        rows = [{n: v for n, v in row.items() if v is not None and n != e2e.LABEL} for row in raw.to_pylist()]
        shares[folder.name] = sum(json.dumps(_plain(row)) in training for row in rows[:500]) / 500
        assert 500 < raw.num_rows == transformed.num_rows
        assert {*raw.column("carrier").flatten().to_pylist()} >= {*e2e.CARRIERS}
    assert shares["full"] == 1.0
    assert shares["bare"] < 0.5


def _plain(row: e2e.Row) -> list[Any]:
    return sorted((name, [str(value) for value in values]) for name, values in row.items())


@pytest.mark.usefixtures("asked_here")
def test_a_pushed_model_is_checked(adopted: Adopted, tmp_path: Path, capsys: Capture) -> None:
    tfx.push(adopted.artifacts)
    for folder in (adopted.bare, adopted.full):
        report = check.checked(str(folder), adopted.artifacts.model)
        assert report["exit_code"] == 0, report["findings"]
        assert report["compared"]["transform_features"] == report["probes"] > 500
    vocabulary = adopted.artifacts.model / "assets" / "carriers"
    vocabulary.write_bytes(b"\n".join(sorted(vocabulary.read_bytes().split())) + b"\n")
    model = f"--model={adopted.artifacts.model}"
    run = e2e.run(capsys, *adopt(adopted.artifacts, tmp_path / "base", model))
    assert run.code == 1
    assert loaded(tmp_path / "base").contract.num_examples == ROWS
    assert [line for line in run.out if line.startswith("error:") and "carrier_id" in line]


@pytest.mark.parametrize("kind", ["bare", "full"])
def test_past_windows_are_judged(adopted: Adopted, kind: str, tmp_path: Path, capsys: Capture) -> None:
    baseline = f"--baseline={getattr(adopted, kind)}"
    run = e2e.run(
        capsys, "backtest", baseline, f"--logs={adopted.clean}", f"--output={tmp_path / 'out'}", *SPAN
    )
    assert run.code == 0, run.err
    windows = json.loads((tmp_path / "out/backtest.json").read_text())["windows"]
    assert {window["state"] for window in windows} == {"judged"}


def test_statistics_that_transform_wrote_are_compared_without_examples(
    adopted: Adopted, tmp_path: Path, capsys: Capture
) -> None:
    from trueserve.transforms.graph.transform_graph import TransformGraph

    graph = TransformGraph(str(adopted.full / "transform_output"))
    transformed = graph.apply(e2e.batch(e2e.requests(adopted.training)))
    tfx.post_transform(adopted.artifacts, transformed)
    given = f"--post_transform_stats={adopted.artifacts.post_transform_stats}"
    for name, more in (("beside", ()), ("given", (given,))):
        assert e2e.run(capsys, *adopt(adopted.artifacts, tmp_path / name, *more)).code == 0
        contract = loaded(tmp_path / name).contract
        assert "transformed_statistics" not in contract.lacks
        assert "post_transform_stats" in contract.adopted
    assert e2e.validate(capsys, tmp_path / "beside", adopted.clean, tmp_path / "a").code == 0
    assert e2e.validate(capsys, tmp_path / "beside", adopted.skewed, tmp_path / "b").code == 1
    assert ("transformed", "distance_z") in e2e.errors(e2e.verdict(tmp_path / "b"))


def test_a_run_that_fails_leaves_the_old_baseline(adopted: Adopted, tmp_path: Path, capsys: Capture) -> None:
    assert e2e.run(capsys, *adopt(adopted.artifacts, tmp_path / "base")).code == 0
    before = e2e.tree(tmp_path)
    content = (adopted.artifacts.examples / "Split-train/data_tfrecord-00000-of-00001.gz").read_bytes()
    cut = tmp_path / "cut.gz"
    cut.write_bytes(gzip.compress(gzip.decompress(content)[:-5]))
    run = e2e.run(capsys, *adopt(adopted.artifacts, tmp_path / "base", f"--examples={cut}"))
    assert run.code == 3
    assert "cut.gz" in e2e.one_error(run)
    cut.unlink()
    assert e2e.tree(tmp_path) == before


def test_a_dry_run_says_what_would_be_read_and_writes_nothing(
    adopted: Adopted, tmp_path: Path, capsys: Capture
) -> None:
    run = e2e.run(capsys, *adopt(adopted.artifacts, tmp_path / "base", "--dry_run", examples=True))
    assert run.code == 0, run.err
    assert any("transform graph" in line for line in run.out)
    assert e2e.tree(tmp_path) == {}


def file(folder: Path, content: bytes) -> Path:
    (folder / "given").write_bytes(content)
    return folder / "given"


def empty_folder(folder: Path) -> Path:
    (folder / "Split-train").mkdir()
    return folder


def without(artifacts: tfx.Artifacts, folder: Path, name: str) -> Path:
    schema = tfdv.load_schema_text(str(artifacts.schema / "schema.pbtxt"))
    [feature] = [feature for feature in schema.feature if feature.name == name]
    schema.feature.remove(feature)
    return file(folder, text_format.MessageToString(schema).encode())


def other_type(artifacts: tfx.Artifacts, folder: Path) -> Path:
    schema = tfdv.load_schema_text(str(artifacts.schema / "schema.pbtxt"))
    [feature] = [feature for feature in schema.feature if feature.name == "hour"]
    feature.type = schema_pb2.FLOAT
    return file(folder, text_format.MessageToString(schema).encode())


@pytest.mark.parametrize(
    ("flag", "make", "message"),
    [
        ("schema", lambda a, t: a.statistics, "has no schema.pbtxt; it holds no file"),
        ("schema", lambda a, t: a.statistics / "Split-train/FeatureStats.pb", "FeatureStats.pb"),
        ("schema", lambda a, t: file(t, b"feature { name: 'x' type: FLOAT }"), "are of other features than"),
        ("statistics", lambda a, t: a.schema / "schema.pbtxt", "schema.pbtxt hold no data set"),
        ("statistics", lambda a, t: file(t, b"\x0a\xff\x01"), "is no DatasetFeatureStatisticsList"),
        ("statistics", lambda a, t: file(t, b"datasets { features { name: 'x' } }"), "the split is empty"),
        ("statistics --split=test", lambda a, t: a.statistics, "has no split 'test'; it has eval, train"),
        ("transform_output", lambda a, t: a.transform_graph / "transform_fn", "name the folder above"),
        ("transform_output", lambda a, t: a.schema, "it has no transform_fn/saved_model.pb"),
        ("schema", lambda a, t: without(a, t, "hour"), "takes the feature 'hour', which the schema does not"),
        (
            "schema",
            other_type,
            "takes the feature 'hour' as int64, and the schema has it as",
        ),
        ("examples", lambda a, t: empty_folder(t), "is no file, and no folder that holds one"),
        ("examples", lambda a, t: a.schema / "schema.pbtxt", "schema.pbtxt"),
        ("post_transform_stats", lambda a, t: a.statistics, "have none of the graph's outputs"),
    ],
)
def test_a_wrong_artifact_is_one_line(
    adopted: Adopted, tmp_path: Path, capsys: Capture, flag: str, make: Any, message: str
) -> None:
    name, *more = flag.split()
    given = f"--{name}={make(adopted.artifacts, tmp_path)}"
    before = e2e.tree(tmp_path)
    run = e2e.run(capsys, *adopt(adopted.artifacts, tmp_path / "base"), given, *more)
    assert message in e2e.one_error(run)
    assert run.code == 3
    assert e2e.tree(tmp_path) == before


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--label=nobody"], "--label=nobody is no feature of the data"),
        (["--time_feature=hour"], "--time_feature needs --examples"),
        (["--schema=/no/such"], "--schema: there is no file or folder '/no/such'"),
        (["--examples=x", "--post_transform_stats=/"], "cannot be combined with --examples"),
    ],
)
def test_wrong_usage(
    adopted: Adopted, tmp_path: Path, capsys: Capture, flags: list[str], message: str
) -> None:
    run = e2e.run(capsys, *adopt(adopted.artifacts, tmp_path / "base"), *flags)
    assert message in e2e.one_error(run)
    assert run.code == 2

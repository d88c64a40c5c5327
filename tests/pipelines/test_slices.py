"""Slices: their statistics are bounded, and a canary's skew is its own."""

from __future__ import annotations

import itertools
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pytest
from support import branches, e2e, logs
from support.homes import Home
from support.slices import batch, byte_lists
from support.verdict_schema import VERDICT_SCHEMA
from tensorflow_metadata.proto.v0 import statistics_pb2

from trueserve.transforms.branches.marking import Marked
from trueserve.transforms.branches.slices import slices
from trueserve.transforms.core.batches import Batch
from trueserve.transforms.core.slicing import MISSING, SliceStatistics
from trueserve.transforms.summaries import sliced
from trueserve.transforms.summaries.quantiles import Scratch
from trueserve.transforms.summaries.sliced import SlicedSummary

Capture = pytest.CaptureFixture[str]


def computed(batches: list[Batch], *slicings: tuple[str, ...], min_rows: int = 1) -> SliceStatistics:
    """Of batches that are a range each."""
    branch = Marked(slicings, [slices("raw", None, min_rows)])
    ranges = [branches.decoded([rows]) for rows in batches] or [[]]
    statistics: SliceStatistics = branches.results([branch], *ranges)["raw_slices", 0]
    return statistics


def test_statistics_are_those_of_the_rows_of_a_slice() -> None:
    versions = ["1", "2", "1", None, "2", "1", "3"] * 30
    parts = [
        batch(210, version=pa.array(versions), carrier=byte_lists(*([b"A%d" % (i % 2)] for i in range(210))))
        for _ in range(3)
    ]
    slices = computed(parts, ("version",), ("carrier", "version"), min_rows=90)
    expected: Counter[str] = Counter()
    for i, version in enumerate(versions):
        expected[f"version={version or MISSING}"] += 3
        expected[f"carrier=A{i % 2},version={version or MISSING}"] += 3
    large = {name: rows for name, rows in expected.items() if rows >= 90}
    assert slices.rows == large
    assert list(slices.rows.values()) == sorted(large.values(), reverse=True)
    assert (slices.left_out, slices.more) == (len(expected) - len(large), False)
    for dataset in slices.statistics.datasets:
        assert dataset.num_examples == slices.rows[dataset.name]
        total = sum(i for i, v in enumerate(versions) if f"version={v or MISSING}" == dataset.name)
        numbers = {f.path.step[0]: f for f in dataset.features}["number"].num_stats
        if "carrier" not in dataset.name:
            assert numbers.mean * slices.rows[dataset.name] / 3 == pytest.approx(total)


def test_no_row_gives_no_slice() -> None:
    assert computed([], ("version",)).rows == {}
    assert computed([batch(0)], ("version",)).rows == {}


def test_rows_of_slices_have_their_weights() -> None:
    rates = pa.array([0.5, 1.0] * 100 + [0.25] * 100)
    slices = computed(
        [batch(300, version=pa.array(["1"] * 200 + ["2"] * 100), sampling_rate=rates)], ("version",)
    )
    assert slices.rows == {"version=1": 200, "version=2": 100}
    sizes = {dataset.name: dataset.num_examples for dataset in slices.statistics.datasets}
    assert sizes == {"version=1": 180, "version=2": 100}


def add(summary: SlicedSummary, names: list[str]) -> None:
    rows = batch(len(names)).features
    summary.add(rows, None, [pa.array(names).dictionary_encode()], Scratch())


def test_a_slice_a_request_does_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sliced, "MOST_SLICES", 20)
    monkeypatch.setattr(sliced, "MOST_NAMES", 100)
    parts = [SlicedSummary(), SlicedSummary()]
    for part, number in itertools.product(range(2), range(5)):
        names = [f"user={part} {number} {i}" for i in range(60)] + ["user=busy"] * 40
        add(parts[part], names)
    parts[0].merge(parts[1], Scratch())
    merged = parts[0]
    assert len(merged.kept) <= 20
    assert len(merged.given_up) <= 100
    assert merged.closed
    assert [(name, part.num_examples) for name, part in merged.largest(2, 9)] == [("user=busy", 400)]


def test_a_slice_that_lacks_rows_is_never_examined(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sliced, "MOST_SLICES", 2)
    first, second = SlicedSummary(), SlicedSummary()
    add(first, ["a"] * 9 + ["b"] * 8 + ["c"])  # c finds no room
    add(first, ["c"] * 50)  # and is not taken up again
    add(second, ["c"] * 70 + ["a"] * 5)
    first.merge(second, Scratch())
    assert {name: part.num_examples for name, part in first.kept.items()} == {"a": 14, "b": 8}
    assert first.given_up == {"c": 121}
    # The other way round it is c that was whole here and lacks rows there.
    first, second = SlicedSummary(), SlicedSummary()
    add(first, ["c"] * 70)
    add(second, ["a"] * 9 + ["b"] * 8 + ["c"])
    first.merge(second, Scratch())
    assert sorted(first.kept) == ["a", "b"]
    assert first.given_up == {"c": 71}


def test_a_larger_slice_takes_the_room_of_a_smaller(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sliced, "MOST_SLICES", 2)
    summary = SlicedSummary()
    add(summary, ["a"] * 3 + ["b"] * 5)
    add(summary, ["c"] * 4)
    assert {name: part.num_examples for name, part in summary.kept.items()} == {"b": 5, "c": 4}
    monkeypatch.setattr(sliced, "MOST_BYTES", 1)
    add(summary, ["b"])
    assert list(summary.kept) == ["b"]


def write_versions(path: Path, rows: list[e2e.Row], versions: list[int]) -> str:
    records = [
        logs.examples_log([logs.example(**row)], e2e.seconds(i), version=version)
        for i, (row, version) in enumerate(zip(rows, versions, strict=True))
    ]
    logs.write_records(path, records)
    return str(path)


def canary(home: Home, path: Path) -> str:
    """Version 2 answers one request in fifty, and its clients send kilometres."""
    versions = [2 if i % 50 == 3 else 1 for i in range(len(home.serving))]
    faulty = e2e.in_kilometres(home.serving)
    rows = [faulty[i] if version == 2 else home.serving[i] for i, version in enumerate(versions)]
    return write_versions(path, rows, versions)


def test_the_skew_of_a_canary_is_its_own(home: Home, tmp_path: Path, capsys: Capture) -> None:
    log = canary(home, tmp_path / "log")
    assert e2e.validate(capsys, home.baseline, log, tmp_path / "whole").code == 0
    result = e2e.validate(capsys, home.baseline, log, tmp_path / "out", "--slice_by=version")
    document = e2e.verdict(tmp_path / "out")
    VERDICT_SCHEMA.validate(document)
    assert result.code == 1
    errors = {
        (f["slice"], f["space"], f["feature"]) for f in document["findings"] if f["severity"] == "error"
    }
    assert errors == {("version=2", "raw", "distance"), ("version=2", "transformed", "distance_z")}
    assert not [f for f in document["findings"] if f["slice"] == "version=1"]
    assert document["slices"] == [
        {"slice": "version=1", "rows": 9_800, "verdict": "ok"},
        {"slice": "version=2", "rows": 200, "verdict": "skew"},
    ]
    assert document["slices_left_out"] == 0
    for name in ("slices.binpb", "transformed_slices.binpb"):
        data = Path(tmp_path / "out", document["artifacts"][name]["path"]).read_bytes()
        datasets = statistics_pb2.DatasetFeatureStatisticsList.FromString(data).datasets
        assert [(dataset.name, dataset.num_examples) for dataset in datasets] == [
            ("version=1", 9_800),
            ("version=2", 200),
        ]
    assert any(line.startswith("error, new: in version=2: distance ") for line in result.out)
    message = "not served as trained, which affects 1 feature computed from it, in version=2 alone"
    assert any(message in line for line in result.out)
    html = (tmp_path / "out" / "report.html").read_text()
    assert "<summary>version=2:" in html


def test_small_slices_are_counted(home: Home, tmp_path: Path, capsys: Capture) -> None:
    versions = [2 if i < 199 else 3 if i < 399 else 1 for i in range(1000)]
    log = write_versions(tmp_path / "log", home.serving[:1000], versions)
    flags = ("--slice_by=version", "--slice_by=day,version")
    assert e2e.validate(capsys, home.baseline, log, tmp_path / "out", *flags).code == 0
    document = e2e.verdict(tmp_path / "out")
    rows = {part["slice"]: part["rows"] for part in document["slices"]}
    assert rows == {
        "version=1": 601,
        "version=3": 200,
        "day=2013-07-01,version=1": 601,
        "day=2013-07-01,version=3": 200,
    }
    assert document["slices_left_out"] == 2


def test_a_name_that_is_none_is_said_at_once(home: Home, tmp_path: Path, capsys: Capture) -> None:
    result = e2e.validate(capsys, home.baseline, home.clean, tmp_path, "--slice_by=version,wether")
    assert result.code == 2
    assert "got 'wether'" in e2e.one_error(result)
    result = e2e.validate(capsys, home.baseline, home.clean, tmp_path, "--slice_by=distance")
    assert "distance is FLOAT in the schema" in e2e.one_error(result)
    assert not list(tmp_path.iterdir())

"""`trueserve join` as a whole: kinds of logs, keys of features and of the log, exit codes, and its file."""

from __future__ import annotations

import json
import resource
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from support import e2e, logs
from support.homes import Home

from benchmarks import join as benchmark
from trueserve.transforms.joining import split

Capture = pytest.CaptureFixture[str]
ROWS = 300
SECRET = b"secret"


@pytest.fixture(scope="module")
def rides() -> list[e2e.Row]:
    """Rows with an id: an int, as JSON and CSV have it too."""
    return [{**row, "ride": [number]} for number, row in enumerate(e2e.rides(ROWS, 5))]


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory, rides: list[e2e.Row]) -> str:
    return e2e.write_examples(tmp_path_factory.mktemp("joined") / "examples", rides, (100, 220))


def join(
    capsys: Capture, examples: str, logs: str, output: Path, *more: str
) -> tuple[e2e.Run, dict[str, Any]]:
    """The command, and the content of join.json; {} where there is none."""
    run = e2e.run(capsys, "join", f"--examples={examples}", f"--logs={logs}", f"--output={output}", *more)
    path = output / "join.json"
    return run, json.loads(path.read_bytes()) if path.exists() else {}


def features(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {feature["feature"]: feature for feature in document["features"]}


def write_rest(path: Path, rows: Sequence[e2e.Row]) -> str:
    """REST bodies of one instance, with the id of the request beside it."""
    lines = [json.dumps({"request_id": str(row["ride"][0]), "instances": [_json_of(row)]}) for row in rows]
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def _json_of(row: e2e.Row) -> dict[str, Any]:
    given = {name: values for name, values in row.items() if name not in {"ride", e2e.LABEL}}
    plain = {
        name: [v.decode() if isinstance(v, bytes) else v for v in values] for name, values in given.items()
    }
    return {name: values if name == "tags" else values[0] for name, values in plain.items()}


def test_whole_pipelines_count_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inputs = benchmark.write_sides(tmp_path / "sides", 400)
    monkeypatch.setattr(split, "PARTITION_BYTES", 50_000)
    ours, theirs = (benchmark.timed(run, inputs).counts for run in (benchmark.run_join, benchmark.run_tfdv))
    assert ours == theirs
    assert ours["f07"]["mismatch_count"] > 5
    assert ours["f03"]["base_only"] > 5
    assert ours[""]["duplicate_id_count"] > 0
    assert ours[""]["test_missing_id_count"] > 0


def test_prediction_logs_with_the_types_of_the_examples(
    capsys: Capture, tmp_path: Path, examples: str, rides: list[e2e.Row]
) -> None:
    served = e2e.in_lower_case(e2e.requests(rides[50:]))
    logged = e2e.write_logs(tmp_path / "logs", served, (90,))
    run, document = join(capsys, examples, logged, tmp_path / "out", "--key=ride", f"--ignore={e2e.LABEL}")
    assert (run.code, document["exit_code"], document["result"]) == (1, 1, "differs")
    counts = document["counts"]
    assert (counts["keys"], counts["keys_only_in_examples"], counts["compared"]) == (ROWS, 50, ROWS - 50)
    assert counts["mismatched"] == counts["compared"]
    by_feature = features(document)
    assert by_feature["carrier"]["mismatch_count"] == ROWS - 50
    assert sum(feature["diff_count"] for name, feature in by_feature.items() if name != "carrier") == 0
    assert by_feature["carrier"]["rates"]["mismatch"] == 1.0
    assert {entry["feature"] for entry in document["not_compared"]} == {"ride", e2e.LABEL}
    assert any(line.startswith("carrier") and "100 %" in line for line in run.out)
    # Which feature, and where; no value of a request.
    assert document["samples"][0]["differs"] == {"mismatch": ["carrier"]}
    assert "values" not in document["samples"][0]


def test_ids_of_the_log_and_a_baseline(
    capsys: Capture, tmp_path: Path, examples: str, rides: list[e2e.Row], home: Home
) -> None:
    logged = write_rest(tmp_path / "log.jsonl", rides)
    more = ("--key=ride=request_id", f"--baseline={home.baseline}")
    run, document = join(capsys, examples, logged, tmp_path / "out", *more)
    assert run.code == 0, run
    assert document["counts"]["matched"] == document["counts"]["compared"] == ROWS
    assert document["samples"] == []
    # The label is no feature of requests, by the baseline's schema.
    assert e2e.LABEL not in features(document)
    assert e2e.LABEL in {entry["feature"] for entry in document["not_compared"]}


def test_csv_and_a_tolerance(capsys: Capture, tmp_path: Path, rides: list[e2e.Row]) -> None:
    single = [{name: values for name, values in row.items() if name not in {"tags", "late"}} for row in rides]
    table = e2e.write_csv(tmp_path / "csv", single, (200,))
    nearly = [{**row, "distance": [row["distance"][0] * (1 + 1e-6)]} for row in single]
    logged = write_rest(tmp_path / "log.jsonl", nearly)
    run, document = join(capsys, table, logged, tmp_path / "exact", "--key=ride=request_id")
    assert run.code == 1
    assert features(document)["distance"]["mismatch_count"] > ROWS / 2
    run, document = join(
        capsys, table, logged, tmp_path / "near", "--key=ride=request_id", "--tolerance=1e-5"
    )
    assert (run.code, document["counts"]["matched"]) == (0, ROWS)
    rounded = "--float_round_ndigits=1"
    run, document = join(capsys, table, logged, tmp_path / "rounded", "--key=ride=request_id", rounded)
    assert features(document)["distance"]["mismatch_count"] < ROWS / 2


def test_a_window_of_requests(capsys: Capture, tmp_path: Path, examples: str, rides: list[e2e.Row]) -> None:
    logged = e2e.write_logs(tmp_path / "logs", rides, (), each=1)
    run, document = join(capsys, examples, logged, tmp_path / "out", "--key=ride", "--window=2013-07-01T00")
    assert run.code == 0, run
    hour = 3600 // e2e.SECONDS_APART
    assert document["counts"]["compared"] == hour
    assert document["reading"]["requests"]["outside_window"] == ROWS - hour


def test_partitions_change_nothing(
    capsys: Capture, tmp_path: Path, examples: str, rides: list[e2e.Row], monkeypatch: pytest.MonkeyPatch
) -> None:
    logged = e2e.write_examples(tmp_path / "logs", e2e.in_kilometres(rides[:200]), (90,))
    run, document = join(capsys, examples, logged, tmp_path / "one", "--key=ride")
    monkeypatch.setattr(split, "PARTITION_BYTES", 20_000)
    unpartitioned, partitioned = join(capsys, examples, logged, tmp_path / "many", "--key=ride")
    assert (run.code, unpartitioned.code) == (1, 1)
    assert partitioned == document


def test_a_full_disk_is_one_line_and_leaves_nothing(
    capsys: Capture, tmp_path: Path, examples: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No file may grow beyond a few kB: the rows of 300 rides take more."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8000, limits[1]))
    try:
        run, document = join(capsys, examples, examples, tmp_path / "out", "--key=ride")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (run.code, document) == (3, {})
    assert e2e.one_error(run).startswith(f"cannot write {tmp_path}/tmp/")
    assert "TMPDIR" in run.err[-1]
    assert [*(tmp_path / "tmp").iterdir()] == []
    run, _ = join(capsys, examples, examples, tmp_path / "out", "--key=ride")
    assert run.code == 0
    assert [*(tmp_path / "tmp").iterdir()] == []


def _pair(folder: Path, base: Sequence[bytes], test: Sequence[bytes]) -> tuple[str, str]:
    for name, rows in (("base", base), ("test", test)):
        logs.write_records(folder / f"{name}.tfrecord", rows)
    return str(folder / "base.tfrecord"), str(folder / "test.tfrecord")


def test_values_are_kept_only_where_they_may_be(capsys: Capture, tmp_path: Path) -> None:
    pair = _pair(
        tmp_path,
        [logs.example(id=[SECRET], x=[SECRET, b"\xff"], f=[1.5])],
        [logs.example(id=[SECRET], x=[b"other"], f=[float("nan")])],
    )
    run, document = join(capsys, *pair, tmp_path / "out", "--key=id")
    assert run.code == 1
    assert SECRET.decode() not in json.dumps(document) + str(run)
    run, document = join(capsys, *pair, tmp_path / "kept", "--key=id", "--keep_payloads")
    (sample,) = document["samples"]
    assert sample["key"] == [["secret"]]
    assert sample["values"]["x"] == {"base": ["secret", {"base64": "/w=="}], "test": ["other"]}
    assert sample["values"]["f"] == {"base": [1.5], "test": ["nan"]}


def test_nothing_in_common_is_not_examined(capsys: Capture, tmp_path: Path) -> None:
    pair = _pair(tmp_path, [logs.example(id=[1], x=[1])], [logs.example(id=[2], x=[1])])
    run, document = join(capsys, *pair, tmp_path / "out", "--key=id")
    assert (run.code, document["result"], document["exit_code"]) == (4, "not_examined", 4)
    assert "no key in common" in run.err[-1]
    run, _ = join(capsys, *pair, tmp_path / "out", "--key=nobody")
    assert run.code == 4
    assert "1 lack it" in run.err[-1]
    logs.write_records(tmp_path / "base.tfrecord", [])
    run, _ = join(capsys, *pair, tmp_path / "out", "--key=id")
    assert run.code == 4
    assert "the examples hold no row" in run.err[-1]


def test_duplicates_are_compared_on_demand(capsys: Capture, tmp_path: Path) -> None:
    row = logs.example(id=[1], x=[1])
    pair = _pair(tmp_path, [row], [row, row])
    run, document = join(capsys, *pair, tmp_path / "out", "--key=id")
    assert run.code == 4
    assert "--allow_duplicate_identifiers" in run.err[-1]
    assert document["counts"]["duplicate_keys_in_requests"] == 1
    run, document = join(capsys, *pair, tmp_path / "out", "--key=id", "--allow_duplicate_identifiers")
    assert (run.code, document["counts"]["matched"]) == (0, 2)


@pytest.mark.parametrize("side", ["base", "test"])
def test_what_cannot_be_read_fails_and_writes_nothing(capsys: Capture, tmp_path: Path, side: str) -> None:
    row = logs.example(id=[1], x=[1])
    bad = [row, b"\xff" + SECRET]
    pair = _pair(tmp_path, bad if side == "base" else [row], bad if side == "test" else [row])
    run, document = join(capsys, *pair, tmp_path / "out", "--key=id")
    assert (run.code, document) == (3, {})
    assert f"{side}.tfrecord, record 1" in run.err[-1]
    assert SECRET.decode() not in str(run)
    run, document = join(capsys, *pair, tmp_path / "out", "--key=id", "--max_rejects=0.5")
    assert run.code == 0
    path = tmp_path / f"{side}.tfrecord"
    path.write_bytes(path.read_bytes()[:-3])
    run, _ = join(capsys, *pair, tmp_path / "out", "--key=id", "--max_rejects=0.5")
    assert run.code == 3
    assert path.name in run.err[-1]


def test_a_feature_in_two_types_is_named(capsys: Capture, tmp_path: Path) -> None:
    base = [logs.example(id=[1], x=[1])]
    for name, value in (("test-0", [b"a"]), ("test-1", [1])):
        filler = [logs.example(id=[number], y=[1]) for number in range(2, 1300)]
        logs.write_records(tmp_path / f"{name}.tfrecord", [*filler, logs.example(id=[1], x=value)])
    logs.write_records(tmp_path / "base.tfrecord", base)
    test = str(tmp_path / "test-*")
    run, _ = join(capsys, str(tmp_path / "base.tfrecord"), test, tmp_path / "out", "--key=id")
    assert run.code == 3
    assert "'x'" in run.err[-1]
    assert "two types" in run.err[-1]


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--key=a=b"], "NAME=request_id"),
        (["--key=,"], "expected feature names"),
        (["--key=id", "--float_round_ndigits=2", "--tolerance=0.1"], "cannot be combined with"),
        (["--key=id", "--float_round_ndigits=13"], "from 0 to 12"),
        (["--key=id", "--tolerance=-1"], "from 0 to 1"),
        (["--key=id", "--baseline=b", "--schema=s"], "cannot be combined with"),
        (["--key=id", "--baseline=nowhere"], "nowhere"),
        (["--key=id", "--schema=nowhere"], "nowhere"),
        (["--key=id", "--window=2013-07", "--start=2013-07-01"], "cannot be combined with"),
        (["--key=id", "--logs=bq://p.d.t"], "Parquet"),
        ([], "--key"),
    ],
)
def test_wrong_usage_is_one_line(capsys: Capture, tmp_path: Path, flags: list[str], says: str) -> None:
    pair = _pair(tmp_path, [logs.example(id=[1])], [logs.example(id=[1])])
    run, document = join(capsys, *pair, tmp_path / "out", *flags)
    assert (run.code, document, len(run.err)) == (2, {}, 1)
    assert says in run.err[0]


def test_examples_that_cannot_be_read_lack_no_key(capsys: Capture, tmp_path: Path) -> None:
    (tmp_path / "base.tfrecord").write_bytes(b"")
    logs.write_records(tmp_path / "bad.tfrecord", [SECRET])
    logged = write_rest(tmp_path / "log.jsonl", [{"ride": [1], "hour": [3]}])
    examples = f"{tmp_path}/base.tfrecord,{tmp_path}/bad.tfrecord"
    run, _ = join(capsys, examples, logged, tmp_path / "out", "--key=ride=request_id")
    assert run.code == 3
    assert "bad.tfrecord, record 0" in run.err[-1]


def test_a_key_that_no_example_has_is_named(capsys: Capture, tmp_path: Path, examples: str) -> None:
    logged = write_rest(tmp_path / "log.jsonl", [{"ride": [1], "hour": [3]}])
    run, _ = join(capsys, examples, logged, tmp_path / "out", "--key=rid")
    assert run.code == 2
    assert "'rid'" in run.err[-1]
    assert "ride" in run.err[-1]


def test_values_of_other_types_are_told(capsys: Capture, tmp_path: Path, examples: str) -> None:
    logged = tmp_path / "log.jsonl"
    logged.write_text('{"request_id": "3", "instances": [{"hour": "noon", "speed": 1}]}\n')
    run, document = join(capsys, examples, str(logged), tmp_path / "out", "--key=ride=request_id")
    assert run.code == 1
    assert {(form["feature"], form["form"]) for form in document["reading"]["requests"]["forms"]} >= {
        ("hour", "bytes_for_int"),
        ("speed", "unknown_feature"),
    }
    assert features(document)["hour"]["base_only"] == 1
    assert any("hour bytes for int 1 row" in line for line in run.out)
    assert any("speed" in line and "not known" in line for line in run.out)

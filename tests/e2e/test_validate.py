"""`trueserve validate`, end to end: the answer worked out in memory; planted skew and its clean twin."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
from conftest import SERVING_CUTS, Home
from support import e2e, logs
from support.repo import ROOT
from tensorflow_metadata.proto.v0 import statistics_pb2

from transforms.files import paths

PLANTED = {
    ("raw", "distance"),
    ("raw", "carrier"),
    ("transformed", "distance_z"),
    ("transformed", "carrier_id"),
}
RAW_SERVED = {"distance", "hour", "carrier", "delay", "stops", "tags"}
TRANSFORMED_SERVED = {"distance_z", "delay_filled", "carrier_id", "tag_ids", "hour_bucket", "stops_filled"}

Capture = pytest.CaptureFixture[str]


def lasting(document: dict[str, Any]) -> dict[str, Any]:
    """What a rerun of the same window must say again, however its rows are spread.

    Beyond 8,192 rows quantiles are sketched, in the order in which rows are merged: distances between
    numbers, and what is told of those that do not matter, agree to their bound.
    """
    kept = {name: document[name] for name in ("verdict", "exit_code", "window", "counts", "rejects")}
    names = ("severity", "space", "feature", "kind")
    told = {tuple(f[name] for name in names) for f in document["findings"] if f["severity"] != "info"}
    return kept | {"findings": sorted(told)}


def num_requests(rows: int = 10_000, cuts: tuple[int, ...] = SERVING_CUTS, each: int = 7) -> int:
    return sum(requests_by_file(rows, cuts, each))


def requests_by_file(rows: int = 10_000, cuts: tuple[int, ...] = SERVING_CUTS, each: int = 7) -> list[int]:
    return [-(-len(part) // each) for part in e2e.cut(range(rows), cuts)]


def files_of(logs_: str) -> list[str]:
    return [file.path for file in paths.expand(logs_)]


def artifact(output: Path, name: str) -> bytes:
    entry = e2e.verdict(output)["artifacts"][name]
    data = Path(output, entry["path"]).read_bytes()
    assert (len(data), hashlib.sha256(data).hexdigest()) == (entry["bytes"], entry["sha256"])
    return data


def served_statistics(output: Path, name: str) -> Any:
    return statistics_pb2.DatasetFeatureStatisticsList.FromString(artifact(output, name))


def test_the_clean_twin_is_silent_and_counted(home: Home, tmp_path: Path, capsys: Capture) -> None:
    result = e2e.validate(capsys, home.baseline, home.clean, tmp_path)
    document = e2e.verdict(tmp_path)
    jsonschema.validate(document, json.loads((ROOT / "docs" / "verdict.schema.json").read_text()))
    assert (result.code, result.err) == (0, [])
    assert (document["verdict"], document["findings"], document["rejects"]) == ("ok", [], {})
    assert document["counts"] == {
        "read": num_requests(),
        "decoded": num_requests(),
        "rejected": 0,
        "outside_window": 0,
        "no_time": 0,
        "excluded": 0,
        "rows": 10_000,
        "compared": 10_000,
    }
    assert document["files"] == [
        {
            "file": file,
            "read": n,
            "decoded": n,
            "rejected": {},
            "outside_window": 0,
            "no_time": 0,
            "excluded": {},
        }
        for file, n in zip(files_of(home.clean), requests_by_file(), strict=True)
    ]
    left_out = {(row["space"], row["feature"]) for row in document["not_compared"]}
    assert left_out == {("raw", "late"), ("transformed", "label"), ("transformed", "distance_if_late")}
    assert result.out[-1] == f"report {tmp_path / 'report.html'}"
    assert (tmp_path / "report.html").read_bytes() == artifact(tmp_path, "report.html")


def test_statistics_are_those_counted_in_memory(home: Home, tmp_path: Path, capsys: Capture) -> None:
    assert e2e.validate(capsys, home.baseline, home.clean, tmp_path).code == 0
    e2e.check_statistics(served_statistics(tmp_path, "stats.binpb"), home.serving, RAW_SERVED)
    outputs = e2e.transformed(home.baseline, home.serving)
    e2e.check_statistics(served_statistics(tmp_path, "transformed_stats.binpb"), outputs, TRANSFORMED_SERVED)


def test_planted_skew_is_found_and_nothing_else(home: Home, tmp_path: Path, capsys: Capture) -> None:
    result = e2e.validate(capsys, home.baseline, home.skewed, tmp_path)
    document = e2e.verdict(tmp_path)
    assert (result.code, document["verdict"], document["exit_code"]) == (1, "skew", 1)
    assert e2e.errors(document) == PLANTED
    by_name = {(f["feature"], f["kind"]): f for f in document["findings"]}
    for name, raw in (("distance", []), ("distance_z", ["distance"]), ("carrier_id", ["carrier"])):
        found = by_name[name, "distribution"]
        assert found["distance"] > found["threshold"] == 0.1
        assert found["distance"] > found["noise_floor"]
        assert found["raw_features"] == raw
    assert ("carrier", "values") in by_name
    assert "distance" in artifact(tmp_path, "anomalies.pbtxt").decode()
    table = "\n".join(result.out)
    assert all(f"error: {name} " in table for name in ("distance", "carrier", "distance_z", "carrier_id"))


def test_a_rerun_says_the_same(home: Home, tmp_path: Path, capsys: Capture) -> None:
    window = (f"--start={iso(700)}", f"--end={iso(9_000)}")
    documents = []
    for _ in range(2):
        assert e2e.validate(capsys, home.baseline, home.skewed, tmp_path, *window).code == 1
        documents.append(e2e.verdict(tmp_path))
    assert lasting(documents[0]) == lasting(documents[1])
    assert (
        documents[0]["artifacts"]["report.html"]["path"] != documents[1]["artifacts"]["report.html"]["path"]
    )


def test_tf_examples_say_what_prediction_logs_say(home: Home, tmp_path: Path, capsys: Capture) -> None:
    faulty = e2e.in_lower_case(e2e.in_kilometres(home.serving))
    examples = e2e.write_examples(tmp_path / "examples", faulty, SERVING_CUTS)
    assert e2e.validate(capsys, home.baseline, examples, tmp_path / "one").code == 1
    assert e2e.validate(capsys, home.baseline, home.skewed, tmp_path / "other").code == 1
    one, other = e2e.verdict(tmp_path / "one"), e2e.verdict(tmp_path / "other")
    assert one["findings"] == other["findings"]
    assert (one["counts"]["read"], one["counts"]["compared"]) == (10_000, 10_000)


def test_spaces_choose_what_is_compared(home: Home, tmp_path: Path, capsys: Capture) -> None:
    for space in ("raw", "transformed"):
        output = tmp_path / space
        assert e2e.validate(capsys, home.baseline, home.skewed, output, f"--spaces={space}").code == 1
        document = e2e.verdict(output)
        assert e2e.errors(document) == {found for found in PLANTED if found[0] == space}
        assert {row["space"] for row in document["not_compared"]} == {space}
        prefix = "transformed_" if space == "transformed" else ""
        assert {n for n in document["artifacts"] if "stats" in n} == {f"{prefix}stats.binpb"}


def test_ignored_features_do_not_fail_the_run(home: Home, tmp_path: Path, capsys: Capture) -> None:
    names = ",".join(name for _, name in PLANTED)
    assert e2e.validate(capsys, home.baseline, home.skewed, tmp_path, f"--ignore={names}").code == 0
    document = e2e.verdict(tmp_path)
    assert {f["feature"] for f in document["findings"] if f["severity"] == "info"} >= {"distance", "carrier"}
    more = names.replace("distance_z,", "").replace(",distance_z", "")
    assert e2e.validate(capsys, home.baseline, home.skewed, tmp_path, f"--ignore={more}").code == 1
    assert e2e.errors(e2e.verdict(tmp_path)) == {("transformed", "distance_z")}


def test_thresholds_do_not_change_what_the_schema_says(home: Home, tmp_path: Path, capsys: Capture) -> None:
    wide = ("--jsd=1", "--linf=1")
    assert e2e.validate(capsys, home.baseline, home.skewed, tmp_path, *wide).code == 1
    assert e2e.errors(e2e.verdict(tmp_path)) == PLANTED


def test_a_warning_fails_the_run_only_if_asked(home: Home, tmp_path: Path, capsys: Capture) -> None:
    rows = [{**row, "coupon": [b"x"]} if i == 77 else row for i, row in enumerate(home.serving)]
    rows[3] = {**rows[3], "carrier": [b"ZZ"]}
    examples = e2e.write_examples(tmp_path / "examples", rows, SERVING_CUTS)
    assert e2e.validate(capsys, home.baseline, examples, tmp_path / "out").code == 0
    document = e2e.verdict(tmp_path / "out")
    warned = {f["feature"] for f in document["findings"] if f["severity"] == "warning"}
    assert (e2e.errors(document), warned) == (set(), {"coupon", "carrier"})
    strict = "--fail_on=warning"
    assert e2e.validate(capsys, home.baseline, examples, tmp_path / "out", strict).code == 1
    assert e2e.verdict(tmp_path / "out")["verdict"] == "skew"
    assert e2e.validate(capsys, home.baseline, home.clean, tmp_path / "out", strict).code == 0


def test_a_required_feature_that_goes_missing_is_an_error(
    home: Home, tmp_path: Path, capsys: Capture
) -> None:
    rows = [{n: v for n, v in row.items() if n != "hour"} for row in home.serving]
    examples = e2e.write_examples(tmp_path / "examples", rows, SERVING_CUTS)
    assert e2e.validate(capsys, home.baseline, examples, tmp_path / "out").code == 1
    document = e2e.verdict(tmp_path / "out")
    # The preprocessing fills it with 0, so the model sees one bucket only.
    assert e2e.errors(document) == {("raw", "hour"), ("transformed", "hour_bucket")}
    assert [f["kind"] for f in document["findings"] if f["feature"] == "hour"] == ["presence"]
    assert ("hour", "raw") in {(row["feature"], row["space"]) for row in document["not_compared"]}


def iso(index: int) -> str:
    return dt.datetime.fromtimestamp(e2e.seconds(index), dt.UTC).isoformat()


def test_the_window_is_half_open(home: Home, tmp_path: Path, capsys: Capture) -> None:
    # The time of a request is that of its first row: rows 0, 7, 14, ... of each file.
    starts = [
        part[first] for part in e2e.cut(range(10_000), SERVING_CUTS) for first in range(0, len(part), 7)
    ]
    low, high = starts[100], starts[1_300]
    window = (f"--start={iso(low)}", f"--end={iso(high)}")
    assert e2e.validate(capsys, home.baseline, home.clean, tmp_path, *window).code == 0
    document = e2e.verdict(tmp_path)
    assert document["window"] == {
        name: iso(at).replace("+00:00", "Z") for name, at in (("start", low), ("end", high))
    }
    counts = document["counts"]
    assert (counts["read"], counts["decoded"]) == (num_requests(), 1_200)
    assert counts["outside_window"] == num_requests() - 1_200
    ends = dict(zip(starts, [*starts[1:], 10_000], strict=True))
    assert counts["compared"] == sum(ends[at] - at for at in starts[100:1_300])


def test_a_window_in_one_word_and_logs_by_the_hour(home: Home, tmp_path: Path, capsys: Capture) -> None:
    """One hour of requests, in the folder of the hour before, its own and the next; others are not read."""
    first = dt.datetime.fromtimestamp(e2e.seconds(0), dt.UTC).replace(minute=0, second=0)
    hour = first + dt.timedelta(hours=1)
    shifted = [(at, int((hour + dt.timedelta(minutes=at)).timestamp())) for at in range(-90, 150)]
    by_folder: dict[str, list[bytes]] = {}
    for i, (at, seconds) in enumerate(shifted):
        written = hour + dt.timedelta(minutes=at + 2)  # logged two minutes later than asked
        rows = [logs.example(**row) for row in home.serving[20 * i : 20 * i + 20]]
        folder = written.strftime("%Y-%m-%d/%H")
        by_folder.setdefault(folder, []).append(logs.examples_log(rows, seconds, version=i % 2))
    for folder, records in by_folder.items():
        (tmp_path / folder).mkdir(parents=True)
        logs.write_records(tmp_path / folder / "log", records)
    flags = (f"--window={hour:%Y-%m-%dT%H}", "--exclude=version=1,signature=no*")
    result = e2e.validate(capsys, home.baseline, f"{tmp_path}/%Y-%m-%d/%H/*", tmp_path / "out", *flags)
    document = e2e.verdict(tmp_path / "out")
    later = hour + dt.timedelta(hours=1)
    read = [f"{tmp_path}/{at:%Y-%m-%d/%H}/log" for at in (hour, later)]
    assert sorted(one["file"] for one in document["files"]) == read
    # Of the minutes -2 to 118 that these files hold, 0 to 59 are asked for, and every other is the canary's.
    counts = document["counts"]
    assert (counts["read"], counts["outside_window"], counts["decoded"]) == (120, 60, 30)
    assert (document["excluded"], counts["compared"]) == ({"version": 30}, 600)
    assert document["window"]["start"] == hour.isoformat().replace("+00:00", "Z")
    assert "30 excluded (version 30)" in "\n".join(result.out)
    assert "its model&#39;s version matches an --exclude" in (tmp_path / "out/report.html").read_text()


def test_hours_without_a_file_fail_the_run(home: Home, tmp_path: Path, capsys: Capture) -> None:
    pattern = f"{tmp_path}/%d/%H"
    result = e2e.validate(capsys, home.baseline, pattern, tmp_path / "out", "--window=2013-07-14T05/PT2H")
    assert result.code == 3
    assert f"no file matches any of 3 patterns, '{tmp_path}/14/05' to '{tmp_path}/14/07'" in result.err[0]


def test_a_sample_is_said_wherever_records_are_counted(home: Home, tmp_path: Path, capsys: Capture) -> None:
    result = e2e.validate(capsys, home.baseline, home.clean, tmp_path, "--sample=0.25")
    document = e2e.verdict(tmp_path)
    left_out = document["excluded"]["sample"]
    assert document["excluded"] == {"sample": document["counts"]["excluded"]}
    assert left_out / num_requests() == pytest.approx(0.75, abs=0.06)
    assert f"{left_out:,} excluded (sample {left_out:,})" in "\n".join(result.out)
    page = (tmp_path / "report.html").read_text()
    assert "not in the sample that was asked for" in page
    by_file = [one["excluded"]["sample"] for one in document["files"]]
    assert (len(by_file), sum(by_file)) == (len(files_of(home.clean)), left_out)


@pytest.mark.parametrize("scale", [1, 1_000])
def test_a_feature_tells_the_time(home: Home, tmp_path: Path, capsys: Capture, scale: int) -> None:
    rows = home.serving[:3_000]
    examples = e2e.write_examples(tmp_path / "examples", rows, (1_000, 2_000), feature="at", scale=scale)
    flags = ("--time_feature=at", f"--start={iso(500)}", f"--end={iso(2_500)}")
    assert e2e.validate(capsys, home.baseline, examples, tmp_path / "out", *flags).code == 0
    document = e2e.verdict(tmp_path / "out")
    assert document["findings"] == []
    assert (document["counts"]["compared"], document["counts"]["outside_window"]) == (2_000, 1_000)
    e2e.check_statistics(served_statistics(tmp_path / "out", "stats.binpb"), rows[500:2_500], RAW_SERVED)


def test_rejects_within_the_limit_are_kept_and_counted(home: Home, tmp_path: Path, capsys: Capture) -> None:
    records = [logs.example(**row) for row in home.serving[:999]]
    records.insert(40, b"\x0a\xffnoise of a stranger")
    logs.write_records(tmp_path / "log", records)
    flags = ("--max_rejects=0.001", "--keep_payloads")
    assert e2e.validate(capsys, home.baseline, str(tmp_path / "log"), tmp_path / "out", *flags).code == 0
    document = e2e.verdict(tmp_path / "out")
    assert document["rejects"] == {"not_a_tf_example": 1}
    assert (document["counts"]["read"], document["counts"]["compared"]) == (1_000, 999)
    [reject] = map(json.loads, artifact(tmp_path / "out", "rejects/rejects.jsonl").splitlines())
    assert (reject["file"], reject["record"]) == (str(tmp_path / "log"), 40)
    assert "payload" in reject


def test_worker_processes_say_the_same(home: Home, tmp_path: Path, capsys: Capture) -> None:
    """The installed command, as a user would start it: from a folder of their own."""
    mine = tmp_path / "mine"
    mine.mkdir()
    arguments = [
        "validate",
        f"--baseline={home.baseline}",
        f"--logs={home.skewed}",
        "--output=out",
        "--direct_running_mode=multi_processing",
        "--direct_num_workers=2",
    ]
    found = e2e.installed(arguments, mine)
    assert (found.returncode, found.stderr) == (1, "")
    assert found.stdout.splitlines()[-1] == "report out/report.html"
    assert e2e.validate(capsys, home.baseline, home.skewed, tmp_path / "here").code == 1
    assert lasting(e2e.verdict(mine / "out")) == lasting(e2e.verdict(tmp_path / "here"))


def test_the_installed_command_is_quiet(home: Home, tmp_path: Path) -> None:
    arguments = ["validate", f"--baseline={home.baseline}", f"--logs={home.clean}", f"--output={tmp_path}"]
    found = e2e.installed(arguments, tmp_path)
    assert (found.returncode, found.stderr) == (0, "")
    lines = found.stdout.splitlines()
    assert lines[-1] == f"report {tmp_path}/report.html"
    assert all(line.isprintable() for line in lines)
    assert sum("10,000 rows compared" in line for line in lines) == 1


def test_a_baseline_is_no_place_for_verdicts(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    before = e2e.tree(Path(home.baseline))
    result = e2e.validate(capsys, home.baseline, home.clean, Path(home.baseline))
    assert result.code == 2
    assert "is a baseline; name another folder for verdicts" in result.err[0]
    assert e2e.tree(Path(home.baseline)) == before

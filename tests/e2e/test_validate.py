"""`trueserve validate`, end to end: the answer worked out in memory; planted skew and its clean twin."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support import e2e, logs
from support import validate as support
from support.homes import SERVING_CUTS, Home
from support.verdict_schema import VERDICT_SCHEMA

PLANTED = {
    ("raw", "distance"),
    ("raw", "carrier"),
    ("transformed", "distance_z"),
    ("transformed", "carrier_id"),
}

Capture = pytest.CaptureFixture[str]


def test_the_clean_twin_is_silent_and_counted(home: Home, tmp_path: Path, capsys: Capture) -> None:
    result = e2e.validate(capsys, home.baseline, home.clean, tmp_path)
    document = e2e.verdict(tmp_path)
    VERDICT_SCHEMA.validate(document)
    assert (result.code, result.err) == (0, [])
    assert (document["verdict"], document["findings"], document["rejects"]) == ("ok", [], {})
    assert document["counts"] == {
        "read": support.num_requests(SERVING_CUTS),
        "decoded": support.num_requests(SERVING_CUTS),
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
        for file, n in zip(support.files_of(home.clean), support.requests_by_file(SERVING_CUTS), strict=True)
    ]
    left_out = {(row["space"], row["feature"]) for row in document["not_compared"]}
    assert left_out == {("raw", "late"), ("transformed", "label"), ("transformed", "distance_if_late")}
    assert result.out[-1] == f"report {tmp_path / 'report.html'}"
    assert (tmp_path / "report.html").read_bytes() == support.artifact(tmp_path, "report.html")


def test_statistics_are_those_counted_in_memory(home: Home, tmp_path: Path, capsys: Capture) -> None:
    assert e2e.validate(capsys, home.baseline, home.clean, tmp_path).code == 0
    e2e.check_statistics(support.served_statistics(tmp_path, "stats.binpb"), home.serving, support.RAW_SERVED)
    outputs = e2e.transformed(home.baseline, home.serving)
    e2e.check_statistics(
        support.served_statistics(tmp_path, "transformed_stats.binpb"), outputs, support.TRANSFORMED_SERVED
    )


def test_planted_skew_is_found_and_nothing_else(home: Home, tmp_path: Path, capsys: Capture) -> None:
    result = e2e.validate(capsys, home.baseline, home.skewed, tmp_path, "--verbose")
    document = e2e.verdict(tmp_path)
    assert (result.code, document["verdict"], document["exit_code"]) == (1, "skew", 1)
    assert e2e.errors(document) == PLANTED
    by_name = {(f["feature"], f["kind"]): f for f in document["findings"]}
    for name, raw in (("distance", []), ("distance_z", ["distance"]), ("carrier_id", ["carrier"])):
        finding = by_name[name, "distribution"]
        assert finding["distance"] > finding["threshold"] == 0.1
        assert finding["distance"] > finding["noise_floor"]
        assert finding["raw_features"] == raw
    assert ("carrier", "values") in by_name
    assert "distance" in support.artifact(tmp_path, "anomalies.pbtxt").decode()
    table = "\n".join(result.out)
    assert all(f"error: {name} " in table for name in ("distance", "carrier", "distance_z", "carrier_id"))


def test_a_rerun_says_the_same(home: Home, tmp_path: Path, capsys: Capture) -> None:
    window = (f"--start={support.iso(700)}", f"--end={support.iso(9_000)}")
    documents = []
    for _ in range(2):
        assert e2e.validate(capsys, home.baseline, home.skewed, tmp_path, *window).code == 1
        documents.append(e2e.verdict(tmp_path))
    assert support.lasting(documents[0]) == support.lasting(documents[1])
    assert (
        documents[0]["artifacts"]["report.html"]["path"] != documents[1]["artifacts"]["report.html"]["path"]
    )


def test_tf_examples_say_what_prediction_logs_say(home: Home, tmp_path: Path, capsys: Capture) -> None:
    faulty = e2e.in_lower_case(e2e.in_kilometres(home.serving))
    examples = e2e.write_examples(tmp_path / "examples", faulty, SERVING_CUTS)
    assert e2e.validate(capsys, home.baseline, examples, tmp_path / "one").code == 1
    assert e2e.validate(capsys, home.baseline, home.skewed, tmp_path / "other").code == 1
    of_examples, of_logs = e2e.verdict(tmp_path / "one"), e2e.verdict(tmp_path / "other")
    assert of_examples["findings"] == of_logs["findings"]
    assert (of_examples["counts"]["read"], of_examples["counts"]["compared"]) == (10_000, 10_000)


def test_spaces_choose_what_is_compared(home: Home, tmp_path: Path, capsys: Capture) -> None:
    for space in ("raw", "transformed"):
        output = tmp_path / space
        assert e2e.validate(capsys, home.baseline, home.skewed, output, f"--spaces={space}").code == 1
        document = e2e.verdict(output)
        assert e2e.errors(document) == {planted for planted in PLANTED if planted[0] == space}
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


def test_rejects_within_the_limit_are_kept_and_counted(home: Home, tmp_path: Path, capsys: Capture) -> None:
    records = [logs.example(**row) for row in home.serving[:999]]
    records.insert(40, b"\x0a\xffnoise of a stranger")
    logs.write_records(tmp_path / "log", records)
    flags = ("--max_rejects=0.001", "--keep_payloads")
    assert e2e.validate(capsys, home.baseline, str(tmp_path / "log"), tmp_path / "out", *flags).code == 0
    document = e2e.verdict(tmp_path / "out")
    assert document["rejects"] == {"not_a_tf_example": 1}
    assert (document["counts"]["read"], document["counts"]["compared"]) == (1_000, 999)
    [reject] = map(json.loads, support.artifact(tmp_path / "out", "rejects/rejects.jsonl").splitlines())
    assert (reject["file"], reject["record"]) == (str(tmp_path / "log"), 40)
    assert "payload" in reject


def test_a_baseline_is_no_place_for_verdicts(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    before = e2e.tree(Path(home.baseline))
    result = e2e.validate(capsys, home.baseline, home.clean, Path(home.baseline))
    assert result.code == 2
    assert "is a baseline; name another folder for verdicts" in result.err[0]
    assert e2e.tree(Path(home.baseline)) == before

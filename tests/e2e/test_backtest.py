"""`trueserve backtest` on requests of several days, in files that mix them: what `validate` says of each."""

from __future__ import annotations

import json
import operator
import re
import shutil
from pathlib import Path
from typing import Any, NamedTuple

import jsonschema  # type: ignore[import-untyped]
import pytest
import referencing
from google.protobuf import text_format
from support import e2e
from support.backtest import (
    EVERY,
    FEW,
    KILOMETRES,
    LOWER_CASE,
    MISSING,
    NONE,
    SPAN,
    START,
    WINDOWS,
    backtest,
    rows_of,
    written,
)
from support.homes import Home
from support.repo import ROOT
from tensorflow_metadata.proto.v0 import schema_pb2

from trueserve.pipelines import backtest_folder, cli
from trueserve.pipelines.flags.backtest import parse_duration
from trueserve.transforms.baseline import layout
from trueserve.transforms.core import schema as schemas
from trueserve.transforms.core.errors import InputError, UsageError
from trueserve.transforms.files import documents
from trueserve.transforms.files.windows import iso_duration
from trueserve.transforms.verdict.thresholds import parse

Capture = pytest.CaptureFixture[str]

BAD = f"--known_bad={(START + KILOMETRES * EVERY):%Y-%m-%dT%H}"


class Past(NamedTuple):
    """Requests of the past, the baseline, what the backtest wrote, and what it said."""

    logs: str
    baseline: str
    folder: Path
    document: dict[str, Any]
    out: list[str]


@pytest.fixture(scope="module")
def past(home: Home, tmp_path_factory: pytest.TempPathFactory) -> Past:
    import contextlib
    import io

    folder = tmp_path_factory.mktemp("past")
    log, out = written(home.serving, folder / "logs"), io.StringIO()
    flags = (f"--baseline={home.baseline}", f"--logs={log}", f"--output={folder / 'out'}")
    with contextlib.redirect_stdout(out):
        assert cli.main(["backtest", *flags, *SPAN, BAD]) == 0
    document = json.loads((folder / "out/backtest.json").read_text())
    return Past(log, home.baseline, folder / "out", document, out.getvalue().splitlines())


def test_every_row_lies_in_its_window(home: Home, past: Past) -> None:
    windows = past.document["windows"]
    assert [window["rows"] for window in windows] == [len(rows_of(home.serving, n)) for n in range(WINDOWS)]
    states = dict.fromkeys(range(WINDOWS), "judged")
    states |= {KILOMETRES: "known_bad", FEW: "too_few_rows", NONE: "no_rows"}
    assert [window["state"] for window in windows] == list(states.values())
    counts = past.document["counts"]
    assert counts["rows"] == counts["in_windows"] == sum(window["rows"] for window in windows)
    assert (counts["outside_window"], counts["rejected"]) == (2, 0)
    assert counts["read"] == counts["decoded"] + 2


def test_what_fired_is_what_was_planted(past: Past) -> None:
    fired = [number for number, window in enumerate(past.document["windows"]) if window["fired"]]
    assert fired == [KILOMETRES, LOWER_CASE, MISSING]
    features = {(f["space"], f["feature"]) for f in past.document["windows"][LOWER_CASE]["findings"]}
    assert {("raw", "carrier"), ("transformed", "carrier_id")} <= features
    assert past.document["alarms"] == {"allowed": round(11 * 6 / 24 / 30, 3), "before": 2, "after": 0}


@pytest.mark.parametrize("window", [0, KILOMETRES, LOWER_CASE, MISSING, 13])
def test_a_window_says_what_validate_says(past: Past, tmp_path: Path, capsys: Capture, window: int) -> None:
    flag = f"--window={START + EVERY * window:%Y-%m-%dT%H}/PT6H"
    code = e2e.validate(capsys, past.baseline, past.logs, tmp_path, flag).code
    validated = [f | {"incident": None} for f in e2e.verdict(tmp_path)["findings"] if f["severity"] != "info"]
    judged = past.document["windows"][window]
    key = operator.itemgetter("space", "feature", "kind", "metric")
    assert sorted(judged["findings"], key=key) == sorted(validated, key=key)
    assert judged["fired"] == (code == 1)


def test_the_limits_suggested_hold_in_validate(past: Past, tmp_path: Path, capsys: Capture) -> None:
    baseline = tmp_path / "baseline"
    shutil.copytree(past.baseline, baseline)
    shutil.copy(past.folder / "thresholds.toml", baseline / layout.THRESHOLDS)
    for window, code in ((LOWER_CASE, 0), (MISSING, 0), (KILOMETRES, 1)):
        flag = f"--window={START + EVERY * window:%Y-%m-%dT%H}/PT6H"
        assert e2e.validate(capsys, baseline, past.logs, tmp_path / "out", flag).code == code
    result = backtest(capsys, baseline, past.logs, tmp_path / "again", *SPAN, BAD)
    document = json.loads((tmp_path / "again/backtest.json").read_text())
    assert (result.code, document["suggested"], document["alarms"]["before"]) == (0, [], 0)
    kept = parse((tmp_path / "again/thresholds.toml").read_bytes(), "t")
    assert kept == parse((past.folder / "thresholds.toml").read_bytes(), "t")


def test_errors_that_no_limit_is_for_are_told(past: Past, tmp_path: Path, capsys: Capture) -> None:
    baseline = tmp_path / "baseline"
    shutil.copytree(past.baseline, baseline)
    schema = text_format.Parse((baseline / "schema.pbtxt").read_text(), schema_pb2.Schema())
    [own] = [feature for feature in schema.feature if feature.name == "distance"]
    own.skew_comparator.jensen_shannon_divergence.threshold = 1e-6
    (baseline / "schema.pbtxt").write_text(text_format.MessageToString(schema))
    result = backtest(capsys, baseline, past.logs, tmp_path / "o", *SPAN, BAD)
    document = json.loads((tmp_path / "o/backtest.json").read_text())
    assert document["alarms"]["after"] == 11
    assert {
        "space": "raw",
        "feature": "distance",
        "metric": "jensen_shannon_divergence",
        "windows": 11,
    } in document["left"]
    assert ("raw", "distance", "distribution") not in {
        (limit["space"], limit["feature"], limit["limit"]) for limit in document["suggested"]
    }
    assert any(
        "11 windows fire under the suggested limits too, more than the budget allows" in line
        for line in result.out
    )
    # A threshold of the user's is listed, and left as it is.
    written = text_format.Parse((tmp_path / "o/schema.pbtxt").read_text(), schema_pb2.Schema())
    assert written == schema


def test_a_wide_budget_raises_nothing(past: Past, tmp_path: Path, capsys: Capture) -> None:
    assert backtest(capsys, past.baseline, past.logs, tmp_path / "o", *SPAN, BAD, "--budget=P1D").code == 0
    document = json.loads((tmp_path / "o/backtest.json").read_text())
    assert document["alarms"] == {"allowed": 2.75, "before": 2, "after": 2}
    assert document["suggested"] == []
    assert parse((tmp_path / "o/thresholds.toml").read_bytes(), "thresholds.toml").features == {}


def test_only_and_ignore_narrow_what_is_learnt(past: Past, tmp_path: Path, capsys: Capture) -> None:
    flags = (*SPAN, "--only=distance,hour", "--ignore=hour_bucket", "--spaces=raw")
    assert backtest(capsys, past.baseline, past.logs, tmp_path / "o", *flags).code == 0
    document = json.loads((tmp_path / "o/backtest.json").read_text())
    assert [n for n, window in enumerate(document["windows"]) if window["fired"]] == [KILOMETRES, MISSING]
    assert {(effect["space"], effect["feature"]) for effect in document["effects"]} == {
        ("raw", "distance"),
        ("raw", "hour"),
    }
    assert not (tmp_path / "o/transformed_schema.pbtxt").exists()


def test_the_document_is_as_its_schema_says(past: Past) -> None:
    schema, of_verdict = (
        json.loads((ROOT / f"docs/{name}.schema.json").read_text()) for name in ("backtest", "verdict")
    )
    resource = referencing.Resource.from_contents(of_verdict)
    registry: Any = referencing.Registry().with_resource(of_verdict["$id"], resource)
    jsonschema.Draft202012Validator(schema, registry=registry).validate(past.document)
    assert past.document["suggested"]
    for effect in past.document["effects"]:
        assert len(effect["values"]) == len(effect["count"]) == WINDOWS - 2


def test_comparators_are_raised_and_stay_defaults(past: Past) -> None:
    """With the window of kilometres among the good ones the divergence's threshold is raised too."""
    for name in ("schema.pbtxt", "transformed_schema.pbtxt"):
        schema = text_format.Parse((past.folder / name).read_text(), schema_pb2.Schema())
        assert [feature.name for feature in schema.feature if feature.HasField("skew_comparator")]
        assert not [feature.name for feature in schema.feature if schemas.has_own_comparator(feature)]


def test_tfdv_gets_thresholds_from_its_own_distances(past: Past, tmp_path: Path, capsys: Capture) -> None:
    result = backtest(capsys, past.baseline, past.logs, tmp_path / "o", *SPAN)
    document = json.loads((tmp_path / "o/backtest.json").read_text())
    suggestions = {
        (suggestion["space"], suggestion["feature"]): suggestion for suggestion in document["tfdv"]
    }
    schema = text_format.Parse((tmp_path / "o/schema.pbtxt").read_text(), schema_pb2.Schema())
    [distance] = [feature for feature in schema.feature if feature.name == "distance"]
    threshold = distance.skew_comparator.jensen_shannon_divergence.threshold
    assert (
        threshold
        == suggestions["raw", "distance"]["suggested"]
        > suggestions["raw", "distance"]["today"]
        == 0.1
    )
    assert suggestions["raw", "distance"]["limit"] == "jensen_shannon_divergence"
    assert any("--known_bad=2013-07-01T18:00:00/2013-07-02" in line for line in result.out)


def test_the_console_says_what_fired_what_to_raise_and_what_is_next(past: Past) -> None:
    text = "\n".join(past.out)
    assert (
        "14 windows of 6 hours, 12 judged, 1 of them known bad, 1 with too few rows, 1 without rows" in text
    )
    assert re.search(
        r"^2013-07-02T06:00:00Z +720 +\d+  (raw\.carrier|transformed\.carrier_id): ", text, flags=re.MULTILINE
    )
    assert re.search(r"^2013-07-01T18:00:00Z \(known bad\) +720 ", text, flags=re.MULTILINE)
    assert (
        "2 alarms; the budget of one alarm in 30 days allows 0.092 alarms; with the suggested limits: 0"
        in text
    )
    assert re.search(r"raw\.hour  missing = 0\.\d+, 0\.01 today, which 1 window exceeded", text)
    assert "note: the limits rest on only 11 windows, fewer than 20" in text
    assert "next: review " in text


def test_the_page_needs_no_network_and_shows_what_fired(past: Past) -> None:
    page = (past.folder / "backtest.html").read_text()
    assert "default-src 'none'" in page
    assert page.count("<script") == 1  # the page's own, whose hash is in its policy
    assert not re.search(r"(?:src|href)=[\"'](?:https?:)?//", page)
    assert page.count('<td class="error') >= 5
    assert "known bad</p>" in page
    assert (
        page.count("<tr><th>")
        == len({(effect["space"], effect["feature"]) for effect in past.document["effects"]}) + 2
    )


def test_names_of_strangers_are_escaped(past: Past) -> None:
    from trueserve.transforms.publish.page import backtest as page_backtest

    text = json.dumps(past.document).replace('"carrier"', '"<script>alert(1)</script>"')
    page = page_backtest.render(json.loads(text)).decode()
    assert "&lt;script&gt;" in page
    assert page.count("<script") == 1  # the page's own, whose hash is in its policy


def test_a_rerun_replaces_its_own_files_and_no_others(past: Past, tmp_path: Path, capsys: Capture) -> None:
    shutil.copytree(past.folder, tmp_path / "o")
    arguments = (past.baseline, past.logs, tmp_path / "o", *SPAN, BAD)
    assert backtest(capsys, *arguments).code == 0
    assert e2e.tree(tmp_path / "o") == e2e.tree(past.folder)
    with (tmp_path / "o/thresholds.toml").open("a") as stream:
        stream.write("# reviewed\n")
    result = backtest(capsys, *arguments)
    assert result.code == 2
    assert "thresholds.toml in" in e2e.one_error(result)
    (tmp_path / "o/thresholds.toml").unlink()
    (tmp_path / "o/notes.txt").touch()
    result = backtest(capsys, *arguments)
    assert result.code == 2
    assert "holds notes.txt" in e2e.one_error(result)
    assert backtest(capsys, past.baseline, past.logs, Path(past.baseline), *SPAN).code == 2
    assert backtest(capsys, past.baseline, past.logs, tmp_path / "o/notes.txt", *SPAN).code == 2


def test_a_run_that_was_killed_while_it_wrote_can_be_run_again(
    past: Past, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(past.folder, tmp_path / "o")
    arguments = (past.baseline, past.logs, tmp_path / "o", *SPAN, "--budget=P1D")  # raises nothing
    replace, written = documents.replace, list[str]()

    def stopping(path: str, data: bytes) -> None:
        if len(written) == 3:
            raise InputError("cannot write: the disk is full")
        written.append(path)
        replace(path, data)

    with monkeypatch.context() as patch:
        patch.setattr(documents, "replace", stopping)
        assert backtest(capsys, *arguments).code == 3
    assert (tmp_path / "o/thresholds.toml").read_bytes() != (past.folder / "thresholds.toml").read_bytes()
    assert (tmp_path / "o/backtest.json").read_bytes() == (past.folder / "backtest.json").read_bytes()
    assert backtest(capsys, *arguments).code == 0
    assert {path.name for path in (tmp_path / "o").iterdir()} == {path.name for path in past.folder.iterdir()}
    narrowed = (past.baseline, past.logs, tmp_path / "o", *SPAN, "--spaces=raw")
    for _ in range(2):
        assert backtest(capsys, *narrowed).code == 0
    assert not (tmp_path / "o/transformed_schema.pbtxt").exists()


def test_a_file_that_was_changed_while_the_job_ran_is_not_overwritten(past: Past, tmp_path: Path) -> None:
    shutil.copytree(past.folder, tmp_path / "o")
    (tmp_path / "o/thresholds.toml").write_text("format = 1\n")
    with pytest.raises(UsageError, match=r"thresholds\.toml .* was changed by hand"):
        backtest_folder.write(str(tmp_path / "o"), past.document, {"thresholds.toml": b"new"})
    assert (tmp_path / "o/thresholds.toml").read_text() == "format = 1\n"


@pytest.mark.parametrize("text", ["P1D", "PT6H", "P1DT12H30M5S", "PT90S", "P2W"])
def test_durations_are_said_as_they_are_written(text: str) -> None:
    assert parse_duration(iso_duration(parse_duration(text))) == parse_duration(text)

"""`validate --replay`, end to end: an exported model, logs of its own answers and of another's."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import branches, e2e
from support import replay as support
from support.homes import SERVING_CUTS, Home, Served
from support.replay import Array
from support.verdict_schema import VERDICT_SCHEMA

from trueserve.pipelines import validate
from trueserve.pipelines.flags.validate import ValidateOptions
from trueserve.pipelines.plan import ComparisonPlan, make_plan, request_settings
from trueserve.transforms.branches.reading import READING
from trueserve.transforms.branches.replay import REPLAY
from trueserve.transforms.branches.samples.repeats import REPEATS
from trueserve.transforms.branches.samples.served_rows import SERVED_ROWS

ATOL, RTOL = 1e-6, 1e-5
FEW = 700
# Where features are not what is looked at.
RAW = "--spaces=raw"

Capture = pytest.CaptureFixture[str]


def run(
    capsys: Capture, home: Home, served: Served, logs: str, output: Path, *more: str
) -> tuple[int, dict[str, Any]]:
    replay = f"--replay={served.folder / '1'}"
    code = e2e.validate(capsys, home.baseline, logs, output, replay, *more).code
    document = e2e.verdict(output)
    VERDICT_SCHEMA.validate(document)
    return code, document


def severities(document: dict[str, Any]) -> dict[str, str]:
    """The severities of what replaying found, by metric."""
    return {f["metric"]: f["severity"] for f in document["findings"] if f["kind"] == "replay"}


def plainly(expected: dict[str, Array], got: dict[str, Array]) -> tuple[Array, Array]:
    """Whether each row differs, and the largest difference in it that counts."""
    apart = np.zeros(len(got["late"]))
    for name, array in expected.items():
        distance = np.abs(array.astype(float) - got[name].astype(float))
        beyond = distance > np.maximum(ATOL, RTOL * np.abs(array.astype(float)))
        apart = np.maximum(apart, np.where(beyond, distance, 0).max(axis=1))
    return apart > 0, apart


def test_the_right_twin_is_silent(home: Home, served: Served, tmp_path: Path, capsys: Capture) -> None:
    logs = support.write_logs(tmp_path / "logs", home.serving, served.right, cuts=SERVING_CUTS)
    code, document = run(capsys, home, served, logs, tmp_path / "out")
    replay = document["replay"]
    # The model has predictions on training rows with it.
    assert (code, [f["metric"] for f in document["findings"]]) == (0, ["predictions_on_training_rows"])
    assert (replay["rows"], replay["not_replayed"], replay["worst"]) == (10_000, {}, [])
    assert replay["total"] == {"rows": 10_000, "differing": 0, "not_finite": 0, "largest": 0, "mean": 0}
    assert replay["again"]["rows"] >= 3 * 256
    assert replay["again"]["differing"] == 0
    assert sum(hour["rows"] for hour in replay["hours"]) == 10_000
    assert {output["output"]: output["flipped"] for output in replay["outputs"]} == {"late": 0, "minutes": 0}
    page = (tmp_path / "out" / "report.html").read_text()
    assert "0 of 10,000 rows differ from the reference model" in page


def test_the_wrong_twin_is_found_and_its_version_named(
    home: Home, served: Served, tmp_path: Path, capsys: Capture
) -> None:
    """Version 4, with other weights, answers every third row of the later half."""
    other = np.array([i >= 5000 and i % 3 == 0 for i in range(10_000)])
    got = {name: np.where(other[:, None], served.wrong[name], array) for name, array in served.right.items()}
    versions = [4 if each else 3 for each in other]
    logs = support.write_logs(
        tmp_path / "logs", home.serving, got, cuts=SERVING_CUTS, each=1, versions=versions
    )
    code, document = run(capsys, home, served, logs, tmp_path / "out", RAW)
    differs, apart = plainly(served.right, got)
    replay = document["replay"]
    assert (code, severities(document)) == (1, {"differing_share": "error"})
    [message] = [f["message"] for f in document["findings"] if f["kind"] == "replay"]
    assert "version 4 answers differently in 100.0 % of rows; version 3 does not" in message
    assert message.endswith(f"every hour from {_hour(5000)} on differs")
    assert replay["total"]["differing"] == differs.sum() == other.sum()
    assert replay["total"]["largest"] == pytest.approx(apart.max(), rel=1e-4)
    assert replay["total"]["mean"] == pytest.approx(apart.mean(), rel=1e-4)
    assert {
        version["version"]: (version["rows"], version["differing"]) for version in replay["versions"]
    } == {
        "3": (10_000 - other.sum(), 0),
        "4": (other.sum(), other.sum()),
    }
    by_hour = Counter(_hour(i) for i in np.flatnonzero(other).tolist())
    assert {hour["hour"]: hour["differing"] for hour in replay["hours"] if hour["differing"]} == by_hour
    flips = ((served.right["late"] >= 0.5) != (got["late"] >= 0.5)).sum()
    minutes = (served.right["minutes"].argmax(1) != got["minutes"].argmax(1)).sum()
    assert {output["output"]: output["flipped"] for output in replay["outputs"]} == {
        "late": flips,
        "minutes": minutes,
    }
    _check_worst(replay["worst"], apart, tmp_path / "out")


def _check_worst(worst: list[dict[str, Any]], apart: Array, output: Path) -> None:
    """The very rows that are furthest off, without anything that is in them."""
    starts = {Path(f"log-{n}.tfrecord").name: start for n, start in enumerate((0, *SERVING_CUTS))}
    rows = [starts[Path(row["file"]).name] + row["record"] for row in worst]
    assert len(rows) == 20
    assert [row["apart"] for row in worst] == pytest.approx(np.sort(apart)[::-1][:20].tolist(), rel=1e-4)
    assert apart[rows] == pytest.approx([row["apart"] for row in worst], rel=1e-4)
    assert "replay/worst.jsonl" not in e2e.verdict(output)["artifacts"]
    assert Path(worst[0]["file"]).name in (output / "report.html").read_text()


def _hour(row: int) -> str:
    time = dt.datetime.fromtimestamp(e2e.seconds(row), dt.UTC)
    return time.replace(minute=0, second=0).isoformat().replace("+00:00", "Z")


def test_what_the_client_does_wrong_shows_where_it_is_done(
    home: Home, served: Served, tmp_path: Path, capsys: Capture
) -> None:
    """A server that is true answers what it is asked; one that converts what was logged does not."""
    rows = home.serving[:FEW]
    in_kilometres = e2e.in_kilometres(rows)
    answered = support.answers(served.model, home.baseline, in_kilometres)
    before = support.write_logs(tmp_path / "before", in_kilometres, answered)
    code, document = run(capsys, home, served, before, tmp_path / "out-before", RAW)
    assert code == 1
    assert ("raw", "distance") in e2e.errors(document)
    assert severities(document) == {}
    after = support.write_logs(tmp_path / "after", rows, answered)
    code, document = run(capsys, home, served, after, tmp_path / "out-after", RAW, "--keep_payloads")
    assert (code, severities(document)) == (1, {"differing_share": "error"})
    _check_payloads(tmp_path / "out-after", document, rows, served.right)


def _check_payloads(
    output: Path, document: dict[str, Any], rows: list[e2e.Row], right: dict[str, Array]
) -> None:
    kept = (output / document["artifacts"]["replay/worst.jsonl"]["path"]).read_text().splitlines()
    assert len(kept) == 20
    for line in map(json.loads, kept):
        row = line["record"] * 7 + line["row"]
        features = {
            name: [value.encode() if isinstance(value, str) else value for value in values]
            for name, values in line["payload"]["features"].items()
        }
        assert features == rows[row]
        assert line["payload"]["reference"]["late"] == pytest.approx(right["late"][row].tolist(), rel=1e-5)


def test_responses_are_matched_or_rejected_with_a_reason(
    home: Home, served: Served, tmp_path: Path, capsys: Capture
) -> None:
    rows = home.serving[:FEW]
    responses: list[Any] = support.as_predictions(support.part(served.right, 0, FEW))
    responses[0:100] = [{"minutes": answer["minutes"], "late": answer["late"]} for answer in responses[0:100]]
    responses[100:200] = [None] * 100
    responses[200:300] = [
        {"score": answer["late"], "minutes": answer["minutes"]} for answer in responses[200:300]
    ]
    responses[300:400] = [answer["late"] for answer in responses[300:400]]
    responses[400:500] = [
        {"late": answer["late"] * 2, "minutes": answer["minutes"]} for answer in responses[400:500]
    ]
    responses[500:600] = [{"late": ["0.5"], "minutes": answer["minutes"]} for answer in responses[500:600]]
    logs = support.write_rest(tmp_path / "logs", rows, responses)
    lines = Path(logs).read_text().splitlines()
    fewer = json.loads(lines[-1])
    del fewer["response"]["predictions"][0]
    Path(logs).write_text("\n".join([*lines[:-1], json.dumps(fewer)]) + "\n")
    _, document = run(capsys, home, served, logs, tmp_path / "out", RAW)
    replay = document["replay"]
    assert replay["not_replayed"] == {
        "no_response": 104,
        "not_numbers": 100,
        "other_names": 200,
        "other_shape": 100,
    }
    assert (replay["total"]["rows"], replay["total"]["differing"]) == (FEW - 504, 0)
    assert severities(document) == {
        "no_response": "info",
        "not_numbers": "warning",
        "other_names": "warning",
        "other_shape": "warning",
    }


def test_a_log_without_answers_is_not_silent(
    home: Home, served: Served, tmp_path: Path, capsys: Capture
) -> None:
    logs = e2e.write_logs(tmp_path / "logs", home.serving[:FEW], ())
    _, document = run(capsys, home, served, logs, tmp_path / "out", RAW)
    assert severities(document) == {"nothing_replayed": "warning"}


def test_tolerances_and_the_share_are_those_of_the_flags(
    home: Home, served: Served, tmp_path: Path, capsys: Capture
) -> None:
    got = support.part(served.right, 0, FEW)
    got["late"] = got["late"] + np.where(np.arange(FEW) % 10 == 0, 1e-3, 0)[:, None].astype(np.float32)
    logs = support.write_logs(tmp_path / "logs", home.serving[:FEW], got)
    _, document = run(
        capsys, home, served, logs, tmp_path / "loose", RAW, "--replay_atol=0.002", "--replay_rtol=2e-05"
    )
    replay = document["replay"]
    assert (replay["atol"], replay["rtol"], replay["total"]["differing"]) == (0.002, 2e-5, 0)
    assert severities(document) == {}
    _, document = run(capsys, home, served, logs, tmp_path / "share", RAW, "--replay_share=0.2")
    assert document["replay"]["total"]["differing"] == FEW // 10
    assert severities(document) == {"differing_share": "info"}


def test_a_model_that_does_not_load_is_published_as_a_failure(
    home: Home, served: Served, tmp_path: Path, capsys: Capture
) -> None:
    shutil.copytree(served.folder / "1", tmp_path / "model")
    for path in (tmp_path / "model" / "variables").iterdir():
        path.unlink()
    logs = support.write_logs(tmp_path / "logs", home.serving[:FEW], support.part(served.right, 0, FEW))
    result = e2e.validate(capsys, home.baseline, logs, tmp_path / "out", f"--replay={tmp_path / 'model'}")
    assert result.code == 3
    assert "the reference model of --replay cannot be loaded" in e2e.one_error(result)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--replay_atol=0.1"], "--replay_atol needs --replay"),
        (["--replay=x", "--replay_rtol=-1"], "--replay_rtol: expected a number of 0 or more"),
        (["--replay=x", "--replay_share=2"], "--replay_share: expected a fraction from 0 to 1"),
        (["--replay=nowhere"], "--replay: nowhere is no SavedModel"),
    ],
)
def test_wrong_usage_is_one_line(
    home: Home, tmp_path: Path, capsys: Capture, more: list[str], says: str
) -> None:
    result = e2e.validate(capsys, home.baseline, home.clean, tmp_path, *more)
    assert (result.code, result.out[1:]) == (2, [])
    assert says in e2e.one_error(result)


def test_without_the_flag_no_answer_is_read_and_nothing_is_replayed(home: Home, served: Served) -> None:
    plans = {model: _plan(home, model) for model in (None, served.version)}
    kinds = {model: branches.results(validate.branches(plan), []).keys() for model, plan in plans.items()}
    assert kinds[None] == {READING, REPEATS, *branches.OF_BOTH_SPACES}
    # The model brings the statistics of its predictions with it, and is asked about incidents.
    more = {("prediction", 0), ("prediction-requests", 0), SERVED_ROWS}
    assert kinds[served.version] - kinds[None] == {REPLAY, *more}
    assert request_settings(plans[None]).responses is False
    assert request_settings(plans[served.version]).responses is True


def _plan(home: Home, replay: str | None) -> ComparisonPlan:
    return make_plan(ValidateOptions(logs=home.clean, output="o", baseline=home.baseline, replay=replay))

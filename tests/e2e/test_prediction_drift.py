"""`validate --predictions`, end to end: logged answers those of training, moved, and none."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow_data_validation as tfdv
from support import branches, e2e
from support import replay as support
from support.homes import SERVING_CUTS, Home, Served
from support.verdict_schema import VERDICT_SCHEMA
from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog

from trueserve.pipelines import validate
from trueserve.pipelines.flags.validate import ValidateOptions
from trueserve.pipelines.plan import ComparisonPlan, make_plan, request_settings
from trueserve.transforms.branches.reading import READING
from trueserve.transforms.branches.samples.repeats import REPEATS
from trueserve.transforms.branches.samples.served_rows import SERVED_ROWS
from trueserve.transforms.files.tfrecord import frame
from trueserve.transforms.verdict.findings.predictions import ON_TRAINING

FEATURES = {"late", "minutes[0]", "minutes[1]", "minutes[argmax]"}
# Where features are not what is looked at.
RAW = "--spaces=raw"
FEW = 1400

Capture = pytest.CaptureFixture[str]
Json = dict[str, Any]


def run(capsys: Capture, home: Home, model: str, logged: str, output: Path, *more: str) -> tuple[int, Json]:
    result = e2e.validate(capsys, home.baseline, logged, output, f"--predictions={model}", RAW, *more)
    document = e2e.verdict(output)
    VERDICT_SCHEMA.validate(document)
    return result.code, document


def of_predictions(document: Json, part: str) -> list[Json]:
    return [entry for entry in document[part] if entry["space"] == "prediction"]


def moved(answers: dict[str, Any], rows: slice = slice(None)) -> dict[str, Any]:
    """The answers with `late` 0.3 higher in these rows."""
    late = answers["late"].copy()
    late[rows] += np.float32(0.3)
    return {**answers, "late": late}


def cards(page: str, level: str) -> int:
    """How many predictions are drawn with this level."""
    name = '<div><span class="n">[^<]*</span><span class="tag">prediction</span>'
    return len(re.findall(f'<article class="row {level}"[^>]*>{name}', page))


TRAINED_ON = (
    "the recorded predictions are on training rows, of which a model is more certain than of new ones; export"
    " --evaluation=GLOB records them on other rows"
)


def read(output: Path) -> tuple[int, dict[str, Any]]:
    """Rows and statistics by feature of the predictions that were published."""
    [dataset] = tfdv.load_stats_binary(str(output / "prediction_stats.binpb")).datasets
    return dataset.num_examples, {feature.path.step[0]: feature for feature in dataset.features}


def test_answers_of_the_model_are_silent(home: Home, served: Served, tmp_path: Path, capsys: Capture) -> None:
    logged = support.write_logs(tmp_path / "logs", home.serving, served.right, cuts=SERVING_CUTS)
    code, document = run(capsys, home, served.version, logged, tmp_path / "out")
    metrics = [finding["metric"] for finding in document["findings"]]
    assert (code, metrics, of_predictions(document, "not_compared")) == (0, [ON_TRAINING], [])
    rows, features = read(tmp_path / "out")
    assert (rows, set(features)) == (10_000, FEATURES)
    # Computed plainly: five digits of every answer.
    for name, values in (("late", served.right["late"][:, 0]), ("minutes[1]", served.right["minutes"][:, 1])):
        short = np.array([np.float32(f"{value:.4e}") for value in values])
        numbers = features[name].num_stats
        assert (numbers.min, numbers.max, numbers.common_stats.num_missing) == (short.min(), short.max(), 0)
        assert numbers.mean == pytest.approx(short.astype(float).mean(), rel=1e-6)
    counts = {
        top_value.value: top_value.frequency
        for top_value in features["minutes[argmax]"].string_stats.top_values
    }
    classes = served.right["minutes"].argmax(axis=1)
    assert counts == {str(k): (classes == k).sum() for k in set(classes.tolist())}
    assert {"prediction_stats.binpb", "prediction_anomalies.pbtxt"} <= document["artifacts"].keys()
    page = (tmp_path / "out" / "report.html").read_text()
    assert cards(page, "none") == len(FEATURES)
    assert re.search(r'<option value="?prediction\b', page)


def test_answers_that_moved_are_an_error_of_that_output_alone(
    home: Home, served: Served, tmp_path: Path, capsys: Capture
) -> None:
    logged = support.write_logs(tmp_path / "logs", home.serving, moved(served.right), cuts=SERVING_CUTS)
    code, document = run(capsys, home, served.version, logged, tmp_path / "out")
    assert (code, e2e.errors(document)) == (1, {("prediction", "late")})
    [worst] = [
        finding for finding in document["findings"] if finding["metric"] == "jensen_shannon_divergence"
    ]
    assert "the prediction moved: " in worst["message"]
    assert worst["p_value"] < 1e-12
    page = (tmp_path / "out" / "report.html").read_text()
    assert "the prediction late is not served as trained, in 10,000 rows." in page
    assert cards(page, "error")
    anomalies = (tmp_path / "out" / "prediction_anomalies.pbtxt").read_text()
    assert "COMPARATOR_JENSEN_SHANNON_DIVERGENCE_HIGH" in anomalies


def test_rows_without_an_answer_are_counted_and_shown(
    home: Home, served: Served, tmp_path: Path, capsys: Capture
) -> None:
    answers: list[Any] = support.as_predictions(support.part(served.right, 0, FEW))
    answers[0:400] = [None] * 400
    answers[400:500] = [
        {"score": answer["late"], "minutes": answer["minutes"]} for answer in answers[400:500]
    ]
    answers[500:506] = [{**answer, "late": [None]} for answer in answers[500:506]]
    logged = support.write_rest(tmp_path / "logs", home.serving[:FEW], answers)
    code, document = run(capsys, home, served.version, logged, tmp_path / "out")
    assert (code, {finding["severity"] for finding in of_predictions(document, "findings")}) == (
        0,
        {"info", "warning"},
    )
    assert {
        (finding["feature"], finding["metric"], finding["message"].split(" (")[0])
        for finding in of_predictions(document, "findings")
    } == {
        ("", ON_TRAINING, TRAINED_ON),
        ("", "no_response", "400 rows"),
        ("", "not_finite", "the answers to 6 rows"),
        ("", "other_names", "100 rows"),
        ("late", "not_finite", "prediction: 6 values"),
    }
    rows, features = read(tmp_path / "out")
    missing = {
        name: feature.num_stats.common_stats.num_missing
        for name, feature in features.items()
        if name == "late"
    }
    assert (rows, missing) == (FEW, {"late": 500})
    assert "0 % → 35.7 %" in (tmp_path / "out" / "report.html").read_text()


def test_a_log_without_answers_is_not_compared_with_the_reason(
    home: Home, served: Served, tmp_path: Path, capsys: Capture
) -> None:
    logged = e2e.write_logs(tmp_path / "logs", home.serving[:FEW], (900,))
    code, document = run(capsys, home, served.version, logged, tmp_path / "out")
    left_out = of_predictions(document, "not_compared")
    assert (code, {entry["feature"] for entry in left_out}) == (4, FEATURES)
    reason = "no row has a logged answer that is a prediction (no_response 1,400)"
    assert {entry["reason"] for entry in left_out} == {reason}
    assert document["counts"]["compared"] == FEW


def test_a_version_that_answers_otherwise_is_found_in_its_slice(
    home: Home, served: Served, tmp_path: Path, capsys: Capture
) -> None:
    versions = [3 + (i >= 9300) for i in range(10_000)]
    answered = moved(served.right, slice(9300, None))
    logged = support.write_logs(
        tmp_path / "logs", home.serving, answered, cuts=SERVING_CUTS, versions=versions, each=1
    )
    code, document = run(capsys, home, served.version, logged, tmp_path / "out", "--slice_by=version")
    errors = [finding for finding in document["findings"] if finding["severity"] == "error"]
    assert (code, {finding["feature"] for finding in errors}) == (1, {"late"})
    assert {part["slice"]: part["verdict"] for part in document["slices"]} == {
        "version=3": "ok",
        "version=4": "skew",
    }
    assert (tmp_path / "out" / "prediction_slices.binpb").exists()


def test_rows_weigh_the_inverse_of_their_sampling_rate(
    home: Home, served: Served, tmp_path: Path, capsys: Capture
) -> None:
    """A tenth of the rows that moved was logged: ten times as many rows were answered so."""
    answered = moved(served.right, slice(0, 200))
    path = (
        Path(support.write_logs(tmp_path / "logs", home.serving[:2000], answered, each=1)).parent
        / "log-0.tfrecord"
    )
    records = [PredictionLog.FromString(record) for record in read_records(path)]
    for log in records[:200]:
        log.log_metadata.sampling_config.sampling_rate = 0.1
    path.write_bytes(b"".join(frame(log.SerializeToString(deterministic=True)) for log in records))
    run(capsys, home, served.version, str(path), tmp_path / "out")
    rows, features = read(tmp_path / "out")
    late = answered["late"][:2000, 0].astype(float)
    weights = np.where(np.arange(2000) < 200, 10.0, 1.0)
    assert rows == int(weights.sum() ** 2 / (weights**2).sum())
    assert features["late"].num_stats.mean == pytest.approx(np.average(late, weights=weights), rel=1e-3)


def read_records(path: Path) -> list[bytes]:
    from trueserve.transforms.files.tfrecord import read_records as records_of

    with path.open("rb") as stream:
        return [record for part in records_of(stream) for record in part]


def test_a_replay_compares_predictions_too_where_the_model_has_them(
    home: Home, served: Served, tmp_path: Path, capsys: Capture
) -> None:
    logged = support.write_logs(
        tmp_path / "logs", home.serving[:FEW], moved(support.part(served.right, 0, FEW))
    )
    bare = tmp_path / "bare"
    shutil.copytree(served.version, bare)
    (bare / "assets.extra" / "prediction_stats.binpb").unlink()
    documents = {}
    for name, model in (("with", served.version), ("without", str(bare))):
        e2e.validate(capsys, home.baseline, logged, tmp_path / name, f"--replay={model}", RAW)
        documents[name] = e2e.verdict(tmp_path / name)
    kinds = {
        name: {finding["kind"] for finding in of_predictions(document, "findings")}
        for name, document in documents.items()
    }
    assert kinds == {"with": {"replay", "distribution", "schema"}, "without": {"replay"}}
    assert "prediction_stats.binpb" not in documents["without"]["artifacts"]


def test_statistics_of_tfdv_alone_need_no_baseline(
    home: Home, served: Served, tmp_path: Path, capsys: Capture
) -> None:
    logged = support.write_logs(
        tmp_path / "logs", home.serving[:FEW], moved(support.part(served.right, 0, FEW))
    )
    result = e2e.run(
        capsys,
        "validate",
        f"--schema={home.baseline}/schema.pbtxt",
        f"--statistics={home.baseline}/stats.binpb",
        f"--logs={logged}",
        f"--output={tmp_path / 'out'}",
        f"--predictions={served.version}",
    )
    assert (result.code, e2e.errors(e2e.verdict(tmp_path / "out"))) == (1, {("prediction", "late")})


def test_a_model_without_recorded_predictions_is_wrong_usage(
    home: Home, served: Served, tmp_path: Path, capsys: Capture
) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(Path(served.version) / "assets.extra", broken / "assets.extra")
    schema = broken / "assets.extra" / "prediction_schema.pbtxt"
    messages = {
        str(served.folder): "has no assets.extra/prediction_stats.binpb",
        str(broken): "does not say which outputs",
    }
    schema.write_text("\n".join(line for line in schema.read_text().splitlines() if "outputs=" not in line))
    for model, message in messages.items():
        result = e2e.validate(capsys, home.baseline, home.clean, tmp_path / "out", f"--predictions={model}")
        assert (result.code, result.out[1:]) == (2, [])
        assert message in e2e.one_error(result)
        assert "run trueserve export again" in e2e.one_error(result)
    assert not (tmp_path / "out").exists()


def test_without_the_flag_no_answer_is_read_and_no_prediction_compared(home: Home, served: Served) -> None:
    plans = {model: _plan(home, model) for model in (None, served.version)}
    kinds = {model: branches.results(validate.branches(plan), []).keys() for model, plan in plans.items()}
    assert kinds[None] == {READING, REPEATS, *branches.OF_BOTH_SPACES}
    more = {("prediction", 0), ("prediction-requests", 0), SERVED_ROWS}
    assert kinds[served.version] - kinds[None] == more
    assert request_settings(plans[None]).responses is False
    assert request_settings(plans[served.version]).responses is True


def _plan(home: Home, model: str | None) -> ComparisonPlan:
    return make_plan(ValidateOptions(logs=home.clean, output="o", baseline=home.baseline, predictions=model))

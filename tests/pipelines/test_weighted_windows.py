"""Windows of sampled rows: shifts that the weights cancel or show, and odd rates."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from support import branches, e2e, logs
from support.homes import Home
from support.verdict import frame, reference, served, statistics
from support.verdict_schema import VERDICT_SCHEMA
from support.weights import numbers
from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog

from trueserve.transforms.branches.marking import Marked
from trueserve.transforms.branches.reading import READING
from trueserve.transforms.core.accounting import ODD_RATE, Accounting
from trueserve.transforms.core.batches import Batch, Window
from trueserve.transforms.logs.rows.rows import metadata_of
from trueserve.transforms.publish.assemble import PipelineResults, RunSettings, assemble_verdict
from trueserve.transforms.verdict.model import Space
from trueserve.transforms.verdict.reference import Reference
from trueserve.transforms.verdict.result import decide
from trueserve.transforms.verdict.severity import Policy

# Through the whole of the validation: AA's requests are logged one in five, all others wholly.


def sampled(rows: list[e2e.Row]) -> list[tuple[e2e.Row, float]]:
    rates = [0.2 if row["carrier"] == [b"AA"] else 1.0 for row in rows]
    return [
        (row, rate) for i, (row, rate) in enumerate(zip(rows, rates, strict=True)) if rate == 1 or i % 5 == 0
    ]


def write_log(path: Path, rows: list[tuple[e2e.Row, float]]) -> str:
    """PredictionLogs of one row each, with their sampling rates; an unset one where it is 1."""
    records = []
    for row, rate in rows:
        log = PredictionLog.FromString(logs.examples_log([logs.example(**row)], e2e.START))
        if rate < 1:
            log.log_metadata.sampling_config.sampling_rate = rate
        records.append(log.SerializeToString())
    logs.write_records(path, records)
    return str(path)


def test_a_shift_that_the_weights_cancel_is_silent(
    home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = sampled(home.serving)
    log = write_log(tmp_path / "log", rows)
    result = e2e.validate(capsys, home.baseline, log, tmp_path / "weighted")
    document = e2e.verdict(tmp_path / "weighted")
    VERDICT_SCHEMA.validate(document)
    assert (result.code, document["findings"]) == (0, [])
    weights = np.array([1 / rate for _, rate in rows])
    assert document["effective_rows"] == round(weights.sum() ** 2 / (weights**2).sum())
    assert document["counts"]["compared"] == len(rows)
    message = f"{len(rows):,} rows are as certain as {document['effective_rows']:,} rows of equal weight"
    assert sum(message in line for line in result.out) == 1
    assert message in (tmp_path / "weighted" / "report.html").read_text()

    flag = "--ignore_sampling_rate"
    assert e2e.validate(capsys, home.baseline, log, tmp_path / "twin", flag).code == 1
    twin = e2e.verdict(tmp_path / "twin")
    assert e2e.errors(twin) == {("raw", "carrier"), ("transformed", "carrier_id")}
    assert twin["effective_rows"] is None
    assert "equal weight" not in (tmp_path / "twin" / "report.html").read_text()


def test_a_shift_that_only_the_weights_show_is_found(
    home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [(row, 0.2 if row["carrier"] == [b"AA"] else 1.0) for row in home.serving]
    log = write_log(tmp_path / "log", rows)
    assert e2e.validate(capsys, home.baseline, log, tmp_path / "out").code == 1
    assert ("raw", "carrier") in e2e.errors(e2e.verdict(tmp_path / "out"))


def test_equal_rates_and_odd_ones(home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    digests = []
    for name, rate in (("plain", 1.0), ("fifth", 0.2)):
        log = write_log(tmp_path / name, [(row, rate) for row in home.serving[:2000]])
        assert e2e.validate(capsys, home.baseline, log, tmp_path / f"{name}-out").code == 0
        document = e2e.verdict(tmp_path / f"{name}-out")
        assert document["effective_rows"] is None
        digests.append({n: a["sha256"] for n, a in document["artifacts"].items() if "stats" in n})
    assert digests[0] == digests[1]


def test_odd_rates_are_told() -> None:
    rates = pa.array([None, 0.5, -1.0, math.nan, 2.0], pa.float64())
    features = numbers([1.0] * 5)
    rows = Batch(features, metadata_of(5, "log", sampling_rate=rates))
    for ignore, forms in ((False, {ODD_RATE: 6}), (True, {})):
        branch = Marked((), [], ignore_sampling_rate=ignore)
        reading = branches.results([branch], branches.decoded([rows, rows]))[READING]
        assert reading.accounting == Accounting(forms=Counter(forms))
    verdict = decide(Window(), Accounting(forms=Counter({ODD_RATE: 3})), (), (), Policy(), None)
    assert "3 rows have a sampling rate that is no fraction" in verdict.findings[-1].message


def test_forms_are_counted_in_the_proportion_of_the_statistics(against: Reference) -> None:
    """Half of the rows came in another type: half they stay, however few the effective rows are."""
    data = statistics(served(1000))
    counts = Accounting(read=4000, decoded=4000, rows=4000, compared=4000)
    counts.forms["stops", "bytes_for_int"] = 2000
    verdict, _ = assemble_verdict(
        lambda: [against], PipelineResults({Space.RAW: data}, counts), RunSettings(Window(), Policy())
    )
    assert verdict.effective_rows == 1000
    (message,) = [f.message for f in verdict.findings if f.metric == "bytes_for_int"]
    assert "in 50.0 % of rows" in message


@pytest.fixture(scope="module")
def against() -> Reference:
    return reference(frame(8000, 1))

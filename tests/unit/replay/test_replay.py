"""Batches put to real SavedModels: what differs, what is refused, what differs by itself."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf
from support.replay_rows import HOUR, LIMITS, batch, findings, save

from trueserve.transforms.replay import answers
from trueserve.transforms.replay.compare import AnswerTolerance
from trueserve.transforms.replay.reference_model import ReferenceModel
from trueserve.transforms.replay.replay import replay
from trueserve.transforms.replay.report import kept_rows, to_json
from trueserve.transforms.replay.summary import Differences
from trueserve.transforms.verdict.model import Severity


def test_rows_are_compared_and_counted_as_worked_out_plainly(double: ReferenceModel) -> None:
    rows: list[float | None] = [5.0, 1.0, 2.0, None, 4.0]
    responses = [None, "[1, 2]", "[2, 4.5]", "[-1, -2]", "[9, 8]"]
    replay_summary = replay(
        batch(rows, responses, time=[7 * HOUR, 0, HOUR, None, HOUR], version=["9", "1", "2", "1", "2"]),
        double,
        AnswerTolerance(),
    )
    assert (replay_summary.rows, replay_summary.unmatched) == (5, Counter({answers.NO_RESPONSE: 1}))
    assert replay_summary.total == Differences(rows=4, differing=2, largest=5.0, total=5.5)
    assert replay_summary.total.mean == pytest.approx(5.5 / 4)
    assert replay_summary.versions == {"1": Differences(rows=2), "2": Differences(2, 2, 0, 5.0, 5.5)}
    assert replay_summary.hours == {
        0: Differences(1),
        1: Differences(2, 2, 0, 5.0, 5.5),
        None: Differences(1),
    }
    assert replay_summary.outputs["y"].flips == 1
    assert [(row.record, row.apart, row.output, row.payload) for row in replay_summary.worst] == [
        (4, 5.0, "y", None),
        (2, 0.5, "y", None),
    ]
    assert replay_summary.again == Differences(rows=4)


def test_payloads_are_kept_only_where_they_are_asked_for(double: ReferenceModel) -> None:
    rows = batch([1.0, 2.0], ["[1, 2]", "[2, null]"])
    assert kept_rows(replay(rows, double, AnswerTolerance())) == b""
    replay_summary = replay(rows, double, AnswerTolerance(), keep_payloads=True)
    [worst] = replay_summary.worst
    assert worst.payload is not None
    assert worst.payload["features"] == {"x": [2.0]}
    assert worst.payload["reference"] == {"y": [2.0, 4.0]}
    assert b'"served": {"y": [2.0, "nan"]}' in kept_rows(replay_summary)
    assert replay_summary.total.odd == 1
    assert "not finite on one side" in findings(replay_summary)[0].message
    assert to_json(replay_summary, LIMITS)["worst"][0]["apart"] is None


def test_requests_to_other_signatures_are_not_guessed_at(double: ReferenceModel) -> None:
    names = [None, "", "serving_default", "raw_tensors", "transform_features"]
    replay_summary = replay(batch([1.0] * 5, ["[1, 2]"] * 5, signature=names), double, AnswerTolerance())
    assert (replay_summary.total.rows, replay_summary.unmatched) == (4, Counter({answers.OTHER_SIGNATURE: 1}))


def test_rows_that_the_model_refuses_are_counted_and_the_others_compared(tmp_path: Path) -> None:
    strict = save(tmp_path / "m", lambda x: {"y": x}, x=tf.io.FixedLenFeature([], tf.float32))
    rows: list[float | None] = [float(i) if i % 500 else None for i in range(1500)]
    responses: list[str | None] = [str(x if x != 7.0 else 8.0) for x in rows]
    replay_summary = replay(batch(rows, responses), ReferenceModel(strict), AnswerTolerance())
    assert replay_summary.unmatched == Counter({answers.NOT_TRANSFORMABLE: 3})
    assert (replay_summary.total.rows, replay_summary.total.differing, replay_summary.worst[0].record) == (
        1497,
        1,
        7,
    )
    assert findings(replay_summary)[-1].metric == answers.NOT_TRANSFORMABLE
    nothing = replay(batch([None, None], ["1", "2"]), ReferenceModel(strict), AnswerTolerance())
    assert nothing.unmatched == Counter({answers.NOT_TRANSFORMABLE: 2})
    assert [finding.metric for finding in findings(nothing)] == ["nothing_replayed"]


def test_a_text_output_is_not_compared_and_said(tmp_path: Path) -> None:
    model = ReferenceModel(save(tmp_path / "m", lambda x: {"y": tf.strings.as_string(x)}))
    replay_summary = replay(batch([1.0], ['"1"']), model, AnswerTolerance())
    assert replay_summary.unmatched == Counter({answers.NOT_NUMBERS: 1})


@pytest.mark.parametrize(
    "outputs",
    [
        lambda x: {"y": x + tf.random.uniform(tf.shape(x))},
        lambda x: {"y": x - tf.reduce_mean(x)},
        lambda x: {"y": x + tf.cast(tf.range(tf.size(x)), tf.float32)},
    ],
    ids=["random", "of its batch", "of its place"],
)
def test_answers_that_differ_by_themselves_are_said_and_prove_nothing(tmp_path: Path, outputs: Any) -> None:
    model = ReferenceModel(save(tmp_path / "m", outputs))
    rows: list[float | None] = [float(i) for i in range(600)]
    replay_summary = replay(batch(rows, [str(x) for x in rows]), model, AnswerTolerance())
    assert replay_summary.again.rows == 256
    assert replay_summary.again.share > 0.9
    assert {(finding.metric, finding.severity) for finding in findings(replay_summary)} == {
        ("differing_share", Severity.INFO),
        ("answers_differ_by_themselves", Severity.WARNING),
    }


def test_one_in_a_hundred_rows_is_asked_twice(double: ReferenceModel) -> None:
    rows: list[float | None] = [1.0] * 40_000
    assert replay(batch(rows, ["[1, 2]"] * 40_000), double, AnswerTolerance()).again == Differences(rows=400)

"""Batches put to real SavedModels: what differs, what is refused, what differs by itself; sums of parts."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf

from pipelines.flags import replay as replay_flags
from transforms.core.accounting import Accounting
from transforms.core.batches import METADATA_SCHEMA, Batch, Window
from transforms.core.errors import UsageError
from transforms.replay import answers, reference_model, summary
from transforms.replay.compare import AnswerTolerance
from transforms.replay.reference_model import ReferenceModel
from transforms.replay.replay import replay
from transforms.replay.report import Limits, kept_rows, to_json
from transforms.replay.summary import Differences, ReplaySummary
from transforms.verdict.findings.replay import compare_replay, exceeds
from transforms.verdict.model import Finding, Severity
from transforms.verdict.result import decide
from transforms.verdict.severity import Policy

HOUR = 3_600_000_000
LIMITS = Limits("model")


def save(folder: Path, outputs: Callable[[Any], dict[str, Any]], **spec: Any) -> str:
    """A SavedModel whose `serving_default` gives `outputs` of the feature `x`, [batch]."""
    features = spec or {"x": tf.io.FixedLenFeature([], tf.float32, default_value=-1.0)}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])  # type: ignore[untyped-decorator]
    def serve(examples: Any) -> dict[str, Any]:
        return outputs(tf.io.parse_example(examples, features)["x"])

    module = tf.Module()
    module.serve = serve
    tf.saved_model.save(module, str(folder), signatures={"serving_default": serve})
    return str(folder)


def batch(
    rows: list[float | None],
    responses: list[str | None],
    file: str = "log",
    first: int = 0,
    **columns: list[Any],
) -> Batch:
    """Rows of `x`, one a record, with these responses; `columns` of the metadata."""
    features = pa.RecordBatch.from_arrays(
        [pa.array([None if x is None else [x] for x in rows], pa.large_list(pa.float32()))], ["x"]
    )
    given = {
        "response": responses,
        "file": [file] * len(rows),
        "record": list(range(first, first + len(rows))),
        **columns,
    }
    arrays = [pa.array(given.get(field.name, [None] * len(rows)), field.type) for field in METADATA_SCHEMA]
    return Batch(features, pa.RecordBatch.from_arrays(arrays, schema=METADATA_SCHEMA))


@pytest.fixture(scope="module")
def double(tmp_path_factory: pytest.TempPathFactory) -> ReferenceModel:
    folder = tmp_path_factory.mktemp("double")
    return ReferenceModel(save(folder, lambda x: {"y": tf.stack([x, 2 * x], axis=1)}))


def findings(replay_summary: ReplaySummary, limits: Limits = LIMITS) -> tuple[Finding, ...]:
    return compare_replay(replay_summary, limits, Policy()).findings


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


def parts(double: ReferenceModel) -> Iterator[ReplaySummary]:
    rng = np.random.default_rng(5)
    for number in range(6):
        rows: list[float | None] = rng.integers(0, 50, 70).astype(float).tolist()
        responses: list[str | None] = [
            f"[{x}, {2 * (x or 0) + (rng.random() < 0.3) * rng.integers(1, 4)}]" for x in rows
        ]
        hours = [int(h) * HOUR for h in rng.integers(0, 9, 70)]
        versions = [str(v) for v in rng.integers(0, 4, 70)]
        yield replay(
            batch(rows, responses, f"log-{number % 2}", 100 * number, time=hours, version=versions),
            double,
            AnswerTolerance(),
        )


def test_parts_add_up_in_any_order(double: ReferenceModel) -> None:
    summaries = list(parts(double))
    merged = summary.merge(summaries)
    assert len(merged.worst) == summary.MAX_WORST
    assert merged.total.rows == sum(part.total.rows for part in summaries) == 420
    assert merged.again == Differences(rows=420)
    for order in itertools.islice(itertools.permutations(summaries), 0, 720, 61):
        assert summary.merge([summary.merge(order[:2]), summary.merge(order[2:])]) == merged
    everything = sorted((worst for part in summaries for worst in part.worst), key=lambda row: row.sort_key)
    assert merged.worst == tuple(everything[:20])


def test_a_single_value_has_a_class_where_it_is_a_probability_in_all_rows() -> None:
    some = summary.OutputDifferences(Differences(3, 2), 1, 2, 0.0, 1.0)
    outside = summary.OutputDifferences(Differences(1), 1, 0, -0.5, 3.0)
    assert (some.flips, some.plus(outside).flips, outside.plus(some).flips) == (2, None, None)
    assert summary.OutputDifferences(Differences(3, 2), 2, 1, -0.5, 3.0).flips == 1


def test_what_is_kept_is_bounded_and_hangs_on_no_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(summary, "MAX_VERSIONS", 5)
    monkeypatch.setattr(summary, "MAX_HOURS", 3)
    summaries = [
        ReplaySummary(total=Differences(1), versions={f"v{i}": Differences(1)}, hours={i: Differences(1)})
        for i in range(40)
    ]
    merged = summary.merge(summaries)
    assert (len(merged.versions), sorted(merged.hours), merged.total.rows) == (5, [37, 38, 39], 40)  # type: ignore[type-var]
    halves = [summary.merge(summaries[20:]), summary.merge(summaries[:20])]
    assert summary.merge(halves).versions == merged.versions


@pytest.mark.parametrize(
    ("differing", "noise", "bad"),
    [
        (10, 0, False),
        (11, 0, True),
        (10_000, 0, True),
        (5000, 130, False),
        (9000, 130, True),
        (10_000, 256, False),
    ],
)
def test_more_must_differ_than_by_themselves(differing: int, noise: int, *, bad: bool) -> None:
    assert exceeds(Differences(10_000, differing), Differences(256, noise), 0.001) is bad


def of_versions(**shares: float) -> ReplaySummary:
    versions: dict[str | None, Differences] = {
        name.removeprefix("v"): Differences(1000, int(1000 * share), 0, 0.5, 1.0)
        for name, share in shares.items()
    }
    total = Differences()
    for differences in versions.values():
        total = total.plus(differences)
    return ReplaySummary(rows=total.rows, total=total, versions=versions)


def test_the_version_that_differs_is_named_beside_one_that_does_not() -> None:
    [finding] = findings(of_versions(v2=0, v3=0.12))
    assert finding.severity is Severity.ERROR
    assert "version 3 answers differently in 12.0 % of rows; version 2 does not" in finding.message
    [finding] = findings(of_versions(v2=0.12, v3=0.12))
    assert "answers differently" not in finding.message
    # A canary is seen, however little traffic it has.
    by_version: dict[str | None, Differences] = {"2": Differences(10**7), "3": Differences(1000, 120)}
    few = ReplaySummary(total=Differences(10**7 + 1000, 120), versions=by_version)
    assert [finding.severity for finding in findings(few)] == [Severity.ERROR]
    assert [finding.severity for finding in findings(of_versions(v2=0.001))] == [Severity.INFO]
    assert findings(of_versions(v2=0)) == ()


def test_it_is_said_since_when() -> None:
    clean, bad = Differences(100), Differences(100, 50)
    hours: dict[int | None, Differences] = {380_000 + i: clean if i < 4 else bad for i in range(9)}
    total = Differences(900, 250)
    [finding] = findings(ReplaySummary(total=total, hours=hours))
    assert finding.message.endswith("; all since 2013-05-08T12:00:00Z")
    [finding] = findings(ReplaySummary(total=total, hours={**hours, 380_008: clean}))
    assert "since" not in finding.message


def test_versions_of_strangers_cannot_steer_a_terminal() -> None:
    replay_summary = of_versions(v2=0)
    evil: dict[str | None, Differences] = {
        "\x1b[2J" + "x" * 500: Differences(1000, 500),
        "2": Differences(1000),
    }
    [finding] = findings(
        ReplaySummary(total=Differences(2000, 500), versions={**replay_summary.versions, **evil})
    )
    assert "\x1b" not in finding.message
    assert len(finding.message) < 300


def test_models_that_cannot_be_replayed_are_refused_before_anything_runs(tmp_path: Path) -> None:
    model = save(tmp_path / "served" / "12", lambda x: {"y": x})
    reference_model.check(model)
    with pytest.raises(UsageError, match=r"name one of the versions in it, such as .*served/12"):
        reference_model.check(str(tmp_path / "served"))
    with pytest.raises(UsageError, match=r"is no SavedModel: it has no saved_model\.pb"):
        reference_model.check(str(tmp_path / "nowhere"))
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "saved_model.pb").write_bytes(b"\xff\xff\xff")
    with pytest.raises(UsageError, match="does not parse as a SavedModel"):
        reference_model.check(str(tmp_path / "broken"))
    module = tf.Module()
    module.serve = tf.function(lambda x: {"y": x}, input_signature=[tf.TensorSpec([None], tf.float32)])
    tf.saved_model.save(module, str(tmp_path / "dense"), signatures={"serving_default": module.serve})
    with pytest.raises(UsageError, match=r"takes serialized tf\.Examples.*signatures: serving_default"):
        reference_model.check(str(tmp_path / "dense"))


def test_a_replay_of_rows_is_an_examination_and_one_of_none_is_not() -> None:
    def outcome(replay_summary: ReplaySummary) -> str:
        compared = [compare_replay(replay_summary, LIMITS, Policy())]
        return decide(Window(), Accounting(rows=5, compared=5), compared, [], Policy(), None).outcome.value

    assert outcome(ReplaySummary(rows=5, total=Differences(5))) == "ok"
    assert outcome(ReplaySummary(rows=5, total=Differences(5, 5))) == "skew"
    assert outcome(ReplaySummary(rows=5, unmatched=Counter(no_response=5))) == "not_examined"


def test_a_model_that_touches_more_than_itself_is_refused_unless_its_op_is_allowed(tmp_path: Path) -> None:
    """At the launch, before any worker loads it."""

    def serve(examples: Any) -> Any:
        tf.io.write_file(str(tmp_path / "marker"), "x")
        return {"x": tf.strings.length(examples)}

    module = tf.Module()
    traced = tf.function(serve).get_concrete_function(tf.TensorSpec([None], tf.string, name="examples"))
    model = str(tmp_path / "model")
    tf.saved_model.save(module, model, signatures={"serving_default": traced})
    with pytest.raises(UsageError, match=r"--replay: .*WriteFile .*--allow_ops=WriteFile"):
        replay_flags.check_model(model, [])
    replay_flags.check_model(model, ["WriteFile"])
    assert not (tmp_path / "marker").exists()

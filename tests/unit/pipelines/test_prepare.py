"""What `prepare` says of what goes wrong, and where its graph is written; no pipeline runs."""

from __future__ import annotations

import dataclasses
import io
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf
from google.protobuf import text_format
from support import past_windows
from support.memory_files import OBJECTS
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from trueserve.pipelines import prepare
from trueserve.pipelines.baseline import periods
from trueserve.pipelines.baseline.new_baseline import PreparePlan
from trueserve.pipelines.beam.options import beam_options
from trueserve.pipelines.display.console import Console
from trueserve.pipelines.flags.prepare import PrepareOptions
from trueserve.transforms.baseline import atomic_replace
from trueserve.transforms.branches.reading import ReadSummary
from trueserve.transforms.core.accounting import Accounting
from trueserve.transforms.core.errors import InputError, UsageError
from trueserve.transforms.files import paths
from trueserve.transforms.files.file_systems import FileSize


def plan(staged: str = "staged", baseline: str = "baseline", **fields: Any) -> PreparePlan:
    options = PrepareOptions("examples", "features.py", baseline, **fields)
    return PreparePlan(options, lambda inputs: inputs, (FileSize("a", 3), FileSize("b", 4)), staged)


@dataclasses.dataclass
class IdleJob:
    """In place of a Beam job: it runs nothing."""

    temp: str
    options: Any = None
    heartbeats: None = None
    ran: list[tuple[str, int, int]] = dataclasses.field(default_factory=list)

    def run(self, pipeline: Any, text: str, total_bytes: int, num_reads: int) -> None:
        self.ran.append((text, total_bytes, num_reads))


@pytest.mark.parametrize("is_read_from_there", [True, False])
def test_an_error_says_where_a_complete_baseline_stands(
    monkeypatch: pytest.MonkeyPatch, is_read_from_there: bool
) -> None:
    folder = "staged" if is_read_from_there else "baseline"
    monkeypatch.setattr(atomic_replace, "readable_folder", lambda path: folder)
    assert prepare._complete_baseline_hint(plan()) == (
        "; the new baseline is complete in staged, and read from there until the next run"
        if is_read_from_there
        else ""
    )


def test_where_nobody_can_look_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(path: str) -> str:
        raise InputError("403 Forbidden")

    monkeypatch.setattr(atomic_replace, "readable_folder", fail)
    assert prepare._complete_baseline_hint(plan()) == ""


@pytest.mark.parametrize(
    ("temp", "staged", "written"),
    [
        ("/tmp/job", "/data/staged", "/data/staged/transform_output"),
        ("/tmp/job", "memory://b/staged", "/tmp/job/transform_output"),
        ("memory://b/tmp", "memory://b/staged", "memory://b/staged/transform_output"),
    ],
)
def test_the_graph_is_written_where_tensorflow_can(temp: str, staged: str, written: str) -> None:
    job: Any = IdleJob(temp)
    assert prepare._written_graph(plan(staged), job) == written


@pytest.fixture
def reading(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files that say how reading went, which was well; no graph is built."""
    names: list[str] = []

    def read(path: str) -> ReadSummary:
        names.append(path)
        return ReadSummary(Accounting(read=1, decoded=1, rows=1), (), ())

    monkeypatch.setattr(prepare, "read_summary", read)
    monkeypatch.setattr(prepare, "build_transform", lambda *_: 3)
    return names


def transform(temp: str, of: PreparePlan) -> IdleJob:
    job: Any = IdleJob(temp, beam_options(()))
    prepare._transform(of, job, past_windows.schema())
    assert isinstance(job, IdleJob)
    return job


def test_all_files_are_analysed(reading: list[str]) -> None:
    assert transform("/tmp/job", plan("/data/staged")).ran == [("analysing and transforming", 7, 3)]
    assert reading == ["/tmp/job/second-reading"]


def test_a_graph_that_was_written_here_is_taken_to_the_store(tmp_path: Path, reading: list[str]) -> None:
    OBJECTS.clear()
    paths.write_atomically(str(tmp_path / "transform_output/deep/file"), b"graph")
    transform(str(tmp_path), plan("memory://bucket/staged"))
    assert OBJECTS == {"memory://bucket/staged/transform_output/deep/file": b"graph"}


@pytest.mark.parametrize("error", [UsageError("of ours"), InputError("of ours")])
def test_our_own_errors_are_said_as_they_are(
    reading: list[str], monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*_: Any) -> None:
        raise error

    monkeypatch.setattr(prepare, "build_transform", fail)
    with pytest.raises(type(error), match=r"^of ours$"):
        transform("/tmp/job", plan())


def test_what_the_users_function_raises_is_a_line(
    reading: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise ValueError("no\n  such feature " + "x" * 600)

    monkeypatch.setattr(prepare, "build_transform", fail)
    with pytest.raises(UsageError) as caught:
        transform("/tmp/job", plan())
    location, _, problem = str(caught.value).partition(": cannot be traced: ")
    assert location.rpartition(":")[0] == __file__
    assert problem.startswith("ValueError: no such feature x")
    assert len(problem) == len("ValueError: ") + 500


def given_schema(shape: str) -> schema_pb2.Schema:
    text = f'feature {{ name: "x" type: FLOAT presence {{ min_fraction: 1 }} {shape} }}'
    return text_format.Parse(text, schema_pb2.Schema())


@pytest.mark.parametrize(
    ("present", "shape", "expected"),
    [
        (9, "value_count { min: 1 max: 1 }", None),
        (10, "shape { dim { size: 1 } }", None),
        (
            9,
            "shape { dim { size: 1 } }",
            r"^gs://my/s\.pbtxt: feature 'x' has a fixed shape .* 1 of 10 training rows",
        ),
    ],
)
def test_a_given_schema_is_held_against_the_examples_where_it_fixes_a_shape(
    monkeypatch: pytest.MonkeyPatch, present: int, shape: str, expected: str | None
) -> None:
    statistics = statistics_pb2.DatasetFeatureStatisticsList()
    feature = statistics.datasets.add(num_examples=10).features.add(path={"step": ["x"]})
    common = feature.num_stats.common_stats
    common.num_non_missing, common.min_num_values, common.max_num_values = present, 1, 1
    read: list[Any] = []

    def examined(_plan: Any, _job: Any, schema: Any) -> Any:
        read.append(schema)
        return statistics, Counter()

    monkeypatch.setattr(prepare, "_examined", examined)
    of: Any = (plan(schema="gs://my/s.pbtxt"), given_schema(shape), None, None)
    if expected is None:
        assert prepare._checked_schema(*of).feature[0].name == "x"
    else:
        with pytest.raises(UsageError, match=expected):
            prepare._checked_schema(*of)
    # Only a fixed shape costs a reading of its own.
    assert len(read) == ("value_count" not in shape)


def test_mistakes_are_named_before_the_analysis_is_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """By what the statistics say of the examples: here a row has three values, and the function keeps one."""
    statistics = statistics_pb2.DatasetFeatureStatisticsList()
    feature = statistics.datasets.add(num_examples=10).features.add(path={"step": ["x"]}, type=1)
    common = feature.num_stats.common_stats
    common.num_non_missing, common.min_num_values, common.max_num_values = 10, 1, 3
    monkeypatch.setattr(prepare, "_examined", lambda *_: (statistics, Counter()))

    def narrow(inputs: Any) -> Any:
        x = inputs["x"]
        return {"y": tf.sparse.to_dense(tf.SparseTensor(x.indices, x.values, [x.dense_shape[0], 1]))}

    job: Any = IdleJob("/tmp/job")
    of = dataclasses.replace(plan(), preprocessing_fn=narrow)
    with pytest.raises(UsageError, match=r"'x' is made dense with the width 1, .* has 3 values"):
        prepare._checked_schema(of, None, job, Console(io.StringIO(), io.StringIO()))
    assert job.ran == []


def test_days_are_counted_where_a_feature_has_the_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    statistics = {"raw": past_windows.statistics(4, 2), "transformed": past_windows.statistics(3, 2)}
    for name, content in statistics.items():
        (tmp_path / f"second-{name}").write_bytes(content.SerializeToString())
    counted: list[Any] = []

    def count(*arguments: Any) -> str:
        counted.append(arguments)
        return "results"

    monkeypatch.setattr(periods, "count", count)
    job: Any = IdleJob(str(tmp_path))
    console = Console(io.StringIO(), io.StringIO())
    assert prepare._count_periods(plan(), job, past_windows.schema(), console) is None
    assert counted == []
    of = plan("/data/staged", time_feature="when", label="late")
    results: Any = prepare._count_periods(of, job, past_windows.schema(), console)
    assert results == "results"
    [(inputs, both, *_)] = counted
    assert both == (statistics["raw"], statistics["transformed"])
    assert inputs == periods.PeriodInputs(
        of.files, "when", past_windows.schema(), "/data/staged/transform_output", "late", 128 << 20
    )

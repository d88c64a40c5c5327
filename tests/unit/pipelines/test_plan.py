"""What `validate` and `backtest` load before a graph is built: the training side, the checks, the reader."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import text_format
from support import branches as support
from support import hand_made_models, past_windows
from support.past_windows import reference

from trueserve.pipelines import plan as plans
from trueserve.pipelines.comparison import models
from trueserve.pipelines.flags.validate import ValidateOptions
from trueserve.pipelines.plan import ComparisonPlan
from trueserve.transforms.baseline.load import Baseline
from trueserve.transforms.branches.marking import Marked
from trueserve.transforms.branches.reading import READING
from trueserve.transforms.branches.statistics import statistics
from trueserve.transforms.branches.versions import versions
from trueserve.transforms.core.batches import Window
from trueserve.transforms.core.errors import UsageError
from trueserve.transforms.examine_range import ExamineFiles
from trueserve.transforms.examine_table import ExamineTable
from trueserve.transforms.files.file_systems import FileSize
from trueserve.transforms.logs import repeated_rows
from trueserve.transforms.logs.carriers.text.text_form import TextForm
from trueserve.transforms.logs.repeated_rows import RepeatedRow, RowRepeats
from trueserve.transforms.publish.optional_checks import OptionalChecks
from trueserve.transforms.replay.compare import AnswerTolerance
from trueserve.transforms.replay.report import Limits
from trueserve.transforms.runs.previous_runs import PreviousRuns
from trueserve.transforms.verdict.model import Severity, Space
from trueserve.transforms.verdict.severity import Policy

START = dt.datetime(2013, 7, 1, tzinfo=dt.UTC)
TABLE = "bq://project.dataset.table"


def options(folder: Path, **fields: Any) -> ValidateOptions:
    """With TFDV's files of the two features of `past_windows`."""
    (folder / "schema.pbtxt").write_text(text_format.MessageToString(past_windows.schema()))
    (folder / "stats.binpb").write_bytes(past_windows.statistics(10, 5).SerializeToString())
    values: dict[str, Any] = {
        "logs": str(folder / "log"),
        "output": str(folder / "out"),
        "schema": str(folder / "schema.pbtxt"),
        "statistics": str(folder / "stats.binpb"),
    }
    return ValidateOptions(**values | fields)


def with_baseline(**fields: Any) -> ValidateOptions:
    return ValidateOptions(**{"logs": "log", "output": "out", "baseline": "b"} | fields)


@pytest.fixture
def baseline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Baseline:
    """Is loaded whatever folder is named."""
    probes = hand_made_models.write_model(tmp_path / "any")
    file = hand_made_models.write_probes(probes, {"raw/distance": [1.0]}, {"raw/distance": [2.0]})
    loaded = hand_made_models.baseline(tmp_path / "b", probes_data=file.read_bytes())
    statistics = past_windows.statistics(10, 5)
    loaded = dataclasses.replace(
        loaded,
        schema=past_windows.schema(),
        statistics=statistics,
        transformed_schema=past_windows.schema(),
        transformed_statistics=statistics,
    )
    monkeypatch.setattr(plans, "load_baseline", lambda path: loaded)
    return loaded


def test_files_of_tfdv_are_a_training_side(tmp_path: Path) -> None:
    asked_for = options(tmp_path, start=START, jsd=0.2, linf=0.3, ignore=("stops",), fail_on="warning")
    plan = plans.make_plan(asked_for)
    assert list(plan.references) == [Space.RAW]
    assert (plan.transform_output, plan.contents, plan.warm_ups) == (None, None, frozenset())
    assert (plan.source.baseline, plan.source.identity) == (None, None)
    settings = plan.run_settings
    assert settings.window == Window(START, None)
    assert (settings.contract, settings.previous_runs) == (None, None)
    assert settings.optional == OptionalChecks(None, None)
    assert settings.policy == Policy(jsd=0.2, linf=0.3, fail_on=Severity.WARNING, ignore=frozenset({"stops"}))
    assert plan.request_schema == plan.references[Space.RAW].prepared(settings.policy)
    assert plan.request_schema.feature[1].skew_comparator.jensen_shannon_divergence.threshold == 0.2


def test_a_baseline_gives_both_spaces_and_its_probes_are_warm_ups(baseline: Baseline) -> None:
    plan = plans.make_plan(with_baseline())
    assert list(plan.references) == [Space.RAW, Space.TRANSFORMED]
    assert plan.transform_output == baseline.transform_output
    assert plan.contents == baseline.contents
    assert plan.source.identity == baseline.identity
    assert plan.run_settings.contract == baseline.contract.to_verdict()
    assert plan.warm_ups
    other = plans.make_plan(with_baseline())
    assert plan.run_id != other.run_id


def test_requests_are_decoded_by_the_raw_schema_whatever_is_compared(baseline: Baseline) -> None:
    plan = plans.make_plan(with_baseline(spaces=("transformed",)))
    assert list(plan.references) == [Space.TRANSFORMED]
    assert plan.request_schema == baseline.schema
    assert plans._request_schema(reference(), baseline, Policy()) == reference().prepared(Policy())


def test_names_are_looked_for_among_the_features(tmp_path: Path) -> None:
    narrowed = plans.make_plan(options(tmp_path, only=("stops",)))
    assert narrowed.run_settings.policy.only == frozenset({"stops"})
    with pytest.raises(
        UsageError, match=r"^--only: no compared feature has the name stop; did you mean stops\?"
    ):
        plans.make_plan(options(tmp_path, only=("stop",)))
    sliced = plans.make_plan(options(tmp_path, slice_by=(("carrier",),)))
    assert sliced.options.slice_by == (("carrier",),)
    with pytest.raises(UsageError, match="stop"):
        plans.make_plan(options(tmp_path, slice_by=(("stop",),)))


def test_a_model_to_replay_is_looked_at(tmp_path: Path) -> None:
    model = hand_made_models.write_model(tmp_path / "model")
    fields = {"replay": str(model), "replay_atol": 0.1, "replay_rtol": 0.2, "replay_share": 0.3}
    checks = models.optional_checks(options(tmp_path, **fields))
    assert checks == OptionalChecks(Limits(str(model), AnswerTolerance(0.1, 0.2), 0.3), None)
    writing = hand_made_models.write_model(tmp_path / "writing", ops=["WriteFile"])
    with pytest.raises(UsageError, match=f"^--replay: {writing}: writefile: "):
        models.optional_checks(options(tmp_path, replay=str(writing)))
    allowed = options(tmp_path, replay=str(writing), allow_ops=("WriteFile",))
    assert models.optional_checks(allowed).replay is not None


def test_more_ops_than_the_first_are_counted(tmp_path: Path) -> None:
    for ops, more in (
        (["WriteFile"], ""),
        (["WriteFile", "ReadFile", "PyFunc"], " (and 2 more: see trueserve check)"),
    ):
        model = hand_made_models.write_model(tmp_path / f"model-{len(ops)}", ops=ops)
        with pytest.raises(UsageError) as caught:
            models.optional_checks(options(tmp_path, replay=str(model)))
        assert str(caught.value).endswith(more)
        assert ("more: see trueserve check" in str(caught.value)) is bool(more)


def test_contracts_of_served_versions_are_read(tmp_path: Path, baseline: Baseline) -> None:
    (tmp_path / "contracts").mkdir()
    content = baseline.contract.to_json()
    (tmp_path / "contracts/3.json").write_text(json.dumps(content))
    checks = models.optional_checks(with_baseline(contracts=str(tmp_path / "contracts")))
    assert checks.replay is None
    assert list(checks.contracts or ()) == ["3"]
    with pytest.raises(UsageError, match=r"^--contracts: "):
        models.optional_checks(with_baseline(contracts=str(tmp_path / "none")))


def test_the_earlier_run_is_looked_for_where_one_was_named(tmp_path: Path) -> None:
    assert plans._previous_runs(options(tmp_path), Window(), None) is None
    latest = plans._previous_runs(options(tmp_path, previous="auto"), Window(), None)
    assert latest == PreviousRuns()
    with pytest.raises(UsageError, match=r"^--previous: "):
        plans._previous_runs(options(tmp_path, previous="20130714T050000Z-0123abcd"), Window(), None)


def plan_of(asked_for: ValidateOptions, *spaces: Space) -> ComparisonPlan:
    plan = past_windows.plan(*(reference(space) for space in spaces or (Space.RAW,)))
    return dataclasses.replace(plan, options=asked_for, warm_ups=frozenset({7}))


def test_files_are_read_as_the_flags_say(tmp_path: Path) -> None:
    asked_for = options(tmp_path, sample=0.5, columns=("a",), keep_payloads=True, version_feature="v")
    examine = plans.examine_requests(plan_of(asked_for), [FileSize("a", 1)], [versions()], "beats")
    assert isinstance(examine, ExamineFiles)
    assert (examine.files, examine.format, examine.progress) == ((FileSize("a", 1),), "auto", "beats")
    assert len(examine.branches) == 1
    read = examine.settings
    assert read.warm_ups == frozenset({7})
    assert (read.sample, read.columns, read.keep_payloads, read.version_feature) == (0.5, ("a",), True, "v")
    assert read.window == Window(past_windows.START, past_windows.START + 4 * past_windows.DAY)
    assert read.responses is False


def test_answers_are_read_where_they_are_compared(tmp_path: Path) -> None:
    replaying = options(tmp_path, replay="model")
    assert plans.request_settings(plan_of(replaying)).responses is True
    assert plans.request_settings(plan_of(options(tmp_path), Space.RAW, Space.PREDICTION)).responses is True
    assert plans.request_settings(plan_of(replaying, Space.RAW, Space.PREDICTION)).responses is True


def test_a_table_is_read_by_itself(tmp_path: Path) -> None:
    table = options(tmp_path, logs=TABLE, format="table", time_feature="at")
    examine = plans.examine_requests(plan_of(table), (), [versions()], None)
    assert isinstance(examine, ExamineTable)
    assert (examine.table, examine.format, examine.settings.time_feature) == (TABLE, "table", "at")
    assert len(examine.branches) == 1
    assert plans.files_of(table) == ()
    (tmp_path / "log").write_bytes(b"four")
    assert plans.files_of(options(tmp_path)) == [FileSize(str(tmp_path / "log"), 4)]
    assert examine.settings.expected is not None
    assert sorted(examine.settings.expected.types) == ["carrier", "stops"]


def test_each_space_has_the_branches_that_are_made_for_it(tmp_path: Path, baseline: Baseline) -> None:
    plan = plans.make_plan(with_baseline(ignore_sampling_rate=True))
    branch = plans.compared_spaces(plan, lambda reference: [statistics(reference.space.value, None)])
    assert isinstance(branch, Marked)
    assert support.results([branch], []).keys() == {READING, ("raw", 0), ("transformed", 0)}
    alone = plans.make_plan(with_baseline(spaces=("transformed",)))
    branch = plans.compared_spaces(alone, lambda reference: [statistics(reference.space.value, None)])
    assert support.results([branch], []).keys() == {READING, ("transformed", 0)}
    assert alone.transform_output == baseline.transform_output


def test_what_no_flag_says_of_reading_the_contract_does(tmp_path: Path) -> None:
    contract = {"time_feature": "at", "missing_values": ["NA"]}
    for changes, wanted in (
        ({}, ("at", True, TextForm(None, frozenset({"NA"})))),
        ({"time_feature": "t", "missing_values": ("-",)}, ("t", False, TextForm(None, frozenset("-")))),
        ({"csv_separator": ";"}, ("at", True, TextForm(";", frozenset({"NA"})))),
    ):
        plan = plan_of(options(tmp_path, **changes))
        run_settings = dataclasses.replace(plan.run_settings, contract=contract)
        read = plans.request_settings(dataclasses.replace(plan, run_settings=run_settings))
        assert (read.time_feature, read.log_time_first, read.text) == wanted
    assert plans.request_settings(plan_of(options(tmp_path))).time_feature is None


def test_rows_are_grouped_by_the_flag_else_as_training_was(
    baseline: Baseline, monkeypatch: pytest.MonkeyPatch
) -> None:
    def plan(of_training: str | None, flag: str | None) -> ComparisonPlan:
        contract = dataclasses.replace(baseline.contract, group_by=of_training)
        loaded = dataclasses.replace(baseline, contract=contract)
        monkeypatch.setattr(plans, "load_baseline", lambda path: loaded)
        return plans.make_plan(with_baseline(group_by=flag))

    assert plan(None, None).group_by is None
    assert plan("carrier", None).group_by == "carrier"
    assert plan("carrier", "stops").group_by == "stops"
    # The schema was edited, and has no such feature any more.
    assert plan("user", None).group_by is None
    of_flag = plan("carrier", "stops")
    assert of_flag.source.group_by == "stops"
    assert {reference.group_by for reference in of_flag.references.values()} == {"stops"}
    with pytest.raises(UsageError, match=r"^--group_by: expected one of carrier, stops; got 'user'$"):
        plan("carrier", "user")


def test_how_often_training_rows_repeat_is_known_of_the_same_features(
    baseline: Baseline, monkeypatch: pytest.MonkeyPatch
) -> None:
    repeats = RowRepeats(1000, 900, (RepeatedRow("", 0, 7, 100),), 1)

    def known(*names: str, **flags: Any) -> RowRepeats | None:
        values = {"features": repeated_rows.digest(names), **repeats.to_json()}
        loaded = dataclasses.replace(
            baseline, contract=dataclasses.replace(baseline.contract, repeats=values)
        )
        monkeypatch.setattr(plans, "load_baseline", lambda path: loaded)
        return plans.make_plan(with_baseline(**flags)).run_settings.training_repeats

    assert known("carrier", "stops") == repeats
    assert known("carrier") is None
    assert known("carrier", time_feature="stops") == repeats
    monkeypatch.setattr(plans, "load_baseline", lambda path: baseline)
    assert plans.make_plan(with_baseline()).run_settings.training_repeats is None

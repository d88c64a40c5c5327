"""What `join` plans, refuses and says; no job runs."""

from __future__ import annotations

import dataclasses
import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import text_format
from support import hand_made_models, logs
from tensorflow_metadata.proto.v0 import schema_pb2

from trueserve.pipelines import join
from trueserve.pipelines.beam import options as beam_options
from trueserve.pipelines.flags.join import JoinOptions
from trueserve.pipelines.join import JoinPlan
from trueserve.transforms.core.errors import InputError, UsageError
from trueserve.transforms.files.file_systems import FileSize
from trueserve.transforms.joining.cells import FloatTolerance
from trueserve.transforms.joining.key_parts import KeyPart
from trueserve.transforms.joining.split import JoinSettings
from trueserve.transforms.logs.features import FeatureType

#: The label, `late`, is in no request.
SCHEMA = logs.SCHEMA


def options(**fields: Any) -> JoinOptions:
    values: dict[str, Any] = {
        "examples": "examples",
        "logs": "logs",
        "key": (KeyPart("age"),),
        "output": "out",
    }
    return JoinOptions(**values | fields)


def plan(schema: schema_pb2.Schema | None = None, *requests: FileSize, **fields: Any) -> JoinPlan:
    files = requests or (FileSize("logs/a", 1000),)
    return JoinPlan(options(**fields), (FileSize("a", 3), FileSize("b", 4)), files, schema)


def test_all_files_of_both_sides_are_read() -> None:
    assert plan().total_bytes == 1007


def test_each_feature_that_is_not_compared_has_a_reason() -> None:
    assert plan(SCHEMA, ignore=("fare", "age")).not_compared == {
        "late": "requests do not have it, by the schema's environments",
        "fare": "left out by --ignore",
        "age": "part of the key",
    }
    assert plan(None).not_compared == {"age": "part of the key"}


def test_the_flags_become_the_settings_of_the_comparison() -> None:
    assert plan(SCHEMA, tolerance=0.5, samples=7).comparison == JoinSettings(
        key=(KeyPart("age"),),
        ignore=frozenset({"late", "age"}),
        tolerance=FloatTolerance(None, 0.5),
        allow_duplicates=False,
        samples=7,
        keep_values=False,
    )
    other = plan(None, float_round_ndigits=3, allow_duplicate_identifiers=True, keep_payloads=True).comparison
    assert other.tolerance == FloatTolerance(3, 0.0)
    assert (other.allow_duplicates, other.keep_values) == (True, True)


@pytest.fixture
def types_found(monkeypatch: pytest.MonkeyPatch) -> list[JoinPlan]:
    """The plans whose examples are looked at for types: a job that is not run here."""
    plans: list[JoinPlan] = []

    def find_types(of: JoinPlan, job: Any) -> dict[str, FeatureType]:
        plans.append(of)
        return {"ride": FeatureType.INT, "fare": FeatureType.FLOAT}

    monkeypatch.setattr(join, "_find_types", find_types)
    return plans


NO_JOB: Any = None


def test_logs_of_examples_need_no_schema(tmp_path: Path, types_found: list[JoinPlan]) -> None:
    file = logs.write_records(tmp_path / "log", [logs.example(age=[1])])
    assert join._schema(plan(None, file), NO_JOB) is None
    assert join._schema(plan(None, format="tf_example"), NO_JOB) is None
    assert types_found == []


def test_other_logs_are_decoded_by_the_types_of_the_examples(types_found: list[JoinPlan]) -> None:
    without = plan(None, format="rest", key=(KeyPart("ride"),))
    schema = join._schema(without, NO_JOB)
    assert types_found == [without]
    assert schema is not None
    assert {feature.name: feature.type for feature in schema.feature} == {
        "ride": schema_pb2.INT,
        "fare": schema_pb2.FLOAT,
    }


def test_the_format_of_a_log_is_looked_for(tmp_path: Path, types_found: list[JoinPlan]) -> None:
    (tmp_path / "log").write_text('{"request_id": "1", "instances": [{"fare": 2.5}]}\n')
    file = FileSize(str(tmp_path / "log"), (tmp_path / "log").stat().st_size)
    assert join._schema(plan(None, file, key=(KeyPart("ride"),)), NO_JOB) is not None
    assert len(types_found) == 1


@pytest.mark.parametrize("log_format", ["rest", "tf_example"])
def test_a_schema_that_has_the_key_is_enough(types_found: list[JoinPlan], log_format: str) -> None:
    schema = join._schema(plan(SCHEMA, format=log_format), NO_JOB)
    assert types_found == []
    assert schema is not None
    [key] = [feature for feature in schema.feature if feature.name == "age"]
    assert list(key.in_environment) == ["TRAINING", "SERVING"]
    lacking = plan(SCHEMA, format=log_format, key=(KeyPart("ride"),))
    joined = join._schema(lacking, NO_JOB)
    assert types_found == [lacking]
    assert joined is not None
    assert {feature.name for feature in joined.feature} == {"age", "fare", "word", "late", "ride"}


def test_the_schema_is_the_baselines_or_a_file_or_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    baseline = hand_made_models.baseline(tmp_path / "baseline")
    monkeypatch.setattr(join, "load_baseline", {"baseline": baseline}.__getitem__)
    assert join._load_schema(options(baseline="baseline")) == baseline.schema
    (tmp_path / "schema").write_text(text_format.MessageToString(SCHEMA))
    assert join._load_schema(options(schema=str(tmp_path / "schema"))) == SCHEMA
    assert join._load_schema(options()) is None


def test_texts_that_mean_missing_are_those_of_the_baseline_or_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    baseline = hand_made_models.baseline(tmp_path / "baseline")
    contract = dataclasses.replace(baseline.contract, missing_values=("NA",))
    loaded = dataclasses.replace(baseline, contract=contract)
    monkeypatch.setattr(join, "load_baseline", lambda *_, **__: loaded)
    assert join._with_missing_values(options(baseline="baseline")).missing_values == ("NA",)
    given = options(baseline="baseline", missing_values=("-",))
    assert join._with_missing_values(given) == given
    assert join._with_missing_values(options()) == options()


def test_the_output_is_no_baseline(tmp_path: Path) -> None:
    flags = beam_options.beam_options(())
    join._check_paths(options(output=str(tmp_path / "new")), flags)
    (tmp_path / "contract.json").touch()
    with pytest.raises(UsageError) as caught:
        join._check_paths(options(output=str(tmp_path)), flags)
    assert str(caught.value) == f"--output: {tmp_path} is a baseline; name another folder"


def reading(read: int = 2000, unaccounted: int = 0, **fields: Any) -> dict[str, Any]:
    counts = {"read": read, "rejected": fields.pop("rejected", {})}
    return {"counts": counts, "unaccounted": unaccounted, "faults": [], "rejects": [], **fields}


def test_faults_come_before_rejects() -> None:
    faulty = reading(faults=["a is cut short", "b is cut short"], rejected={"not_json": 2000})
    with pytest.raises(InputError) as caught:
        join._check_reading("requests", faulty, 1.0)
    assert str(caught.value) == "a is cut short; b is cut short"


def test_so_many_records_may_be_rejected_as_the_flag_allows() -> None:
    rejected = reading(rejected={"not_json": 60, "too_long": 40}, rejects=["logs/a, record 7: no JSON", "b"])
    join._check_reading("requests", rejected, 0.05)
    with pytest.raises(InputError) as caught:
        join._check_reading("requests", rejected, 0.0499)
    assert str(caught.value) == (
        "100 of 2,000 records of the requests were rejected, more than --max_rejects=0.0499 allows; the"
        " first: logs/a, record 7: no JSON"
    )


@pytest.mark.parametrize("count", [1000, -1])
def test_records_that_are_not_accounted_for_fail_the_run(count: int) -> None:
    join._check_reading("examples", reading(), 0.0)
    with pytest.raises(InputError) as caught:
        join._check_reading("examples", reading(unaccounted=count), 0.0)
    message = f"{count:,} records of the examples that were read are not accounted for"
    assert str(caught.value) == message


def test_a_feature_has_one_type_on_a_side() -> None:
    join._check_types({"conflicts": []})
    with pytest.raises(InputError) as caught:
        join._check_types({"conflicts": ["fare", "hour"]})
    assert str(caught.value) == (
        "feature 'fare' has values of two types on one side; say which with --schema, or leave it out by"
        " --ignore"
    )


def test_the_document_says_what_was_asked_for() -> None:
    start = dt.datetime(2013, 7, 1, tzinfo=dt.UTC)
    fields = join._options_json(options(start=start, tolerance=0.5, allow_duplicate_identifiers=True))
    assert fields == {
        "examples": "examples",
        "logs": "logs",
        "key": [{"feature": "age", "of_log": False}],
        "tolerance": 0.5,
        "float_round_ndigits": None,
        "allow_duplicate_identifiers": True,
        "window": {"start": "2013-07-01T00:00:00+00:00", "end": None},
    }
    ended = dataclasses.replace(options(), end=start)
    assert join._options_json(ended)["window"] == {"start": None, "end": "2013-07-01T00:00:00+00:00"}

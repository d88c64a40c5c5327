"""What serving is compared with, of a baseline or of TFDV's files: one reference a space, or one line."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import text_format
from support import hand_made
from tensorflow_metadata.proto.v0 import schema_pb2

from trueserve.transforms.baseline.contents import Contents
from trueserve.transforms.baseline.contract import Contract, Digests
from trueserve.transforms.baseline.load import Baseline
from trueserve.transforms.core.errors import InputError, UsageError
from trueserve.transforms.predictions import outputs, recorded
from trueserve.transforms.predictions.outputs import Output, OutputType
from trueserve.transforms.reference import training_side
from trueserve.transforms.reference.training_side import TrainingSide, of_baseline
from trueserve.transforms.verdict.model import Space
from trueserve.transforms.verdict.variation import store

SCHEMA = hand_made.schema(
    schema_pb2.Feature(name="x", type=schema_pb2.FLOAT), schema_pb2.Feature(name="late", type=schema_pb2.INT)
)
STATISTICS = hand_made.statistics(10, hand_made.number("x", 10))
SPACES = ("raw", "transformed")


def baseline(**changes: Any) -> Baseline:
    contract = Contract(
        "now", Digests("", "", {}), {}, 10, "late", ("x", "late", "gone"), {"x_z": ("x",)}, time_feature="t"
    )
    contract = dataclasses.replace(contract, unknown_ids={"w": (3, 4)}, buckets={"b": (0, 9)})
    plain = Baseline(
        path="/base",
        schema=SCHEMA,
        statistics=STATISTICS,
        transformed_schema=SCHEMA,
        transformed_statistics=STATISTICS,
        contract=contract,
        contents=Contents("/base", {}),
        contract_data=b"",
        identity="now",
    )
    return dataclasses.replace(plain, **changes)


def test_both_spaces_of_a_baseline_have_what_belongs_to_them() -> None:
    augmented = hand_made.statistics(11)
    raw, transformed = of_baseline(baseline(augmented_statistics=augmented), SPACES)
    assert (raw.space, raw.label, raw.time_feature, raw.edited) == (Space.RAW, "late", "t", "")
    assert (raw.trained_on, raw.variation) == (None, None)
    assert transformed.space is Space.TRANSFORMED
    assert transformed.raw_features == {"x_z": ("x",)}
    assert (transformed.unknown_ids, transformed.buckets) == ({"w": (3, 4)}, {"b": (0, 9)})
    assert transformed.trained_on == augmented
    assert [reference.space for reference in of_baseline(baseline(), ["transformed"])] == [Space.TRANSFORMED]


def test_an_edited_schema_is_told_with_what_is_gone() -> None:
    [raw] = of_baseline(baseline(schema_edited=True), ["raw"])
    assert raw.edited == (
        "schema.pbtxt was edited since prepare wrote it; features that it no longer has are not compared:"
        " 'gone'"
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"schema": schema_pb2.Schema()},
            "has no raw feature in its schema: nothing to compare with; leave the space out with"
            " --spaces=transformed, or run trueserve prepare or adopt again",
        ),
        ({"statistics": hand_made.statistics(10)}, "has no raw feature in its statistics"),
        ({"transformed_schema": schema_pb2.Schema()}, "has no transformed feature in its schema"),
        (
            {"transformed_statistics": hand_made.statistics(10)},
            "has no transformed feature in its statistics: nothing to compare with; leave the space out with"
            " --spaces=raw",
        ),
    ],
)
def test_a_space_without_features_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError) as error:
        of_baseline(baseline(**changes), SPACES)
    assert f"the baseline /base {message}" in str(error.value)


def test_an_adopted_baseline_without_transformed_statistics_has_the_raw_space_alone() -> None:
    adopted = baseline(transformed_statistics=hand_made.statistics(10))
    lacks = {"transformed_statistics": "not compared", "sample": "no slices"}
    adopted = dataclasses.replace(adopted, contract=dataclasses.replace(adopted.contract, lacks=lacks))
    [raw] = of_baseline(adopted, SPACES)
    assert (raw.space, raw.lacks) == (Space.RAW, "not compared")
    with pytest.raises(UsageError, match="was adopted without examples and has no statistics of the"):
        of_baseline(adopted, ["transformed"])
    assert of_baseline(baseline(), SPACES)[0].lacks == ""


def test_how_days_differ_is_read_or_refused() -> None:
    [raw] = of_baseline(baseline(variation=store.to_bytes({})), ["raw"])
    assert raw.variation is None
    with pytest.raises(UsageError) as error:
        of_baseline(baseline(variation=b"no"), ["raw"])
    assert str(error.value).startswith(
        "/base/variation.arrow is not what prepare wrote: it is no Arrow stream"
    )
    assert str(error.value).endswith("; run trueserve prepare or adopt again")


def of_files(folder: Path, label: str | None = None, predictions: str | None = None) -> TrainingSide:
    (folder / "schema").write_text(text_format.MessageToString(SCHEMA))
    (folder / "stats").write_bytes(STATISTICS.SerializeToString())
    files = str(folder / "schema"), str(folder / "stats")
    return TrainingSide(None, *files, label, ("raw",), predictions)


def test_a_schema_and_statistics_of_tfdvs_are_the_raw_space(tmp_path: Path) -> None:
    [raw] = of_files(tmp_path).references()
    assert (raw.space, raw.label, raw.schema, raw.statistics) == (Space.RAW, None, SCHEMA, STATISTICS)
    [raw] = of_files(tmp_path, "late").references()
    assert raw.label == "late"
    with pytest.raises(UsageError, match="--label=later is no feature of the data; it has: x, late"):
        of_files(tmp_path, "later").references()


def test_the_label_is_what_serving_lacks(tmp_path: Path) -> None:
    side = of_files(tmp_path)
    schema = schema_pb2.Schema(default_environment=["TRAINING", "SERVING"])
    schema.feature.extend(SCHEMA.feature)
    schema.feature[1].not_in_environment.append("SERVING")
    (tmp_path / "schema").write_text(text_format.MessageToString(schema))
    assert side.references()[0].label == "late"


def test_predictions_have_no_days_where_features_have(tmp_path: Path) -> None:
    output = Output("score", OutputType.FLOAT, 1)
    recorded.write(str(tmp_path), outputs.schema_of([output], "of a test"), STATISTICS)
    side = of_files(tmp_path, predictions=str(tmp_path))
    raw, predictions = side.references()
    assert (predictions.space, predictions.variation) == (Space.PREDICTION, None)
    [timed] = side.of_predictions([raw, dataclasses.replace(raw, variation={})])
    assert timed.variation == {}
    assert of_files(tmp_path).of_predictions([raw]) == []


def test_a_baseline_that_was_replaced_meanwhile_is_not_compared_with(monkeypatch: pytest.MonkeyPatch) -> None:
    loads = []

    def load(path: str, *, with_graph: bool) -> Baseline:
        loads.append((path, with_graph))
        return baseline()

    monkeypatch.setattr(training_side, "load_baseline", load)
    for identity in (None, "now"):
        side = TrainingSide("/base", None, None, None, SPACES, identity=identity)
        assert len(side.of_features()) == 2
    with pytest.raises(InputError, match="was replaced or edited while the job ran; expected the one of the"):
        TrainingSide("/base", None, None, None, SPACES, identity="then").of_features()
    assert loads == [("/base", False)] * 3


def test_outputs_of_tables_may_differ_by_new_values_and_those_by_key_by_as_many_rows_as_keys() -> None:
    counts = {"a": 60, "b": 30} | {f"rare {n}": 1 for n in range(10)}
    statistics = hand_made.statistics(100, hand_made.category("word", counts))
    statistics.datasets[0].features[0].string_stats.unique = 12
    looked_up = {"weight": ("word",), "z": ("word",), "id": ("word",)}
    contract = dataclasses.replace(
        baseline().contract,
        looked_up=looked_up,
        unknown_ids={"id": (3, 4)},
        transformed_features={"weight": ("word",), "z": ("word", "x"), "id": ("word",)},
    )
    [transformed] = of_baseline(baseline(contract=contract, statistics=statistics), ["transformed"])
    assert transformed.new_values == {"weight": pytest.approx(0.1), "z": pytest.approx(0.12)}

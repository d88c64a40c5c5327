"""`prepare` in memory, with everything that it can be asked for: what is in the baseline that it leaves."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from google.protobuf import text_format
from support import logs
from tensorflow_metadata.proto.v0 import schema_pb2

from trueserve.pipelines import prepare
from trueserve.pipelines.display.console import Console
from trueserve.pipelines.flags.prepare import PrepareOptions
from trueserve.transforms.baseline.load import Baseline, load_baseline
from trueserve.transforms.core import schema as schemas
from trueserve.transforms.core.errors import UsageError
from trueserve.transforms.graph.preprocessing import source_digest
from trueserve.transforms.verdict.variation import store

FEATURES = """
import tensorflow as tf
import tensorflow_transform as tft


def preprocessing_fn(inputs):
    dense = {name: tf.sparse.to_dense(inputs[name])[:, 0] for name in ("distance", "late")}
    return {"distance_z": tft.scale_to_z_score(dense["distance"]), "label": dense["late"]}
"""
LONGER = """
def augment_fn(features, seeds):
    return {**features, "distance_z": features["distance_z"] + 100.0}
"""
ROWS = 48
START = 1_372_636_800  # 2013-07-01, in seconds since 1970


def row(number: int) -> dict[str, Any]:
    """One an hour; the last has no time."""
    time = {"when": [START + 3600 * number]} if number < ROWS - 1 else {}
    return {"distance": [float(number)], "late": [number % 2], **time}


class Prepared(NamedTuple):
    folder: Path
    baseline: Baseline
    lines: list[str]


def run(folder: Path, **fields: Any) -> list[str]:
    """What was said."""
    out = io.StringIO()
    options = PrepareOptions(
        str(folder / "train-*"), str(folder / "features.py"), str(folder / "baseline"), **fields
    )
    assert prepare.run(options, Console(out, io.StringIO())) == 0
    return out.getvalue().splitlines()


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    folder = tmp_path_factory.mktemp("prepared")
    (folder / "features.py").write_text(FEATURES)
    (folder / "longer.py").write_text(LONGER)
    for number, rows in enumerate((range(30), range(30, ROWS))):
        logs.write_records(folder / f"train-{number}", [logs.example(**row(each)) for each in rows])
    lines = run(folder, label="late", time_feature="when", augment=str(folder / "longer.py"))
    return Prepared(folder, load_baseline(str(folder / "baseline")), lines)


def test_the_schema_is_inferred_without_the_time(prepared: Prepared) -> None:
    assert "inferred a schema of 2 features" in prepared.lines
    schema = prepared.baseline.schema
    assert [feature.name for feature in schema.feature] == ["distance", "late"]
    assert schemas.serving_features(schema) == ["distance"]
    assert schemas.label_of(schema) == "late"


def test_each_statistic_is_of_its_own_rows(prepared: Prepared) -> None:
    """Raw and transformed ones of what training has; the augmented ones of what it was given."""
    baseline = prepared.baseline
    assert means(baseline.statistics)["distance"] == pytest.approx(23.5)
    assert means(baseline.transformed_statistics)["distance_z"] == pytest.approx(0, abs=1e-5)
    assert baseline.augmented_statistics is not None
    assert means(baseline.augmented_statistics)["distance_z"] == pytest.approx(100)
    assert baseline.statistics.datasets[0].num_examples == ROWS


def means(statistics: Any) -> dict[str, float]:
    return {feature.path.step[0]: feature.num_stats.mean for feature in statistics.datasets[0].features}


def test_the_contract_says_what_was_made_of_what(prepared: Prepared) -> None:
    contract = prepared.baseline.contract
    assert (contract.num_examples, contract.label, contract.time_feature) == (ROWS, "late", "when")
    assert contract.augmentation == source_digest(str(prepared.folder / "longer.py"))
    assert contract.periods == {"day": 2, "hour": 47, "rows_without_time": 1}
    assert contract.transformed_features == {"distance_z": ("distance",), "label": ("late",)}


def test_days_and_hours_are_kept_in_both_spaces(prepared: Prepared) -> None:
    assert "kept 2 days, 47 hours; 1 of 48 rows have no time" in prepared.lines
    assert prepared.baseline.variation is not None
    spaces = store.from_bytes(prepared.baseline.variation)
    assert {space: set(by_unit["day"]) for space, by_unit in spaces.items()} == {
        "raw": {"distance"},
        "transformed": {"distance_z", "label"},
    }
    assert spaces["raw"]["day"]["distance"].rows.tolist() == [24, 23]
    assert spaces["transformed"]["hour"]["distance_z"].rows.tolist() == [1] * 47


def test_nothing_else_is_left_and_the_steps_were_said(prepared: Prepared) -> None:
    assert {path.name for path in prepared.folder.iterdir()} - {"__pycache__"} == {
        "baseline", "features.py", "longer.py", "train-0", "train-1",
    }  # fmt: skip
    steps = [line for line in prepared.lines if line.endswith(" ...")]
    assert steps == [
        "examining the training examples ...",
        "analysing and transforming ...",
        "counting days and hours ...",
    ]
    assert prepared.lines[-2:] == [
        "recording probes and the contract",
        f"baseline {prepared.folder / 'baseline'}",
    ]


def test_with_a_schema_and_nothing_else_asked_for_there_is_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "features.py").write_text(FEATURES)
    text = 'feature { name: "distance" type: FLOAT } feature { name: "late" type: INT }'
    (tmp_path / "schema").write_text(text)
    logs.write_records(tmp_path / "train-0", [logs.example(**row(each)) for each in range(6)])
    lines = run(tmp_path, schema=str(tmp_path / "schema"))
    baseline = load_baseline(str(tmp_path / "baseline"))
    assert baseline.schema == text_format.Parse(text, schema_pb2.Schema())
    assert (baseline.augmented_statistics, baseline.variation) == (None, None)
    contract = baseline.contract
    assert (contract.augmentation, contract.time_feature, contract.periods) == (None, None, {})
    assert (contract.num_examples, contract.label) == (6, None)
    assert [line for line in lines if line.endswith(" ...")] == ["analysing and transforming ..."]


def test_a_time_that_no_example_has_is_wrong_usage(prepared: Prepared, tmp_path: Path) -> None:
    (tmp_path / "features.py").write_text(FEATURES)
    logs.write_records(tmp_path / "train-0", [logs.example(**row(0))])
    with pytest.raises(
        UsageError, match=r"^--time_feature: the examples have no feature 'at'; they have: distance,"
    ):
        run(tmp_path, time_feature="at")
    assert not (tmp_path / "baseline").exists()

"""The same rows as other clients write them are no skew: digits, empty lists, defaults, slices by a feature.

And what could not show a change is not "ok".
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import tensorflow as tf
from support import e2e

PREPROCESSING = """
import tensorflow as tf

def preprocessing_fn(inputs):
    return {**inputs, "amount_2": inputs["amount"] * 2.0}
"""
# A default for `amount`; all else may be missing.
SCHEMA = """
feature { name: "ratio" type: FLOAT presence { min_fraction: 0 } value_count { max: 1 } }
feature { name: "amount" type: FLOAT presence { min_fraction: 0 } value_count { max: 1 } }
feature { name: "carrier" type: BYTES presence { min_fraction: 0 } value_count { max: 1 } }
feature { name: "distance" type: FLOAT presence { min_fraction: 0 } value_count { max: 1 } }
feature { name: "key" type: BYTES presence { min_fraction: 0 } value_count { max: 1 } }
tensor_representation_group { key: "" value { tensor_representation { key: "amount" value { dense_tensor {
  column_name: "amount" shape { dim { size: 1 } } default_value { float_value: -1.0 } } } } } }
"""
RATIOS = (1 / 3, 2 / 3, 0.1, 1 / 7)
DISTANCES = {"UA": 1400.0, "AA": 1300.0, "DL": 1200.0}


Row = dict[str, Any]


class Home(NamedTuple):
    folder: Path
    baseline: str


def rows(count: int, seed: int) -> list[Row]:
    rng = random.Random(seed)
    return [_row(rng) for _ in range(count)]


def _row(rng: random.Random) -> Row:
    carrier = rng.choice(list(DISTANCES))
    row: Row = {
        "ratio": rng.choices(RATIOS, (4, 3, 2, 1))[0],
        "carrier": carrier,
        "distance": rng.gauss(DISTANCES[carrier], 300),
        "key": f"{rng.getrandbits(64):x}",
    }
    if rng.random() < 0.8:
        row["amount"] = rng.gauss(5, 1)
    if rng.random() < 0.1:
        del row["distance"]
    return row


def write(path: Path, table: Sequence[Row]) -> str:
    """TFRecords, as TFX's CsvExampleGen has them: a value that is missing is an empty list."""
    with tf.io.TFRecordWriter(str(path)) as writer:
        for row in table:
            example = tf.train.Example()
            for name in ("ratio", "amount", "distance"):
                values = [row[name]] if name in row else []
                example.features.feature[name].float_list.value.extend(values)
                example.features.feature[name].float_list.SetInParent()
            for name in ("carrier", "key"):
                example.features.feature[name].bytes_list.value.append(row[name].encode())
            writer.write(example.SerializeToString())
    return str(path)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    from trueserve.pipelines.cli import main

    folder = tmp_path_factory.mktemp("others")
    (folder / "pp.py").write_text(PREPROCESSING)
    (folder / "schema.pbtxt").write_text(SCHEMA)
    baseline = str(folder / "baseline")
    arguments = {
        "examples": write(folder / "train.tfrecord", rows(4000, 1)),
        "preprocessing": str(folder / "pp.py"),
        "schema": str(folder / "schema.pbtxt"),
        "baseline": baseline,
    }
    assert main(["prepare", *(f"--{name}={value}" for name, value in arguments.items())]) == 0
    return Home(folder, baseline)


def log(home: Home, table: Sequence[Row], change: Callable[[Row], Any] = lambda row: row) -> str:
    """JSON lines whose floats have six digits; what is missing is left out."""
    path = home.folder / "log.jsonl"
    instances = [
        {n: float(f"{v:.6g}") if isinstance(v, float) else v for n, v in change(row).items()} for row in table
    ]
    path.write_text("".join(json.dumps({"instances": [instance]}) + "\n" for instance in instances))
    return str(path)


def document(
    home: Home, capsys: pytest.CaptureFixture[str], logs: str, *more: str
) -> tuple[int, dict[str, Any]]:
    output = home.folder / "output"
    result = e2e.run(
        capsys, "validate", f"--baseline={home.baseline}", f"--logs={logs}", f"--output={output}", *more
    )
    return result.code, e2e.verdict(output)


def test_the_same_rows_are_ok_in_every_slice_too(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    code, verdict = document(home, capsys, log(home, rows(3000, 2)), "--slice_by=carrier")
    assert (code, e2e.errors(verdict)) == (0, set())
    assert {each["verdict"] for each in verdict["slices"]} == {"ok"}
    assert len(verdict["slices"]) == len(DISTANCES)
    [note] = [
        finding["message"] for finding in verdict["findings"] if finding["metric"] == "slices_of_sample"
    ]
    assert "same slices of 4,000 training rows" in note
    # Each key comes once: nothing could be seen in it.
    reasons = {(left["feature"], left["reason"]) for left in verdict["not_compared"]}
    assert {name for name, reason in reasons if "come too seldom" in reason} == {"key"}


def test_a_move_in_a_single_slice_is_named_there(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    def move(row: Row) -> Row:
        further = row.get("distance", 0.0) + 450 * (row["carrier"] == "AA")
        return {**row, "distance": further} if "distance" in row else row

    code, verdict = document(home, capsys, log(home, rows(3000, 3), move), "--slice_by=carrier")
    assert code == 1
    assert {each["slice"]: each["verdict"] for each in verdict["slices"]} == {
        "carrier=AA": "skew",
        "carrier=DL": "ok",
        "carrier=UA": "ok",
    }


def test_another_ratio_is_found_though_digits_are_not(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    def change(row: Row) -> Row:
        return {**row, "ratio": 0.334 if row["ratio"] == RATIOS[0] else row["ratio"]}

    code, verdict = document(home, capsys, log(home, rows(3000, 4), change))
    assert code == 1
    assert {name for _, name in e2e.errors(verdict)} == {"ratio"}


def test_a_run_of_what_shows_nothing_is_not_examined(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    code, verdict = document(home, capsys, log(home, rows(3000, 5)), "--only=key")
    assert (code, verdict["verdict"]) == (4, "not_examined")

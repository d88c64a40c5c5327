"""The shape of TFX's Chicago taxi example through prepare, export, check and validate."""

from __future__ import annotations

from pathlib import Path

import keras
import pytest
from support import check, e2e, taxi

INPUTS = {
    **dict.fromkeys(("trip_miles_xf", "fare_xf", "trip_seconds_xf"), "float32"),
    **dict.fromkeys(("payment_type_xf", "company_xf", "dropoff_latitude_xf", "trip_start_hour_xf"), "int64"),
}


def train(file: Path) -> None:
    """A model on some of the outputs, each [batch]; its weights are always the same."""
    keras.utils.set_random_seed(5)
    inputs = {name: keras.Input((), name=name, dtype=dtype) for name, dtype in INPUTS.items()}
    numbers = [keras.layers.Reshape((1,))(inputs[name]) for name in INPUTS if INPUTS[name] == "float32"]
    ids = [keras.layers.Embedding(1010, 2)(inputs[name]) for name in INPUTS if INPUTS[name] == "int64"]
    joined = keras.layers.Concatenate()([*numbers, *ids])
    keras.Model(inputs, keras.layers.Dense(1, activation="sigmoid", name="big_tip")(joined)).save(file)


@pytest.mark.usefixtures("asked_here")
def test_the_taxi_example(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    training = taxi.write(tmp_path / "train.csv", 1000, 1, label=True)
    requests = taxi.write(tmp_path / "requests.csv", 1000, 2, label=False)
    (tmp_path / "taxi_utils.py").write_text(taxi.PREPROCESSING)
    (tmp_path / "schema.pbtxt").write_text(taxi.SCHEMA)
    train(tmp_path / "model.keras")
    baseline, served = tmp_path / "baseline", tmp_path / "served"
    common = [f"--examples={training}", f"--preprocessing={tmp_path}/taxi_utils.py", f"--label={taxi.LABEL}"]
    prepared = e2e.run(
        capsys, "prepare", *common, f"--schema={tmp_path}/schema.pbtxt", f"--baseline={baseline}"
    )
    assert prepared.code == 0, prepared.err
    model = [f"--model={tmp_path}/model.keras", "--prediction_rows=0"]
    exported = e2e.run(capsys, "export", f"--baseline={baseline}", *model, f"--output={served}")
    assert exported.code == 0, exported.err
    report = check.checked(str(baseline), served / "1")
    assert report["exit_code"] == 0, report
    assert {"transform_features", "serving_default", "raw_tensors"} == set(report["compared"])
    assert not [finding for finding in report["lint"] if finding["node"] == taxi.LABEL]
    validated = e2e.validate(capsys, baseline, str(requests), tmp_path / "skew")
    assert validated.code == 0, validated.out
    left_out = {(each["feature"], each["reason"]) for each in e2e.verdict(tmp_path / "skew")["not_compared"]}
    assert left_out >= {("tips", "label"), ("tips_xf", "computed from the label")}

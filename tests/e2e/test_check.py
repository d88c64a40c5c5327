"""`trueserve check`: right models pass, and each wrong one is named for what is wrong with it."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf
from support import check as support
from support import e2e
from support.asked_here import asked_here
from support.homes import Home

from trueserve.transforms.baseline.probes import read_probes

UNKNOWN = 5  # the id of what is none of the five carriers


@pytest.fixture(scope="module")
def keras_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("model") / "model.keras"
    support.train(file)
    return file


@pytest.fixture(scope="module")
def served(home: Home, keras_file: Path) -> Path:
    with asked_here():
        return support.exported(home.baseline, keras_file, keras_file.parent / "served")


def distances(home: Home) -> list[float]:
    return [row["distance"][0] for row in home.training]


def raw_of(home: Home, index: int) -> dict[str, Any]:
    rows: list[dict[str, Any]] = read_probes(f"{home.baseline}/probes.tfrecord")[0].to_pylist()
    return rows[index]


def test_the_installed_check_passes_what_export_made_and_is_quiet(
    home: Home, served: Path, tmp_path: Path
) -> None:
    completed = e2e.installed(["check", f"--baseline={home.baseline}", f"--model={served}"], tmp_path)
    assert (completed.returncode, completed.stderr) == (0, "")
    out = completed.stdout.splitlines()
    assert out[0].startswith(f"ok: {served} gives what the baseline promises")
    probes = read_probes(f"{home.baseline}/probes.tfrecord")[0].num_rows
    assert out[1].startswith(f"probes: {probes}, of them {probes - 500} made up; compared: ")
    assert f"transform_features {probes}, serving_default {probes}, raw_tensors " in out[1]
    assert out[1].endswith("right predictions: recorded in the model")
    assert not [line for line in out[2:] if not line.startswith(("info: ", "warning: lint "))]


def test_a_rebuilt_model_that_is_right_passes_with_a_reference(
    home: Home, keras_file: Path, served: Path, tmp_path: Path
) -> None:
    twin = support.rebuilt(home.baseline, keras_file, tmp_path / "twin")
    report = support.checked(home.baseline, twin, served)
    assert (report["exit_code"], report["predictions_from"]) == (0, "reference")
    assert {"transform_features", "serving_default", "raw_tensors"} == set(report["compared"])
    # A reference that has nothing recorded is asked.
    bare = tmp_path / "bare"
    shutil.copytree(served, bare)
    shutil.rmtree(bare / "assets.extra")
    report = support.checked(home.baseline, twin, bare)
    assert (report["exit_code"], report["compared"]["serving_default"]) == (0, report["probes"])
    alone = support.checked(home.baseline, twin)
    assert (alone["exit_code"], alone["predictions_from"]) == (0, None)
    assert "serving_default" not in alone["compared"]
    warned = [finding["kind"] for finding in alone["findings"] if finding["severity"] == "warning"]
    assert "not_checked" in warned


@pytest.mark.usefixtures("asked_here")
def test_preprocessing_that_is_skipped(
    home: Home, keras_file: Path, served: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bare = support.without_preprocessing(keras_file, tmp_path / "bare")
    result = e2e.run(
        capsys, "check", f"--baseline={home.baseline}", f"--model={bare}", f"--reference={served}"
    )
    assert result.code == 1
    [line] = [line for line in result.out if "no transform features" in line]
    assert line.startswith("error: no transform features: preprocessing is not in the served graph: ")
    assert "carrier_id, delay_filled, distance_z, hour_bucket" in line
    assert any("which are no raw features" in line for line in result.out)


def test_preprocessing_that_is_done_twice(home: Home, keras_file: Path, served: Path, tmp_path: Path) -> None:
    """The client scales already; its scaling was baked into the graph once more."""
    values = distances(home)
    mean = sum(values) / len(values)
    spread = (sum((value - mean) ** 2 for value in values) / len(values)) ** 0.5

    def again(raw: Any, made: Any) -> Any:
        return {**made, "distance_z": (made["distance_z"] - mean) / spread}

    wrong = support.rebuilt(home.baseline, keras_file, tmp_path / "twice", again)
    report = support.checked(home.baseline, wrong, served)
    errors = support.errors(report)
    assert report["exit_code"] == 1
    assert set(errors) == {
        ("transform_features", "distance_z"),
        ("serving_default", "late"),
        ("raw_tensors", "late"),
    }
    scaled = errors["transform_features", "distance_z"]
    assert (scaled["differing"], scaled["of"], scaled["raw_features"]) == (
        report["probes"],
        report["probes"],
        ["distance"],
    )
    line = re.search(r"throughout (\S+) x what is right - (\S+);", scaled["message"])
    assert line is not None, scaled["message"]
    assert float(line[1]) == pytest.approx(1 / spread, rel=1e-3)
    assert float(line[2]) == pytest.approx(mean / spread, rel=1e-3)
    example = scaled["examples"][0]
    assert example["raw"] == {"distance": raw_of(home, example["probe"])["distance"]}
    assert example["got"][0] == pytest.approx((example["expected"][0] - mean) / spread, rel=1e-4)
    assert "from the reference" in errors["serving_default", "late"]["message"]


def test_another_vocabulary(home: Home, served: Path, tmp_path: Path) -> None:
    """Two words have changed places, as they do when counts are made anew."""
    wrong = support.with_asset(
        served, tmp_path / "wrong", "carriers", lambda lines: [*lines[:3], lines[4], lines[3]]
    )
    report = support.checked(home.baseline, wrong)
    errors = support.errors(report)
    moved = errors["transform_features", "carrier_id"]
    rows = read_probes(f"{home.baseline}/probes.tfrecord")[0].to_pylist()
    due = sum((row["carrier"] or [b""])[0] in {b"B6", b"WN"} for row in rows)
    assert moved["differing"] == due > 0
    assert {tuple(example["expected"] + example["got"]) for example in moved["examples"]} == {(3, 4), (4, 3)}
    assert moved["examples"][0]["raw"]["carrier"][0] in {"B6", "WN"}
    assert ("transform_features", "distance_z") not in errors
    assert "from what was recorded at export" in errors["serving_default", "late"]["message"]
    # It is an error of the bytes, too, as it does something.
    assert ("asset-changed", "error") in {
        (finding["rule"], finding["severity"]) for finding in report["lint"]
    }


def test_other_bytes_that_do_the_same_are_information(home: Home, served: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(served, other)
    asset = other / "assets" / "carriers"
    asset.write_bytes(asset.read_bytes().removesuffix(b"\n"))
    contract = json.loads((other / "assets.extra" / "contract.json").read_text())
    contract["digests"]["preprocessing_source"] = "f" * 64
    contract["versions"]["numpy"] = "0.1"
    (other / "assets.extra" / "contract.json").write_text(json.dumps(contract))
    report = support.checked(home.baseline, other)
    messages = {finding["message"] for finding in report["findings"] if finding["kind"] == "version"}
    assert any(message.startswith("preprocessing_source: ffffffffffff… in the model") for message in messages)
    assert any("packages/numpy: 0.1 in the model" in message for message in messages)
    assert all(message.endswith("the probes agree all the same") for message in messages)
    assert [finding["severity"] for finding in report["lint"] if finding["rule"] == "asset-changed"] == [
        "info"
    ]
    assert report["exit_code"] == 0
    saved = next(version for version in report["versions"] if version["name"] == "saved_model/tensorflow")
    assert saved["model"] == tf.__version__


def test_another_mean(home: Home, served: Path, tmp_path: Path) -> None:
    values = distances(home)
    mean = sum(values) / len(values)
    wrong = support.with_constant(served, tmp_path / "wrong", mean, mean * 1.01)
    report = support.checked(home.baseline, wrong)
    errors = support.errors(report)
    assert errors["transform_features", "distance_z"]["differing"] == report["probes"]
    assert "throughout 1 x what is right - 0.0" in errors["transform_features", "distance_z"]["message"]
    assert ("transform_features", "carrier_id") not in errors


def test_unknown_words_as_minus_one_and_other_types(
    home: Home, keras_file: Path, served: Path, tmp_path: Path
) -> None:
    def changed(raw: Any, made: Any) -> Any:
        ids = made["carrier_id"]
        return {
            **made,
            "carrier_id": tf.where(ids == UNKNOWN, tf.constant(-1, tf.int64), ids),
            "stops_filled": tf.cast(made["stops_filled"], tf.int32),
            "hour_bucket": tf.cast(made["hour_bucket"], tf.float32),
        }

    wrong = support.rebuilt(home.baseline, keras_file, tmp_path / "wrong", changed)
    report = support.checked(home.baseline, wrong, served)
    errors = support.errors(report)
    unknown = errors["transform_features", "carrier_id"]
    assert "always -1 for 5" in unknown["message"]
    assert "'trueserve-no-such-word'" in unknown["message"] or "made up" in unknown["message"]
    assert 0 < unknown["differing"] < 20
    kinds = {
        finding["message"]
        for finding in report["findings"]
        if finding["kind"] == "other_type" and finding["severity"] == "error"
    }
    assert "stops_filled is of type int32 in the model and int64 in the baseline" in kinds
    assert "hour_bucket is of type float32 in the model and int64 in the baseline" in kinds
    assert any("values are floats, not integers" in message for message in kinds)
    # The predictions need not differ: -1 is the last row of an embedding, which is that of unknown words.


def test_a_model_that_fails_for_some_requests(
    home: Home, keras_file: Path, served: Path, tmp_path: Path
) -> None:
    """A table that has no row for unknown words."""

    def changed(raw: Any, made: Any) -> Any:
        table = tf.zeros([UNKNOWN], tf.float32)
        return {**made, "delay_filled": made["delay_filled"] + tf.gather(table, made["carrier_id"])}

    wrong = support.rebuilt(home.baseline, keras_file, tmp_path / "wrong", changed)
    report = support.checked(home.baseline, wrong, served)
    rows = read_probes(f"{home.baseline}/probes.tfrecord")[1].to_pylist()
    unknown = [index for index, row in enumerate(rows) if row["carrier_id"] == [UNKNOWN]]
    failing = {finding["signature"]: finding for finding in report["findings"] if finding["kind"] == "fails"}
    assert set(failing) >= {"transform_features", "serving_default"}
    first = failing["transform_features"]
    assert (first["differing"], first["of"]) == (len(unknown), len(rows))
    assert [example["probe"] for example in first["examples"]] == unknown[:3]
    assert "is not in [0, 5)" in first["message"]
    # The others are compared all the same.
    assert report["compared"]["transform_features"] == len(rows) - len(unknown)
    assert {finding["kind"] for finding in support.errors(report).values()} == {"fails"}


@pytest.mark.usefixtures("asked_here")
def test_json_is_all_that_stdout_has(
    home: Home, served: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = support.with_asset(served, tmp_path / "wrong", "carriers", lambda lines: lines[::-1])
    result = e2e.run(capsys, "check", f"--baseline={home.baseline}", f"--model={model}", "--json")
    report = json.loads("\n".join(result.out))
    assert (result.code, report["exit_code"], report["result"], result.err) == (1, 1, "errors", [])
    assert (report["model"], report["reference"]) == (str(model), None)

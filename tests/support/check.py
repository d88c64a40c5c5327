"""Models that are wrong in one of the classic ways, beside the one that `export` made."""

from __future__ import annotations

import dataclasses
import io
import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import keras
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from support.repo import ROOT
from trueserve.pipelines import check, export
from trueserve.pipelines.display.console import Console
from trueserve.pipelines.flags.check import CheckOptions
from trueserve.pipelines.flags.export import ExportOptions
from trueserve.transforms.serving import keras_model, serving_model
from trueserve.transforms.serving.check import run_candidate

INPUTS = {"distance_z": "float32", "carrier_id": "int64", "hour_bucket": "int64", "delay_filled": "float32"}
NUM_CARRIERS, BUCKETS = 6, 4
SCHEMA = ROOT / "docs" / "check.schema.json"

Features = Mapping[str, Any]


def train(file: Path) -> None:
    """Saves a functional Keras model on some of the rides' outputs; its weights are always the same."""
    keras.utils.set_random_seed(11)
    inputs = {name: keras.Input((), name=name, dtype=dtype) for name, dtype in INPUTS.items()}
    sizes = {"carrier_id": NUM_CARRIERS, "hour_bucket": BUCKETS}
    embedded = [keras.layers.Embedding(size, 3)(inputs[name]) for name, size in sizes.items()]
    columns = [keras.layers.Reshape((1,))(inputs[name]) for name in INPUTS if name not in sizes]
    hidden = keras.layers.Dense(8, activation="tanh")(keras.layers.Concatenate()([*columns, *embedded]))
    keras.Model(inputs, {"late": keras.layers.Dense(1, activation="sigmoid")(hidden)}).save(file)


def exported(baseline: str, model: Path, output: Path) -> Path:
    """The version that `trueserve export` publishes."""
    options = ExportOptions(baseline=baseline, model=str(model), output=str(output))
    assert export.run(options, Console(io.StringIO(), io.StringIO())) == 0
    return output / "1"


def rebuilt(
    baseline: str,
    model: Path,
    target: Path,
    change: Callable[[Features, Features], Features] = lambda raw, made: made,
) -> Path:
    """A SavedModel that a team built by itself: no contract, no record, and its own idea of the features.

    `change` gets the raw features and what the baseline's graph makes of them.
    """
    serving = serving_model.ServingModel(f"{baseline}/transform_output", keras_model.load_model(str(model)))
    right = serving._transform
    serving._transform = lambda raw: dict(change(raw, right(raw)))  # type: ignore[assignment]
    serving_model.save(serving, str(target))
    return target


def without_preprocessing(model: Path, target: Path) -> Path:
    """A SavedModel of the Keras model alone, which clients have to feed with transformed features."""
    loaded = keras_model.load_model(str(model))
    module = tf.Module()
    module.model = loaded
    specs = {name: tf.TensorSpec([None], dtype, name=name) for name, dtype in INPUTS.items()}
    serve = tf.function(lambda features: loaded(features, training=False)).get_concrete_function(specs)
    tf.saved_model.save(module, str(target), signatures={"serving_default": serve})
    return target


def with_asset(served: Path, target: Path, name: str, change: Callable[[list[bytes]], list[bytes]]) -> Path:
    """A copy of a served model in which the lines of one vocabulary are others."""
    shutil.copytree(served, target)
    file = target / "assets" / name
    file.write_bytes(b"\n".join(change(file.read_bytes().splitlines())) + b"\n")
    return target


def with_constant(served: Path, target: Path, old: float, new: float) -> Path:
    """A copy of a served model in which every float constant near `old` is `new`."""
    shutil.copytree(served, target)
    model = saved_model_pb2.SavedModel.FromString((target / "saved_model.pb").read_bytes())
    changed = 0
    for node in model.meta_graphs[0].graph_def.node:
        if node.op == "Const" and node.attr["dtype"].type == tf.float32.as_datatype_enum:
            values = tf.make_ndarray(node.attr["value"].tensor)
            if values.size == 1 and abs(float(values.ravel()[0]) - old) < 1e-3 * abs(old):
                node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(new, tf.float32, values.shape))
                changed += 1
    assert changed, f"no constant near {old}"
    (target / "saved_model.pb").write_bytes(model.SerializeToString())
    return target


def checked(baseline: str, model: Path, reference: Path | None = None) -> dict[str, Any]:
    """What `trueserve check --json` says; asked in this process, which has loaded TensorFlow already."""

    def ask(question: run_candidate.Question) -> run_candidate.Answer:
        return run_candidate.Answer(
            **json.loads(json.dumps(dataclasses.asdict(run_candidate.examine(question))))
        )

    options = CheckOptions(baseline, str(model), None if reference is None else str(reference))
    report: dict[str, Any] = json.loads(json.dumps(check.examine(options, ask).to_json(), allow_nan=False))
    jsonschema.validate(report, json.loads(SCHEMA.read_text()))
    return report


def errors(report: Mapping[str, Any]) -> dict[tuple[str | None, str | None], dict[str, Any]]:
    """The errors by signature and feature."""
    findings = [finding for finding in report["findings"] if finding["severity"] == "error"]
    return {(finding["signature"], finding["feature"]): finding for finding in findings}

"""The user's model: how its inputs are matched and its outputs named."""

from __future__ import annotations

import json
import sys
import zipfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras  # type: ignore[import-untyped]

from trueserve.transforms.core.errors import UsageError
from trueserve.transforms.serving import keras_model

FEATURES = {"a": tf.constant([[1.0], [2.0]]), "b": tf.constant([[10.0], [20.0]])}


class Subclassed(keras.Model):
    def call(self, inputs: Any) -> Any:
        return inputs["a"] + inputs["b"]


def listed_model() -> Any:
    b, a = keras.Input((1,), name="b"), keras.Input((1,), name="a")
    return keras.Model([b, a], keras.layers.Subtract(name="less")([b, a]))


def test_inputs_are_matched_by_name() -> None:
    less = listed_model()
    got = keras_model.feeder(less, ["a", "b"])(FEATURES)
    assert np.array(got).tolist() == [[9.0], [18.0]]
    assert list(keras_model.name_outputs(less, got)) == ["less"]
    outputs = keras_model.feeder(Subclassed(), ["a", "b"])(FEATURES)
    assert np.array(outputs).tolist() == [[11.0], [22.0]]
    assert list(keras_model.name_outputs(Subclassed(), outputs)) == ["outputs"]


def test_a_sole_feature_is_the_sole_input_whatever_its_name() -> None:
    scale = keras.Sequential([keras.Input((1,)), keras.layers.Rescaling(3.0, name="scaled")])
    got = keras_model.feeder(scale, ["a"])(FEATURES)
    assert np.array(got).tolist() == [[3.0], [6.0]]
    assert list(keras_model.name_outputs(scale, got)) == ["scaled"]
    with pytest.raises(UsageError, match="is no transformed feature that requests can give; those are: a, b"):
        keras_model.feeder(scale, ["a", "b"])


def test_a_broken_custom_objects_file_is_named(tmp_path: Path) -> None:
    file = tmp_path / "layers.py"
    file.write_text("import keras\nkeras.no_such_thing\n")
    with pytest.raises(UsageError, match=r"layers\.py:2: AttributeError: .*no_such_thing"):
        keras_model.load_model(str(tmp_path / "m.keras"), str(file))
    file.write_text("import nothing_like_this\n")
    with pytest.raises(UsageError, match=r"layers\.py:1: imports nothing_like_this, which is not installed"):
        keras_model.load_model(str(tmp_path / "m.keras"), str(file))


def test_models_that_keras_2_saved(tmp_path: Path) -> None:
    """Keras 3 does not know their classes; tf_keras does."""
    inputs = {name: tf_keras.Input((1,), name=name) for name in ("b", "a")}
    added = tf_keras.layers.Add(name="sum")([inputs["a"], inputs["b"]])
    by_name = tf_keras.Model(inputs, {"total": added})
    listed = tf_keras.Model([*inputs.values()], tf_keras.layers.Subtract(name="less")([*inputs.values()]))
    scale = tf_keras.Sequential([tf_keras.Input((1,)), tf_keras.layers.Rescaling(3.0, name="scaled")])
    for model, available, expected in (
        (by_name, ["a", "b"], {"total": [[11.0], [22.0]]}),
        (listed, ["a", "b"], {"less": [[9.0], [18.0]]}),
        (scale, ["a"], {"scaled": [[3.0], [6.0]]}),
    ):
        model.save(tmp_path / "model.keras")
        loaded = keras_model.load_model(str(tmp_path / "model.keras"))
        outputs = keras_model.name_outputs(loaded, keras_model.feeder(loaded, available)(FEATURES))
        assert {name: np.array(value).tolist() for name, value in outputs.items()} == expected


def test_keras_2_that_is_not_installed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with zipfile.ZipFile(tmp_path / "model.keras", "w") as archive:
        archive.writestr("metadata.json", json.dumps({"keras_version": "2.15.0"}))
    monkeypatch.setitem(sys.modules, "tf_keras", None)
    expected = (
        r"was saved by Keras 2\.15\.0, which needs tf_keras: install it, or save the model with Keras 3"
    )
    with pytest.raises(UsageError, match=expected):
        keras_model.load_model(str(tmp_path / "model.keras"))


@pytest.mark.parametrize("name", ["model.h5", "model.HDF5"])
def test_the_old_format_is_refused_unread(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"not even HDF5")
    with pytest.raises(UsageError, match=r"old HDF5 format; save the model as a \.keras file"):
        keras_model.load_model(str(tmp_path / name))


def test_python_code_in_a_model_is_not_run(tmp_path: Path) -> None:
    layers = [keras.Input((1,), name="a"), keras.layers.Lambda(lambda x: x + 1)]
    keras.Sequential(layers).save(tmp_path / "model.keras")
    with pytest.raises(UsageError, match="cannot load the Keras model"):
        keras_model.load_model(str(tmp_path / "model.keras"))

"""`trueserve export`: what it refuses, and that it then publishes nothing."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import keras
import pytest
import tensorflow as tf
from support import export as support
from support.memory_files import OBJECTS

from trueserve.transforms.baseline import layout
from trueserve.transforms.core.errors import InputError, UsageError
from trueserve.transforms.files import paths
from trueserve.transforms.serving import parity

pytestmark = pytest.mark.usefixtures("asked_here")

CUSTOM = """
import keras


@keras.saving.register_keras_serializable(package="mine")
class Centered(keras.layers.Layer):
    def call(self, inputs):
        return inputs - keras.ops.mean(inputs, axis=0, keepdims=True)
"""


def tampered(small_home: Path, tmp_path: Path) -> Path:
    copy = tmp_path / "home"
    shutil.copytree(small_home / "baseline", copy / "baseline")
    shutil.copy(small_home / "model.keras", copy)
    return copy


def failure(folder: Path, output: Path, **changes: str) -> str:
    with pytest.raises(InputError) as caught:
        support.run(folder, output, **changes)
    assert caught.value.exit_code == 3
    assert support.names_in(output) == []
    return str(caught.value)


def test_a_changed_vocabulary_is_found_and_nothing_is_published(small_home: Path, tmp_path: Path) -> None:
    copy = tampered(small_home, tmp_path)
    vocabulary = copy / "baseline" / "transform_output" / "transform_fn" / "assets" / "carriers"
    entries = vocabulary.read_bytes().splitlines()
    vocabulary.write_bytes(b"\n".join([entries[1], entries[0], *entries[2:]]) + b"\n")
    support.record_files(copy / "baseline")
    message = failure(copy, tmp_path / "served")
    match = re.search(r"carrier_id \(transform_features\): off by up to 1 in (\d+) of 60 probes", message)
    assert match is not None, message
    changed = {entries[0], entries[1]}
    assert int(match[1]) == sum((row["carrier"] or [b"none"])[0] in changed for row in support.RAW_ROWS)
    for innocent in ("carrier_text", "distance_z", "hour_plus", "tag_ids"):
        assert innocent not in message


def test_changed_probes_are_found_and_nothing_is_published(small_home: Path, tmp_path: Path) -> None:
    copy = tampered(small_home, tmp_path)
    file = copy / "baseline" / layout.PROBES
    examples = parity.read_probes(str(file))
    examples[11].features.feature["transformed/distance_z"].float_list.value[0] += 0.25
    examples[12].features.feature["transformed/carrier_text"].bytes_list.value[0] += b" & Co"
    del examples[14].features.feature["transformed/tag_ids"]
    with tf.io.TFRecordWriter(str(file)) as writer:
        for example in examples:
            writer.write(example.SerializeToString())
    support.record_files(copy / "baseline")
    message = failure(copy, tmp_path / "served")
    assert "distance_z (transform_features): off by up to 0.25 (" in message
    assert "in 1 of 60 probes, first probe 11" in message
    assert "carrier_text (transform_features): other bytes in 1 of 60 probes, first probe 12" in message
    assert "Co" not in message  # what the values are is nobody's business in a log
    assert "hour_plus" not in message


def test_model_and_custom_objects_are_fetched_from_an_object_store(
    small_home: Path, tmp_path: Path, custom: dict[str, str]
) -> None:
    OBJECTS.clear()
    for name, file in custom.items():
        paths.copy_file(file, f"memory://bucket/{Path(file).name}")
        custom[name] = f"memory://bucket/{Path(file).name}"
    # The layer is loaded and run: it is told apart by what it does to a probe alone.
    assert "centered (serving_default, one at a time)" in failure(small_home, tmp_path / "served", **custom)


@pytest.mark.parametrize("flag", ["model", "custom_objects"])
def test_a_file_that_is_not_in_the_store_is_wrong_usage(small_home: Path, tmp_path: Path, flag: str) -> None:
    OBJECTS.clear()
    with pytest.raises(UsageError, match=r"cannot read memory://bucket/none\.py: ") as caught:
        support.run(small_home, tmp_path / "served", **{flag: "memory://bucket/none.py"})
    assert "\n" not in str(caught.value)


@pytest.fixture
def custom(small_home: Path, tmp_path: Path) -> dict[str, str]:
    """A model with a layer of its own, which looks at the whole batch, and the file that defines it."""
    (tmp_path / "layers.py").write_text(CUSTOM)
    defined: dict[str, Any] = {"__name__": "elsewhere"}
    exec(CUSTOM, defined)
    value = keras.Input((1,), name="distance_z")
    model = keras.Model({"distance_z": value}, {"centered": defined["Centered"]()(value)})
    model.save(tmp_path / "custom.keras")
    keras.saving.get_custom_objects().clear()
    return {"model": str(tmp_path / "custom.keras"), "custom_objects": str(tmp_path / "layers.py")}


def test_a_graph_that_looks_at_the_whole_batch_is_found(
    small_home: Path, tmp_path: Path, custom: dict[str, str]
) -> None:
    message = failure(small_home, tmp_path / "served", **custom)
    assert "centered (serving_default, one at a time): off by up to" in message
    assert "centered (serving_default):" not in message


def test_own_layers_need_their_file(small_home: Path, tmp_path: Path, custom: dict[str, str]) -> None:
    with pytest.raises(UsageError, match="own layers need --custom_objects=FILE"):
        support.run(small_home, tmp_path / "served", model=custom["model"])
    assert support.names_in(tmp_path / "served") == []


@pytest.mark.parametrize("name", ["distance", "label"])
def test_an_input_that_requests_cannot_give_is_refused(small_home: Path, tmp_path: Path, name: str) -> None:
    value = keras.Input((1,), name=name)
    keras.Model({name: value}, keras.layers.Dense(1)(value)).save(tmp_path / "m.keras")
    with pytest.raises(UsageError, match=f"input '{name}' is no transformed feature.*carrier_id, ") as caught:
        support.run(small_home, tmp_path / "served", model=str(tmp_path / "m.keras"))
    assert caught.value.exit_code == 2
    assert support.names_in(tmp_path / "served") == []


def test_an_input_of_another_shape_is_refused(small_home: Path, tmp_path: Path) -> None:
    value = keras.Input((3,), name="distance_z")
    keras.Model({"distance_z": value}, keras.layers.Dense(1)(value)).save(tmp_path / "m.keras")
    with pytest.raises(UsageError, match=r"cannot be called with .*distance_z float32 \(None, 1\)"):
        support.run(small_home, tmp_path / "served", model=str(tmp_path / "m.keras"))


def test_no_keras_file_and_no_baseline_are_wrong_usage(small_home: Path, tmp_path: Path) -> None:
    (tmp_path / "m.keras").write_bytes(b"no model")
    with pytest.raises(UsageError, match=r"cannot load the Keras model .*m\.keras"):
        support.run(small_home, tmp_path / "served", model=str(tmp_path / "m.keras"))
    with pytest.raises(UsageError, match="no baseline at"):
        support.run(small_home, tmp_path / "served", baseline=str(tmp_path / "nowhere"))

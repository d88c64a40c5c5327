"""`trueserve export`: the published model answers as training would, and nothing else is published."""

from __future__ import annotations

import math
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from support import export as support
from support.asked_here import asked_here, process_here
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow_serving.apis import prediction_log_pb2

from trueserve.transforms.baseline import probes
from trueserve.transforms.columnar.framing import block_of
from trueserve.transforms.core.errors import InputError
from trueserve.transforms.graph.transform_graph import TransformGraph
from trueserve.transforms.logs.features import Settings, expected_features
from trueserve.transforms.logs.formats.prediction_log import PredictionLogDecoder
from trueserve.transforms.logs.rows.rows import RecordPosition
from trueserve.transforms.serving import parity
from trueserve.transforms.serving.fresh_process import fresh_process

# `distance` is null, zero or more; so are the others: see the rows of the support module.
ZERO, NO_DISTANCE, NO_HOUR, NO_CARRIER = 0, 3, 2, 1


@pytest.fixture(scope="module")
def published(small_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The version that an export made in a folder where there are others."""
    output = tmp_path_factory.mktemp("served")
    (output / "9").mkdir()
    (output / "9" / "saved_model.pb").write_bytes(b"earlier")
    (output / "tmp-77").mkdir()
    # The fixture `served` is exported with a fresh process.
    with asked_here():
        assert support.run(small_home, output) == 0
    return output / "10"


@pytest.fixture(scope="module")
def served(published: Path) -> Any:
    return tf.saved_model.load(str(published))


def requests() -> tf.Tensor:
    return tf.constant([support.request(row) for row in support.RAW_ROWS])


def as_tensors(rows: list[dict[str, list[Any]]]) -> dict[str, Any]:
    """What a client would send to `raw_tensors`, written out by hand."""
    return {
        "distance": tf.constant([row["distance"] or [math.nan] for row in rows], tf.float32),
        "carrier": tf.constant([row["carrier"] or [b""] for row in rows]),
        "hour": tf.constant([row["hour"] or [0] for row in rows], tf.int64),
        "hour/present": tf.constant([[bool(row["hour"])] for row in rows]),
        "tags": tf.constant([(row["tags"] + [b"", b""])[:2] for row in rows]),
        "weights": tf.constant([row["weights"] for row in rows], tf.float32),
    }


def test_the_version_is_the_next_number_and_nothing_else_stays(published: Path) -> None:
    assert support.names_in(published.parent) == ["10", "9", "tmp-77"]
    assert (published.parent / "9" / "saved_model.pb").read_bytes() == b"earlier"
    names = {path.relative_to(published).as_posix() for path in published.rglob("*") if path.is_file()}
    assert {
        "saved_model.pb",
        "variables/variables.index",
        "assets/carriers",
        "assets/tags",
        "assets.extra/contract.json",
        "assets.extra/prediction_schema.pbtxt",
        "assets.extra/prediction_stats.binpb",
        "assets.extra/probes.tfrecord",
        "assets.extra/tf_serving_warmup_requests",
    } <= names
    assert published.stat().st_mode & 0o777 == (published.parent / "tmp-77").stat().st_mode & 0o777


def test_signatures_are_named_as_documented(published: Path) -> None:
    saved = saved_model_pb2.SavedModel.FromString((published / "saved_model.pb").read_bytes())
    signatures = saved.meta_graphs[0].signature_def
    named = {key: (sorted(s.inputs), sorted(s.outputs)) for key, s in signatures.items() if key[0] != "_"}
    predictions = ["late", "minutes"]
    dense = ["carrier_id", "carrier_text", "distance_z", "hour_plus"]
    sparse = ["tag_ids/indices", "tag_ids/shape", "tag_ids/values"]
    assert named == {
        "serving_default": (["examples"], predictions),
        "raw_tensors": (["carrier", "distance", "hour", "hour/present", "tags", "weights"], predictions),
        "transform_features": (["examples"], dense + sparse),
    }
    assert saved.meta_graphs[0].meta_info_def.tags == ["serve"]


def test_predictions_are_the_models_own(small_home: Path, served: Any) -> None:
    graph = TransformGraph(str(small_home / "baseline" / "transform_output"))
    expected = support.reference_predictions(graph.apply(support.raw_batch()))
    got = served.signatures["serving_default"](examples=requests())
    assert sorted(got) == sorted(expected)
    for name, values in expected.items():
        np.testing.assert_allclose(got[name].numpy(), values, rtol=1e-5, atol=1e-6)
    assert np.ptp(got["late"].numpy()) > 0.01  # or any answer would do


def test_transformed_features_are_what_the_preprocessing_says(served: Any) -> None:
    got = served.signatures["transform_features"](examples=requests())
    rows = support.RAW_ROWS
    carriers = [(row["carrier"] or [b"none"])[0].upper() for row in rows]
    assert got["carrier_text"].numpy().ravel().tolist() == carriers
    hours = [(row["hour"] or [-5])[0] + row["weights"][1] for row in rows]
    assert got["hour_plus"].numpy().ravel().tolist() == hours
    logs = np.log(np.array([(row["distance"] or [-1.0])[0] for row in rows]) + 2.0)
    z_scores = (logs - logs.mean()) / logs.std()
    np.testing.assert_allclose(got["distance_z"].numpy().ravel(), z_scores, rtol=1e-4, atol=1e-5)
    lengths = np.bincount(got["tag_ids/indices"].numpy()[:, 0], minlength=len(rows))
    assert lengths.tolist() == [len(row["tags"]) for row in rows]
    wet, windy = 0, 1  # by how often they occur
    assert got["tag_ids/values"].numpy()[:3].tolist() == [wet, wet, windy]


def test_raw_tensors_answer_as_examples_do(served: Any) -> None:
    by_example = served.signatures["serving_default"](examples=requests())
    by_tensor = served.signatures["raw_tensors"](**as_tensors(support.RAW_ROWS))
    for name, values in by_example.items():
        np.testing.assert_allclose(by_tensor[name].numpy(), values.numpy(), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize(
    ("name", "missing"), [("distance", math.nan), ("hour", None), ("carrier", b"")], ids=str
)
def test_zero_is_a_value_in_raw_tensors(served: Any, name: str, missing: Any) -> None:
    tensors = as_tensors(support.RAW_ROWS[:1])
    assert tensors["distance"].numpy().tolist() == [[0.0]]
    assert tensors["hour"].numpy().tolist() == [[0]]
    with_value = served.signatures["raw_tensors"](**tensors)["late"].numpy()
    if missing is None:
        tensors[name + "/present"] = tf.constant([[False]])
    else:
        tensors[name] = tf.constant([[missing]], tensors[name].dtype)
    without = served.signatures["raw_tensors"](**tensors)["late"].numpy()
    row = {**support.RAW_ROWS[0], name: []}
    by_example = served.signatures["serving_default"](examples=tf.constant([support.request(row)]))
    np.testing.assert_allclose(without, by_example["late"].numpy(), rtol=1e-6)
    assert abs(with_value - without).max() > 1e-5


def test_the_contract_and_the_probes_go_along(small_home: Path, published: Path) -> None:
    extra = published / "assets.extra"
    assert (extra / "contract.json").read_bytes() == (small_home / "baseline" / "contract.json").read_bytes()
    raw, transformed = probes.read_probes(str(extra / "probes.tfrecord"))
    assert raw.equals(probes.read_probes(str(small_home / "baseline" / "probes.tfrecord"))[0])
    examples = parity.read_probes(str(extra / "probes.tfrecord"))
    minutes = [example.features.feature["prediction/minutes"].float_list.value for example in examples]
    expected = support.reference_predictions(transformed)["minutes"]
    np.testing.assert_allclose(np.array(minutes), expected, rtol=1e-5, atol=1e-6)


def warmup_logs(published: Path) -> list[bytes]:
    file = str(published / "assets.extra" / "tf_serving_warmup_requests")
    return list(tf.data.TFRecordDataset(file).as_numpy_iterator())


def test_warm_up_requests_can_be_answered(published: Path, served: Any) -> None:
    logs = [prediction_log_pb2.PredictionLog.FromString(record) for record in warmup_logs(published)]
    assert 0 < len(logs) <= 1000
    signatures = set()
    for log in logs:
        request = log.predict_log.request
        signatures.add(request.model_spec.signature_name)
        inputs = {name: tf.constant(tf.make_ndarray(proto)) for name, proto in request.inputs.items()}
        outputs = served.signatures[request.model_spec.signature_name](**inputs)
        assert all(np.isfinite(v.numpy()).all() for v in outputs.values() if v.dtype.is_floating)
    assert signatures == {"serving_default", "raw_tensors", "transform_features"}


def test_logged_requests_decode_to_the_rows_that_were_sent(published: Path) -> None:
    settings = Settings(expected=expected_features(support.schema(), serving=True))
    sent = support.raw_batch()
    for record in warmup_logs(published):
        (decoded,) = PredictionLogDecoder(settings).decode(block_of([record]), RecordPosition("log", 0))
        assert decoded.batch is not None, decoded.rejects
        features = decoded.batch.features
        for name in ("distance", "carrier", "hour", "tags", "weights"):
            due = sent.column(sent.schema.get_field_index(name)).to_pylist()[: features.num_rows]
            got = features.column(features.schema.get_field_index(name)).to_pylist()
            assert [row or None for row in got] == due


NOISE = """
import atexit, os, statistics
print('noise', end='', flush=True)
atexit.register(os.write, 1, b'more')
open(SEEN, 'w').write(str(hasattr(statistics, 'mean')))
"""


def planted(folder: Path, **modules: str) -> Path:
    """Puts modules into a folder; gives the file in which they leave what they saw."""
    seen = folder / "seen"
    for name, code in modules.items():
        (folder / f"{name}.py").write_text(f"SEEN = {str(seen)!r}\n{code}")
    return seen


def test_a_changed_prediction_is_found_in_both_signatures_by_a_fresh_process_that_prints_noise(
    published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer is heard all the same, and no module of ours takes the place of one of Python's there."""
    copy = tmp_path / "copy"
    shutil.copytree(published, copy)
    file = copy / "assets.extra" / "probes.tfrecord"
    examples = parity.read_probes(str(file))
    examples[20].features.feature["prediction/late"].float_list.value[0] += 1e-4
    with tf.io.TFRecordWriter(str(file)) as writer:
        for example in examples:
            writer.write(example.SerializeToString())
    seen = planted(tmp_path, sitecustomize=NOISE)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with fresh_process() as fresh:
        differences = fresh.check(str(copy))
    assert seen.read_text() == "True"
    assert [(d.signature, d.name) for d in differences] == [
        ("serving_default", "late"),
        ("raw_tensors", "late"),
    ]
    assert "in 1 of 60 probes, first probe 20" in differences[0].detail


def test_packages_of_ops_are_imported_only_for_ops_that_are_unknown(
    published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = planted(tmp_path, tensorflow_text="open(SEEN, 'w').write('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    with process_here() as here:
        assert here.check(str(published)) == []
    assert not seen.exists()

    copy = with_unknown_op(published, tmp_path / "copy")
    with process_here() as here, pytest.raises(InputError) as caught:
        here.check(str(copy))
    assert seen.read_text() == "imported"
    monkeypatch.delitem(sys.modules, "tensorflow_text")
    assert "does not know its op 'NormalizeUTF8'; not installed: " in str(caught.value)
    assert "tensorflow_text" not in str(caught.value)
    assert "\n" not in str(caught.value)


def with_unknown_op(published: Path, copy: Path) -> Path:
    shutil.copytree(published, copy)
    model = saved_model_pb2.SavedModel.FromString((copy / "saved_model.pb").read_bytes())
    functions = model.meta_graphs[0].graph_def.library.function
    node = next(node for function in functions for node in function.node_def if node.op == "AddV2")
    node.op = "NormalizeUTF8"
    (copy / "saved_model.pb").write_bytes(model.SerializeToString())
    return copy


def test_a_model_that_cannot_be_loaded_is_one_line(tmp_path: Path, published: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(published, copy)
    (copy / "saved_model.pb").write_bytes(b"no model")
    with process_here() as here, pytest.raises(InputError, match=r"fresh process: .*saved_model") as caught:
        here.check(str(copy))
    assert "\n" not in str(caught.value)

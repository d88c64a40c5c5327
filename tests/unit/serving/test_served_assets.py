"""What an exported model carries: probes with predictions, but those that have none, and warm-up requests."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from trueserve.transforms.core.errors import UsageError
from trueserve.transforms.serving import parity, served_assets, warmup

Array = np.ndarray[Any, Any]


@dataclasses.dataclass
class Doubling:
    """Stands for a served model: it doubles `x`, and has no answer to a batch with a value above `most`."""

    most: float = 100.0
    batch_sizes: list[int] = dataclasses.field(default_factory=list)
    transformed_spec: Mapping[str, Any] = dataclasses.field(
        default_factory=lambda: {"x": tf.io.FixedLenFeature([], tf.float32)}
    )
    raw_spec: Mapping[str, Any] = dataclasses.field(
        default_factory=lambda: {
            "r": tf.io.FixedLenFeature([1], tf.float32),
            "n": tf.io.VarLenFeature(tf.int64),
        }
    )

    def predict(self, features: Mapping[str, Any]) -> dict[str, Any]:
        x = features["x"]
        self.batch_sizes.append(len(x))
        if float(tf.reduce_max(x)) > self.most:
            raise UsageError("no embedding for it")
        return {"double": x * 2, "both": tf.stack([x, x + 1], 1), "whole": tf.cast(x, tf.int32)}


def doubling() -> Any:
    return Doubling()


def probe(x: float, synthetic: bool = False) -> Any:
    example = tf.train.Example()
    example.features.feature[parity.TRANSFORMED + "x"].float_list.value.append(x)
    example.features.feature[parity.RAW + "r"].float_list.value.append(x / 2)
    example.features.feature[parity.RAW + "n"].int64_list.value.append(int(x))
    if synthetic:
        example.features.feature[parity.SYNTHETIC].int64_list.value.append(1)
    return example


def answerable(model: Any, *probes: Any) -> list[float]:
    kept = served_assets.answerable(model, probes)
    return [each.features.feature[parity.TRANSFORMED + "x"].float_list.value[0] for each in kept]


def test_made_up_probes_that_have_no_answer_are_left_out() -> None:
    probes = [probe(1), probe(2, synthetic=True), probe(200, synthetic=True), probe(3)]
    assert answerable(doubling(), *probes) == [1, 2, 3]
    # Real rows are what the model must answer.
    assert answerable(doubling(), probe(200), probe(1, synthetic=True)) == [200, 1]


def test_probes_are_put_to_the_model_together_first() -> None:
    model = Doubling()
    assert answerable(model, probe(1), probe(2, synthetic=True), probe(3, synthetic=True)) == [1, 2, 3]
    assert model.batch_sizes == [2]
    assert answerable(model, probe(200)) == [200]
    assert model.batch_sizes == [2]
    answerable(model, probe(200, synthetic=True), probe(3, synthetic=True))
    assert model.batch_sizes == [2, 2, 1, 1]


def test_predictions_are_added_row_by_row_in_the_kind_of_their_values() -> None:
    probes = [probe(1), probe(2.5)]
    predicted = served_assets.predictions(doubling(), probes)
    assert {name: array.tolist() for name, array in predicted.items()} == {
        "double": [2, 5],
        "both": [[1, 2], [2.5, 3.5]],
        "whole": [1, 2],
    }
    served_assets.add_predictions(probes, {**predicted, "word": np.array([b"a", b"b"], object)})
    features = probes[1].features.feature
    assert features["prediction/double"].float_list.value == [5.0]
    assert features["prediction/both"].float_list.value == [2.5, 3.5]
    assert features["prediction/whole"].int64_list.value == [2]
    assert features["prediction/word"].bytes_list.value == [b"b"]


def test_ragged_features_are_read_under_the_name_of_their_values() -> None:
    seen = []

    @dataclasses.dataclass
    class Ragged(Doubling):
        def predict(self, features: Mapping[str, Any]) -> dict[str, Any]:
            seen.append({name: value.to_list() for name, value in features.items()})
            return {}

    def ragged(**spec: Any) -> Any:
        return Ragged(**spec)

    def spec(key: str | None) -> Any:
        return tf.io.RaggedFeature(tf.float32, value_key=key)

    for key in (None, "x", "x$ragged_values"):
        served_assets.predictions(ragged(transformed_spec={"x": spec(key)}), [probe(1)])
    assert seen == [{"x": [[1.0]]}] * 3


def test_the_assets_of_a_model(tmp_path: Path) -> None:
    probes = tmp_path / "probes"
    records = [probe(1), probe(200, synthetic=True), probe(300, synthetic=True), probe(2)]
    with tf.io.TFRecordWriter(str(probes)) as writer:
        for record in records:
            writer.write(record.SerializeToString())
    (tmp_path / "model").mkdir()
    left_out = served_assets.write_assets(
        str(tmp_path / "model"),
        doubling(),
        ["serving_default", "raw_tensors"],
        contract=b"{}",
        probes=probes.read_bytes(),
        name="rides",
    )
    assert left_out == 2
    assets = tmp_path / "model" / "assets.extra"
    assert (assets / "contract.json").read_bytes() == b"{}"
    written = parity.read_probes(str(assets / "probes.tfrecord"))
    assert [each.features.feature["prediction/double"].float_list.value[0] for each in written] == [2, 4]
    logs = [
        prediction_log_pb2.PredictionLog.FromString(record)
        for record in tf.data.TFRecordDataset(str(assets / warmup.FILE_NAME)).as_numpy_iterator()
    ]
    requests = [log.predict_log.request for log in logs]
    assert [request.model_spec.name for request in requests] == ["rides"] * 4
    assert [request.model_spec.signature_name for request in requests] == ["raw_tensors"] * 2 + [
        "serving_default"
    ] * 2
    raw = [
        {key: tf.make_ndarray(value).tolist() for key, value in requests[n].inputs.items()} for n in (0, 1)
    ]
    assert raw[0] == {"r": [[0.5]], "n": [[1]], "n/present": [[True]]}
    assert raw[1] == {"r": [[0.5], [1.0]], "n": [[1], [2]], "n/present": [[True], [True]]}
    examples = tf.make_ndarray(requests[3].inputs["examples"]).tolist()
    assert examples == [parity.request(each) for each in written]


def test_a_thousand_warm_up_requests_are_written_at_most(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(warmup, "warmup_requests", lambda *_: iter([b"x"] * 1001))
    monkeypatch.setattr(parity, "read_probes", lambda _: [probe(1)])
    served_assets.write_assets(
        str(tmp_path),
        doubling(),
        [],
        contract=b"",
        probes=b"",
        name="m",
    )
    written = tf.data.TFRecordDataset(str(tmp_path / "assets.extra" / warmup.FILE_NAME))
    assert len(list(written)) == 1000

"""Hostile protos: tf.Examples and PredictionLogs, sound ones to mutate and odd ones built at random."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from tensorflow.core.example.example_pb2 import Example
from tensorflow.core.framework.tensor_pb2 import TensorProto
from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog

from benchmarks.fuzz_bytes import FEATURES, SECRET, message, varint


@functools.cache
def examples() -> Sequence[bytes]:
    serialized = []
    for number in range(20):
        example = Example()
        feature = example.features.feature
        feature["age"].int64_list.value.append(number)
        feature["fare"].float_list.value.append(number / 4)
        feature["word"].bytes_list.value.append(SECRET.encode())
        feature["tags"].bytes_list.value.extend([b"a", b""][: number % 3])
        feature["vector"].float_list.value.extend([1.0, 2.0, 3.0])
        serialized.append(example.SerializeToString(deterministic=True))
    return serialized


def example(rng: Random) -> bytes:
    wrapped = message(rng)
    return b"\x0a" + varint(len(wrapped)) + wrapped


@functools.cache
def prediction_logs() -> Sequence[bytes]:
    rng = Random(0)
    return [prediction_log(rng, sound=True) for _ in range(40)]


def prediction_log(rng: Random, *, sound: bool = False) -> bytes:
    log = PredictionLog()
    log.log_metadata.timestamp_secs = rng.choice((1591203604, 0, -1, 1 << 62))
    log.log_metadata.sampling_config.sampling_rate = rng.choice((0.0, 1.0, 0.5, -1.0, float("nan"), 1e300))
    rng.choice(_KINDS)(rng, log, sound)
    data: bytes = log.SerializeToString()
    return data


def _predict(rng: Random, log: Any, sound: bool) -> None:
    request = log.predict_log.request
    request.model_spec.name = "flights"
    log.predict_log.response.model_spec.version.value = rng.choice((3, -1))
    if rng.random() < 0.4:
        request.inputs["examples"].CopyFrom(_strings(rng, sound))
    for _ in range(rng.randrange(4)):
        name = rng.choice((*FEATURES, "age/present", "vector/present", "new"))
        request.inputs[name].CopyFrom(_tensor(rng, sound))
    log.predict_log.response.outputs["late"].CopyFrom(_tensor(rng, sound))


def _strings(rng: Random, sound: bool) -> TensorProto:
    values = [rng.choice(examples()) if sound or rng.random() < 0.8 else example(rng) for _ in range(3)]
    proto = TensorProto(dtype=7, string_val=values)
    proto.tensor_shape.dim.add(size=3 if sound else rng.choice((3, 1, 1 << 60)))
    return proto


def _tensor(rng: Random, sound: bool) -> TensorProto:
    if sound:
        proto = TensorProto(dtype=9, int64_val=[1, 2])
        proto.tensor_shape.dim.add(size=2)
        return proto
    values = [rng.randrange(256) for _ in range(rng.randrange(4))]
    field = rng.choice(("float_val", "int64_val", "int_val", "half_val", "double_val", "uint64_val"))
    proto = TensorProto(dtype=rng.randrange(26), **{field: values})
    for _ in range(rng.choice((0, 1, 1, 2, 3, 300))):
        proto.tensor_shape.dim.add(size=rng.choice((len(values), 1, 0, 2, -1, 1 << 20, 1 << 40, 1 << 62)))
    if rng.random() < 0.3:
        proto.tensor_content = rng.randbytes(rng.randrange(20))
    return proto


def _classify(rng: Random, log: Any, _sound: bool) -> None:
    _fill(rng, rng.choice((log.classify_log, log.regress_log)).request.input)


def _multi(rng: Random, log: Any, _sound: bool) -> None:
    _fill(rng, log.multi_inference_log.request.input)


def _fill(rng: Random, model_input: Any) -> None:
    chosen = rng.choices(examples(), k=rng.randrange(3))
    if rng.random() < 0.5:
        model_input.example_list.examples.extend(map(Example.FromString, chosen))
        return
    part = model_input.example_list_with_context
    part.examples.extend(map(Example.FromString, chosen))
    part.context.CopyFrom(Example.FromString(rng.choice(examples())))


def _session(rng: Random, log: Any, sound: bool) -> None:
    feed = log.session_run_log.request.feed.add(name=rng.choice(("age:0", "input_example_tensor:0", "fare")))
    feed.tensor.CopyFrom(_strings(rng, sound) if rng.random() < 0.5 else _tensor(rng, sound))


_KINDS: Sequence[Callable[[Random, Any, bool], None]] = (_predict, _predict, _classify, _multi, _session)

"""Warm-up requests: what TF Serving asks a model once it is loaded and before it takes traffic."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

from trueserve.transforms.serving import parity
from trueserve.transforms.serving.probe_requests import BATCHES, serialized
from trueserve.transforms.serving.raw_tensors import input_specs
from trueserve.transforms.serving.serving_model import (
    EXAMPLES,
    RAW_TENSORS,
    SERVING_DEFAULT,
    TRANSFORM_FEATURES,
    ServingModel,
)

FILE_NAME = "tf_serving_warmup_requests"
# TF Serving refuses a model whose file has more.
MAX_REQUESTS = 1000


def warmup_requests(
    model: ServingModel, probes: Sequence[tf.train.Example], signatures: Iterable[str], name: str
) -> Iterator[bytes]:
    """Serialized PredictionLogs that ask each signature for a few probes, alone and in a batch.

    Args:
      name: the model's name in the requests; TF Serving does not route warm-up requests by it.
    """
    for signature in sorted(signatures):
        for size in BATCHES:
            yield _log(name, signature, _inputs(model, probes[:size], signature))


def _inputs(
    model: ServingModel, probes: Sequence[tf.train.Example], signature: str
) -> Mapping[str, tf.Tensor]:
    if signature in (SERVING_DEFAULT, TRANSFORM_FEATURES):
        return {EXAMPLES: tf.constant(np.array(serialized(probes), object))}
    assert signature == RAW_TENSORS
    specs = input_specs(model.raw_spec)
    arrays = parity.dense_tensors(probes, {n: (s.dtype, s.shape[1]) for n, s in specs.items()})
    return {name: tf.constant(array, specs[name].dtype) for name, array in arrays.items()}


def _log(name: str, signature: str, inputs: Mapping[str, tf.Tensor]) -> bytes:
    request = predict_pb2.PredictRequest()
    request.model_spec.name = name
    request.model_spec.signature_name = signature
    for key, tensor in inputs.items():
        request.inputs[key].CopyFrom(tf.make_tensor_proto(tensor.numpy(), tensor.dtype, tensor.shape))
    log = prediction_log_pb2.PredictionLog(predict_log=prediction_log_pb2.PredictLog(request=request))
    return bytes(log.SerializeToString())

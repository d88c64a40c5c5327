"""The SavedModel that is served: transform graph and model in one, from raw features to predictions.

Signatures, each with one row of every output for each request:

- `serving_default`: `examples`, serialized tf.Examples of raw features, string [batch]; gives the
  predictions by name.
- `raw_tensors`: one dense tensor [batch, k] for each raw feature (see `raw_tensors`); gives the same.
- `transform_features`: `examples` as above; gives the transformed features by name. An output that is
  sparse or ragged is given as three tensors: `NAME/indices` [values, rank], `NAME/values` [values] and
  `NAME/shape` [rank], because a prediction request can be answered with dense tensors only.

`examples` is the input of both, so that a logged request can be put to either as it is. Outputs of the
graph that need the label are in none: requests do not have it.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
from collections.abc import Iterator, Mapping
from typing import Any

import tensorflow as tf
import tensorflow_transform as tft
from tensorflow_transform.tf_metadata import schema_utils

from trueserve.transforms.core.errors import UsageError
from trueserve.transforms.graph.transform_graph import TransformGraph
from trueserve.transforms.serving import keras_model, raw_tensors

EXAMPLES = "examples"
SERVING_DEFAULT = "serving_default"
RAW_TENSORS = "raw_tensors"
TRANSFORM_FEATURES = "transform_features"


class ServingModel(tf.Module):
    """The transform graph followed by the model.

    Attributes:
      raw_spec: the features of a request, as `tf.io.parse_example` takes them.
      transformed_spec: what the graph makes of a request, as training reads it.
      tables, model: attributes, because that is how the graph's tables and the model's variables come to
        be saved.
    """

    def __init__(self, transform_output: str, model: Any) -> None:
        """Joins a local `transform_output` folder and a Keras model.

        Raises UsageError when the model's inputs are no transformed features.
        """
        super().__init__(name="trueserve")
        # The very graph that `validate` applies. tf.Transform's own layer would do as well, but for Keras 2
        # it is traced once more when it is saved, which takes three seconds.
        graph = TransformGraph(transform_output)
        self.tables = graph.saved_model
        self.model = model
        self._transform = graph.transform
        raw = schema_utils.schema_as_feature_spec(graph.raw_schema).feature_spec
        self.raw_spec = {name: raw[name] for name in sorted(graph.raw_columns.names)}
        raw_tensors.check_supported(self.raw_spec)
        transformed = tft.TFTransformOutput(transform_output).transformed_feature_spec()
        self.transformed_spec = {name: transformed[name] for name in graph.serving_outputs}
        self._feed = keras_model.feeder(model, graph.serving_outputs)

    def signatures(self) -> dict[str, Any]:
        """The concrete functions by signature name; `raw_tensors` is left out if it cannot be named."""
        signatures = {
            SERVING_DEFAULT: self.of_requests(),
            TRANSFORM_FEATURES: self._examples_function(lambda raw: dense_outputs(self._transform(raw))),
        }
        if not raw_tensors.unnamable(self.raw_spec):
            signatures[RAW_TENSORS] = self._tensors_function()
        return signatures

    def predict(self, features: Mapping[str, Any]) -> dict[str, tf.Tensor]:
        """Predictions by name for transformed features; UsageError if the model does not take them."""
        try:
            outputs = self._feed(features)
        except (ValueError, TypeError, KeyError, tf.errors.OpError) as error:
            line = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
            described = ", ".join(
                f"{name} {_describe_value(value)}" for name, value in sorted(features.items())
            )
            raise UsageError(
                f"the model cannot be called with the transformed features ({described}): {line[:300]}"
            ) from error
        return _checked_outputs(keras_model.name_outputs(self.model, outputs))

    def of_requests(self) -> Any:
        """What `serving_default` is: serialized tf.Examples of raw features to predictions by name."""
        return self._examples_function(lambda raw: self.predict(self._transform(raw)))

    def of_transformed(self) -> Any:
        """Serialized tf.Examples of transformed features, as training reads them, to predictions by name."""

        def answer(examples: tf.Tensor) -> Any:
            return self.predict(tf.io.parse_example(examples, self.transformed_spec))

        return _traced(answer, tf.TensorSpec([None], tf.string, name=EXAMPLES))

    def _examples_function(self, apply: Any) -> Any:
        def serve(examples: tf.Tensor) -> Any:
            return apply(tf.io.parse_example(examples, self.raw_spec))

        return _traced(serve, tf.TensorSpec([None], tf.string, name=EXAMPLES))

    def _tensors_function(self) -> Any:
        def serve(tensors: Mapping[str, tf.Tensor]) -> Any:
            return self.predict(self._transform(raw_tensors.to_features(self.raw_spec, tensors)))

        return _traced(serve, raw_tensors.input_specs(self.raw_spec))


def save(model: ServingModel, folder: str) -> list[str]:
    """Saves the model into a local folder; returns the names of its signatures."""
    with _quiet():
        signatures = model.signatures()
        tf.saved_model.save(model, folder, signatures=signatures)
    return sorted(signatures)


def dense_outputs(features: Mapping[str, Any]) -> dict[str, tf.Tensor]:
    """Transformed features as dense tensors alone; see the module for sparse and ragged ones."""
    parts = itertools.chain.from_iterable(_dense_parts(name, value) for name, value in features.items())
    return dict(parts)


def _dense_parts(name: str, value: Any) -> Iterator[tuple[str, tf.Tensor]]:
    if isinstance(value, tf.RaggedTensor):
        value = value.to_sparse()
    if not isinstance(value, tf.SparseTensor):
        yield name, value
        return
    yield f"{name}/indices", value.indices
    yield f"{name}/values", value.values
    yield f"{name}/shape", value.dense_shape


def _traced(function: Any, spec: Any) -> Any:
    # The argument is given by position: a keyword of it would become a part of the inputs' names.
    return tf.function(function, autograph=False).get_concrete_function(spec)


def _checked_outputs(outputs: dict[str, Any]) -> dict[str, tf.Tensor]:
    for name, value in outputs.items():
        if not isinstance(value, tf.Tensor) or value.shape.rank == 0:
            raise UsageError(
                f"the model's output {name!r} is {_describe_value(value)}; a tensor [batch, ...] is served"
            )
    return outputs


def _describe_value(value: Any) -> str:
    dtype, shape = getattr(value, "dtype", None), getattr(value, "shape", None)
    return f"{type(value).__name__}" if dtype is None else f"{dtype.name} {shape}"


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without the warnings on names such as `hour/present`, which TensorFlow serves under that name."""
    logger = logging.getLogger("absl")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)

"""A transform graph that others analysed: whether it fits the schema, and made complete for a baseline."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx_bsl.tfxio.tensor_adapter import TensorAdapter

from trueserve.transforms.baseline import messages
from trueserve.transforms.baseline.adoption.artifacts import (
    RAW_METADATA,
    TRANSFORM_FN,
    TRANSFORMED_METADATA,
    as_input,
)
from trueserve.transforms.core import record_batches
from trueserve.transforms.core import schema as schemas
from trueserve.transforms.core.errors import InputError
from trueserve.transforms.files import paths
from trueserve.transforms.graph.transform_graph import inputs_of

_SCHEMA = "schema.pbtxt"
_TYPES = {tf.int64: schema_pb2.INT, tf.float32: schema_pb2.FLOAT, tf.string: schema_pb2.BYTES}
_LONGEST_REASON = 300
_FOLDERS = (TRANSFORM_FN, TRANSFORMED_METADATA)


def stage(source: str, target: str, schema: schema_pb2.Schema) -> None:
    """Copies a graph, and writes the schema of its inputs beside it, with the environments of `schema`.

    Args:
      source: a folder as `artifacts.transform_output` gives it.
      schema: of the training data, with environments.

    Raises InputError where the graph takes other features than the schema has, or takes them otherwise.
    """
    for folder in _FOLDERS:
        paths.copy_tree(paths.join(source, folder), paths.join(target, folder))
    specs = _specs_of(source, paths.join(target, TRANSFORM_FN))
    _check_features(specs, schema)
    with as_input():
        raw = _raw_schema(paths.join(source, RAW_METADATA, _SCHEMA), schema, specs)
        _check_tensors(specs, raw)
    data = text_format.MessageToString(raw).encode()
    paths.write_atomically(paths.join(target, RAW_METADATA, _SCHEMA), data)


def _specs_of(source: str, transform_fn: str) -> Mapping[str, Any]:
    """By feature what the graph takes. Raises InputError for what TensorFlow cannot load."""
    try:
        with paths.local_copy(transform_fn) as folder, as_input():
            return inputs_of(folder)
    except InputError:
        raise
    except Exception as error:  # TensorFlow has one of many for each kind of damage
        reason = (str(error).splitlines() or [""])[0][:_LONGEST_REASON]
        raise InputError(f"the transform graph in {source} cannot be loaded: {reason}") from error


def _raw_schema(metadata: str, schema: schema_pb2.Schema, specs: Mapping[str, Any]) -> schema_pb2.Schema:
    """The schema of the graph's inputs, which may be there; SERVING lacks what it lacks in `schema`."""
    raw = messages.load_schema(metadata) if paths.exists(metadata) else _as_the_graph_takes(schema, specs)
    served = {*schemas.serving_features(schema)}
    return schemas.not_in_serving(raw, [f.name for f in schema.feature if f.name not in served])


def _check_features(specs: Mapping[str, Any], schema: schema_pb2.Schema) -> None:
    types = {feature.name: feature.type for feature in schema.feature}
    for name, spec in sorted(specs.items()):
        if name not in types:
            raise InputError(
                f"the transform graph takes the feature {name!r}, which the schema does not have; give the"
                " schema that Transform was given"
            )
        if types[name] != _TYPES.get(spec.dtype):
            kind = schema_pb2.FeatureType.Name(types[name])
            raise InputError(
                f"the transform graph takes the feature {name!r} as {spec.dtype.name}, and the schema has it"
                f" as {kind}; give the schema that Transform was given"
            )


def _as_the_graph_takes(schema: schema_pb2.Schema, specs: Mapping[str, Any]) -> schema_pb2.Schema:
    """The features that the graph takes, dense ones with a fixed shape and others without."""
    result = schema_pb2.Schema()
    result.CopyFrom(schema)
    del result.feature[:]
    for feature in (feature for feature in schema.feature if feature.name in specs):
        copied = result.feature.add()
        copied.CopyFrom(feature)
        copied.ClearField("shape")
        if isinstance(specs[feature.name], tf.TensorSpec):
            copied.presence.min_count = 1
            copied.presence.min_fraction = 1.0
            copied.shape.SetInParent()
            copied.shape.dim.extend(
                schema_pb2.FixedShape.Dim(size=size) for size in specs[feature.name].shape[1:]
            )
    return result


def _check_tensors(specs: Mapping[str, Any], raw: schema_pb2.Schema) -> None:
    made = TensorAdapter(record_batches.adapter_config(raw)).TypeSpecs()
    for name, spec in sorted(specs.items()):
        if name not in made or not spec.is_compatible_with(made[name]):
            raise InputError(
                f"the transform graph takes the feature {name!r} as {spec}, and its schema says"
                f" {made.get(name, 'nothing of it')}; give the output of one run of Transform"
            )

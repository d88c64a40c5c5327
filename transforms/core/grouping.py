"""Rows with the same value of a feature belong together: those of a user, a session, a device."""

from __future__ import annotations

from tensorflow_metadata.proto.v0 import schema_pb2

from trueserve.transforms.core.errors import UsageError
from trueserve.transforms.core.schema import in_serving, is_used

_TYPES = (schema_pb2.INT, schema_pb2.BYTES, schema_pb2.FLOAT)


def check(name: str, schema: schema_pb2.Schema, label: str | None = None) -> None:
    """Raises UsageError for a `--group_by` that is no feature of requests."""
    features = names(schema, label)
    if name not in features:
        raise UsageError(f"--group_by: expected one of {', '.join(sorted(features))}; got {name!r}")


def names(schema: schema_pb2.Schema, label: str | None = None) -> set[str]:
    """The features that rows can be grouped by: requests have them."""
    used = (feature for feature in schema.feature if is_used(feature) and in_serving(feature, schema))
    return {feature.name for feature in used if feature.type in _TYPES} - {label}

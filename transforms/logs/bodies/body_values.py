"""Values in bodies of requests: bytes that JSON wraps, serialized tf.Examples, numbers that are text."""

from __future__ import annotations

import base64
import functools
import re
from collections.abc import Callable, Mapping
from typing import Any

from google.protobuf.message import DecodeError

from trueserve.transforms.core import tensorflow_messages
from trueserve.transforms.logs.features import FeatureType
from trueserve.transforms.logs.request import BadRecordError, OfExample

#: Deeper than any model's input, and far from the limit of Python's stack.
MAX_DEPTH = 64
_B64 = "b64"
_SCALARS = frozenset({str, int, float, bool, bytes, type(None)})
_LONGEST_NUMBER = 40
_NUMBER = re.compile(
    r"[+-]?(?:([0-9]+)|(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|[nN][aA][nN]|[iI][nN][fF])"
)


def is_b64(value: Any) -> bool:
    """Whether a JSON value stands for bytes."""
    return isinstance(value, Mapping) and len(value) == 1 and _B64 in value


def value_of(value: Any, depth: int = 0) -> Any:
    """A JSON value with its `{"b64": ...}` decoded, in lists too. Other objects stay as they are.

    Raises BadRecordError: `bad_base64`, `nested_too_deeply`.
    """
    if type(value) in _SCALARS:
        return value
    if is_b64(value):
        return _decoded(value[_B64])
    if not isinstance(value, list) or _SCALARS.issuperset(map(type, value)):
        return value
    if depth >= MAX_DEPTH:
        raise BadRecordError("nested_too_deeply", f"expected lists at most {MAX_DEPTH} deep in a value")
    return [value_of(item, depth + 1) for item in value]


def values_of(values: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of `values`, each as `value_of` has it."""
    if _SCALARS.issuperset(map(type, values.values())):
        return dict(values)
    return {name: value_of(value) for name, value in values.items()}


def _decoded(text: Any) -> bytes:
    """The bytes of standard base64, padded or not, white space left out, as TF Serving takes it."""
    if not isinstance(text, str):
        raise _bad_base64()
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        packed = "".join(text.split()).rstrip("=")
    try:
        return base64.b64decode(packed + "=" * (-len(packed) % 4), validate=True)
    except ValueError:
        raise _bad_base64() from None


def _bad_base64() -> BadRecordError:
    return BadRecordError("bad_base64", "expected text in base64 under b64; it is none")


def features_of_example(data: bytes) -> dict[str, OfExample] | None:
    """The features of a serialized tf.Example, None for bytes that are none."""
    try:
        example = _example_parser()(data)
    except DecodeError:
        return None
    features = {}
    for name, feature in example.features.feature.items():
        kind = feature.WhichOneof("kind")
        if kind is not None:
            features[name] = OfExample(getattr(feature, kind).value)
    return features


@functools.cache
def _example_parser() -> Callable[[bytes], Any]:
    parse: Callable[[bytes], Any] = tensorflow_messages.example().FromString
    return parse


def number_of_text(text: str, wanted: FeatureType | None) -> str | int | float:
    """The number that a cell of CSV holds where a number is wanted; else the text."""
    if wanted is None or wanted is FeatureType.BYTES:
        return text
    stripped = text.strip()
    match = _NUMBER.fullmatch(stripped) if len(stripped) <= _LONGEST_NUMBER else None
    if match is None:
        return text
    return int(stripped) if match[1] and wanted is FeatureType.INT else float(stripped)

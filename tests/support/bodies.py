"""Settings, serialized examples and small files for the tests of the formats whose requests have bodies."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st
from tensorflow.core.example.example_pb2 import Example

from trueserve.transforms.core.accounting import total
from trueserve.transforms.core.batches import Decoded
from trueserve.transforms.files.file_systems import FileSize
from trueserve.transforms.logs.bodies.instances import Bodies
from trueserve.transforms.logs.decode_file import decode_file
from trueserve.transforms.logs.features import Expected, FeatureType, Settings
from trueserve.transforms.logs.formats.format_names import Format
from trueserve.transforms.logs.request import BadRecordError, Request, RequestParser

TYPES = {
    "age": FeatureType.INT,
    "fare": FeatureType.FLOAT,
    "word": FeatureType.BYTES,
    "tags": FeatureType.BYTES,
}
EXPECTED = Expected(TYPES, single=frozenset({"age", "fare", "word"}), elsewhere=frozenset({"late"}))

#: Anything that JSON can say, and names that mean something to some format.
NAMES = (
    st.sampled_from(
        ["instances", "inputs", "examples", "context", "b64", "age", "fare", "tags", "age/present"]
    )
    | st.sampled_from(["request", "body", "response", "predictions", "outputs", "name", "shape", "datatype"])
    | st.sampled_from(
        ["data", "time", "signature_name", "sampling_rate", "id", "raw_data", "request_payload"]
    )
    | st.text(max_size=3)
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=6)
    | st.sampled_from(["CgA=", "INT64", "FP32", "BYTES", '{"instances": [{"age": 1}]}', "[1, [2]]", "\ud800"])
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=5),
    max_leaves=20,
)


def settings(types: dict[str, FeatureType] | None = None, **others: Any) -> Settings:
    """Settings for `types`, or for the features that these tests share."""
    expected = EXPECTED if types is None else Expected(types, single=frozenset(types))
    return Settings(expected=expected, **others)


def b64(data: bytes) -> dict[str, str]:
    """Bytes as TF Serving's JSON has them."""
    return {"b64": base64.b64encode(data).decode()}


def example(**features: Sequence[Any]) -> bytes:
    """A serialized tf.Example; the type of the first value is the feature's."""
    made = Example()
    kinds = {int: "int64_list", float: "float_list", bytes: "bytes_list"}
    for name, values in features.items():
        getattr(made.features.feature[name], kinds[type(values[0])]).value.extend(values)
    data: bytes = made.SerializeToString(deterministic=True)
    return data


def parsed(parser: RequestParser, record: Any) -> Request:
    """The request of a record that is one."""
    request = parser.parse(record)
    assert isinstance(request, Request)
    return request


def reason_of(parser: RequestParser, record: Any) -> str:
    """Why a record is rejected; none of its values may stand in what is said of it."""
    with pytest.raises(BadRecordError) as error:
        parser.parse(record)
    assert "secret" not in error.value.detail
    return error.value.reason


def decoded_file(
    path: Path, content: bytes, file_format: Format, with_settings: Settings
) -> tuple[list[dict[str, Any]], Decoded]:
    """The rows of a file with their metadata as `meta:NAME`, and its rejects and accounting together."""
    path.write_bytes(content)
    parts = list(decode_file(FileSize(str(path), len(content)), file_format, with_settings))
    assert all(isinstance(part, Decoded) for part in parts), parts
    decoded = [part for part in parts if isinstance(part, Decoded)]
    batches = [part.batch for part in decoded if part.batch is not None]
    rows = [
        features | {f"meta:{name}": value for name, value in metadata.items()}
        for batch in batches
        for features, metadata in zip(batch.features.to_pylist(), batch.metadata.to_pylist(), strict=True)
    ]
    rejects = tuple(reject for part in decoded for reject in part.rejects)
    return rows, Decoded(None, rejects, total([part.accounting for part in decoded]))


def reason(bodies: Bodies, body: dict[str, Any], method: str = "instances") -> str:
    with pytest.raises(BadRecordError) as error:
        getattr(bodies, method)(body)
    assert "secret" not in error.value.detail
    return error.value.reason


def tensor(name: str, shape: list[Any], datatype: str, data: Any) -> dict[str, Any]:
    return {"name": name, "shape": shape, "datatype": datatype, "data": data}

"""The types and the schema that a join expects, and keys that nothing has."""

from __future__ import annotations

import pyarrow as pa
import pytest
from support.join import column
from tensorflow_metadata.proto.v0 import schema_pb2

from trueserve.transforms.core.errors import UsageError
from trueserve.transforms.joining import expected
from trueserve.transforms.joining.key_parts import parse_key
from trueserve.transforms.logs.features import FeatureType

INTS, FLOATS, TEXTS = pa.int64(), pa.float32(), pa.large_binary()


def schema(**types: int) -> schema_pb2.Schema:
    result = schema_pb2.Schema()
    for name, kind in types.items():
        result.feature.add(name=name, type=kind)
    return result


def test_types_of_batches() -> None:
    batch = pa.RecordBatch.from_arrays([column([[1]], INTS), pa.nulls(1)], ["a", "b"])
    assert expected.types_of(batch) == {"a": FeatureType.INT}
    assert expected.together([{"a": FeatureType.INT}, {"b": FeatureType.FLOAT}]) == {
        "a": FeatureType.INT,
        "b": FeatureType.FLOAT,
    }


def test_whole_floats_of_a_key_are_ints() -> None:
    integers, other = column([[16777217.0], [3.0]], FLOATS), column([[3.0], [2.5]], FLOATS)
    batch = pa.RecordBatch.from_arrays([integers, integers, other], ["id", "x", "other"])
    types = expected.types_of(batch, ["id", "other", "none"])
    assert types == {"id": FeatureType.INT, "x": FeatureType.FLOAT, "other": FeatureType.FLOAT}
    assert expected.together([types, {"id": FeatureType.FLOAT}])["id"] is FeatureType.FLOAT


def test_examples_are_looked_at_where_the_schema_lacks_the_key() -> None:
    key = parse_key(["id"])
    assert expected.lacks_types(None, key)
    assert expected.lacks_types(schema(a=schema_pb2.INT), key)
    assert not expected.lacks_types(schema(a=schema_pb2.INT, id=schema_pb2.INT), key)


def test_a_schema_is_made_of_types_or_completed_by_the_key() -> None:
    types = {"id": FeatureType.BYTES, "x": FeatureType.FLOAT}
    made = expected.joined_schema(None, parse_key(["id"]), types)
    assert {feature.name: feature.type for feature in made.feature} == {
        "id": schema_pb2.BYTES,
        "x": schema_pb2.FLOAT,
    }
    given = schema(id=schema_pb2.INT, label=schema_pb2.INT)
    given.default_environment.extend(["TRAINING", "SERVING"])
    given.feature[0].not_in_environment.append("SERVING")
    given.feature[1].not_in_environment.append("SERVING")
    assert expected.not_served(given) == ["id", "label"]
    completed = expected.joined_schema(given, parse_key(["id"]), types)
    assert [feature.name for feature in completed.feature] == ["label", "id"]
    assert completed.feature[1].type == schema_pb2.INT
    assert list(completed.feature[1].in_environment) == ["TRAINING", "SERVING"]
    assert expected.not_served(completed) == ["label"]
    added = expected.joined_schema(schema(a=schema_pb2.INT), parse_key(["id"]), types)
    assert added.feature[1].type == schema_pb2.BYTES


@pytest.mark.parametrize(
    ("count", "names"),
    [
        (0, "none"),
        (2, "f00, f01"),
        (20, "f00, f01, .*, f19$"),
        (21, "f19 and 1 more"),
        (1500, "f0019 and 1,480 more"),
    ],
)
def test_a_key_that_nothing_has_is_refused(count: int, names: str) -> None:
    width = len(str(count)) if count > 99 else 2
    types = {f"f{i:0{width}}": FeatureType.INT for i in range(count)}
    with pytest.raises(
        UsageError, match=f"--key: the examples have no feature 'id', but {'.*' if count > 2 else ''}{names}"
    ):
        expected.joined_schema(None, parse_key(["id"]), types)

"""Fixed shapes against what the examples have: known from their statistics alone."""

from __future__ import annotations

import pytest
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from trueserve.transforms.core.errors import UsageError
from trueserve.transforms.graph import fixed_shapes

SCHEMA = """
feature { name: "a" type: FLOAT presence { min_fraction: 1 } shape { dim { size: 1 } } }
feature { name: "b" type: INT presence { min_fraction: 1 } shape { dim { size: 2 } dim { size: 2 } } }
feature { name: "c" type: BYTES value_count { min: 1 max: 1 } }
feature { name: "d" type: FLOAT value_count { min: 1 max: 1 } }
feature { name: "e" type: FLOAT value_count { min: 1 max: 1 } }
tensor_representation_group { key: "" value {
  tensor_representation { key: "a" value { dense_tensor { column_name: "a" shape { dim { size: 1 } } } } }
  tensor_representation { key: "b" value { dense_tensor {
    column_name: "b" shape { dim { size: 2 } dim { size: 2 } } } } }
  tensor_representation { key: "c" value { dense_tensor {
    column_name: "c" shape { dim { size: 1 } } default_value { bytes_value: "" } } } }
  tensor_representation { key: "d" value { dense_tensor { column_name: "d" shape { dim { size: 1 } } } } }
} }
"""


def schema(text: str = SCHEMA) -> schema_pb2.Schema:
    return text_format.Parse(text, schema_pb2.Schema())


def statistics(rows: int, **features: tuple[int, int, int]) -> fixed_shapes.Statistics:
    """Of each feature: rows that have it, and the fewest and the most values of one."""
    result = statistics_pb2.DatasetFeatureStatisticsList()
    dataset = result.datasets.add(num_examples=rows)
    for name, (present, fewest, most) in features.items():
        feature = dataset.features.add()
        feature.path.step.append(name)
        common = feature.num_stats.common_stats
        common.num_non_missing, common.num_missing = present, rows - present
        common.min_num_values, common.max_num_values = fewest, most
    return result


def test_shapes_are_fixed_by_the_feature_or_by_its_representation() -> None:
    assert fixed_shapes.without_default(schema()) == {"a": 1, "b": 4, "d": 1}
    plain = 'feature { name: "a" type: FLOAT presence { min_fraction: 1 } shape { dim { size: 3 } } }'
    assert fixed_shapes.without_default(schema(plain)) == {"a": 3}


def test_rows_that_fit_pass() -> None:
    fixed_shapes.check(schema(), statistics(10, a=(10, 1, 1), b=(10, 4, 4), c=(3, 1, 1), d=(10, 1, 1)), "s")
    assert fixed_shapes.most_values(statistics(10, a=(10, 1, 1), b=(10, 1, 4))) == {"a": 1, "b": 4}


def test_rows_that_do_not_fit_are_named_with_their_share_and_what_to_do() -> None:
    with pytest.raises(UsageError) as error:
        fixed_shapes.check(schema(), statistics(3000, a=(2675, 1, 1), b=(3000, 3, 4)), "my/s.pbtxt")
    message = str(error.value)
    assert message.startswith(
        "my/s.pbtxt: feature 'a' has a fixed shape and no default_value, and 325 of 3,000 training rows"
        " (10.8 %) lack it; feature 'b' has a fixed shape of 4 values, and training rows have 3 to 4; feature"
        " 'd' has a fixed shape and no default_value, and 3,000 of 3,000 training rows (100.0 %) lack it."
    )
    assert "a default_value" in message
    assert "no fixed shape" in message

"""What a schema says of the features that are decoded: types, fixed shapes, single values, and the others."""

from __future__ import annotations

from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from trueserve.transforms.logs.features import FeatureType, expected_features

SCHEMA = text_format.Parse(
    """
    default_environment: "TRAINING" default_environment: "SERVING"
    feature { name: "scalar" type: FLOAT shape { } }
    feature { name: "one" type: FLOAT shape { dim { size: 1 } dim { size: 1 } } }
    feature { name: "pair" type: INT shape { dim { size: 1 } dim { size: 2 } } }
    feature { name: "single" type: BYTES value_count { min: 0 max: 1 } }
    feature { name: "several" type: BYTES value_count { min: 1 max: 2 } }
    feature { name: "any" type: INT }
    feature { name: "label" type: INT not_in_environment: "SERVING" }
    feature { name: "old" type: INT deprecated: true }
    feature { name: "inner" type: STRUCT }
    """,
    schema_pb2.Schema(),
)


def test_features_of_serving() -> None:
    expected = expected_features(SCHEMA, serving=True)
    assert expected.types == {
        "scalar": FeatureType.FLOAT,
        "one": FeatureType.FLOAT,
        "pair": FeatureType.INT,
        "single": FeatureType.BYTES,
        "several": FeatureType.BYTES,
        "any": FeatureType.INT,
    }
    assert expected.fixed == {"scalar", "one", "pair"}
    assert expected.single == {"scalar", "one", "single"}
    assert expected.elsewhere == {"label", "old", "inner"}


def test_all_features() -> None:
    expected = expected_features(SCHEMA, serving=False)
    assert "label" in expected.types
    assert expected.elsewhere == {"old", "inner"}

"""Environments and comparators."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
import tensorflow_data_validation as tfdv
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from trueserve.transforms.core import schema as schemas
from trueserve.transforms.core.errors import UsageError


def parse(text: str) -> schema_pb2.Schema:
    return text_format.Parse(text, schema_pb2.Schema())


def feature(schema: schema_pb2.Schema, name: str) -> schema_pb2.Feature:
    return next(f for f in schema.feature if f.name == name)


def infer(label: str | None = "late") -> schema_pb2.Schema:
    columns: dict[str, Any] = {
        "distance": pa.array([[1.5], [2.5]], pa.large_list(pa.float32())),
        "carrier": pa.array([[b"AA"], [b"UA"]], pa.large_list(pa.large_binary())),
        "late": pa.array([[0], [1]], pa.large_list(pa.int64())),
    }
    statistics = tfdv.generate_statistics_from_dataframe(
        pa.table({name: column.flatten() for name, column in columns.items()}).to_pandas()
    )
    return schemas.infer_schema(statistics, label, jsd=0.2, linf=0.3)


def test_an_inferred_schema_has_environments_and_comparators_but_no_shape() -> None:
    schema = infer()
    assert list(schema.default_environment) == ["TRAINING", "SERVING"]
    assert list(feature(schema, "late").not_in_environment) == ["SERVING"]
    assert not any(f.HasField("shape") for f in schema.feature)
    distance, carrier = feature(schema, "distance"), feature(schema, "carrier")
    assert distance.skew_comparator.jensen_shannon_divergence.threshold == 0.2
    assert not distance.skew_comparator.HasField("infinity_norm")
    assert carrier.skew_comparator.infinity_norm.threshold == 0.3
    assert not carrier.skew_comparator.HasField("jensen_shannon_divergence")
    assert not feature(schema, "late").HasField("skew_comparator")


def test_an_unknown_label_is_a_usage_error_that_names_the_features() -> None:
    with pytest.raises(UsageError, match=r"--label=lat is no feature.*distance.*late"):
        infer("lat")


def test_given_schemas_are_not_changed_and_what_they_say_stays() -> None:
    given = parse(
        """default_environment: "SERVING"
        feature { name: "a" type: FLOAT skew_comparator { jensen_shannon_divergence { threshold: 0.5 } } }
        feature { name: "y" type: INT in_environment: "SERVING" in_environment: "TRAINING" }"""
    )
    before = given.SerializeToString(deterministic=True)
    result = schemas.with_comparators(schemas.with_environments(given, "y"), jsd=0.1, linf=0.1)
    assert given.SerializeToString(deterministic=True) == before
    assert list(result.default_environment) == ["SERVING", "TRAINING"]
    assert feature(result, "a").skew_comparator.jensen_shannon_divergence.threshold == 0.5
    assert schemas.serving_features(result) == ["a"]
    assert schemas.label_of(result) == "y"


@pytest.mark.parametrize(
    ("text", "in_serving"),
    [
        ('feature { name: "f" }', True),
        ('default_environment: "SERVING" feature { name: "f" }', True),
        ('default_environment: "TRAINING" feature { name: "f" }', False),
        ('default_environment: "TRAINING" feature { name: "f" in_environment: "SERVING" }', True),
        ('default_environment: "SERVING" feature { name: "f" not_in_environment: "SERVING" }', False),
        ('feature { name: "f" not_in_environment: "SERVING" }', False),
        ('feature { name: "f" lifecycle_stage: PLANNED }', False),
    ],
)
def test_in_serving_follows_tfdv(text: str, in_serving: bool) -> None:
    schema = parse(text)
    assert schemas.in_serving(schema.feature[0], schema) is in_serving


@pytest.mark.parametrize(
    ("text", "metric"),
    [
        ("type: FLOAT", "jensen_shannon_divergence"),
        ("type: INT", "jensen_shannon_divergence"),
        ("type: INT int_domain { min: 0 }", "jensen_shannon_divergence"),
        ("type: INT int_domain { is_categorical: true }", "infinity_norm"),
        ("type: INT bool_domain {}", "infinity_norm"),
        ("type: BYTES", "infinity_norm"),
        ("type: BYTES domain: 'free'", None),
        ("type: BYTES image_domain {}", None),
    ],
)
def test_comparators_by_kind_of_feature(text: str, metric: str | None) -> None:
    schema = parse(
        f"string_domain {{ name: 'free' is_categorical: CATEGORICAL_NO }} feature {{ name: 'f' {text} }}"
    )
    comparator = schemas.with_comparators(schema, jsd=0.1, linf=0.1).feature[0].skew_comparator
    assert [field.name for field, _ in comparator.ListFields()] == ([metric] if metric else [])


def test_outputs_of_the_label_are_not_in_serving_and_ragged_ones_bear_their_column_name() -> None:
    transformed = parse(
        'feature { name: "x" type: FLOAT } feature { name: "y" type: INT }'
        'feature { name: "r$ragged_values" type: INT }'
    )
    result = schemas.for_outputs(transformed, {"x": ["a"], "y": ["late", "a"], "r": ["b"]}, "late")
    assert schemas.serving_features(result) == ["x", "r"]
    assert [f.name for f in transformed.feature] == ["x", "y", "r$ragged_values"]


def test_feature_lists_of_a_struct_become_features_of_all_steps() -> None:
    """As TFX's SchemaGen writes the schema of tf.SequenceExamples."""
    text = """
    feature { name: "user" type: BYTES value_count { min: 1 max: 1 } presence { min_fraction: 1 } }
    feature { name: "w" type: INT }
    feature { name: "##SEQUENCE##" type: STRUCT struct_domain {
      feature { name: "q" type: FLOAT presence { min_fraction: 1 } float_domain { min: 0 }
        value_counts { value_count { min: 0 } value_count { min: 1 } } }
      feature { name: "w" type: BYTES presence { min_fraction: 1 }
        value_counts { value_count { min: 1 } value_count { min: 1 } } }
    } }
    tensor_representation_group { key: "" value {
      tensor_representation { key: "q" value { ragged_tensor { feature_path {
        step: "##SEQUENCE##" step: "q" } } } }
      tensor_representation { key: "user" value { varlen_sparse_tensor { column_name: "user" } } }
    } }
    """
    given = text_format.Parse(text, schema_pb2.Schema())
    before = given.SerializeToString(deterministic=True)
    flat = schemas.with_feature_lists(given)
    assert given.SerializeToString(deterministic=True) == before
    assert [str(feature) for feature in flat.feature] == [
        str(text_format.Parse(expected, schema_pb2.Feature()))
        for expected in (
            'name: "user" type: BYTES value_count { min: 1 max: 1 } presence { min_fraction: 1 }',
            'name: "q" type: FLOAT float_domain { min: 0 }',
            'name: "w" type: BYTES presence { min_fraction: 1 }',
        )
    ]
    assert [*flat.tensor_representation_group[""].tensor_representation] == ["user"]
    assert schemas.with_feature_lists(flat) == flat

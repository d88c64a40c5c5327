"""A threshold that the user's schema sets is kept to: no distance over it is explained away."""

from __future__ import annotations

import numpy as np
from support.verdict import LABEL, compared, served, worst
from tensorflow_metadata.proto.v0 import schema_pb2

from trueserve.transforms.core import schema as schemas
from trueserve.transforms.verdict.compare import Policy, Reference
from trueserve.transforms.verdict.model import Severity, Space


def with_schema(against: Reference, schema: schema_pb2.Schema) -> Reference:
    return Reference(schema, against.statistics, Space.RAW, label=LABEL)


def of(schema: schema_pb2.Schema, name: str) -> schema_pb2.Feature:
    return next(feature for feature in schema.feature if feature.name == name)


def copy(schema: schema_pb2.Schema) -> schema_pb2.Schema:
    result = schema_pb2.Schema()
    result.CopyFrom(schema)
    return result


def test_a_distance_within_the_noise_is_info_over_a_default_and_an_error_over_a_threshold_of_ones_own(
    baseline: Reference,
) -> None:
    default = schemas.with_comparators(baseline.schema, jsd=0.001, linf=0.001)
    own = copy(baseline.schema)
    of(own, "distance").skew_comparator.jensen_shannon_divergence.threshold = 0.001
    of(own, "carrier").skew_comparator.infinity_norm.threshold = 0.001
    small = served(100)
    for name in ("distance", "carrier"):
        assert worst(compared(with_schema(baseline, default), small).findings, name).severity is Severity.INFO
        assert worst(compared(with_schema(baseline, own), small).findings, name).severity is Severity.ERROR


def test_outermost_values_are_an_error_over_a_threshold_of_ones_own(baseline: Reference) -> None:
    data = served(20_000)
    data["distance"] = data["distance"].where(np.arange(len(data)) % 25 != 0, 1e6).astype("float32")
    own = copy(baseline.schema)
    of(own, "distance").skew_comparator.jensen_shannon_divergence.threshold = 0.1
    tagged = schemas.with_comparators(baseline.schema, jsd=0.1, linf=0.1)
    levels = [
        next(
            f.severity
            for f in compared(with_schema(baseline, schema), data).findings
            if "Jensen" in f.message
        )
        for schema in (tagged, own)
    ]
    assert levels == [Severity.INFO, Severity.ERROR]


def test_a_default_that_was_changed_by_hand_is_ones_own(baseline: Reference) -> None:
    schema = schemas.with_comparators(baseline.schema, jsd=0.25, linf=0.1)
    distance = of(schema, "distance")
    assert not schemas.has_own_comparator(distance)
    distance.skew_comparator.jensen_shannon_divergence.threshold = 0.3
    assert schemas.has_own_comparator(distance)


def test_whose_a_comparator_is_survives_another_round_and_a_file(baseline: Reference) -> None:
    own = copy(baseline.schema)
    of(own, "carrier").skew_comparator.infinity_norm.threshold = 0.1
    once = schemas.with_comparators(own, jsd=0.1, linf=0.1)
    loaded = schema_pb2.Schema.FromString(once.SerializeToString())
    again = schemas.with_comparators(loaded, jsd=0.4, linf=0.4)
    assert again == once
    assert {f.name for f in again.feature if schemas.has_own_comparator(f)} == {"carrier"}
    assert with_schema(baseline, again).prepared(Policy()) is not again

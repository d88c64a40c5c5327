"""TFDV asked in parts answers as TFDV asked once."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import tensorflow_data_validation as tfdv
from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2

from trueserve.transforms.core import schema as schemas
from trueserve.transforms.verdict import batched_validation
from trueserve.transforms.verdict.feature_stats import Statistics

ROWS = 400


def table(seed: int, columns: int, shift: float = 0.0) -> Statistics:
    rng = np.random.default_rng(seed)
    numbers = {f"n{i}": rng.normal(shift * (i % 3), 1, ROWS) for i in range(columns)}
    categories = {f"w{i}": rng.choice(["a", "b", "c" if shift else "d"], ROWS) for i in range(columns)}
    return tfdv.generate_statistics_from_dataframe(pd.DataFrame({**numbers, **categories}))


@pytest.fixture(scope="module")
def training() -> Statistics:
    return table(0, 7)


@pytest.fixture(scope="module")
def serving() -> Statistics:
    return table(1, 8, shift=1.0)  # one more column of each kind, other values, numbers that moved


@pytest.fixture(scope="module")
def schema(training: Statistics) -> schema_pb2.Schema:
    inferred = schemas.infer_schema(training, "n6", jsd=0.1, linf=0.1)
    inferred.dataset_constraints.min_examples_count = ROWS + 1
    return inferred


def comparable(anomalies: anomalies_pb2.Anomalies) -> tuple[object, ...]:
    infos = {
        key: value.SerializeToString(deterministic=True) for key, value in anomalies.anomaly_info.items()
    }
    skew = sorted(info.SerializeToString(deterministic=True) for info in anomalies.drift_skew_info)
    return infos, skew, anomalies.dataset_anomaly_info.SerializeToString(deterministic=True)


@pytest.mark.parametrize("size", [1, 3, 100])
def test_anomalies_are_those_of_one_call(
    training: Statistics,
    serving: Statistics,
    schema: schema_pb2.Schema,
    size: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(batched_validation, "FEATURES_A_PART", size)
    once = tfdv.validate_statistics(serving, schema, environment="SERVING")
    parts = batched_validation.validate_statistics(serving, schema, environment="SERVING")
    assert comparable(parts) == comparable(once)
    assert len(once.anomaly_info) > 7
    assert once.dataset_anomaly_info.reason


@pytest.mark.parametrize("size", [1, 3, 100])
def test_skew_is_that_of_one_call(
    training: Statistics,
    serving: Statistics,
    schema: schema_pb2.Schema,
    size: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(batched_validation, "FEATURES_A_PART", size)
    once = tfdv.validate_statistics(training, schema, serving_statistics=serving)
    parts = batched_validation.validate_statistics(training, schema, serving_statistics=serving)
    assert comparable(parts) == comparable(once)
    assert len(once.drift_skew_info) == 13  # all but the label


def test_no_feature_at_all_is_one_part() -> None:
    empty = Statistics()
    empty.datasets.add(num_examples=0)
    parts = batched_validation.validate_statistics(empty, schema_pb2.Schema())
    assert comparable(parts) == comparable(tfdv.validate_statistics(empty, schema_pb2.Schema()))

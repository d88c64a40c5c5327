"""TFDV's native code, called without TFDV's package, against the package."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest
import tensorflow_data_validation as tfdv
from support import hand_made
from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2

from trueserve.transforms.verdict import native_validation
from trueserve.transforms.verdict.feature_stats import Statistics

# What is imported first, and how often the native code is then loaded.
ALONE_THEN_TFDV = """
import sys
from trueserve.transforms.verdict import native_validation as native
from trueserve.transforms.verdict.feature_stats import Statistics
from tensorflow_metadata.proto.v0 import schema_pb2
statistics = Statistics()
statistics.datasets.add(num_examples=1)
schema = schema_pb2.Schema(feature=[schema_pb2.Feature(name="a", presence={"min_count": 1})])
alone = native.validate_statistics(statistics, schema)
assert alone.anomaly_info["a"].reason
assert "tensorflow" not in sys.modules and native.PACKAGE not in sys.modules
loaded = sys.modules[native.EXTENSION]
import tensorflow_data_validation as tfdv
assert tfdv.validate_statistics(statistics, schema) == alone
assert sys.modules[native.EXTENSION] is loaded
assert native.validate_statistics(statistics, schema) == alone
"""


def of_words(counts: dict[str, float]) -> Statistics:
    return hand_made.statistics(100, hand_made.category("word", counts), hand_made.number("n", 40))


SERVED = of_words({"a": 60, "new": 40})
TRAINING = of_words({"a": 99, "b": 1})


@pytest.fixture
def schema() -> schema_pb2.Schema:
    schema = schema_pb2.Schema(default_environment=["TRAINING", "SERVING"])
    word = schema.feature.add(name="word", type=schema_pb2.BYTES, domain="words")
    word.skew_comparator.infinity_norm.threshold = 0.1
    schema.feature.add(name="n", type=schema_pb2.FLOAT).presence.min_fraction = 0.9
    schema.feature.add(
        name="label", type=schema_pb2.FLOAT, not_in_environment=["SERVING"]
    ).presence.min_count = 1
    schema.string_domain.add(name="words", value=["a", "b"])
    return schema


@pytest.fixture
def forgotten() -> Iterator[None]:
    """The native function is sought again, before and after."""
    native_validation._native.cache_clear()
    yield
    native_validation._native.cache_clear()


def as_bytes(anomalies: anomalies_pb2.Anomalies) -> bytes:
    serialized: bytes = anomalies.SerializeToString(deterministic=True)
    return serialized


@pytest.mark.parametrize("environment", [None, "SERVING", "TRAINING"])
@pytest.mark.parametrize("training", [None, TRAINING], ids=["alone", "skew"])
def test_anomalies_are_those_of_the_package(
    schema: schema_pb2.Schema, environment: str | None, training: Statistics | None
) -> None:
    assert native_validation._native() is not None  # or this compares the package with itself
    native = native_validation.validate_statistics(SERVED, schema, environment, training)
    package = tfdv.validate_statistics(SERVED, schema, environment, serving_statistics=training)
    assert as_bytes(native) == as_bytes(package)
    assert "word" in native.anomaly_info
    assert ("label" in native.anomaly_info) == (environment != "SERVING")
    assert len(native.drift_skew_info) == (training is not None)


def test_an_unknown_environment_is_the_same_error(schema: schema_pb2.Schema) -> None:
    with pytest.raises(ValueError, match="TESTING") as native:
        native_validation.validate_statistics(SERVED, schema, "TESTING")
    with pytest.raises(ValueError, match="TESTING") as package:
        tfdv.validate_statistics(SERVED, schema, "TESTING")
    assert str(native.value) == str(package.value)


def test_it_is_loaded_once_though_tfdv_is_imported_later() -> None:
    run = subprocess.run([sys.executable, "-c", ALONE_THEN_TFDV], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


@pytest.mark.usefixtures("forgotten")
@pytest.mark.parametrize(
    ("name", "value"),
    [("EXTENSION", "tensorflow_data_validation.pywrap.other"), ("_NUM_ARGUMENTS", 8)],
    ids=["no such file", "other arguments"],
)
def test_the_package_is_called_where_the_native_code_is_another(
    schema: schema_pb2.Schema, name: str, value: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(native_validation, name, value)
    assert native_validation._native() is None
    answer = native_validation.validate_statistics(SERVED, schema, "SERVING", TRAINING)
    package = tfdv.validate_statistics(SERVED, schema, "SERVING", serving_statistics=TRAINING)
    assert as_bytes(answer) == as_bytes(package)

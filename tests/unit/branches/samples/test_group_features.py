"""Which features rows can be grouped by."""

from __future__ import annotations

import pytest
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from trueserve.transforms.branches.samples import group_feature
from trueserve.transforms.core.errors import UsageError

SCHEMA = """
feature { name: "user" type: BYTES }
feature { name: "session" type: INT }
feature { name: "device" type: FLOAT }
feature { name: "record" type: STRUCT }
feature { name: "old" type: INT lifecycle_stage: DEPRECATED }
feature { name: "late" type: INT not_in_environment: "SERVING" }
feature { name: "label" type: INT }
default_environment: "TRAINING"
default_environment: "SERVING"
"""


def schema() -> schema_pb2.Schema:
    parsed: schema_pb2.Schema = text_format.Parse(SCHEMA, schema_pb2.Schema())
    return parsed


@pytest.mark.parametrize("name", ["user", "session", "device"])
def test_features_of_requests_group(name: str) -> None:
    group_feature.check(name, schema(), "label")


@pytest.mark.parametrize("name", ["record", "old", "late", "label", "stop"])
def test_others_are_wrong_usage(name: str) -> None:
    with pytest.raises(
        UsageError, match=rf"^--group_by: expected one of device, session, user; got '{name}'$"
    ):
        group_feature.check(name, schema(), "label")

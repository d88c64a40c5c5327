"""The slices that a row is in, by its request or by its first values."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pyarrow as pa
import pytest
from google.protobuf import text_format
from support.slices import batch, byte_lists
from tensorflow_metadata.proto.v0 import schema_pb2

from trueserve.transforms.core import slicing
from trueserve.transforms.core.batches import Batch
from trueserve.transforms.core.errors import UsageError
from trueserve.transforms.core.slicing import MISSING, NOT_UTF8, lasts

HOUR = 3_600_000_000
SCHEMA = text_format.Parse(
    """
    default_environment: "TRAINING" default_environment: "SERVING"
    feature { name: "carrier" type: BYTES }
    feature { name: "stops" type: INT }
    feature { name: "distance" type: FLOAT }
    feature { name: "late" type: INT not_in_environment: "SERVING" }
    """,
    schema_pb2.Schema(),
)


def labels(rows: Batch, *names: str) -> list[str]:
    (marks,) = slicing.marks(slicing.marked(rows, [names]).metadata)
    result: list[str] = marks.to_pylist()
    return result


def test_names_are_of_the_request_or_of_a_first_value() -> None:
    moment = 380_000 * HOUR + 59 * 60_000_000
    time = pa.array([moment, moment + 60_000_000, None, -1], pa.timestamp("us", tz="UTC"))
    rows = batch(
        4,
        time=time,
        version=pa.array(["1", "2", None, "2"]),
        carrier=byte_lists([b"AA", b"UA"], None, [], [b"\xff"]),
        stops=pa.array([[3], [-2], None, [3]], pa.large_list(pa.int64())),
    )
    assert labels(rows, "version") == ["version=1", "version=2", f"version={MISSING}", "version=2"]
    assert labels(rows, "hour") == [
        "hour=2013-05-08T08",
        "hour=2013-05-08T09",
        f"hour={MISSING}",
        "hour=1969-12-31T23",
    ]
    assert labels(rows, "day")[::3] == ["day=2013-05-08", "day=1969-12-31"]
    assert labels(rows, "carrier") == [f"carrier={v}" for v in ("AA", MISSING, MISSING, NOT_UTF8)]
    assert labels(rows, "stops", "version")[:3] == [
        "stops=3,version=1",
        "stops=-2,version=2",
        f"stops={MISSING},version={MISSING}",
    ]
    assert labels(rows, "absent") == [f"absent={MISSING}"] * 4


def test_a_part_of_a_batch_has_its_own_names() -> None:
    all_rows = batch(5, carrier=byte_lists([b"a"], [b"b", b"c"], None, [b"d"], [b"e"]))
    part = Batch(all_rows.features.slice(1, 3), all_rows.metadata.slice(1, 3))
    assert labels(part, "carrier") == ["carrier=b", f"carrier={MISSING}", "carrier=d"]


def test_names_of_strangers_are_told_apart_and_short() -> None:
    rows = batch(4, carrier=byte_lists([b"a,version=1"], [b"x" * 9999], [b"x" * 9998], [b"a\\"]))
    names = labels(rows, "carrier", "version")
    assert names[0] == rf"carrier=a\,version=1,version={MISSING}"
    assert names[3] == rf"carrier=a\\,version={MISSING}"
    assert names[1] != names[2]
    assert max(map(len, names)) < 200


def test_crossed_names_are_those_of_the_rows() -> None:
    rng = np.random.default_rng(0)
    versions, hours = rng.integers(0, 7, 500), rng.integers(0, 30, 500)
    carriers = rng.integers(0, 9, 500)
    rows = batch(
        500,
        version=pa.array(versions.astype(str).tolist()),
        time=pa.array(hours * HOUR, pa.timestamp("us", tz="UTC")),
        carrier=byte_lists(*([b"c%d" % c] for c in carriers)),
    )
    expected = [
        f"version={v},carrier=c{c},hour={np.datetime64(int(h), 'h')}"
        for v, c, h in zip(versions, carriers, hours, strict=True)
    ]
    assert labels(rows, "version", "carrier", "hour") == expected


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("distance", "is FLOAT in the schema; use an INT or BYTES feature, or one of "),
        ("late", "expected one of model, version, signature, origin, hour, day, carrier, distance, stops"),
        ("nothing", "got 'nothing'"),
    ],
)
def test_what_is_no_category_is_refused(name: str, message: str) -> None:
    slicing.check([("version", "carrier"), ("hour",), ("stops",)], SCHEMA)
    with pytest.raises(UsageError, match=message):
        slicing.check([("version",), ("day", name)], SCHEMA)


def test_slices_of_an_hour_or_a_day_last_so_long() -> None:
    assert lasts("version=2") is None
    assert lasts("version=2,hour=2013-07-14T05") == dt.timedelta(hours=1)
    assert lasts("day=2013-07-14") == dt.timedelta(days=1)
    assert lasts("word=a\\,hour=3") is None

"""Rows that repeat another are left out, and every record is accounted for."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from benchmarks import in_memory
from trueserve.transforms.branches.samples.repeats import RepeatsPartial
from trueserve.transforms.core.accounting import REPEATED, Accounting
from trueserve.transforms.core.arrow import pa
from trueserve.transforms.core.batches import Batch, Decoded
from trueserve.transforms.logs import repeated_rows
from trueserve.transforms.logs.features import Expected, FeatureType, Settings
from trueserve.transforms.logs.repeated_rows import DroppedRows, RepeatedRow
from trueserve.transforms.logs.rows.rows import Counts, DecodedRows, Finisher, metadata_of

Array = np.ndarray[Any, Any]
EXPECTED = Expected({"x": FeatureType.FLOAT, "word": FeatureType.BYTES})
NAMES = frozenset(EXPECTED.types)


def rows(x: list[float], record: list[int], file: str = "log") -> DecodedRows:
    batch = in_memory.batch({"x": np.array(x, np.float32), "word": np.array(["w"] * len(x), object)})
    columns = list(zip(batch.schema.names, batch.columns, strict=True))
    return DecodedRows(columns, metadata_of(len(x), file, record=pa.array(record, pa.int64())))


def repeated(x: list[float], record: list[int], least: int = 3) -> tuple[RepeatedRow, ...]:
    """The values that came so often, as a first reading tells them."""
    first = RepeatsPartial(NAMES)
    decoded = rows(x, record)
    features = pa.RecordBatch.from_arrays(
        [c for _, c in decoded.columns], names=[n for n, _ in decoded.columns]
    )
    first.add(Batch(features, decoded.metadata))
    return tuple(row for row in first.result().repeated if row.rows >= least)


def finished(decoded: DecodedRows, dropped: tuple[RepeatedRow, ...]) -> Decoded:
    settings = Settings(EXPECTED, dropped=DroppedRows(NAMES, dropped))
    num_records = len(set(decoded.metadata.column("record").to_pylist()))
    result = Finisher(settings).finish(decoded, (), Counts(num_records))
    assert result.accounting.balance() == 0
    return result


def values(result: Decoded) -> list[float]:
    assert result.batch is not None
    return [row[0] for row in result.batch.features.column("x").to_pylist()]


def test_all_but_one_are_left_out_and_counted() -> None:
    x, record = [7.0, 1.0, 7.0, 2.0, 7.0, 7.0], [*range(6)]
    result = finished(rows(x, record), repeated(x, record))
    assert values(result) == [7.0, 1.0, 2.0]
    counts = result.accounting
    assert (counts.read, counts.decoded, counts.rows, counts.compared) == (6, 3, 3, 3)
    assert (counts.excluded["repeated"], counts.forms[REPEATED]) == (3, 3)


def test_a_record_of_which_rows_are_left_is_decoded() -> None:
    x, record = [7.0, 1.0, 7.0, 7.0, 7.0, 2.0], [0, 0, 1, 1, 2, 2]
    result = finished(rows(x, record), repeated(x, record))
    assert values(result) == [7.0, 1.0, 2.0]
    counts = result.accounting
    assert (counts.decoded, counts.excluded["repeated"], counts.forms[REPEATED], counts.rows) == (2, 1, 3, 3)


def test_however_the_log_is_cut_one_row_is_left() -> None:
    x, record = [1.0, 7.0, 7.0, 2.0, 7.0, 7.0], [*range(6)]
    dropped = repeated(x, record)
    for cut in range(1, 6):
        parts = [rows(x[a:b], record[a:b]) for a, b in itertools.pairwise([0, cut, 6])]
        results = [finished(part, dropped) for part in parts]
        kept = [value for result in results if result.batch is not None for value in values(result)]
        assert kept == [1.0, 7.0, 2.0]
        assert sum((result.accounting for result in results), Accounting()).excluded["repeated"] == 3


def test_rows_of_another_file_are_left_out_whole() -> None:
    x, record = [7.0, 7.0, 7.0], [0, 1, 2]
    result = finished(rows(x, record, "other"), repeated(x, record))
    assert result.batch is None
    assert result.accounting.excluded["repeated"] == 3


def test_nothing_is_left_out_where_nothing_is_repeated() -> None:
    result = finished(rows([1.0, 2.0], [0, 1]), ())
    assert values(result) == [1.0, 2.0]
    assert not result.accounting.excluded


def test_the_features_that_count_are_those_of_requests() -> None:
    schema = text_format.Parse(
        """
        feature { name: "x" type: FLOAT } feature { name: "id" type: INT } feature { name: "s" type: STRUCT }
        feature { name: "late" type: INT not_in_environment: "SERVING" }
        feature { name: "word" type: BYTES } default_environment: "TRAINING" default_environment: "SERVING"
        """,
        schema_pb2.Schema(),
    )
    assert repeated_rows.hashed_features(schema, ("id", None)) == ("word", "x")
    for number in range(100):
        schema.feature.add(name=f"t{number:02d}", type=schema_pb2.BYTES)
    names = repeated_rows.hashed_features(schema, ())
    assert len(names) == 16 + 2
    assert {"x", "id"} <= {*names}
    assert names == repeated_rows.hashed_features(schema, ())

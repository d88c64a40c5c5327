"""TFDV's generators over the batches of ranges give what TFDV gives of all rows at once."""

from __future__ import annotations

import json
import pickle
from typing import Any

import pyarrow as pa
import pytest
from google.protobuf import json_format, text_format
from tensorflow_data_validation.statistics import stats_impl
from tensorflow_metadata.proto.v0 import schema_pb2

from trueserve.transforms.branches.statistics import TfdvPartial, _generators_of, tfdv_statistics
from trueserve.transforms.core.batches import Batch
from trueserve.transforms.core.errors import InputError
from trueserve.transforms.logs.rows.rows import metadata_of

SCHEMA = text_format.Parse(
    'feature { name: "code" type: INT int_domain { is_categorical: true } }feature { name: "x" type: FLOAT }',
    schema_pb2.Schema(),
).SerializeToString()


def rows(first: int, count: int) -> pa.RecordBatch:
    numbers = range(first, first + count)
    columns = {
        "code": pa.array([[n % 3] for n in numbers], pa.large_list(pa.int64())),
        "x": pa.array([None if n % 5 == 0 else [n / 7] for n in numbers], pa.large_list(pa.float32())),
    }
    return pa.RecordBatch.from_pydict(columns)


def batch(first: int, count: int, **more: object) -> Batch:
    return Batch(rows(first, count), metadata_of(count, "a", **more))


def partial(schema: bytes, *batches: Batch) -> TfdvPartial:
    result = TfdvPartial(schema)
    for each in batches:
        result.add(each)
    return result


def rounded(statistics: Any) -> Any:
    """With floats of twelve digits: sums in another order differ in the last ones."""
    text = json_format.MessageToJson(statistics)
    return json.loads(text, parse_float=lambda number: f"{float(number):.12g}")


@pytest.mark.parametrize("schema", [b"", SCHEMA])
def test_ranges_that_are_merged_give_the_statistics_of_all_rows(schema: bytes) -> None:
    first = partial(schema, batch(0, 40), batch(40, 10))
    first.merge(pickle.loads(pickle.dumps(partial(schema, batch(50, 30)))))
    generators = list(_generators_of(schema))
    accumulators = [each.add_input(each.create_accumulator(), rows(0, 80)) for each in generators]
    statistics = first.result()
    assert rounded(statistics) == rounded(stats_impl.extract_statistics_output(accumulators, generators))
    [dataset] = statistics.datasets
    kinds = {feature.path.step[0]: feature.WhichOneof("stats") for feature in dataset.features}
    assert kinds == {"code": "string_stats" if schema else "num_stats", "x": "num_stats"}
    assert dataset.num_examples == 80


def test_without_rows_there_are_no_examples() -> None:
    [dataset] = TfdvPartial(SCHEMA).result().datasets
    assert dataset.num_examples == 0


def test_rows_with_sampling_rates_are_refused_with_what_to_do() -> None:
    sampled = batch(0, 2, sampling_rate=pa.array([0.5, 0.1]))
    with pytest.raises(InputError, match=r"has sampling rates: add --ignore_sampling_rate, or leave"):
        partial(SCHEMA, sampled)


def test_the_branch_has_the_kind_of_the_space() -> None:
    branch = tfdv_statistics("raw", None)
    branch.start()
    branch.add(batch(0, 3))
    [(kind, result)] = branch.result()
    assert (kind, result.result().datasets[0].num_examples) == (("raw", 0), 3)

"""What `prepare` says of columns that a few values make text."""

from __future__ import annotations

import io

import pytest
from tensorflow_metadata.proto.v0 import statistics_pb2

from trueserve.pipelines.display.numbers_as_text import lines_of
from trueserve.transforms.core.accounting import total
from trueserve.transforms.logs.carriers.csv_header import read_header
from trueserve.transforms.logs.carriers.csv_tables import csv_types, decode_csv
from trueserve.transforms.logs.features import Settings
from trueserve.transforms.logs.rows.rows import RecordPosition


def lines_about(values: list[str]) -> list[str]:
    """What is said of a CSV column `c` of these values, beside one that all rows have."""
    text = "c,x\n" + "".join(f"{value},1\n" for value in values)
    names = read_header(io.BytesIO(text.encode())).names
    settings = Settings(seen=csv_types(io.BytesIO(text.encode()), names))
    parts = decode_csv(io.BytesIO(text.encode()), names, settings, RecordPosition("a.csv", 0))
    forms = total(part.accounting for part in parts).forms
    statistics = statistics_pb2.DatasetFeatureStatisticsList()
    feature = statistics.datasets.add().features.add()
    feature.path.step.append("c")
    feature.string_stats.common_stats.num_non_missing = sum(map(bool, values))
    for value in sorted({*values} - {""}, key=values.count, reverse=True):
        feature.string_stats.rank_histogram.buckets.add(label=value, sample_count=values.count(value))
    return list(lines_of(statistics, forms))


@pytest.mark.parametrize(
    ("others", "wanted"),
    [
        (
            ["NA"] * 20,
            "98.0 % of c are numbers, 2.0 % are text, such as 'NA'"
            " (if they mean a missing value, say --missing_values=NA)",
        ),
        (
            ["NA"] * 11 + ["-"] * 10,
            "97.9 % of c are numbers, 2.1 % are text, such as 'NA', '-'"
            " (if they mean a missing value, say --missing_values=NA,-)",
        ),
        (
            [f"person {number}" for number in range(20)],
            "98.0 % of c are numbers, 2.0 % are text"
            " (say with --missing_values which texts mean a missing value)",
        ),
    ],
)
def test_values_are_named_if_they_came_often(others: list[str], wanted: str) -> None:
    assert lines_about([*map(str, range(1000 - len(others))), *others, ""]) == [wanted]


def test_nothing_is_lines_about_numbers_and_of_text() -> None:
    assert not lines_about(["1", "2", ""])
    assert not lines_about(["a"] * 60 + ["1"] * 40)
    assert not lines_about(["a"] * 300 + ["1"] * 100)

"""A small sample of each format, as the vendor's documentation lays it out or the vendor's library made it.

`samples/README.md` says where each sample's facts come from.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import pytest
from support import logs
from support.repo import ROOT

from trueserve.transforms.core.accounting import total
from trueserve.transforms.core.batches import Decoded
from trueserve.transforms.files.file_systems import FileSize
from trueserve.transforms.logs.decode_file import decode_file
from trueserve.transforms.logs.detect import detect_log
from trueserve.transforms.logs.features import Expected, FeatureType, Settings
from trueserve.transforms.logs.formats.format_names import Format

SAMPLES = ROOT / "tests" / "samples"
INT, FLOAT, BYTES = FeatureType.INT, FeatureType.FLOAT, FeatureType.BYTES


class Sample(NamedTuple):
    """A file, what its features are, and what must be read of it: rows, and metadata that they share or not.

    Attributes:
      single: names of the features with one value a row.
      metadata: for columns of the metadata, the values of the rows in order.
      read: records.
    """

    file: str
    types: Mapping[str, FeatureType]
    single: Sequence[str]
    rows: Sequence[Mapping[str, Sequence[Any]]]
    metadata: Mapping[str, Sequence[Any]]
    read: int
    settings: Mapping[str, Any]


def utc(*parts: int) -> dt.datetime:
    return dt.datetime(*parts, tzinfo=dt.UTC)  # type: ignore[misc, arg-type]


_SHOPS = {"visits": INT, "share": FLOAT, "shop": BYTES}
_OF_SHOPS: tuple[Mapping[str, Sequence[Any]], ...] = (
    {"visits": [3], "share": [0.5], "shop": [b"north"]},
    {"visits": [-4], "shop": ["café".encode()]},
    {"share": [1.5, 2.5], "shop": [b"\xff"]},
)
ALL = (
    Sample(
        "rest.jsonl",
        {"tag": BYTES, "signal": INT, "weight": FLOAT, "photo": BYTES},
        ["tag", "photo"],
        [
            {"tag": [b"green"], "signal": [3, 1, 4], "weight": [2.5]},
            {"tag": [b"blue"], "signal": [1, 5, 9]},
            {"tag": [b"red"], "signal": [2, 6], "weight": [1.5]},
            {"tag": [b"grey"], "signal": [5, 3], "weight": [float("-inf")]},
            {"tag": [b"shared"], "photo": [b"\0\1\2\xff"], "weight": [1.0]},
            {"tag": [b"shared"], "photo": [b"\xfe\xff"], "weight": [2.5, logs.as_float32(0.35)]},
        ],
        {"signature": ["serving_default"] * 2 + [None] * 2 + ["classify_objects"] * 2, "time": [None] * 6},
        3,
        {},
    ),
    Sample(
        "ai_platform.csv",
        {"Soil_Type": BYTES, "Elevation": INT, "Slope": FLOAT},
        ["Soil_Type", "Elevation", "Slope"],
        [
            {"Soil_Type": [b"2705"], "Elevation": [2801], "Slope": [11.5]},
            {"Soil_Type": [b"4703"], "Elevation": [3125], "Slope": [4.0]},
            {"Soil_Type": [b"7745"], "Elevation": [2995], "Slope": [0.5]},
        ],
        {
            "time": [utc(2020, 6, 3, 17, 0, 4)] * 2 + [utc(2020, 6, 3, 17, 0, 5, 250_000)],
            "model": ["covertype"] * 3,
            "version": ["v2"] * 3,
            "signature": ["serving_default"] * 3,
        },
        2,
        {},
    ),
    Sample(
        "vertex.json",
        {"country": BYTES, "cnt_level_start_quickplay": INT, "score": FLOAT},
        ["country", "cnt_level_start_quickplay", "score"],
        [
            {"country": [b"NL"], "cnt_level_start_quickplay": [12], "score": [0.5]},
            {"country": [b"BR"], "cnt_level_start_quickplay": [3], "score": [2.25]},
            {"country": [b"R&D"], "cnt_level_start_quickplay": [7], "score": [1.5]},
        ],
        {
            "time": [utc(2023, 4, 5, 6, 7, 8, 500_000)] * 2 + [utc(2023, 4, 5, 6, 7, 9)],
            "version": ["789"] * 3,
            "request_id": ["5123456789012345678"] * 2 + ["5123456789012345679"],
        },
        2,
        {"columns": ("country", "cnt_level_start_quickplay", "score")},
    ),
    Sample(
        "sagemaker.jsonl",
        {"days": INT, "charge": FLOAT, "region": BYTES},
        ["days", "charge", "region"],
        [
            {"days": [61], "charge": [21.5], "region": [b"north"]},
            {"days": [7], "charge": [0.25], "region": [b"south"]},
            {"days": [8], "charge": [1.5], "region": [b"west, low"]},
            {"days": [9], "charge": [2.5], "region": [b"east"]},
        ],
        {
            "time": [utc(2022, 2, 14, 17, 25, second) for second in (49, 50, 51, 51)],
            "request_id": [
                "11111111-2222-3333-4444-555555555555",
                "66666666-7777-8888-9999-000000000000",
                *["abcdefab-cdef-abcd-efab-cdefabcdefab"] * 2,
            ],
        },
        3,
        {"columns": ("days", "charge", "region")},
    ),
    Sample(
        "kserve.jsonl",
        {"sepal": FLOAT, "kind": BYTES, "kept": INT},
        ["kind", "kept"],
        [
            {"sepal": [6.5], "kept": [3]},
            {"sepal": [5.5], "kept": [2]},
            {"sepal": [6.25, 3.5], "kind": [b"wild"], "kept": [1]},
            {"sepal": [4.75, 2.0], "kind": [b"bred"], "kept": [0]},
            {"sepal": [7.0, 3.25], "kind": [b"wild"]},
        ],
        {
            "time": [
                *[utc(2023, 5, 31, 9, 13, 48, 803_114)] * 2,
                *[utc(2023, 5, 31, 9, 13, 50)] * 2,
                utc(2023, 5, 31, 9, 13, 51),
            ],
            "model": ["iris"] * 5,
            "request_id": [f"0c5d7a2e-0000-4000-8000-00000000000{n}" for n in (1, 1, 2, 2, 3)],
        },
        4,
        {"columns": ("sepal", "kept")},
    ),
    Sample(
        "table.json",
        {"visits": INT, "share": FLOAT, "shop": BYTES, "tags": BYTES},
        ["visits", "share", "shop"],
        [
            {"visits": [2**53 + 1], "share": [0.5], "shop": [b"R&D"], "tags": [b"a", b"b"]},
            {"share": [1.5], "shop": ["café".encode()]},
        ],
        {"time": [utc(2020, 6, 3, 17, 0, 4), utc(2020, 6, 3, 17, 0, 4, 250_000)], "version": ["v2"] * 2},
        2,
        {"time_feature": "requested", "version_feature": "served_by"},
    ),
    Sample(
        "prediction_log.tfrecord.gz",
        _SHOPS,
        ["visits", "shop"],
        _OF_SHOPS,
        {"signature": ["serving_default"] * 3, "time": [None] * 3},
        3,
        {},
    ),
    Sample("tf_example.tfrecord", _SHOPS, ["visits", "shop"], _OF_SHOPS, {"time": [None] * 3}, 3, {}),
    Sample(
        "tf_example.sequences.tfrecord",
        {"visits": INT, "tags": BYTES},
        ["visits"],
        [{"visits": [8], "tags": [b"a", b"b"]}],
        {},
        1,
        {},
    ),
)


def read(sample: Sample) -> list[Decoded]:
    path = SAMPLES / sample.file
    expected = Expected(types=sample.types, single=frozenset(sample.single))
    settings = Settings(expected=expected, **sample.settings)
    file = FileSize(str(path), path.stat().st_size)
    parts = list(decode_file(file, Format(path.name.split(".")[0]), settings))
    return [part for part in parts if isinstance(part, Decoded)]


@pytest.fixture(params=ALL, ids=lambda sample: sample.file)
def sample(request: pytest.FixtureRequest) -> Sample:
    vendor_sample: Sample = request.param
    return vendor_sample


def test_features_are_what_the_documentation_says(sample: Sample) -> None:
    parts = read(sample)
    assert logs.rows_of(parts) == list(sample.rows)
    accounting = total(part.accounting for part in parts)
    assert (accounting.read, accounting.decoded, accounting.rejected) == (sample.read, sample.read, {})


def test_what_is_known_of_the_request(sample: Sample) -> None:
    metadata = [row for part in read(sample) if part.batch for row in part.batch.metadata.to_pylist()]
    for name, values in sample.metadata.items():
        assert [row[name] for row in metadata] == values, name


def test_the_format_is_found_by_content(sample: Sample) -> None:
    path = SAMPLES / sample.file
    assert detect_log([FileSize(str(path), path.stat().st_size)]) == path.name.split(".")[0]


def test_every_sample_is_read_and_has_a_source() -> None:
    files = {path.name for path in SAMPLES.iterdir()} - {"README.md"}
    assert files == {sample.file for sample in ALL}
    table = (SAMPLES / "README.md").read_text(encoding="utf-8").splitlines()
    assert {line.split("`")[1] for line in table if line.startswith("| `") and "http" in line} == files

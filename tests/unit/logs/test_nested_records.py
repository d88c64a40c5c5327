"""The fields of a record in a row are features by their path, in every carrier that has records."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from support.carriers import avro_file, json_of, parquet_of
from support.logs import rows_of

from transforms.files.file_systems import FileSize
from transforms.logs import decode_file as decoding
from transforms.logs.carriers.parquet.column_types import settled
from transforms.logs.features import Expected, FeatureType, Settings
from transforms.logs.formats.format_names import Format

INT, FLOAT, BYTES = FeatureType.INT, FeatureType.FLOAT, FeatureType.BYTES
GEO = {"lat": 1.5, "at": {"city": "x", "zip": None}}
_AT_OF_AVRO = {
    "type": "record",
    "name": "At",
    "fields": [{"name": "city", "type": ["null", "string"]}, {"name": "zip", "type": ["null", "string"]}],
}
_GEO_OF_AVRO = {
    "type": "record",
    "name": "Geo",
    "fields": [{"name": "lat", "type": ["null", "double"]}, {"name": "at", "type": ["null", _AT_OF_AVRO]}],
}
_GEO_OF_ARROW = pa.struct(
    [("lat", pa.float64()), ("at", pa.struct([("city", pa.string()), ("zip", pa.string())]))]
)
NESTED = {
    "json": lambda: json_of([{"geo": GEO, "n": 1}, {"n": 2}, {"geo": None}, {"geo": {"lat": 2.5}}], {}),
    "avro": lambda: avro_file(
        {
            "type": "record",
            "name": "Row",
            "fields": [
                {"name": "geo", "type": ["null", _GEO_OF_AVRO]},
                {"name": "n", "type": ["null", "long"], "default": None},
            ],
        },
        [{"geo": GEO, "n": 1}, {"n": 2}, {"geo": None}, {"geo": {"lat": 2.5, "at": None}}],
    ),
    "parquet": lambda: parquet_of(
        [{"geo": GEO, "n": 1}, {"n": 2}, {"geo": None}, {"geo": {"lat": 2.5}}],
        {"geo": (None, _GEO_OF_ARROW), "n": ("long", pa.int64())},
    ),
}


@pytest.mark.parametrize("carrier", NESTED)
def test_fields_of_records_are_features_by_their_path(tmp_path: Path, carrier: str) -> None:
    path, data = tmp_path / f"nested.{carrier}", NESTED[carrier]()
    path.write_bytes(data)
    types = {"geo.lat": FLOAT, "geo.at.city": BYTES, "n": INT}
    given = Settings(expected=Expected(types, single=frozenset(types)))
    parts = list(decoding.decode_file(FileSize(str(path), len(data)), Format.TABLE, given))
    assert rows_of(parts) == [
        {"geo.lat": [1.5], "geo.at.city": [b"x"], "n": [1]},
        {"n": [2]},
        {},
        {"geo.lat": [2.5]},
    ]
    if carrier == "parquet":
        kinds = settled(decoding.parquet_types(FileSize(str(path), len(data)))).types
        assert kinds == types | {"geo.at.zip": BYTES}

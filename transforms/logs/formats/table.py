"""`table`: one row a request, its columns the features.

CSV and Parquet are read in columns (`logs.carriers.csv_tables`, `logs.carriers.parquet.tables`). This is for
carriers that give rows one by one.
Both take a time for microseconds since 1970, UTC, and a decimal for a float.
"""

from __future__ import annotations

import datetime as dt
import decimal
from collections.abc import Mapping
from typing import Any

from transforms.logs.features import FeatureType, Settings
from transforms.logs.request import Request
from transforms.logs.rows.times import text_of_version

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


class TableParser:
    """See `request.RequestParser`."""

    def __init__(self, settings: Settings) -> None:
        self._types = settings.expected.types if settings.expected is not None else {}
        # One that the schema does not know is told apart with all formats' (see `values.typed_columns`).
        self._version = settings.version_feature if settings.version_feature in self._types else None

    def parse(self, record: Mapping[str, Any]) -> Request:
        """The request of one instance that a row is. Every row is one: it raises nothing."""
        instance = {name: _feature(value, self._types.get(name)) for name, value in record.items()}
        version = None if self._version is None else text_of_version(instance.get(self._version))
        return Request([instance], version=version, exact=True)


def _feature(value: Any, wanted: FeatureType | None) -> Any:
    """The value as requests have it. A time becomes a text where the schema has texts for it."""
    if isinstance(value, list):
        return [_feature(item, wanted) for item in value]
    if isinstance(value, dt.datetime):
        return value.isoformat() if wanted is FeatureType.BYTES else _micros(value)
    if isinstance(value, decimal.Decimal):
        return float(value)
    return value


def _micros(time: dt.datetime) -> int:
    zoned = time if time.tzinfo else time.replace(tzinfo=dt.UTC)
    return (zoned - _EPOCH) // dt.timedelta(microseconds=1)

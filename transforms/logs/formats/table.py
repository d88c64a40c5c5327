"""`table`: one row a request, its columns the features.

CSV and Parquet are read in columns (`logs.carriers.csv_tables`, `logs.carriers.parquet.tables`). This is for
carriers that give rows one by one.
All take values of the same types for the same (see `columns.carried_values`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from trueserve.transforms.logs.carriers.tables import known_records
from trueserve.transforms.logs.columns.carried_values import plain_value
from trueserve.transforms.logs.features import BOOLEANS, FeatureType, Settings
from trueserve.transforms.logs.request import Request
from trueserve.transforms.logs.rows.parse_time import micros_of
from trueserve.transforms.logs.rows.times import text_of_version


class TableParser:
    """See `request.RequestParser`."""

    def __init__(self, settings: Settings) -> None:
        self._types = settings.expected.types if settings.expected is not None else {}
        self._records = known_records(settings)
        self._booleans = settings.expected.booleans if settings.expected is not None else {}
        # One that the schema does not know is told apart with all formats' (see `values.typed_columns`).
        self._version = settings.version_feature if settings.version_feature in self._types else None

        # A float of the schema has 32 bits, which hold no time.
        is_float = self._types.get(settings.time_feature or "") is FeatureType.FLOAT
        self._time = settings.time_feature if is_float else None

    def parse(self, record: Mapping[str, Any]) -> Request:
        """The request of one instance that a row is. Every row is one: it raises nothing."""
        instance: dict[str, Any] = {}
        for name, value in self._leaves(record):
            # A column of that name wins over a field of a record, and so does what is less deep.
            if instance.get(name) is None:
                instance[name] = self._plain(name, value)
        version = None if self._version is None else text_of_version(instance.get(self._version))
        time = None if self._time is None else micros_of(instance.get(self._time))
        return Request([instance], time=time, version=version, exact=True)

    def _leaves(self, row: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        """The values of a row by name: those of a record in it by `NAME.FIELD`, unless NAME is a feature.

        A record is one value, too, of which nobody knows a field: names in it may be data, and very long.
        """
        records = [("", row)]
        for prefix, record in records:
            for key, value in record.items():
                name = f"{prefix}{key}"
                if isinstance(value, Mapping) and name in self._records and name not in self._types:
                    records.append((f"{name}.", value))
                elif value is not None or not prefix:
                    yield name, value

    def _plain(self, name: str, value: Any) -> Any:
        if type(value) in _AS_THEY_ARE:
            return value
        return plain_value(value, self._types.get(name), self._booleans.get(name, BOOLEANS))


_AS_THEY_ARE = frozenset({int, float, str, bytes})

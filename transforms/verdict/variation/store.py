"""What a baseline keeps of how its days and hours differ: `variation.arrow`, an Arrow stream.

One record batch for each space and unit, a row for each feature. Its metadata name the space, the unit, the
periods and how many rows each has.
"""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from trueserve.transforms.core.arrow import open_stream, pa
from trueserve.transforms.verdict.variation.bins import CATEGORY, NUMBER, Bins
from trueserve.transforms.verdict.variation.period_counts import PeriodCounts, UnitCounts

Array = np.ndarray[Any, Any]

_FORMAT = 1
# Most cells of an hour are empty.
_COMPRESSED = pa.ipc.IpcWriteOptions(compression="zstd")
_FLOATS, _DOUBLES = pa.large_list(pa.float32()), pa.large_list(pa.float64())
_SCHEMA = pa.schema(
    [
        ("space", pa.string()),
        ("unit", pa.string()),
        ("feature", pa.string()),
        ("kind", pa.string()),
        ("edges", _DOUBLES),
        ("values", pa.large_list(pa.string())),
        ("lengths", _DOUBLES),
        ("periods", pa.large_list(pa.int64())),
        ("rows", _FLOATS),
        ("present", _FLOATS),
        ("counts", _FLOATS),
        ("length_counts", _FLOATS),
        ("moments", _FLOATS),
        ("new", _FLOATS),
    ]
)


@dataclasses.dataclass(frozen=True)
class FeaturePeriods:
    """One feature, period by period.

    Attributes:
      cells: what values were counted in; without `known`.
      periods: numbers of days or hours since 1970, ascending.
      rows, present: [periods] rows, and those that have the feature.
      counts: [periods, cells.size] values.
      length_counts: [periods, cells.length_size] rows that have the feature.
      power_sums: [periods, 2] sums of a number's values and of their squares, as `Bins.standard` has them;
        [periods, 0] for a category.
      new: [periods] values that came in no other period; None where that is not known.
    """

    cells: Bins
    periods: Array
    rows: Array
    present: Array
    counts: Array
    length_counts: Array
    power_sums: Array
    new: Array | None = None

    def kept(self, mask: Array) -> FeaturePeriods:
        """The periods for which `mask` is true."""
        return FeaturePeriods(
            self.cells,
            self.periods[mask],
            self.rows[mask],
            self.present[mask],
            self.counts[mask],
            self.length_counts[mask],
            self.power_sums[mask],
            None if self.new is None else self.new[mask],
        )


#: Of one space: by unit (`day`, `hour`) and feature.
Variation = Mapping[str, Mapping[str, FeaturePeriods]]
Spaces = Mapping[str, Variation]


def of_counts(counted: PeriodCounts) -> Variation:
    """The variation of one space, periods in order."""
    return {unit: dict(_of_unit(counts)) for unit, counts in counted.units.items() if counts.rows}


def _of_unit(counts: UnitCounts) -> Iterator[tuple[str, FeaturePeriods]]:
    periods = _complete_periods(counts)
    sorted_counts = counts.counts[[counts.rows[int(number)] for number in periods]]
    for name, cells in counts.layout.cells.items():
        start = counts.layout.starts[name] + 1
        middle = start + cells.size
        end = middle + cells.length_size
        yield (
            name,
            FeaturePeriods(
                dataclasses.replace(cells, known={}),
                periods,
                sorted_counts[:, 0],
                sorted_counts[:, start - 1],
                sorted_counts[:, start:middle],
                sorted_counts[:, middle:end],
                sorted_counts[:, end : end + 2 * cells.has_moments],
                _new(counts, name, cells, periods),
            ),
        )


def _complete_periods(counts: UnitCounts) -> Array:
    """The periods in order, without the first and the last where they have less than half of the usual rows.

    Training data begin and end within a period, of which they hold a part that is like no other.
    """
    periods = np.array(sorted(counts.rows), np.int64)
    rows = counts.counts[[counts.rows[number] for number in periods.tolist()], 0]
    keep = rows >= np.median(rows) / 2
    keep[1:-1] = True
    complete: Array = periods[keep]
    return complete


def _new(counts: UnitCounts, name: str, cells: Bins, periods: Array) -> Array | None:
    """How many values a period has that no other one has: had it not been trained on, they were new."""
    if not cells.known or name not in counts.first:
        return None
    in_one_period = counts.first[name] == counts.last[name]
    counts_of_values = np.array(list(cells.known.values()))[in_one_period]
    period_of_value = counts.first[name][in_one_period]
    return np.array([counts_of_values[period_of_value == number].sum() for number in periods], np.float32)


def to_bytes(spaces: Spaces) -> bytes:
    """The content of `variation.arrow`, by the name of the space; the same input gives the same bytes."""
    sink = io.BytesIO()
    schema = _SCHEMA.with_metadata({"trueserve": str(_FORMAT)})
    with pa.ipc.new_stream(sink, schema, options=_COMPRESSED) as writer:
        for space, variation in sorted(spaces.items()):
            for unit, features in sorted(variation.items()):
                rows = [
                    _row(space, unit, name, feature_periods)
                    for name, feature_periods in sorted(features.items())
                ]
                writer.write_batch(pa.RecordBatch.from_pylist(rows, schema=_SCHEMA))
    return sink.getvalue()


def _row(space: str, unit: str, name: str, feature_periods: FeaturePeriods) -> dict[str, Any]:
    return {
        "space": space,
        "unit": unit,
        "feature": name,
        "kind": feature_periods.cells.kind,
        "edges": feature_periods.cells.edges,
        "values": list(feature_periods.cells.values),
        "lengths": feature_periods.cells.lengths,
        "periods": feature_periods.periods,
        "rows": feature_periods.rows,
        "present": feature_periods.present,
        "counts": feature_periods.counts.ravel(),
        "length_counts": feature_periods.length_counts.ravel(),
        "moments": feature_periods.power_sums.ravel(),
        "new": feature_periods.new,
    }


def from_bytes(data: bytes) -> Spaces:
    """The variation of each space, unit and feature.

    Raises ValueError, with what is wrong, for what `to_bytes` has not made.
    """
    try:
        stream = open_stream(data)
        if not stream.schema.equals(_SCHEMA):
            raise ValueError("its columns are others")
        if (stream.schema.metadata or {}).get(b"trueserve") != str(_FORMAT).encode():
            raise ValueError(f"it is of another format; expected {_FORMAT}")
        batches: Iterable[pa.RecordBatch] = list(stream)
        for batch in batches:
            batch.validate(full=True)
    except (pa.ArrowException, OSError) as error:
        raise ValueError(f"it is no Arrow stream: {str(error).splitlines()[0][:200]}") from error
    spaces: dict[str, dict[str, dict[str, FeaturePeriods]]] = {}
    for batch in batches:
        for number in range(batch.num_rows):
            row = {name: batch.column(index)[number] for index, name in enumerate(batch.schema.names)}
            space, unit, name = (row[key].as_py() for key in ("space", "unit", "feature"))
            spaces.setdefault(space, {}).setdefault(unit, {})[name] = _feature(row)
    return spaces


def _feature(row: Mapping[str, Any]) -> FeaturePeriods:
    cells = Bins(
        row["kind"].as_py(),
        edges=_array(row["edges"]),
        values=tuple(row["values"].as_py()),
        lengths=_array(row["lengths"]),
    )
    if cells.kind not in (NUMBER, CATEGORY):
        raise ValueError(f"a feature of kind {cells.kind!r}")
    rows = _array(row["rows"])
    return FeaturePeriods(
        cells,
        _array(row["periods"]),
        rows,
        _array(row["present"]),
        _array(row["counts"]).reshape(len(rows), cells.size),
        _array(row["length_counts"]).reshape(len(rows), cells.length_size),
        _array(row["moments"]).reshape(len(rows), 2 * cells.has_moments),
        _array(row["new"]) if row["new"].is_valid else None,
    )


def _array(value: Any) -> Array:
    result: Array = value.values.to_numpy(zero_copy_only=False)
    return result

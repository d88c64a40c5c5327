"""Numbers that name a row (a running id, an order number): a window has others by construction.

That all values differ is no chance where they lie so near to each other that some of as many independent ones
would be equal: of n values among r numbers n (n - 1) / 2r pairs are, if all are equally likely, and more if
they are not (the birthday problem; von Mises 1939).
"""

from __future__ import annotations

from trueserve.transforms.core.arrow import pa, pc

# So many pairs must be expected that none comes once in three million features.
_LEAST_PAIRS = 15.0


def find(rows: pa.RecordBatch) -> tuple[str, ...]:
    """The integers of which no value comes twice though some should, in the order of the columns.

    Args:
      rows: training rows, a random sample or all.
    """
    named = zip(rows.schema.names, rows.columns, strict=True)
    return tuple(name for name, column in named if _is_identifier(column))


def _is_identifier(column: pa.Array) -> bool:
    if not pa.types.is_large_list(column.type) or not pa.types.is_int64(column.type.value_type):
        return False
    values = column.flatten()
    count, present = len(values), len(column) - column.null_count
    if count != present or count < 2:
        return False
    ends = pc.min_max(values).as_py()
    numbers = ends["max"] - ends["min"] + 1
    if count * (count - 1) / (2 * numbers) < _LEAST_PAIRS:
        return False
    return bool(pc.count_distinct(values).as_py() == count)

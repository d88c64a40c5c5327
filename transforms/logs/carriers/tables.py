"""What readers of tables share, of one row a record, whose columns stay columns: CSV and Parquet."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np

from trueserve.transforms.core.arrow import pa
from trueserve.transforms.logs.features import VALUES, FeatureType, Settings, lists

MAX_ROWS = 8192
_PANDAS_INDEX = re.compile(r"__index_level_[0-9]+__")


def is_row_number(name: str) -> bool:
    """Whether a column is what pandas writes of an index without a name: nothing of the row itself.

    In CSV it has no name, which a header may have in its first place alone.
    """
    return not name or _PANDAS_INDEX.fullmatch(name) is not None


def expected_types(settings: Settings) -> Mapping[str, FeatureType]:
    """The types that columns are to have: the schema's, or without one those inferred over the whole data."""
    return settings.seen if settings.expected is None else settings.expected.types


def known_records(settings: Settings) -> frozenset[str]:
    """The names of records of which a field is known: to the schema, or as that of the time or version.

    `a` and `a.b` for a feature `a.b.c`. Others are not looked into: the names in them may be data.
    """
    names = {settings.time_feature or "", settings.version_feature or ""}
    if settings.expected is not None:
        names |= settings.expected.types.keys() | settings.expected.elsewhere
    return frozenset(name[:at] for name in names for at, character in enumerate(name) if character == ".")


def single_value_lists(values: pa.Array, kind: FeatureType) -> pa.LargeListArray:
    """A list column with the one value of each row, null where it is null."""
    valid = np.asarray(values.is_valid())
    return lists(values.drop_null().cast(VALUES[kind]), valid.astype(np.int64), ~valid)

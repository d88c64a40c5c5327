"""How many rows each version of the model answered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from trueserve.transforms.core.arrow import pa
from trueserve.transforms.replay.summary import by_hash, first

#: None stands for rows whose version the log does not say.
VersionRows = Mapping[str | None, int]

# Versions that are counted; a log has a handful.
MAX_VERSIONS = 1000


def count_versions(metadata: pa.RecordBatch) -> VersionRows:
    """The rows of one batch's metadata by version."""
    column = metadata.column(metadata.schema.get_field_index("version"))
    return merge([{pair["values"]: pair["counts"] for pair in column.value_counts().to_pylist()}])


def merge(parts: Iterable[VersionRows]) -> VersionRows:
    """Counts of several parts together, of at most `MAX_VERSIONS`; which, no order of parts decides."""
    result: dict[str | None, int] = {}
    for part in parts:
        for version, rows in part.items():
            result[version] = result.get(version, 0) + rows
        result = dict(first(result, MAX_VERSIONS, by_hash))
    return result

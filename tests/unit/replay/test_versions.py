"""Rows by the version that answered: counted, merged and bounded."""

from __future__ import annotations

import pyarrow as pa

from trueserve.transforms.logs.rows.rows import metadata_of
from trueserve.transforms.replay import versions


def test_rows_of_a_batch_are_counted_by_version() -> None:
    metadata = metadata_of(4, "log", version=pa.array(["2", None, "2", "1"], pa.string()))
    assert versions.count_versions(metadata) == {"2": 2, None: 1, "1": 1}


def test_parts_add_up() -> None:
    assert versions.merge([{"1": 2, None: 1}, {}, {"1": 3, "2": 4}]) == {"1": 5, None: 1, "2": 4}
    assert versions.merge([]) == {}


def test_a_thousand_versions_are_kept_whatever_the_order_of_parts() -> None:
    parts: list[versions.VersionRows] = [{str(n): 1} for n in range(1001)]
    merged = versions.merge(parts)
    assert len(merged) == 1000
    assert set(versions.merge(reversed(parts))) == set(merged)
    assert len(versions.merge(parts[:1000])) == 1000

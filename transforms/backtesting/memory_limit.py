"""How much memory the summaries of many windows take, as far as training tells."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from trueserve.transforms.core.custom_stats import VECTOR_STATS
from trueserve.transforms.core.errors import UsageError
from trueserve.transforms.verdict.feature_stats import View, views_by_feature
from trueserve.transforms.verdict.model import Space
from trueserve.transforms.verdict.reference import Reference

#: What the summaries of all windows may take together, in each process that reads.
MOST_BYTES = 4 << 30

# As measured: a sketch of quantiles of millions of rows; a table of values, and the most that one grows to.
_NUMBER = 80_000
_FEATURE, _VALUE, _MOST_VALUES = 10_000, 100, 2_000_000


def wanted(references: Iterable[Reference], only: frozenset[str]) -> Mapping[Space, frozenset[str] | None]:
    """The features of each space that `--only` asks for, with what is computed from them; None for all."""
    return {reference.space: _named(reference, only) if only else None for reference in references}


def window_bytes(references: Iterable[Reference], only: frozenset[str]) -> int:
    """What the summaries of one window take, as far as training tells."""
    all_references = list(references)
    by_space = wanted(all_references, only)
    return sum(
        _size(view)
        for reference in all_references
        for view in _selected_views(reference, by_space[reference.space])
    )


def check(windows: int, references: Iterable[Reference], only: frozenset[str]) -> None:
    """Raises UsageError for more windows than can be held."""
    one_window = window_bytes(references, only)
    total = windows * one_window
    if total > MOST_BYTES:
        raise UsageError(
            f"{windows:,} windows of these features take about {total / 1e9:,.1f} GB of memory; the maximum"
            f" is {MOST_BYTES / 1e9:.1f} GB, or {MOST_BYTES // one_window:,} windows. Use a longer --every,"
            " a shorter time from --start to --end, or fewer features with --only"
        )


def _named(reference: Reference, only: frozenset[str]) -> frozenset[str]:
    """Columns: of a feature within a struct, the struct."""
    columns = {name.split(".")[0] for name in only}
    return frozenset(
        columns.union(n for n, raw in reference.raw_features.items() if not only.isdisjoint(raw))
    )


def _selected_views(reference: Reference, names: frozenset[str] | None) -> list[View]:
    feature_views = views_by_feature(reference.statistics)
    return [view for name, view in feature_views.items() if names is None or name.split(".")[0] in names]


def _size(view: View) -> int:
    # Of positions, those of ints that are categories too, a summary holds twice what the statistics carry.
    packed = [each.any.value for each in view.proto.custom_stats if each.name == VECTOR_STATS]
    position_bytes = 2 * sum(map(len, packed))
    if view.kind == "number":
        return _NUMBER + position_bytes
    return _FEATURE + position_bytes + min(int(view.proto.string_stats.unique) * _VALUE, _MOST_VALUES)

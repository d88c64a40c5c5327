"""Each slice compared with the whole baseline, on its own: TFDV looks at one data set of a list alone."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from transforms.core import slicing
from transforms.core.slicing import SliceStatistics
from transforms.verdict.feature_stats import Statistics
from transforms.verdict.findings.predictions import compare_space
from transforms.verdict.model import Finding, Slice, Space
from transforms.verdict.reference import Reference
from transforms.verdict.severity import Policy


def compare_slices(
    references: Sequence[Reference],
    slice_statistics: Mapping[Space, SliceStatistics],
    policy: Policy,
    span: dt.timedelta | None = None,
) -> tuple[Slice, ...]:
    """The slices that have statistics in every space compared, the largest first, with their findings.

    Readers count forms of all rows together, so a slice has no findings of forms: what was left out for its
    type counts as missing there.
    """
    # What training was augmented with is told once, of all rows.
    references = [dataclasses.replace(reference, trained_on=None) for reference in references]
    compared = [
        (reference, slice_statistics[reference.space])
        for reference in references
        if reference.space in slice_statistics
    ]
    if not compared:
        return ()
    parts = [(reference, _by_name(slices.statistics)) for reference, slices in compared]
    rows = {
        name: count
        for name, count in compared[0][1].rows.items()
        if all(name in by_name for _, by_name in parts)
    }
    # All slices together may raise as many false alarms as one comparison.
    policy = dataclasses.replace(
        policy,
        false_alarms=policy.false_alarms / max(len(rows), 1),
        natural_alarms=policy.natural_alarms / max(len(rows), 1),
    )
    return tuple(Slice(name, rows[name], tuple(_findings(name, parts, policy, span))) for name in rows)


def _by_name(statistics: Statistics) -> dict[str, Statistics]:
    return {data_set.name: Statistics(datasets=[data_set]) for data_set in statistics.datasets}


def _findings(
    name: str,
    parts: Sequence[tuple[Reference, Mapping[str, Statistics]]],
    policy: Policy,
    span: dt.timedelta | None,
) -> Iterator[Finding]:
    duration = slicing.lasts(name)
    span = span if duration is None else duration if span is None else min(span, duration)
    for reference, by_name in parts:
        for finding in compare_space(reference, by_name[name], policy, Counter(), span).findings:
            yield dataclasses.replace(finding, slice=name)

"""Each slice compared with training on its own: TFDV looks at one data set of a list alone."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence

from trueserve.transforms.core import slicing
from trueserve.transforms.core.slicing import SliceStatistics
from trueserve.transforms.verdict.feature_stats import Statistics, dataset
from trueserve.transforms.verdict.findings.predictions import compare_space
from trueserve.transforms.verdict.model import Finding, FindingKind, Severity, Slice, Space
from trueserve.transforms.verdict.reference import Reference
from trueserve.transforms.verdict.severity import Policy

#: With fewer training rows a slice is not compared.
LEAST_TRAINING_ROWS = 200


def compare_slices(
    references: Sequence[Reference],
    slice_statistics: Mapping[Space, SliceStatistics],
    policy: Policy,
    span: dt.timedelta | None = None,
    same_slice: Callable[[str], Sequence[Reference] | None] = lambda _name: None,
) -> tuple[Slice, ...]:
    """The slices that have statistics in every space compared, the largest first, with their findings.

    Readers count forms of all rows together, so a slice has no findings of forms: what was left out for its
    type counts as missing there.

    Args:
      same_slice: gives by its name what to compare a slice with, or None for all of training.
    """
    compared = [reference for reference in references if reference.space in slice_statistics]
    if not compared:
        return ()
    parts = {r.space: _by_name(slice_statistics[r.space].statistics) for r in compared}
    rows = {
        name: count
        for name, count in slice_statistics[compared[0].space].rows.items()
        if all(name in by_name for by_name in parts.values())
    }
    # All slices together may raise as many false alarms as one comparison.
    policy = dataclasses.replace(
        policy,
        false_alarms=policy.false_alarms / max(len(rows), 1),
        natural_alarms=policy.natural_alarms / max(len(rows), 1),
    )
    comparison = _Comparison(parts, policy, span)
    return tuple(
        comparison.of_slice(name, rows[name], compared)
        if (own := same_slice(name)) is None
        else comparison.of_same_slice(name, rows[name], own)
        for name in rows
    )


def _by_name(statistics: Statistics) -> dict[str, Statistics]:
    return {data_set.name: Statistics(datasets=[data_set]) for data_set in statistics.datasets}


@dataclasses.dataclass(frozen=True)
class _Comparison:
    """What slices are compared by; `parts` are their statistics, by space and name."""

    parts: Mapping[Space, Mapping[str, Statistics]]
    policy: Policy
    span: dt.timedelta | None

    def of_same_slice(self, name: str, rows: int, references: Sequence[Reference]) -> Slice:
        """The slice beside training's own, if that has rows enough."""
        known = [reference for reference in references if reference.space in self.parts]
        training = min((int(dataset(reference.statistics).num_examples) for reference in known), default=0)
        if training < LEAST_TRAINING_ROWS:
            return Slice(name, rows, (_not_compared(name, training),), is_compared=False)
        return self.of_slice(name, rows, known)

    def of_slice(self, name: str, rows: int, references: Sequence[Reference]) -> Slice:
        return Slice(name, rows, tuple(self._findings(name, references)))

    def _findings(self, name: str, references: Sequence[Reference]) -> Iterator[Finding]:
        duration = slicing.lasts(name)
        span = duration if self.span is None else self.span if duration is None else min(self.span, duration)
        for reference in references:
            # What training was augmented with is told once, of all rows.
            alone = dataclasses.replace(reference, trained_on=None)
            compared = compare_space(alone, self.parts[reference.space][name], self.policy, Counter(), span)
            for finding in compared.findings:
                yield dataclasses.replace(finding, slice=name)


def _not_compared(name: str, training_rows: int) -> Finding:
    message = (
        f"not compared: of the training rows that the baseline keeps {training_rows:,} are of this slice,"
        f" fewer than {LEAST_TRAINING_ROWS}"
    )
    return Finding("", Space.SET, FindingKind.SCHEMA, Severity.INFO, "no_training_slice", message, slice=name)

"""How many false alarms all comparisons of a job may raise over time, as a rate of one comparison."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterable

from trueserve.transforms.verdict.model import Space
from trueserve.transforms.verdict.reference import Reference
from trueserve.transforms.verdict.severity import Policy


def comparisons(references: Iterable[Reference], *, slices: bool) -> int:
    """How many families of tests a run has, each of which may raise as many false alarms as any other.

    Each space has one, and one more for what the model sees where that is computed (`findings.transformed`);
    ties between features are one; the slices of a space are one.
    """
    spaces = [reference.space for reference in references]
    computed = sum(space is not Space.RAW for space in spaces)
    return len(spaces) * (2 if slices else 1) + computed + (Space.RAW in spaces)


def for_window(policy: Policy, length: dt.timedelta | None, num_comparisons: int) -> Policy:
    """The policy with rates that keep to the budget (`Thresholds.budget`), and never greater ones.

    Windows of this length follow one another: their number within the budget's time, times the comparisons
    of each, may raise one false alarm. A window whose length is not known keeps the policy's rates.
    """
    if length is None or length <= dt.timedelta(0) or not num_comparisons:
        return policy
    rate = min(policy.false_alarms, length / policy.thresholds.budget / num_comparisons)
    part = rate / policy.false_alarms
    return dataclasses.replace(policy, false_alarms=rate, natural_alarms=policy.natural_alarms * part)

"""Who is compared: this job, and its peers with the thresholds that they come with or are known for."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import NamedTuple

from benchmarks.detection_answers import (
    EVIDENTLY,
    OURS,
    PLAIN,
    QUANTILES,
    STANDARD,
    TESTS,
    WITH_INFO,
    Judged,
    Planted,
)
from benchmarks.detection_rates import Hindsight, Rule, Thresholds, as_it_comes, hindsight


@dataclasses.dataclass(frozen=True)
class Contender:
    """A peer whose thresholds may be moved.

    Attributes:
      variants: its methods and what counts besides the thresholds; the one that finds most is taken.
    """

    name: str
    variants: tuple[tuple[str, Thresholds], ...]


_NEVER = Thresholds(math.inf, math.inf)
_SCHEMA = Thresholds(math.inf, math.inf, flagged=True)
_NEW = Thresholds(math.inf, math.inf, flagged=True, new=True)
PEERS = (
    Contender("TFDV", tuple((name, base) for name in (STANDARD, QUANTILES) for base in (_SCHEMA, _NEW))),
    Contender("Evidently", ((EVIDENTLY, _NEVER),)),
    Contender("KS and chi-squared", ((TESTS, _NEVER),)),
)
# Minus log10 of 0.005 divided by two tests of each of 14 features, as many as a window has on average.
_ALL = math.log10(28 / 0.005)
#: Rows of the table whose thresholds stay: a name, the method, and what is an alarm. TFDV's tutorial
#: (tensorflow.org/tfx/data_validation/get_started) has an L-infinity norm of 0.01 for skew and no divergence;
#: 0.02 is what the documentation of Vertex AI's DataDriftSpec has beside the same 0.01. 0.3 is the default of
#: BigQuery's ML.TFDV_VALIDATE for both.
AS_THEY_COME: tuple[tuple[str, str, Rule], ...] = (
    ("trueserve", OURS, as_it_comes),
    (WITH_INFO, WITH_INFO, as_it_comes),
    ("trueserve, baseline of plain TFDV statistics", PLAIN, as_it_comes),
    ("TFDV, L-infinity 0.01, divergence 0.02", STANDARD, Thresholds(0.02, 0.01, flagged=True, new=True)),
    ("TFDV, 0.3 each", STANDARD, Thresholds(0.3, 0.3, flagged=True, new=True)),
    ("Evidently, as it comes", EVIDENTLY, as_it_comes),
    ("KS and chi-squared at 0.05", TESTS, as_it_comes),
    ("KS and chi-squared at 0.005 for all of a window (Bonferroni)", TESTS, Thresholds(_ALL, _ALL)),
)


class Chosen(NamedTuple):
    """A peer with the thresholds that find most, and what they give: `false` and `found` are shares."""

    method: str
    rule: Thresholds
    false: float
    detected: float


class Best:
    """Of several ways to use a peer, at each budget of false alarms the one that finds most."""

    def __init__(self, ways: Sequence[tuple[str, Thresholds, Hindsight]]) -> None:
        self._ways = ways

    def chosen(self, budget: float) -> Chosen | None:
        """None where no threshold has so few false alarms: TFDV's anomalies alone may have more."""
        candidates = [self._of(way, budget) for way in self._ways]
        within = [candidate for candidate in candidates if candidate is not None]
        return max(within, key=lambda candidate: candidate.detected, default=None)

    def share(self, budget: float) -> float:
        """The share of faults found, 0 where nothing has so few false alarms."""
        chosen = self.chosen(budget)
        return chosen.detected if chosen else 0.0

    @staticmethod
    def _of(way: tuple[str, Thresholds, Hindsight], budget: float) -> Chosen | None:
        method, base, table = way
        if (pair := table.at(budget)) is None:
            return None
        number, category = float(table.numbers[pair[0]]), float(table.categories[pair[1]])
        rule = dataclasses.replace(base, number=number, category=category)
        return Chosen(method, rule, float(table.false[pair]), float(table.detected[pair]) / max(table.of, 1))


def ours(windows: Sequence[Judged], planted: Sequence[Planted]) -> Best:
    """This job with its rate of false alarms moved."""
    return Best([(OURS, _NEVER, hindsight(windows, planted, OURS, _NEVER, is_shared=True))])

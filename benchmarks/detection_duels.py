"""This job against each peer, on the windows and faults that the peer was asked of, at equal false alarms."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

from benchmarks.detection_answers import OURS, Judged, Planted
from benchmarks.detection_contenders import PEERS, Best, Contender
from benchmarks.detection_faults import MEAN
from benchmarks.detection_rates import as_it_comes, detections, false_alarms, hindsight

Choice: TypeAlias = Callable[[Planted], bool]


class Duel(NamedTuple):
    """What this job finds, and a peer with no more false alarms.

    Attributes:
      clean, planted: the windows without a fault, and the faults, that the peer was asked of.
      budget: the share of these windows in which this job raises an alarm.
      ours: the share of these faults that it finds.
      theirs: what the peer's thresholds would have given.
    """

    clean: list[Judged]
    planted: list[Planted]
    budget: float
    ours: float
    theirs: Best

    @property
    def share(self) -> float:
        """The share of the faults that the peer finds within the budget."""
        return self.theirs.share(self.budget)


def duels(windows: Sequence[Judged], among: Choice, ours: str = OURS) -> dict[str, Duel]:
    """By peer; none of peers that were not asked of any fault. `ours`: errors, or all that is reported."""
    by_peer = {peer.name: _duel(windows, among, peer, ours) for peer in PEERS}
    return {name: duel for name, duel in by_peer.items() if duel is not None}


def _duel(windows: Sequence[Judged], among: Choice, peer: Contender, ours: str) -> Duel | None:
    method = peer.variants[0][0]
    clean = [window for window in windows if window.is_asked_of(method)]
    planted = [fault for fault in planted_in(windows) if method in fault.answers and among(fault)]
    if not clean or not planted:
        return None
    ways = [(name, base, hindsight(clean, planted, name, base)) for name, base in peer.variants]
    budget = false_alarms(clean, ours, as_it_comes).value
    return Duel(clean, planted, budget, detections(planted, ours, as_it_comes).value, Best(ways))


def by_size(windows: Sequence[Judged]) -> dict[int, list[Judged]]:
    """Windows by their rows, the smallest first."""
    sizes = sorted({window.rows for window in windows})
    return {rows: [window for window in windows if window.rows == rows] for rows in sizes}


def planted_in(windows: Sequence[Judged]) -> list[Planted]:
    return [planted for window in windows for planted in window.planted]


def promised(fault: Planted) -> bool:
    return fault.is_promised


def large(fault: Planted) -> bool:
    """Whether it changes 5 % of the rows or values at least, or moves a mean."""
    return fault.kind == MEAN or fault.strength >= 0.05


def any_size(_: Planted) -> bool:
    return True

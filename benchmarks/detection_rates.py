"""False alarms and detections of a method, and the thresholds that would have been its best."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from benchmarks.detection_answers import SURE, Answer, Judged, Planted

Array = np.ndarray[Any, Any]
#: Whether an answer, on a number or else on a category, is an alarm.
Rule: TypeAlias = Callable[[Answer, bool], bool]

_CANDIDATES = 150


class Share(NamedTuple):
    """So many of so many."""

    times: int
    of: int

    @property
    def value(self) -> float:
        return self.times / self.of if self.of else math.nan

    def bounds(self) -> tuple[float, float]:
        """Wilson's interval (1927) at 95 %."""
        if not self.of:
            return 0.0, 1.0
        z2 = 1.96**2
        middle = (self.times + z2 / 2) / (self.of + z2)
        half = 1.96 / (self.of + z2) * math.sqrt(self.times * (1 - self.value) + z2 / 4)
        return max(middle - half, 0.0), min(middle + half, 1.0)


def as_it_comes(answer: Answer, _: bool) -> bool:
    return answer.alarm


@dataclasses.dataclass(frozen=True)
class Thresholds:
    """A score over its threshold is an alarm: one for numbers, one for categories.

    Attributes:
      flagged: whether an answer's own alarm counts too, as TFDV's anomalies of type and presence do.
      new: whether new values count.
    """

    number: float
    category: float
    flagged: bool = False
    new: bool = False

    def __call__(self, answer: Answer, is_number: bool) -> bool:
        over = answer.score > (self.number if is_number else self.category)
        return over or (self.flagged and answer.alarm) or (self.new and answer.new)


def false_alarms(windows: Iterable[Judged], method: str, rule: Rule) -> Share:
    """Windows without a fault in which any feature raises an alarm."""
    raised = [
        any(rule(answer, name in window.numbers) for name, answer in window.clean[method].items())
        for window in windows
    ]
    return Share(sum(raised), len(raised))


def false_pairs(windows: Iterable[Judged], method: str, rule: Rule) -> Share:
    """Features of windows without a fault that raise an alarm."""
    raised = [
        rule(answer, name in window.numbers)
        for window in windows
        for name, answer in window.clean[method].items()
    ]
    return Share(sum(raised), len(raised))


def detections(planted: Iterable[Planted], method: str, rule: Rule) -> Share:
    """Planted faults that are found."""
    hits = [rule(fault.answers[method], fault.is_number) for fault in planted]
    return Share(sum(hits), len(hits))


@dataclasses.dataclass(frozen=True)
class Hindsight:
    """What every pair of thresholds would have given: `false` and `found`, by [number, category].

    `false` is the share of windows without a fault that raise an alarm, `found` the number of faults found.
    """

    numbers: Array
    categories: Array
    false: Array
    detected: Array
    of: int

    def at(self, budget: float) -> tuple[int, int] | None:
        """The pair that finds most with at most this share of false alarms; None where none has so few."""
        allowed = self.false <= budget + 1e-9
        if not allowed.any():
            return None
        best = int(np.argmax(np.where(allowed, self.detected, -1)))
        return best // len(self.categories), best % len(self.categories)

    def share(self, budget: float) -> float:
        """The share of faults that the best pair within a budget finds."""
        pair = self.at(budget)
        return float(self.detected[pair]) / self.of if pair is not None and self.of else math.nan


def hindsight(
    windows: Sequence[Judged],
    planted: Sequence[Planted],
    method: str,
    base: Thresholds,
    *,
    is_shared: bool = False,
) -> Hindsight:
    """Tries thresholds between the clean windows' greatest scores; `base` says what counts besides.

    With `one` threshold it is the same for numbers and categories.
    """
    never = dataclasses.replace(base, number=math.inf, category=math.inf)
    greatest = [np.array([_greatest(w, method, number) for w in windows]) for number in (True, False)]
    always = np.array([any(never(a, n in w.numbers) for n, a in w.clean[method].items()) for w in windows])
    both = np.concatenate(greatest)
    cuts = [_candidates(both if is_shared else scores) for scores in greatest]
    over = [scores[:, None] > cut for scores, cut in zip(greatest, cuts, strict=True)]
    false = np.stack([(over[0][:, [at]] | over[1] | always[:, None]).mean(0) for at in range(len(cuts[0]))])
    caught = [
        _caught([p for p in planted if p.is_number is number], method, never, cut)
        for number, cut in zip((True, False), cuts, strict=True)
    ]
    detected = caught[0][:, None] + caught[1]
    if is_shared:
        false = np.where(np.eye(len(cuts[0]), dtype=bool), false, np.inf)
    return Hindsight(cuts[0], cuts[1], false, detected, len(planted))


def _greatest(window: Judged, method: str, number: bool) -> float:
    scores = [a.score for name, a in window.clean[method].items() if (name in window.numbers) is number]
    return max(scores, default=0.0)


def _candidates(scores: Array) -> Array:
    """Thresholds that part the clean windows in every way, or in many."""
    cuts: Array = np.unique(np.concatenate([[0.0], scores[scores < SURE]]))
    if len(cuts) > _CANDIDATES:
        # The greatest all stay: between them lie the few false alarms that matter.
        places = np.unique(np.linspace(0, len(cuts) - 51, _CANDIDATES - 50).astype(int))
        cuts = np.concatenate([cuts[places], cuts[-50:]])
    return cuts


def _caught(planted: Sequence[Planted], method: str, never: Thresholds, cuts: Array) -> Array:
    """How many of these faults each threshold finds."""
    answers = [(fault.answers[method], fault.is_number) for fault in planted]
    scores = np.array([SURE if never(answer, number) else answer.score for answer, number in answers])
    result: Array = (scores[:, None] > cuts).sum(0) if len(scores) else np.zeros(len(cuts), int)
    return result


def grouped(planted: Iterable[Planted], key: Callable[[Planted], Any]) -> Mapping[Any, list[Planted]]:
    """Planted faults by a key, in the order in which the keys come."""
    groups: dict[Any, list[Planted]] = {}
    for fault in planted:
        groups.setdefault(key(fault), []).append(fault)
    return groups

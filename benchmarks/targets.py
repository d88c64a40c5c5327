"""The figures that were promised, as ratios of one run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from benchmarks.cases import (
    ALL,
    COLD,
    GRAPH_IMPORTS,
    HANDWRITTEN,
    IMPORTS,
    LIMIT,
    MILLION,
    PREPARE,
    RAW,
    TFDV,
    TRANSFORM,
    WARM,
    Case,
)
from benchmarks.measure import Run

Results = Mapping[Case, Run]
# The least size that a slope over a kind of data begins at: below, starting is all there is.
_LEAST = 20_000


class Slope(NamedTuple):
    """What each further row costs, from a smaller size to this one, in microseconds."""

    wall: float
    cpu: float


class Target(NamedTuple):
    """A promise: `figure` is at least, or at most, `bound`; without a bound it is only reported.

    `is_compared` with the last full run: no seconds, which are another machine's, nothing of a peer alone.
    """

    text: str
    figure: Callable[[Results], float]
    bound: float | None = None
    at_least: bool = False
    unit: str = "x"
    is_compared: bool = True

    def met(self, figure: float) -> bool | None:
        """Whether a figure keeps the promise; None where nothing was promised."""
        if self.bound is None:
            return None
        return figure >= self.bound if self.at_least else figure <= self.bound


def slope(results: Results, case: Case) -> Slope | None:
    """The slope to a case from the next smaller size of its contender and kind; None where there is none."""
    smaller = [c.rows for c in results if c[:2] == case[:2] and _LEAST <= c.rows < case.rows]
    if case not in results or not smaller:
        return None
    before, here = results[case._replace(rows=max(smaller))], results[case]
    each = 1e6 / (case.rows - max(smaller))
    return Slope((here.seconds - before.seconds) * each, (here.cpu_seconds - before.cpu_seconds) * each)


def _wall(results: Results, contender: str, kind: str) -> float:
    """The slope up to the most rows, two million of them at most. Raises KeyError where there is none."""
    rows = [c.rows for c in results if c[:2] == (contender, kind) and c.rows <= 2 * MILLION]
    return _wall_of(results, Case(contender, kind, max(rows, default=0)))


def _wall_of(results: Results, case: Case) -> float:
    line = slope(results, case)
    if line is None:
        raise KeyError(case)
    return line.wall


def _cheaper(kind: str, other: str) -> Callable[[Results], float]:
    return lambda results: _wall(results, other, kind) / _wall(results, RAW, kind)


def _seconds(case: Case, other: Case) -> Callable[[Results], float]:
    return lambda results: results[case].seconds / results[other].seconds


def _peak(case: Case, other: Case) -> Callable[[Results], float]:
    return lambda results: results[case].peak_bytes / results[other].peak_bytes


def _gigabytes(case: Case) -> Callable[[Results], float]:
    return lambda results: results[case].peak_bytes / 1e9


def _beyond(case: Case, other: Case) -> Callable[[Results], float]:
    return lambda results: results[case].seconds - results[other].seconds


_TWO, _TWENTY = Case(RAW, "narrow", 2 * MILLION), Case(RAW, "narrow", 20 * MILLION)
_FLIGHTS = Case(RAW, "flights", 2 * MILLION)
_WIDE, _WIDE_TFDV = Case(RAW, "wide", 3000), Case(TFDV, "wide", 3000)
_PREPARE, _PREPARE_FEW = Case(PREPARE, "narrow", 2 * MILLION), Case(PREPARE, "narrow", MILLION // 5)
_DISTINCT = Case(RAW, "distinct", 500)
_FEW, _IMPORTS = Case(ALL, "flights", 1000), Case(IMPORTS, "flights", 0)
_GRAPH_IMPORTS = Case(GRAPH_IMPORTS, "flights", 0)

TARGETS = (
    Target("a row of tf.Examples, cheaper than TFDV's", _cheaper("narrow", TFDV), 8, at_least=True),
    Target("speed, of the limit's", _cheaper("narrow", LIMIT), 0.5, at_least=True),
    Target(
        "a row of PredictionLogs (16 a request), cheaper than hand-written",
        _cheaper("logs16", HANDWRITTEN),
        8,
        at_least=True,
    ),
    Target(
        "a row of PredictionLogs (1 a request), cheaper than hand-written",
        _cheaper("logs1", HANDWRITTEN),
        8,
        at_least=True,
    ),
    Target(
        "a row up to 20 million, of a row up to 2 million",
        lambda results: _wall_of(results, _TWENTY) / _wall(results, RAW, "narrow"),
        1.1,
    ),
    Target("peak memory of 20 million rows, of that of 2 million", _peak(_TWENTY, _TWO), 1.3),
    Target("peak memory of 20 million rows", _gigabytes(_TWENTY), 2.5, unit=" GB"),
    Target(
        "2 million flights, all branches, of the time of raw only",
        _seconds(_FLIGHTS._replace(contender=ALL), _FLIGHTS),
        2.5,
    ),
    Target(
        "the same, each further row",
        lambda results: _wall(results, ALL, "flights") / _wall(results, RAW, "flights"),
    ),
    Target("4,000 features, 3,000 rows: faster than TFDV", _seconds(_WIDE_TFDV, _WIDE), 3, at_least=True),
    Target("the same, peak memory", _gigabytes(_WIDE), 2, unit=" GB"),
    Target("the same, TFDV's peak memory", _gigabytes(_WIDE_TFDV), unit=" GB", is_compared=False),
    Target(
        "4,000 features, 30,000 rows, peak memory", _gigabytes(_WIDE._replace(rows=30_000)), 2, unit=" GB"
    ),
    Target("prepare, peak memory of 2 million rows, of that of 200,000", _peak(_PREPARE, _PREPARE_FEW), 1.3),
    Target(
        "prepare, a row, of plain tf.Transform's",
        lambda results: _wall(results, PREPARE, "narrow") / _wall(results, TRANSFORM, "narrow"),
    ),
    Target(
        "prepare, peak memory of 2 million rows, of plain tf.Transform's",
        _peak(_PREPARE, _PREPARE._replace(contender=TRANSFORM)),
    ),
    Target("50 million distinct values, 100,000 a row, peak memory", _gigabytes(_DISTINCT), 2, unit=" GB"),
    Target(
        "1,000 flights, all branches, beyond the imports",
        _beyond(_FEW, _GRAPH_IMPORTS),
        3,
        unit=" s",
        is_compared=False,
    ),
    Target(
        "1,000 flights, raw only",
        _beyond(_FEW._replace(contender=RAW), _IMPORTS),
        3,
        unit=" s",
        is_compared=False,
    ),
    Target(
        "the first start, which compiles, beyond the second",
        _beyond(Case(COLD, "narrow", 1000), Case(WARM, "narrow", 1000)),
        unit=" s",
        is_compared=False,
    ),
)


def figures(results: Results) -> dict[str, tuple[Target, float]]:
    """The targets whose cases were all measured, by text."""
    measured = {}
    for target in TARGETS:
        try:
            measured[target.text] = (target, target.figure(results))
        except KeyError:
            continue
    return measured

"""The rule of a short run: a promise fails where its windows refute it, and never because they are few.

The p-value of a promise is the probability of a share as bad, or worse, if the true one is just what was
promised: the exact binomial test, one-sided. It asks for trials that are independent. Their probabilities may
differ: the tails of such a sum are no heavier than the binomial ones (Hoeffding 1956).

All promises are one family. Refuted is what has a p-value of at most `LEVEL` divided by their number
(Bonferroni), so that a product that keeps every promise fails less than once in 1,000 runs.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Sequence
from typing import NamedTuple

from benchmarks.detection_promises import Promise
from benchmarks.detection_rates import Share

#: The share of runs in which a product that keeps all promises may fail.
LEVEL = 1 / 1000
_HEAD = ("outcome", "p-value", "windows", "hits", "promised", "refuted by", "promise")
_WIDTHS = (12, 8, 7, 5, 9, 14)


class Outcome(enum.Enum):
    """What a run says of a promise; the last two fail it."""

    HOLDS = "holds"
    NOT_REFUTED = "not refuted"
    REFUTED = "REFUTED"
    NOT_MEASURED = "NOT MEASURED"

    @property
    def is_failure(self) -> bool:
        return self in (Outcome.REFUTED, Outcome.NOT_MEASURED)


def p_value(share: Share, bound: float, *, at_least: bool) -> float:
    """The probability of so few hits, or fewer, at a rate of `bound`; else of so many, or more.

    The same as `scipy.stats.binomtest(...).pvalue` with `alternative` "less" or "greater".
    """
    hits = range(share.times + 1) if at_least else range(share.times, share.of + 1)
    return min(math.fsum(_probability(count, share.of, bound) for count in hits), 1.0)


def _probability(count: int, trials: int, rate: float) -> float:
    if rate in (0.0, 1.0):
        return float(count == trials * rate)
    ways = math.lgamma(trials + 1) - math.lgamma(count + 1) - math.lgamma(trials - count + 1)
    return math.exp(ways + count * math.log(rate) + (trials - count) * math.log1p(-rate))


def limit_of(promises: Sequence[Promise]) -> float:
    """The p-value at which one of these promises is refuted."""
    return LEVEL / max(len(promises), 1)


def outcome(promise: Promise, limit: float) -> Outcome:
    """What the measured share says of a promise, at a p-value of at most `limit`."""
    if not promise.share.of:
        return Outcome.NOT_MEASURED
    if promise.holds:
        return Outcome.HOLDS
    is_refuted = p_value(promise.share, promise.bound, at_least=promise.at_least) <= limit
    return Outcome.REFUTED if is_refuted else Outcome.NOT_REFUTED


def failures(promises: Sequence[Promise]) -> list[Promise]:
    """Those that are refuted, or that nothing was measured of."""
    limit = limit_of(promises)
    return [promise for promise in promises if outcome(promise, limit).is_failure]


class Refuting(NamedTuple):
    """What would refute a promise.

    Attributes:
      hits: the count nearest to the promise that does, with so many trials; None where none does.
      level: the probability of a count as bad as `hits`, if the true rate is just what was promised.
    """

    hits: int | None
    level: float


def refuting(promise: Promise, limit: float) -> Refuting:
    """Counts from the worst on, as long as their tail is within the limit."""
    trials = promise.share.of
    tail, nearest = 0.0, Refuting(None, 0.0)
    for hits in range(trials + 1) if promise.at_least else range(trials, -1, -1):
        tail += _probability(hits, trials, promise.bound)
        if tail > limit:
            break
        nearest = Refuting(hits, tail)
    return nearest


def false_refutations(promises: Sequence[Promise]) -> float:
    """At most this share of runs fails if every true share is just what was promised.

    It is less than `LEVEL`, since counts are whole: few have a p-value just at the limit.
    """
    limit = limit_of(promises)
    return math.fsum(refuting(promise, limit).level for promise in promises)


def report(promises: Sequence[Promise]) -> str:
    """A line for each promise, and how often a product that keeps them all is refuted."""
    limit = limit_of(promises)
    lines = [_line(*_HEAD), *(_of_promise(promise, limit) for promise in promises)]
    rate = false_refutations(promises)
    often = f"less than once in {math.floor(1 / rate):,} runs" if rate else "never"
    about = f"{len(promises)} promises, each refuted at p <= {LEVEL:g} / {len(promises)} = {limit:.1e}."
    return "\n".join([*lines, about, f"A product that keeps every promise is refuted {often} (seeds)."])


def _of_promise(promise: Promise, limit: float) -> str:
    share, nearest = promise.share, refuting(promise, limit).hits
    more = "or fewer" if promise.at_least else "or more"
    return _line(
        outcome(promise, limit).value,
        f"{p_value(share, promise.bound, at_least=promise.at_least):.2g}",
        f"{share.of:,}",
        f"{share.times:,}",
        f"{'>=' if promise.at_least else '<='} {100 * promise.bound:.3g} %",
        f"{nearest:,} {more}" if nearest is not None else "nothing",
        promise.text,
    )


def _line(*cells: str) -> str:
    *figures, text = cells
    return "  ".join(cell.ljust(width) for cell, width in zip(figures, _WIDTHS, strict=True)) + f"  {text}"

"""What is promised of more than features of independent rows: seasons, vectors, ties, requests."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Sequence
from multiprocessing.pool import Pool
from typing import TypeVar

from benchmarks import (
    detection_promises,
    detection_ranking,
    detection_season_trials,
    detection_ties,
    detection_vectors,
)
from benchmarks.detection_promises import Promise

_Trial = TypeVar("_Trial")
_Answer = TypeVar("_Answer")
_PROCESSES = 2


def promises(seed: int) -> list[Promise]:
    """Those of the full run, in two processes."""
    seasons = detection_season_trials.of_years(seed)
    with multiprocessing.get_context("spawn").Pool(_PROCESSES) as pool:
        more = of_pool(
            pool,
            detection_vectors.trials(detection_vectors.FULL, seed),
            detection_ties.trials(detection_ties.FULL, seed),
            detection_ranking.trials(detection_ranking.FULL, seed),
        )
    return [*detection_promises.of_seasons(seasons), *more]


def of_pool(
    pool: Pool,
    vectors: Sequence[detection_vectors.Trial],
    ties: Sequence[detection_ties.Trial],
    ranking: Sequence[detection_ranking.Trial],
) -> list[Promise]:
    """Judges windows of vectors, of ties, and of requests."""
    judged_vectors = _judged(pool, detection_vectors.judge, vectors)
    judged_ties = _judged(pool, detection_ties.judge, ties)
    judged_ranking = _judged(pool, detection_ranking.judge, ranking)
    return [
        *detection_vectors.promises(judged_vectors),
        *detection_ties.promises(judged_ties),
        *detection_ranking.promises(judged_ranking),
    ]


def _judged(
    pool: Pool, judge: Callable[[_Trial], _Answer], trials: Sequence[_Trial]
) -> list[tuple[_Trial, _Answer]]:
    return list(zip(trials, pool.map(judge, trials, chunksize=4), strict=True))

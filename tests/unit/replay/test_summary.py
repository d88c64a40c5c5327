"""Sums of what differs: parts in any order, within bounds."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import pytest
from support.replay_rows import HOUR, batch

from trueserve.transforms.replay import summary
from trueserve.transforms.replay.compare import AnswerTolerance
from trueserve.transforms.replay.reference_model import ReferenceModel
from trueserve.transforms.replay.replay import replay
from trueserve.transforms.replay.summary import Differences, ReplaySummary


def parts(double: ReferenceModel) -> Iterator[ReplaySummary]:
    rng = np.random.default_rng(5)
    for number in range(6):
        rows: list[float | None] = rng.integers(0, 50, 70).astype(float).tolist()
        responses: list[str | None] = [
            f"[{x}, {2 * (x or 0) + (rng.random() < 0.3) * rng.integers(1, 4)}]" for x in rows
        ]
        hours = [int(h) * HOUR for h in rng.integers(0, 9, 70)]
        versions = [str(v) for v in rng.integers(0, 4, 70)]
        yield replay(
            batch(rows, responses, f"log-{number % 2}", 100 * number, time=hours, version=versions),
            double,
            AnswerTolerance(),
        )


def test_parts_add_up_in_any_order(double: ReferenceModel) -> None:
    summaries = list(parts(double))
    merged = summary.merge(summaries)
    assert len(merged.worst) == summary.MAX_WORST
    assert merged.total.rows == sum(part.total.rows for part in summaries) == 420
    assert merged.again == Differences(rows=420)
    for order in itertools.islice(itertools.permutations(summaries), 0, 720, 61):
        assert summary.merge([summary.merge(order[:2]), summary.merge(order[2:])]) == merged
    everything = sorted((worst for part in summaries for worst in part.worst), key=lambda row: row.sort_key)
    assert merged.worst == tuple(everything[:20])


def test_a_single_value_has_a_class_where_it_is_a_probability_in_all_rows() -> None:
    some = summary.OutputDifferences(Differences(3, 2), 1, 2, 0.0, 1.0)
    outside = summary.OutputDifferences(Differences(1), 1, 0, -0.5, 3.0)
    assert (some.flips, some.plus(outside).flips, outside.plus(some).flips) == (2, None, None)
    assert summary.OutputDifferences(Differences(3, 2), 2, 1, -0.5, 3.0).flips == 1


def test_what_is_kept_is_bounded_and_hangs_on_no_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(summary, "MAX_VERSIONS", 5)
    monkeypatch.setattr(summary, "MAX_HOURS", 3)
    summaries = [
        ReplaySummary(total=Differences(1), versions={f"v{i}": Differences(1)}, hours={i: Differences(1)})
        for i in range(40)
    ]
    merged = summary.merge(summaries)
    assert (len(merged.versions), sorted(merged.hours), merged.total.rows) == (5, [37, 38, 39], 40)  # type: ignore[type-var]
    halves = [summary.merge(summaries[20:]), summary.merge(summaries[:20])]
    assert summary.merge(halves).versions == merged.versions

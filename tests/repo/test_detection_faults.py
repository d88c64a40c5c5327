"""The benchmark of detection: faults are what they say, and peers get the windows they are asked of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pytest

from benchmarks.detection_answers import OURS, PLAIN, QUANTILES, STANDARD, WITH_INFO
from benchmarks.detection_asking import ComparedColumn, packed
from benchmarks.detection_data import FLIGHTS, GENERATED, SOURCES, World, world
from benchmarks.detection_faults import MISSING, PROMISED, SHARE, UNIT, Cell, cells, moved
from benchmarks.detection_methods import Served, Tfdv, flagged, served
from benchmarks.detection_peers import read
from benchmarks.detection_windows import Task, judge_of
from benchmarks.in_memory import Column, Lists, is_missing

Array = np.ndarray[Any, Any]
ROWS = 4000


@pytest.fixture(scope="module", params=SOURCES)
def source(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def benchmark_world(source: str) -> World:
    return world(source, 0, ROWS)


@pytest.fixture(scope="module")
def window(benchmark_world: World) -> dict[str, Column]:
    return benchmark_world.draw(ROWS, np.random.default_rng(7))


@pytest.fixture(scope="module")
def planted(
    benchmark_world: World, source: str, window: dict[str, Column]
) -> list[tuple[Cell, Mapping[str, Column]]]:
    random = np.random.default_rng(8)
    return [(cell, cell.plant(window, random)) for cell in cells(benchmark_world, source)]


def values(column: Column) -> Array:
    return column.values if isinstance(column, Lists) else column[~is_missing(column)]


def of_kind(planted: list[tuple[Cell, Mapping[str, Column]]], kind: str) -> Iterator[tuple[Cell, Column]]:
    yield from ((cell, changed[cell.feature]) for cell, changed in planted if cell.kind == kind)


def test_a_world_is_drawn_from_what_its_baseline_lacks() -> None:
    split = world(FLIGHTS, 0, ROWS)
    num_flights = len(split.training["carrier"]) + len(
        split.draw(80_000, np.random.default_rng(1))["carrier"]
    )
    assert num_flights < 170_000  # the flights of January to June
    with pytest.raises(ValueError, match="larger"):
        split.draw(100_000, np.random.default_rng(1))
    first, second = (split.draw(100, np.random.default_rng(seed)) for seed in (1, 2))
    assert not np.array_equal(values(first["temp"]), values(second["temp"]))


def test_every_feature_has_faults_and_every_promise_is_planted(benchmark_world: World, source: str) -> None:
    all_cells = cells(benchmark_world, source)
    assert {cell.feature for cell in all_cells} == set(benchmark_world.training)
    assert len({cell.key for cell in all_cells}) == len(all_cells)
    assert set(PROMISED) <= {cell.kind for cell in all_cells if cell.is_promised}


def test_a_fault_changes_what_it_touches_and_keeps_its_types(
    planted: list[tuple[Cell, Mapping[str, Column]]], window: dict[str, Column]
) -> None:
    for cell, changed in planted:
        assert set(changed) == set(cell.touched), cell.key
        for name, column in changed.items():
            assert len(column) == ROWS
            if cell.kind != "type changed":
                assert values(column).dtype == values(window[name]).dtype, cell.key


def test_means_move_by_so_many_deviations(
    benchmark_world: World, planted: list[tuple[Cell, Mapping[str, Column]]], window: dict[str, Column]
) -> None:
    for cell, column in of_kind(planted, "mean"):
        before, after = values(window[cell.feature]).astype(float), values(column).astype(float)
        by = abs(after.mean() - before.mean()) / benchmark_world.traits[cell.feature].deviation
        # Where many rows hold the last value it is in the way, of whichever direction.
        assert by == pytest.approx(cell.strength, rel=0.25), cell.key


def test_a_number_of_few_values_keeps_them_and_zeros_stay(
    window: dict[str, Column], benchmark_world: World
) -> None:
    for name, traits in benchmark_world.traits.items():
        column = window[name]
        if traits.levels is not None and not isinstance(column, Lists):
            after = moved(column, traits.deviation / 4, traits, np.random.default_rng(1))
            assert set(np.unique(values(after))) <= set(traits.levels)
        if traits.zeros and not isinstance(column, Lists):
            after = moved(column, traits.deviation / 4, traits, np.random.default_rng(1))
            assert np.array_equal(after == 0, column == 0)


def test_shares_move_by_so_many_points(
    planted: list[tuple[Cell, Mapping[str, Column]]], window: dict[str, Column]
) -> None:
    for cell, column in of_kind(planted, SHARE):
        before, after = values(window[cell.feature]), values(column)
        gained = max(np.mean(after == value) - np.mean(before == value) for value in np.unique(after))
        assert gained == pytest.approx(cell.strength, abs=1e-3), cell.key
        assert set(after) <= set(before)


def test_so_many_more_rows_are_missing(
    planted: list[tuple[Cell, Mapping[str, Column]]], window: dict[str, Column]
) -> None:
    for cell, column in of_kind(planted, MISSING):
        before, after = is_missing(window[cell.feature]), is_missing(column)
        present = 1 - before.mean()
        assert after.mean() - before.mean() == pytest.approx(min(cell.strength, present), abs=1e-3), cell.key
        assert not (before & ~after).any()
        if isinstance(column, Lists):
            assert np.maximum(column.lengths, 0).sum() == len(column.values)


def test_a_part_of_the_rows_has_the_fault(
    planted: list[tuple[Cell, Mapping[str, Column]]], window: dict[str, Column]
) -> None:
    for cell, column in of_kind(planted, UNIT):
        before, after = window[cell.feature], column
        assert not isinstance(before, Lists)
        assert not isinstance(after, Lists)
        has = ~is_missing(before) & (before != 0)
        assert np.mean(after[has] != before[has]) == pytest.approx(cell.strength, abs=0.05), cell.key


def test_a_changed_column_is_summarised_as_the_whole_window_would_be(
    benchmark_world: World, window: dict[str, Column], planted: list[tuple[Cell, Mapping[str, Column]]]
) -> None:
    first = served(window, benchmark_world.reference)
    for cell, changed in planted[::20]:
        parts = first.changed(changed, benchmark_world.reference)
        summarised_at_once = served({**window, **changed}, benchmark_world.reference)
        assert parts.forms == summarised_at_once.forms
        assert _by_name(parts) == _by_name(summarised_at_once), cell.key
        assert flagged(parts, benchmark_world.reference) == flagged(
            summarised_at_once, benchmark_world.reference
        )


def _by_name(window: Served) -> dict[str, bytes]:
    features = window.statistics.datasets[0].features
    return {feature.path.step[0]: feature.SerializeToString(deterministic=True) for feature in features}


def test_tfdv_measures_what_it_is_known_to(
    benchmark_world: World, window: dict[str, Column], source: str
) -> None:
    name = "five" if source == GENERATED else "origin"
    shares = [
        {str(value): np.mean(values(side) == value) for value in np.unique(values(side))}
        for side in (benchmark_world.training[name], window[name])
    ]
    greatest = max(abs(shares[0][value] - shares[1].get(value, 0)) for value in shares[0])
    scored = Tfdv(benchmark_world).answers(served(window, benchmark_world.reference), [name])
    assert scored[STANDARD][name].score == pytest.approx(greatest, abs=1e-6)
    assert not scored[STANDARD][name].alarm


def test_a_window_is_judged_with_and_without_its_faults() -> None:
    judge = judge_of(world(FLIGHTS, 0, 500), FLIGHTS)
    some = [cell for cell in judge.cells if cell.kind in (UNIT, "type changed") and cell.strength == 1]
    judge.__dict__["cells"] = some
    judged = judge.judged(Task(FLIGHTS, 500, 0, 1, True, True, True))
    assert set(judged.clean) == {OURS, WITH_INFO, PLAIN, STANDARD, QUANTILES}
    assert not any(answer.alarm for answer in judged.clean[OURS].values())
    assert [case.key for case in judged.planted] == [cell.key for cell in some]
    for case in judged.planted:
        assert case.answers[OURS].alarm
        assert case.answers[OURS].score > 2.7  # so sure that the rate of 0.002 counts it
    again = judge.judged(Task(FLIGHTS, 500, 0, 1, True, True, True))
    assert again == judged


def test_what_peers_are_asked_arrives() -> None:
    columns = {
        "number": ComparedColumn("x", np.array([1.5, np.nan, 3.0], "float32")),
        "count": ComparedColumn("n", np.array([1, 2, 3])),
        "text": ComparedColumn("t", np.array(["a", None, None], object)),
        "lists": ComparedColumn("l", Lists(np.array(["a", "b", "c"], object), np.array([2, -1, 1]))),
    }
    received = read(packed(columns))
    assert {
        name: (question.feature, question.rows, question.missing) for name, question in received.items()
    } == {
        "number": ("x", 3, 1),
        "count": ("n", 3, 0),
        "text": ("t", 3, 2),
        "lists": ("l", 3, 1),
    }
    assert {name: question.values.tolist() for name, question in received.items()} == {
        "number": [1.5, 3.0],
        "count": [1, 2, 3],
        "text": ["a"],
        "lists": ["a", "b", "c"],
    }
    assert [question.is_number for question in received.values()] == [True, True, False, False]

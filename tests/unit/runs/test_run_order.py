"""Runs in the order of what they replaced, whatever their clocks said; and ids that sort by time."""

from __future__ import annotations

import datetime as dt
import random
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.drift import contract, day, published

from trueserve.transforms.files import paths
from trueserve.transforms.runs import previous_runs, published_runs, run_folder, run_ids, run_order
from trueserve.transforms.runs.previous_runs import AUTO
from trueserve.transforms.verdict.model import Space


class Run(NamedTuple):
    name: str
    replaces: str | None = None


def order(runs: Sequence[Run], standing: str | None = None) -> list[str]:
    return [run.name for run in run_order.sorted_runs(runs, standing)]


def test_without_more_the_names_are_the_order() -> None:
    assert order([Run("c"), Run("a"), Run("b")]) == ["a", "b", "c"]


def test_a_clock_that_is_behind_changes_nothing() -> None:
    runs = [Run("d"), Run("a", "d"), Run("b", "a"), Run("e", "b"), Run("c", "e")]
    assert order(runs) == ["d", "a", "b", "e", "c"]


def test_the_chain_may_have_gaps() -> None:
    chain = [Run("d"), Run("a", "d"), Run("b", "a"), Run("e", "b"), Run("c", "e")]
    assert order([chain[0], chain[2], chain[3]]) == ["b", "d", "e"]  # nothing tells that b came after d
    assert order([chain[1], chain[2], chain[3], chain[4]]) == ["a", "b", "e", "c"]


def test_of_two_that_replaced_the_same_run_the_standing_one_is_last() -> None:
    runs = [Run("a"), Run("b", "a"), Run("c", "a")]
    assert order(runs) == ["a", "b", "c"]
    assert order(runs, "b") == ["a", "c", "b"]


def test_strangers_circles_end() -> None:
    assert sorted(order([Run("a", "b"), Run("b", "a"), Run("c", "c"), Run("d", "b")])) == list("abcd")


@given(st.lists(st.integers(0, 5), min_size=1, max_size=30), st.integers(0, 1 << 30))
def test_a_chain_with_any_clocks_is_its_own_order(clocks: list[int], seed: int) -> None:
    names = [f"{clock}-{number:03}" for number, clock in enumerate(clocks)]
    random.Random(seed).shuffle(names)
    runs = [Run(name, before) for name, before in zip(names, [None, *names], strict=False)]
    mixed = random.Random(seed + 1).sample(runs, len(runs))
    assert order(mixed) == names


def test_ids_sort_by_time_within_a_second_and_within_one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    class Clock(dt.datetime):
        @classmethod
        def now(cls, tz: dt.tzinfo | None = None) -> dt.datetime:  # type: ignore[override]
            return dt.datetime(2026, 1, 1, 0, 0, 5, 999_998, tzinfo=tz)

    monkeypatch.setattr(dt, "datetime", Clock)
    monkeypatch.setattr(run_ids, "_CLOCK", run_ids._Clock())
    ids: list[list[str]] = [[] for _ in range(4)]
    threads = [
        threading.Thread(target=lambda own=own: own.extend(run_ids.new_run_id() for _ in range(50)))
        for own in ids
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    times = [run_id.rsplit("-", 1)[0] for own in ids for run_id in own]
    assert len(set(times)) == 200
    assert all(own == sorted(own) for own in ids)
    assert min(times) == "20260101T000005Z.999998"
    assert max(times) == "20260101T000006Z.000197"


def test_ids_of_older_versions_sort_among_the_new_ones() -> None:
    ids = [
        "20260101T000004Z.999999-ffffffff",
        "20260101T000005Z-ffffffff",
        "20260101T000005Z.000001-00000000",
        "20260101T000006Z-00000000",
    ]
    assert sorted(ids) == ids
    attempts = [run_ids.new_attempt(run_id) for run_id in ids]
    assert sorted(attempts) == attempts
    assert all(run_ids.ATTEMPT.fullmatch(attempt) for attempt in attempts)
    assert [run_ids.is_of(run_id, attempts[1]) for run_id in ids] == [False, True, False, False]


def test_of_reruns_with_equal_or_skewed_clocks_auto_takes_the_last(tmp_path: Path) -> None:
    same, behind = "20260101T000005Z.000000-aaaaaaaa", "20251231T000000Z.000000-aaaaaaaa"
    published(tmp_path, "20260101T000004Z-aaaaaaaa", day(2))
    for run_id in (same, same, same, behind, behind):
        last = published(tmp_path, run_id, day(3))
        assert _previous(tmp_path) == last


def test_a_run_that_examined_nothing_is_a_link_of_the_chain(tmp_path: Path) -> None:
    first = published(tmp_path, "20260101T000005Z.000000-aaaaaaaa", day(3))
    published(tmp_path, "20251231T000000Z.000000-aaaaaaaa", day(3), "not_examined")
    last = published(tmp_path, "20251231T000001Z.000000-aaaaaaaa", day(3))
    assert _previous(tmp_path) == last
    # So it is, too, where the order does not hang on verdict.json.
    (tmp_path / "verdict.json").unlink()
    assert _previous(tmp_path) == last
    (tmp_path / "runs" / last / "verdict.json").unlink()
    assert _previous(tmp_path) == first


def _previous(output: Path) -> str:
    previous = previous_runs.find(AUTO, str(output), day(4), contract()).previous
    assert previous is not None
    return previous.name


def test_a_run_that_died_before_it_left_a_copy_is_known_to_auto(tmp_path: Path) -> None:
    name = published(tmp_path, "20260101T000005Z.000000-aaaaaaaa", day(3))
    (tmp_path / "runs" / name / "verdict.json").unlink()
    earlier_runs = previous_runs.find(AUTO, str(tmp_path), day(4), contract())
    assert earlier_runs.previous is not None
    assert (earlier_runs.previous.name, earlier_runs.broken) == (name, 0)
    published_runs.load_statistics(earlier_runs.previous, Space.RAW)
    named = previous_runs.find(str(tmp_path), str(tmp_path), day(4), contract()).previous
    assert named is not None
    assert named.name == name


def test_each_verdict_says_what_it_replaced(tmp_path: Path) -> None:
    names = [published(tmp_path, "same", day(at)) for at in range(3)]
    failed = [published(tmp_path, "same", day(at), "failed") for at in range(2)]
    replaced = [_replaced(tmp_path, name) for name in names]
    assert replaced == [None, *names[:2]]
    assert [_replaced(tmp_path / "failed", name) for name in failed] == [None, failed[0]]


def _replaced(root: Path, name: str) -> object:
    verdict = run_folder._verdict_in(paths.join(str(root), "runs", name, "verdict.json"))
    assert verdict is not None
    return verdict["replaces"]

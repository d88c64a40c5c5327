"""Which equal rows are remarkable, and what is said of them."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from trueserve.transforms.branches.samples.repeats import of_codes
from trueserve.transforms.logs.repeated_rows import RowRepeats
from trueserve.transforms.verdict.findings.rows.repeated_rows import note, note_dropped, repeated
from trueserve.transforms.verdict.model import Severity

Array = np.ndarray[Any, Any]
CHECK = 10**9


def unique(rows: int, start: int = 1) -> Array:
    return np.arange(start, start + rows, dtype=np.uint64)


def window(share: float, rows: int = 4000, others: Array | None = None) -> RowRepeats:
    """A share of the rows are one request; the others are what is given, or unique."""
    same = round(share * rows)
    of_others = unique(rows - same, 10**6) if others is None else others[: rows - same]
    files, records = np.full(rows, "a/log-1", object), np.arange(rows)
    return of_codes(np.concatenate([np.full(same, CHECK, np.uint64), of_others]), files, records)


TRAINING = of_codes(unique(20_000))


@pytest.mark.parametrize("training", [None, TRAINING])
@pytest.mark.parametrize("share", [0.005, 0.02, 0.4, 0.9])
def test_one_request_among_unique_ones_is_repeated(share: float, training: RowRepeats | None) -> None:
    [row] = repeated(window(share), training)
    assert row.code == CHECK


@pytest.mark.parametrize("training", [None, TRAINING])
def test_few_equal_rows_are_not(training: RowRepeats | None) -> None:
    assert repeated(window(0.001), training) == ()
    assert repeated(window(0.5, rows=100), training) == ()
    assert repeated(RowRepeats(), training) == ()


@pytest.mark.parametrize("is_known", [True, False])
def test_rows_of_few_categories_are_equal_by_nature(is_known: bool) -> None:
    rng = np.random.default_rng(0)
    for shares in ([0.5, 0.5], [0.9, 0.1], rng.dirichlet(np.ones(1000)), 1 / np.arange(1, 3000)):
        of_both = np.asarray(shares) / np.sum(shares)
        before, after = (rng.choice(len(of_both), rows, p=of_both) + 1 for rows in (20_000, 4000))
        training = of_codes(before.astype(np.uint64)) if is_known else None
        assert repeated(of_codes(after.astype(np.uint64)), training) == ()
        # A shift of few categories is no repetition either.
        moved = np.concatenate([after[:3000], np.ones(1000)])
        assert repeated(of_codes(moved.astype(np.uint64)), training) == ()


def test_what_training_repeats_as_well_is_natural() -> None:
    """Three in a hundred users have filled in nothing; all other rows are unique."""
    training = of_codes(np.concatenate([np.full(600, CHECK, np.uint64), unique(19_400)]))
    assert repeated(window(0.03), training) == ()
    assert len(repeated(window(0.3), training)) == 1


def test_where_half_of_the_rows_are_alike_training_tells_which() -> None:
    rng = np.random.default_rng(1)
    popular = (rng.zipf(1.3, 24_000).clip(max=2 * 10**5) + 10).astype(np.uint64)
    tail = unique(24_000, 10**7)
    rows = np.where(rng.random(24_000) < 0.3, popular, tail)
    training, others = of_codes(rows[:20_000]), rows[20_000:]
    assert repeated(of_codes(others), training) == ()
    assert [row.code for row in repeated(window(0.02, 3000, others), training)] == [CHECK]


def test_the_note_says_how_many_and_where() -> None:
    [finding] = note(window(0.021), TRAINING)
    assert finding.message.startswith(
        "2.1 % of rows are one identical request, for example record 0 of a/log-1."
    )
    assert finding.severity is Severity.INFO
    assert "--drop_repeated" in finding.message
    [severe] = note(window(0.025), TRAINING)
    assert severe.severity is Severity.WARNING
    assert list(note(window(0.0), TRAINING)) == []
    assert list(note(None, TRAINING)) == []


def test_several_requests_are_one_note() -> None:
    two = np.concatenate([np.full(60, 5, np.uint64), np.full(40, 6, np.uint64), unique(3900, 10)])
    files, records = np.full(4000, "log", object), np.arange(4000)
    [finding] = note(of_codes(two, files, records), None)
    assert (
        "1.5 % of rows are one identical request, for example record 0 of log; another is 1.0 %"
        in finding.message
    )
    assert finding.distance == pytest.approx(0.025)


def test_what_was_left_out_is_said() -> None:
    dropped = repeated(window(0.02), None)
    [finding] = note_dropped(dropped, 80, 3920)
    assert finding.message == (
        "80 rows (2.0 %) that repeat one request unchanged were left out by --drop_repeated;"
        " one row of each was kept"
    )
    assert list(note_dropped((), 0, 4000)) == []


def test_of_a_table_no_record_is_named_and_nothing_advised_that_it_refuses() -> None:
    rows = window(0.05)
    first = dataclasses.replace(rows.repeated[0], file="bq://project.set.table")
    [finding] = note(dataclasses.replace(rows, repeated=(first, *rows.repeated[1:])), TRAINING)
    assert finding.message == "5.0 % of rows are one identical request"

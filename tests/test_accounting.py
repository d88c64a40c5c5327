"""Sums of accountings: bounded, whatever names strangers send, and no row lost."""

from __future__ import annotations

import datetime as dt
import random
from collections import Counter

from transforms import accounting
from transforms.accounting import MORE_UNKNOWN, MOST_UNKNOWN, UNKNOWN_FEATURE, Accounting


def unknown(names: list[str], rows: int = 1) -> Accounting:
    return Accounting(forms=Counter({(name, UNKNOWN_FEATURE): rows for name in names}))


def test_a_flood_of_names_is_bounded_and_no_row_is_lost() -> None:
    parts = [unknown([f"x{i}-{j}" for j in range(300)]) for i in range(50)]
    parts += [unknown(["new"], 40), Accounting(forms=Counter({("age", "float_for_int"): 7}))] * 3
    random.Random(1).shuffle(parts)
    halves = accounting.total(parts[:25]) + accounting.total(parts[25:])
    for forms in (halves.forms, accounting.total(parts).forms):
        assert len(forms) == MOST_UNKNOWN + 2
        assert forms.total() == 50 * 300 + 3 * 40 + 3 * 7
        assert forms[MORE_UNKNOWN] == 50 * 300 + 1 - MOST_UNKNOWN
        assert forms["age", "float_for_int"] == 21
        assert forms["new", UNKNOWN_FEATURE] == 120


def test_the_span_of_times_is_that_of_all_parts() -> None:
    days = [dt.datetime(2013, 7, day, tzinfo=dt.UTC) for day in (1, 2, 3, 4)]
    parts = [
        Accounting(first_time=days[1], last_time=days[3]),
        Accounting(),
        Accounting(first_time=days[0], last_time=days[2]),
    ]
    for order in (parts, parts[::-1]):
        whole = accounting.total(order)
        assert (whole.first_time, whole.last_time) == (days[0], days[3])
    assert accounting.total([Accounting()]).first_time is None


def test_one_great_part_is_bounded_too() -> None:
    whole = Accounting() + unknown([f"x{i:04}" for i in range(3000)])
    assert len(whole.forms) == MOST_UNKNOWN + 1
    assert whole.forms[MORE_UNKNOWN] == 2000


def test_few_names_are_all_kept() -> None:
    whole = unknown(["a", "b"]) + unknown(["b"])
    assert whole.forms == {("a", UNKNOWN_FEATURE): 1, ("b", UNKNOWN_FEATURE): 2}

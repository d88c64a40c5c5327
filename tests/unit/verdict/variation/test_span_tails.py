"""Tails of distances that belong together."""

from __future__ import annotations

import math

import numpy as np
import pytest

from trueserve.transforms.verdict.evidence import p_values
from trueserve.transforms.verdict.variation import span_tails
from trueserve.transforms.verdict.variation.span_tails import SpanTail, tail_of_spans
from trueserve.transforms.verdict.variation.tails import Tail


def test_few_spans_have_students_tail_and_no_less_than_those_as_far_out() -> None:
    distances = np.array([0.1, 0.2, 0.3, 0.4])
    tail = tail_of_spans(distances[::-1], 6.0, 31)
    assert isinstance(tail, SpanTail)
    scale = math.sqrt(float(np.mean(distances**2)))
    assert tail.probability(2.0) == p_values.of_student(2.0 / scale, 6.0)
    assert tail.probability(0.35) == pytest.approx(max(p_values.of_student(0.35 / scale, 6.0), 0.25))
    assert tail.probability(0.0) == 1.0


def test_spans_that_are_all_alike_have_no_tail() -> None:
    tail = tail_of_spans(np.zeros(20), 6.0, 31)
    assert (tail.probability(0.0), tail.probability(1e-9)) == (1.0, 0.0)


def test_spans_of_which_enough_are_independent_have_their_own_tail() -> None:
    assert type(tail_of_spans(np.arange(100.0), 50.0, 7)) is Tail
    assert type(tail_of_spans(np.arange(100.0), 49.0, 7)) is SpanTail


def test_single_periods_have_their_own_tail_and_count_by_how_long_weather_lasts() -> None:
    random = np.random.default_rng(1)
    apart = random.exponential(size=400)
    alone = tail_of_spans(apart, 400.0, 1)
    assert type(alone) is Tail
    assert alone.independent > 350
    lasting = tail_of_spans(np.repeat(apart[:50], 8), 400.0, 1)
    assert 30 < lasting.independent < 80
    assert lasting.probability(12.0) > alone.probability(12.0)


def test_a_distance_that_never_changes_lasts_for_no_time() -> None:
    assert span_tails.lasts(np.full(9, 0.5)) == 1.0

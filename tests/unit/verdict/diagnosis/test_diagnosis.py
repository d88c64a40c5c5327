"""Causes that are known are named, those that are not are `unknown`, and no distribution makes it fail."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.evidence import view
from support.faults import FAULTS, planted, world

from trueserve.transforms.verdict.diagnosis import categories, explanations, fitting
from trueserve.transforms.verdict.diagnosis.categories import NEW, SPELLED
from trueserve.transforms.verdict.diagnosis.causes import (
    CAPPED,
    CONSTANT,
    MOVED,
    ROUNDED,
    SCALE,
    SHIFT,
    SPREAD,
    SWAPPED,
    TIME,
    TRANSFORMED,
)
from trueserve.transforms.verdict.diagnosis.fitting import UNKNOWN
from trueserve.transforms.verdict.evidence import cdf as cdfs
from trueserve.transforms.verdict.evidence.cdf import Cdf
from trueserve.transforms.verdict.model import Diagnosis

Array = np.ndarray[Any, Any]

ROWS = 20_000
_random = np.random.default_rng(1)
_WIDE = (_random.gamma(4, 200, ROWS), _random.gamma(4, 200, ROWS))
_UNIT = (_random.beta(2, 3, ROWS), _random.beta(2, 3, ROWS))
_HOURS = tuple(np.floor(np.clip(_random.normal(14, 4, ROWS), 0, 23)) for _ in range(2))


def known(values: Any) -> Cdf:
    cdf = cdfs.of_view(view(np.asarray(values, "float32")))
    assert cdf is not None
    return cdf


def diagnosed(training: Any, serving: Any) -> Diagnosis:
    before, after = known(training), known(serving)
    diagnosis = fitting.diagnose(before, after, explanations.of_number(before, after), ROWS / 2)
    assert diagnosis is not None
    return diagnosis


@pytest.mark.parametrize(
    ("pair", "change", "cause", "evidence"),
    [
        (_WIDE, lambda x: x * 1.609344, SCALE, "x 1.609: kilometres for miles?"),
        (_WIDE, lambda x: x / 1000, SCALE, "x 0.001: "),
        (_WIDE, lambda x: x * 100, SCALE, "x 100: "),
        (_WIDE, lambda x: x * 1.8 + 32, SCALE, "1.8 x training + 32: Fahrenheit"),
        (_WIDE, np.log, SCALE, "natural logarithm"),
        (_WIDE, np.log1p, SCALE, "log"),
        (_UNIT, lambda x: x * 255, SCALE, "x 255: 0..255 where training has 0..1?"),
        (_UNIT, lambda x: x / 255, SCALE, "divided by 255 once more?"),
        (_WIDE, lambda x: -x, SCALE, "the sign is turned?"),
        (_WIDE, lambda x: x + 273.15, SHIFT, "Kelvin"),
        (_WIDE, lambda x: (x - 800) / 400, TRANSFORMED, "standardised"),
        (_WIDE, lambda x: np.minimum(x, 1000), CAPPED, "capped at 1000, its maximum"),
        (_WIDE, lambda x: np.maximum(x, 500), CAPPED, "capped at 500, its minimum"),
        (_WIDE, lambda x: np.round(x / 100) * 100, ROUNDED, "rounded to 100"),
        (_WIDE, lambda x: 0 * x - 1, CONSTANT, "-1 in place of other values"),
        (_WIDE, lambda x: np.where(np.arange(ROWS) % 4, x, 0), CONSTANT, "in about 25% of rows"),
        (_WIDE, lambda x: x + _random.normal(0, 800, ROWS), SPREAD, "noise was added"),
        (_HOURS, lambda x: (x + 5) % 24, TIME, "+ 5 hours, around the clock (fit"),
        (_HOURS, lambda x: (x - 4) % 24, TIME, "- 4 hours, around the clock (fit"),
    ],
)
def test_what_was_done_to_a_number_is_named(
    pair: tuple[Array, Array], change: Callable[[Array], Array], cause: str, evidence: str
) -> None:
    diagnosis = diagnosed(pair[0], change(pair[1]))
    assert (diagnosis.cause, diagnosis.confidence >= 0.75) == (cause, True), diagnosis
    assert evidence in diagnosis.evidence
    assert "(fit " in diagnosis.evidence


def test_what_nobody_has_thought_of_is_unknown() -> None:
    diagnosis = diagnosed(_WIDE[0], np.where(_WIDE[1] > 800, 700 + _WIDE[1] ** 1.7 % 400, _WIDE[1]))
    assert diagnosis.confidence < 0.9
    assert diagnosed(
        _WIDE[0], _random.permutation(np.r_[np.full(7000, 3.0), np.linspace(0, 90, 13000)])
    ).cause


def shares(**more: float) -> dict[str, float]:
    values = {"UA": 0.4, "AA": 0.3, "DL": 0.2, "B6": 0.1}
    return {value: share for value, share in (values | more).items() if share > 0}


@pytest.mark.parametrize(
    ("after", "cause", "evidence"),
    [
        (
            {v.lower(): s for v, s in shares().items()},
            SPELLED,
            "new values equal a training value apart from that",
        ),
        ({f" {v} ": s for v, s in shares().items()}, SPELLED, "white space"),
        ({f"'{v}'": s for v, s in shares().items()}, SPELLED, "quotes"),
        ({f"x{v}": s for v, s in shares().items()}, SPELLED, "a prefix of 1 letter was added"),
        ({f"{v}_v2": s for v, s in shares().items()}, SPELLED, "a suffix of 3 letters was added"),
        (shares(UA=0.2, **{"-1": 0.2}), MOVED, "20.0% of served values"),
        ({v: s / 2 for v, s in shares().items()} | {"none": 0.5}, CONSTANT, "in about 50.0% of rows"),
        ({"K1": 0.5, "K2": 0.3, "QX": 0.2}, NEW, "3 values that training did not have"),
        ({"Mon": 0.25, "Tue": 0.25, "Sun": 0.5}, SWAPPED, "are those of `day`"),
    ],
)
def test_what_was_done_to_categories_is_named(after: dict[str, float], cause: str, evidence: str) -> None:
    others = {"day": {"Mon": 0.25, "Tue": 0.25, "Sun": 0.5}}
    diagnosis = categories.diagnose(shares(), after, others, 5000)
    assert diagnosis.cause == cause, diagnosis
    assert evidence in diagnosis.evidence


def test_accents_lost_and_text_read_as_latin_1_are_spellings() -> None:
    before = {"Zürich": 0.5, "Genève": 0.3, "Bern": 0.2}
    mojibake = {value.encode().decode("latin-1"): share for value, share in before.items()}
    plain = {value.replace("ü", "u").replace("è", "e"): share for value, share in before.items()}
    assert categories.diagnose(before, mojibake, {}, 5000).cause == SPELLED
    assert categories.diagnose(before, plain, {}, 5000).cause == SPELLED


def test_an_id_that_moved_in_few_rows_is_no_default_value() -> None:
    # One in a hundred rows: all other airports are as they were, which a default would have taken from.
    before = {f"D{n}": 0.95 / 99 for n in range(99)} | {"ORD": 0.05}
    after = before | {"ORD": 0.04, "-1": 0.01}
    diagnosis = categories.diagnose(before, after, {}, 16_000)
    assert (diagnosis.cause, diagnosis.confidence > 0.9) == (MOVED, True)


def test_several_new_values_are_no_single_default() -> None:
    before = {f"D{n}": 0.01 for n in range(100)}
    after = {value: 0.97 * share for value, share in before.items()} | {"EWR": 0.01, "JFK": 0.01, "LGA": 0.01}
    assert categories.diagnose(before, after, {}, 16_000).cause == NEW


def test_shares_that_all_moved_are_unknown() -> None:
    diagnosis = categories.diagnose(shares(), shares(UA=0.1, AA=0.1, DL=0.3, B6=0.5), {}, 5000)
    assert diagnosis.cause == UNKNOWN


@pytest.mark.parametrize("before", [{}, {"a": 1.0}, {"a": 0.5, "b": 0.5}])
@pytest.mark.parametrize("after", [{}, {"a": 1.0}, {"": 1.0}, {"a": 0.2, "c": 0.8}])
@pytest.mark.parametrize("size", [0.0, 1.0, 1e9])
def test_few_categories_are_no_fault(before: dict[str, float], after: dict[str, float], size: float) -> None:
    diagnosis = categories.diagnose(before, after, {"other": {}}, size)
    assert 0 <= diagnosis.confidence <= 1


NUMBERS = st.floats(width=32, allow_nan=False, allow_infinity=False) | st.sampled_from(
    [0.0, 1.0, -1.0, 24.0, 1e-30]
)


@st.composite
def distributions(draw: st.DrawFn) -> Cdf:
    x = np.sort(np.array(draw(st.lists(NUMBERS, min_size=2, max_size=12))))
    share = np.cumsum(draw(st.lists(st.integers(0, 5), min_size=len(x), max_size=len(x))))
    return Cdf(x, (share - share[0]) / max(share[-1] - share[0], 1))


@given(distributions(), distributions(), distributions(), st.sampled_from([0.0, 0.5, 100.0, 1e9]))
@settings(max_examples=40, deadline=None)
def test_no_distribution_makes_it_fail(before: Cdf, after: Cdf, other: Cdf, size: float) -> None:
    every = [*explanations.of_number(before, after), explanations.swapped("other", other)]
    diagnosis = fitting.diagnose(before, after, every, size)
    assert diagnosis is None or (0 <= diagnosis.confidence <= 1 and diagnosis.cause)


def test_a_value_of_few_rows_is_not_named() -> None:
    before, after = known(_WIDE[0][:200]), known(np.r_[_WIDE[1][:191], np.full(9, 123456.0)])
    assert not [
        explanation
        for explanation in explanations.of_number(before, after, 200)
        if "123456" in explanation.description
    ]
    assert [
        explanation
        for explanation in explanations.of_number(before, after)
        if "123456" in explanation.description
    ]


def test_one_value_in_both_is_no_fault() -> None:
    assert diagnosed([5.0], [5.0]).cause == UNKNOWN
    assert diagnosed([5.0], [500.0]).confidence < 0.99


@pytest.mark.parametrize(
    ("feature", "factor", "evidence"), [("pressure", 100, "x 100"), ("wind_speed", 0.44704, "x 0.44")]
)
def test_other_units_of_the_weather(feature: str, factor: float, evidence: str) -> None:
    fault = FAULTS[0] | {"feature": feature, "parameters": {"factor": factor, "offset": 0}}
    flights = world(2013)
    findings = flights.compared(planted(fault, flights.served(7), 1.0, 8)).findings
    explained = [finding for finding in findings if finding.diagnosis is not None]
    assert explained
    for finding in explained:
        assert finding.diagnosis is not None
        assert (finding.feature, finding.diagnosis.cause) == (feature, SCALE)
        assert evidence in finding.diagnosis.evidence
        assert finding.message.startswith(finding.diagnosis.evidence)


def test_two_columns_of_numbers_that_were_swapped_name_each_other() -> None:
    fault = {"feature": "temp", "fault": "swapped", "parameters": {"with": "humid"}}
    flights = world(2013)
    findings = flights.compared(planted(fault, flights.served(9), 1.0, 10)).findings
    diagnoses = {finding.feature: finding.diagnosis for finding in findings if finding.diagnosis is not None}
    assert {name: diagnosis.cause for name, diagnosis in diagnoses.items()} == {
        "temp": SWAPPED,
        "humid": SWAPPED,
    }
    assert "`humid`" in diagnoses["temp"].evidence
    assert "`temp`" in diagnoses["humid"].evidence

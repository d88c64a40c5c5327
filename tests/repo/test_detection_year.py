"""The benchmark of nights: rows are what they should be, the peer keeps the budget, nights are counted."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from scipy import stats  # type: ignore[import-untyped]

from benchmarks import detection_nights, detection_ranking, detection_year, nights_data
from benchmarks.detection_nights import Judged, Nights
from benchmarks.detection_rates import Share
from benchmarks.detection_year import Delay, Year
from benchmarks.nights_data import AUTOCORRELATED, CATEGORY, CLUSTERED, INDEPENDENT, NUMBER, Shift, Traffic

QUIET = Judged()
BY_FIVE = Shift(NUMBER, 0.05)


def loud(source: str, feature: str = NUMBER) -> Judged:
    return QUIET._replace(**{source: ((feature, "moved"),)})


def test_all_tests_of_a_night_together_raise_one_alarm_in_the_budget() -> None:
    level = detection_nights.level(90, 8)
    assert 1 - (1 - level) ** 8 == pytest.approx(1 / 90)
    random = np.random.default_rng(1)
    training = {"x": random.normal(size=20_000), "c": random.choice(np.array(["a", "b"], object), 20_000)}
    peer = detection_nights.Tests(training, budget=4)
    nights = [
        {"x": random.normal(size=500), "c": random.choice(np.array(["a", "b"], object), 500)}
        for _ in range(400)
    ]
    assert 70 < sum(1 for night in nights if peer.alarms(night)) < 130


@pytest.mark.parametrize("moved", [0.0, 0.1, -3.0])
def test_the_peer_is_scipy_s(moved: float) -> None:
    random = np.random.default_rng(2)
    training, serving = random.normal(size=5_000).round(2), (random.normal(size=700) + moved).round(2)
    expected = stats.ks_2samp(training, serving, method="asymp").pvalue
    assert detection_nights.p_value(np.sort(training), serving) == pytest.approx(expected, rel=1e-9)


def test_rare_values_are_one_cell_for_the_peer() -> None:
    training = Counter({"a": 600, "b": 390, "c": 6, "d": 4})
    serving = np.array(["a"] * 50 + ["b"] * 45 + ["d"] * 5, object)
    expected = stats.chi2_contingency([[600, 390, 10], [50, 45, 5]], correction=False).pvalue
    assert detection_nights.p_value(training, serving) == pytest.approx(expected)


@pytest.mark.parametrize("shift", [Shift(NUMBER, 0.05), Shift(CATEGORY, 0.05)])
def test_a_shift_is_as_large_as_it_says(shift: Shift) -> None:
    traffic = Traffic(INDEPENDENT, 1)
    clean, moved = (
        np.asarray(traffic.night(0, planted, rows=100_000).columns[shift.feature])
        for planted in (None, shift)
    )
    if shift.feature == NUMBER:
        assert stats.ks_2samp(clean, moved).statistic == pytest.approx(0.05, abs=0.002)
    else:
        assert np.mean(clean != moved) == pytest.approx(0.05, abs=0.002)
        assert {*moved[clean != moved]} == {"s1"}


def test_rows_of_a_request_share_their_user_alone() -> None:
    night = Traffic(CLUSTERED, 1).night(0)
    assert len(night.records) == nights_data.ROWS
    for name, values in night.columns.items():
        same = [np.unique(np.asarray(values)[night.records == record]) for record in range(5)]
        assert all(len(each) == 1 for each in same) == (name in {"country", "age", "device", "tenure"})
    alone = Traffic(INDEPENDENT, 1).night(0)
    assert len({*alone.records}) == nights_data.ROWS


def test_levels_resemble_those_of_the_day_before_in_that_kind_alone() -> None:
    for levels in Traffic(AUTOCORRELATED, 1).levels.values():
        assert 0.03 < levels.std() < 0.2
        assert 0.3 < np.corrcoef(levels[:-1], levels[1:])[0, 1] < 0.95
    assert not any(levels.any() for levels in Traffic(INDEPENDENT, 1).levels.values())


def test_a_delay_is_the_first_night_that_names_the_feature() -> None:
    nights = [QUIET, loud("errors", CATEGORY), loud("peer"), loud("lasting"), loud("errors"), loud("peer")]
    delay = detection_year.delay(1, BY_FIVE, nights)
    assert delay == Delay(1, BY_FIVE, errors=5, lasting=4, slow=None, peer=3)
    assert delay.ours == 4


def test_nights_after_all_have_spoken_are_not_judged() -> None:
    def nights() -> Iterator[Judged]:
        yield Judged(*[((NUMBER, "moved"),)] * 5)
        pytest.fail("another night was judged")

    assert detection_year.delay(1, BY_FIVE, nights()).slow == 1


def test_nights_and_where_they_begin_are_counted() -> None:
    lasting = loud("lasting")
    years = [
        Year(INDEPENDENT, 1, (QUIET, lasting, lasting, QUIET, lasting)),
        Year(INDEPENDENT, 2, (lasting,)),
    ]
    row = detection_year.table_of_years(years).splitlines()[-1]
    assert row == "| 2 independent | 6 | 0.1 | 0 (0) | 4 (3) | 0 (0) | 0 (0) | 0 (0) |"


def test_promises_count_nights_with_an_error_and_shifts_that_are_found() -> None:
    years = [Year(INDEPENDENT, 1, (loud("errors"), loud("errors"), loud("lasting"), loud("peer")))]
    small = Delay(1, Shift(NUMBER, 0.0125), peer=1)
    delays = [
        Delay(1, BY_FIVE, lasting=3, peer=2),
        Delay(1, BY_FIVE, peer=4),
        Delay(1, BY_FIVE, errors=2),
        small,
    ]
    promises = list(detection_year.promises(years, delays))
    assert [promise.share for promise in promises] == [
        Share(2, 4),
        *[Share(0, 0)] * 3,
        Share(2, 3),
        Share(1, 3),
    ]
    assert not any(promise.holds for promise in promises), "a kind of year without a night keeps no promise"
    row = detection_year.table_of_delays(delays).splitlines()[2]
    never, late = "over 40 (0 of 3)", "over 40 (1 of 3)"
    assert row == f"| price by 5.00% | 3 | 3 (2 of 3) | {late} | {late} | {never} | 4 (2 of 3) |"


def test_of_a_budget_that_is_just_kept_chance_makes_more_once_in_a_hundred_runs() -> None:
    nights = 4 * nights_data.YEAR
    loud_nights = np.random.default_rng(3).binomial(nights, 1 / 90, 20_000)
    assert 0.004 < np.mean(loud_nights / nights > detection_year.allowed(nights)) <= 0.012


def test_a_night_is_judged_beside_training_and_the_nights_before_it(tmp_path: Path) -> None:
    nights = Nights(Traffic(INDEPENDENT, 1), tmp_path)
    clean = [nights.judge(number) for number in range(2)]
    assert not any(itertools.chain(*(night[:4] for night in clean)))
    shifted = nights.judge(2, Shift(NUMBER, 0.3))
    assert {feature for feature, _ in shifted.errors} == {NUMBER} == {feature for feature, _ in shifted.peer}
    [(feature, message)] = shifted.jumps
    assert feature == NUMBER
    assert "since 2022-01-02" in message


def test_dear_candidates_are_an_error_and_clean_requests_are_not() -> None:
    trials = detection_ranking.trials(detection_ranking.Counts(8, 4), 1)
    assert len({*trials}) == 12
    seed = trials[-1].seed
    one_of_each = [
        next(t for t in trials if t.seed == seed and t.is_faulty is faulty) for faulty in (False, True)
    ]
    judged = [(trial, detection_ranking.judge(trial)) for trial in one_of_each]
    assert [promise.share for promise in detection_ranking.promises(judged)] == [
        Share(0, 1),
        Share(0, 1),
        Share(1, 1),
    ]

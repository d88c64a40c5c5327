"""What was promised of detection, as shares of windows, faults and days, with what was measured of each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from benchmarks.detection_answers import OURS, Judged
from benchmarks.detection_days import Day
from benchmarks.detection_duels import by_size, planted_in
from benchmarks.detection_new_rows import Window
from benchmarks.detection_rates import Share, as_it_comes, detections, false_alarms, grouped
from benchmarks.detection_season_trials import CLEAN, FALL, FAULTS, WARM, SeasonTrial

MOST_FALSE, MOST_FALSE_ON_AVERAGE = 0.01, 0.005
MOST_DAYS = 1 / 30
#: Of windows of a second year as they are, and the least share of faults among other seasons. One year tells
#: how a month differs by twelve of them: 0.2 of the range is as much as four times that, in some worlds less.
MOST_FALSE_IN_SEASON = 1 / 200
LEAST_IN_SEASON = dict.fromkeys(FAULTS, 0.95) | {WARM: 0.5, FALL: 0.8}
MOST_NEW_ROWS = 1 / 200
#: The least share found of each kind that is promised, by rows in the window.
LEAST_FOUND = {500: 0.95, 2_000: 0.95, 20_000: 0.99}
AVERAGE = "at most one clean window in 200 on average over the sizes"
_NAMES = {
    "mean": "means moved by 0.25 deviations or more",
    "share": "shares moved by 10 points",
    "missing": "values missing in 5 % more rows or in 20 %",
    "unit": "units",
    "case": "cases",
    "default": "default values",
}


class Promise(NamedTuple):
    """A share that is promised to be at least, or at most, `bound`."""

    text: str
    share: Share
    bound: float
    at_least: bool = False

    @property
    def holds(self) -> bool:
        """Whether the measured share is within the bound; False where nothing was measured."""
        return self.share.value >= self.bound if self.at_least else self.share.value <= self.bound


def of_false_alarms(windows: Sequence[Judged]) -> Iterator[Promise]:
    """By size, of the windows without a fault."""
    for rows, share in false_alarms_by_size(windows).items():
        text = f"at most {MOST_FALSE:.0%} of clean windows of {rows:,} rows raise an error"
        yield Promise(text, share, MOST_FALSE)


def on_average(windows: Sequence[Judged]) -> Promise:
    """Of the windows of all sizes together, which are not equally many.

    The mean of the sizes' rates is promised. `bound` is the largest rate of all windows together that the
    promise allows: the size with most windows has all alarms, at as many times the promised rate as there are
    sizes.
    """
    shares = false_alarms_by_size(windows).values()
    trials = sum(share.of for share in shares)
    most = max((share.of for share in shares), default=0)
    bound = MOST_FALSE_ON_AVERAGE * len(shares) * most / max(trials, 1)
    return Promise(AVERAGE, Share(sum(share.times for share in shares), trials), bound)


def false_alarms_by_size(windows: Sequence[Judged]) -> dict[int, Share]:
    """The share of windows without a fault that raise an error, by rows; of sizes that were measured."""
    clean = [window for window in windows if window.is_asked_of(OURS)]
    return {rows: false_alarms(same, OURS, as_it_comes) for rows, same in by_size(clean).items()}


def of_detections(windows: Sequence[Judged]) -> Iterator[Promise]:
    """By size and kind of fault, of the faults whose finding is promised, whether or not any was planted."""
    for rows, least in LEAST_FOUND.items():
        promised = [fault for fault in planted_in(by_size(windows).get(rows, [])) if fault.is_promised]
        planted = grouped(promised, lambda fault: fault.kind)
        for kind, name in sorted(_NAMES.items()):
            share = detections(planted.get(kind, []), OURS, as_it_comes)
            text = f"at least {least:.0%} of {name} are found in {rows:,} rows"
            yield Promise(text, share, least, at_least=True)


def of_trifles(trifles: Mapping[str, bool]) -> Iterator[Promise]:
    """None of the features of two million rows; `trifles` says of each whether the trifle was an error."""
    for feature, is_error in trifles.items():
        text = f"a mean of {feature} moved by 0.005 deviations in 2 million rows is no error"
        yield Promise(text, Share(int(is_error), 1), 0.0)


def of_days(days: Sequence[Day]) -> Promise:
    """Of the real days."""
    text = "at most one real day in 30 is an error against a baseline of the others"
    return Promise(text, Share(sum(1 for day in days if day.errors), len(days)), MOST_DAYS)


def of_seasons(trials: Sequence[SeasonTrial]) -> Iterator[Promise]:
    """Of windows of a second year: those that are as they should be, together, and each fault."""
    clean = [trial.is_error for trial in trials if trial.kind in CLEAN]
    text = "at most one clean window of a second year in 200 (months, days, hours) raises an alarm"
    yield Promise(text, Share(sum(clean), len(clean)), MOST_FALSE_IN_SEASON)
    for kind, name in FAULTS.items():
        errors = [trial.is_error for trial in trials if trial.kind == kind]
        text = f"at least {LEAST_IN_SEASON[kind]:.0%} of this are found: {name}"
        yield Promise(text, Share(sum(errors), len(errors)), LEAST_IN_SEASON[kind], at_least=True)


def of_new_rows(windows: Sequence[Window]) -> Promise:
    """Of clean windows beside what was fitted on training's rows."""
    text = "at most one clean window in 200 is an error of what was fitted on training's rows"
    return Promise(text, Share(sum(1 for window in windows if window.errors), len(windows)), MOST_NEW_ROWS)

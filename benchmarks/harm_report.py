"""What was measured of estimated harm, as Markdown."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from benchmarks.harm_data import Array
from benchmarks.harm_windows import CLEAN, COVARIATES, KINDS, Interval, Judged
from trueserve.transforms.performance.metrics import MORE_IS_BETTER

#: A window has true harm from here on: of the AUC in its own unit, of an error as a share of that at export.
HARM = {"auc": 0.01, "mae": 0.03}
BAR_AUC, BAR_RANK, BAR_HELD = 0.01, 0.9, (0.935, 0.965)
_NAMES = {
    "auc": "AUC",
    "mae": "MAE",
    "rmse": "RMSE",
    "log_loss": "log loss",
    "brier": "Brier",
    "accuracy": "accuracy",
}


class Bar(NamedTuple):
    """Something that was to be reached, and what was measured."""

    name: str
    measured: str
    holds: bool


class Measured(NamedTuple):
    """Attributes:
    metric: the one that harm is seen by; at_export: all metrics of the evaluation rows.
    splits: windows of which each few have a calibration of their own.
    """

    source: str
    metric: str
    at_export: Mapping[str, float]
    windows: Sequence[Judged]
    splits: Sequence[Judged]

    def true_harm(self, window: Judged) -> float:
        return self.harm(self.metric, window.truth[self.metric])

    def harm(self, metric: str, value: float) -> float:
        """How much worse than at export."""
        return (value - self.at_export[metric]) * (-1 if metric in MORE_IS_BETTER else 1)

    @property
    def least_harm(self) -> float:
        return HARM[self.metric] * (1 if self.metric in MORE_IS_BETTER else self.at_export[self.metric])


def rank(
    measured: Measured, kinds: Sequence[str], of: Callable[[Judged], Mapping[str, Interval]], either_way: bool
) -> float:
    """How often a window with true harm has more estimated harm than one without (1: always), or NaN.

    Args:
      either_way: whether an estimated gain counts as harm, too: |estimated harm|.
    """
    windows = [window for window in measured.windows if window.kind in kinds]
    harms = np.array([measured.harm(measured.metric, of(w)[measured.metric].value) for w in windows])
    harms = np.abs(harms) if either_way else harms
    harmed = np.array([measured.true_harm(window) > measured.least_harm for window in windows])
    pairs = harms[harmed][:, None] - harms[~harmed][None, :]
    return float(np.mean((pairs > 0) + (pairs == 0) / 2)) if pairs.size else float("nan")


def differences(
    windows: Sequence[Judged], metric: str, of: Callable[[Judged], Mapping[str, Interval]]
) -> Array:
    """|estimate - truth| of each window."""
    return np.array([abs(of(window)[metric].value - window.truth[metric]) for window in windows])


def held(
    windows: Sequence[Judged], metrics: Sequence[str], of: Callable[[Judged], Mapping[str, Interval]]
) -> float:
    """The share of intervals that hold the truth."""
    inside = [of(w)[m].low <= w.truth[m] <= of(w)[m].high for w in windows for m in metrics]
    return float(np.mean(inside))


def ours(window: Judged) -> Mapping[str, Interval]:
    """The estimates of trueserve."""
    return window.ours


def theirs(window: Judged) -> Mapping[str, Interval]:
    """The estimates of NannyML."""
    return window.theirs


def bars(parts: Sequence[Measured]) -> list[Bar]:
    """What issue and documentation promise, measured on each source."""
    return [bar for part in parts for bar in _bars(part)]


def _bars(part: Measured) -> list[Bar]:
    ranked = "windows with true harm rank above those without"
    result = [_rank_bar(part, f"{ranked}, covariates moved or clean", KINDS[:2])]
    result += [_rank_bar(part, f"{ranked}, with pipeline faults", KINDS[:3])]
    metrics, (low, high) = tuple(part.splits[0].ours), BAR_HELD
    share, count = held(part.splits, metrics, ours), len(part.splits) * len(metrics)
    within = f"{low:.1%} to {high:.1%} of the intervals hold the truth, covariates moved or clean"
    result.append(Bar(f"{part.source}: {within}", f"{share:.1%} of {count:,}", low <= share <= high))
    if part.metric == "auc":
        apart = differences([w for w in part.windows if w.kind == COVARIATES], "auc", ours)
        measured = f"mean {apart.mean():.4f}, largest {apart.max():.4f}"
        name = f"{part.source}: estimated AUC within {BAR_AUC} of the true one, covariates moved alone"
        result.append(Bar(name, measured, bool(apart.max() <= BAR_AUC)))
    return result


def _rank_bar(part: Measured, name: str, kinds: Sequence[str]) -> Bar:
    ranked = rank(part, kinds, ours, either_way=False)
    return Bar(f"{part.source}: {name} (at least {BAR_RANK})", f"{ranked:.3f}", ranked >= BAR_RANK)


def document(parts: Sequence[Measured], promised: Sequence[Bar], about: str, notes: Sequence[str]) -> str:
    """HARM.md."""
    lines = ["# The last full run of `make harm`", "", about, *(f"\n{note}" for note in notes), "", _INTRO]
    lines += ["## Bars", "", "| bar | measured | |", "| --- | --- | --- |"]
    lines += [
        f"| {bar.name} | {bar.measured} | {'holds' if bar.holds else '**missed**'} |" for bar in promised
    ]
    for part in parts:
        lines += ["", f"## {part.source.capitalize()}", "", *_exported(part), "", *_by_kind(part), ""]
        lines += [*_ranks(part), "", *_splits(part), "", *_each(part)]
    return "\n".join(lines) + "\n"


def _exported(part: Measured) -> list[str]:
    values = ", ".join(f"{_NAMES[name]} {value:.4g}" for name, value in part.at_export.items())
    rows, seconds = part.windows[0].rows, float(np.median([window.seconds for window in part.windows]))
    return [
        f"At export: {values}. {len(part.windows)} windows of {rows:,} rows."
        f" An estimate took {1000 * seconds:.0f} ms (median)."
        f" True harm: {_NAMES[part.metric]} worse by more than {part.least_harm:.3g}."
    ]


def _by_kind(part: Measured) -> list[str]:
    lines = [
        "| windows | metric | number | mean true harm | mean, largest difference of estimate and truth |"
        " NannyML's | interval holds the truth | NannyML's |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for kind in KINDS:
        windows = [window for window in part.windows if window.kind == kind]
        for metric in windows[0].ours:
            has_theirs = metric in windows[0].theirs
            harm = np.mean([part.harm(metric, window.truth[metric]) for window in windows])
            cells = [kind, _NAMES[metric], str(len(windows)), f"{harm:+.4g}", _apart(windows, metric, ours)]
            cells += [_apart(windows, metric, theirs) if has_theirs else "-"]
            cells += [f"{held(windows, [metric], ours):.0%}"]
            cells += [f"{held(windows, [metric], theirs):.0%}" if has_theirs else "-"]
            lines.append(f"| {' | '.join(cells)} |")
    return lines


def _apart(windows: Sequence[Judged], metric: str, of: Callable[[Judged], Mapping[str, Interval]]) -> str:
    apart = differences(windows, metric, of)
    return f"{apart.mean():.3g}, {apart.max():.3g}"


def _ranks(part: Measured) -> list[str]:
    has_theirs = all(part.metric in window.theirs for window in part.windows)
    heads = ("ours", "NannyML's", "ours, of the absolute harm", "NannyML's, of the absolute harm")
    lines = [f"| rank of windows with true harm above those without | {' | '.join(heads)} |"]
    lines += ["| --- | ---: | ---: | ---: | ---: |"]
    for name, kinds in (
        ("covariates moved, and clean", KINDS[:2]),
        ("these and pipeline faults", KINDS[:3]),
        ("all, with concept shifts", KINDS),
    ):
        cells = []
        for either_way in (False, True):
            peer = f"{rank(part, kinds, theirs, either_way):.3f}" if has_theirs else "-"
            cells += [f"{rank(part, kinds, ours, either_way):.3f}", peer]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def _splits(part: Measured) -> list[str]:
    count = sum(window.kind == CLEAN for window in part.splits)
    lines = [
        f"The rows that the model has not seen are split {count} times anew into evaluation and pool,"
        " with three windows each: one clean, two with covariates moved.",
        "",
        "| windows | metric | number | mean, largest difference of estimate and truth |"
        " interval holds the truth |",
        "| --- | --- | ---: | ---: | ---: |",
    ]
    for kind in KINDS[:2]:
        windows = [window for window in part.splits if window.kind == kind]
        for metric in windows[0].ours:
            share = f"{held(windows, [metric], ours):.1%}"
            cells = [kind, _NAMES[metric], str(len(windows)), _apart(windows, metric, ours), share]
            lines.append(f"| {' | '.join(cells)} |")
    return lines


def _each(part: Measured) -> list[str]:
    name = _NAMES[part.metric]
    lines = [f"| window | | true {name} | ours | NannyML's |", "| --- | --- | ---: | ---: | ---: |"]
    for window in part.windows:
        peer = _shown(window.theirs[part.metric]) if part.metric in window.theirs else "-"
        true = f"{window.truth[part.metric]:.4g}"
        lines.append(
            f"| {window.kind} | {window.name} | {true} | {_shown(window.ours[part.metric])} | {peer} |"
        )
    return lines


def _shown(interval: Interval) -> str:
    return f"{interval.value:.4g} ({interval.low:.4g} to {interval.high:.4g})"


_INTRO = """\
A Keras model is trained on 40 % of the rows, and exported with another 20 % as `--evaluation`. Windows are
drawn from the rest, so labels are true. *Covariates moved*: rows are drawn by weights of their features.
*Pipeline fault*: the features that the model gets are wrong, the labels are not. *Concept shift*: the labels
are others. Estimates see no labels. So none can see a concept shift, and a fault only as far as predictions
show it.

NannyML's CBPE (classification) and DLE (regression) get the same evaluation rows and windows. Its interval is
three standard errors of sampling. Ranks: 1 if each window with true harm has more estimated harm than each
without. Harm is signed: an estimate that is better than at export is no harm.
"""

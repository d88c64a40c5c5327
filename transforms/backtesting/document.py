"""What a backtest found, as JSON values (docs/backtest.schema.json), and what is said of it in words."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from trueserve.transforms.backtesting.judging import WindowResult, WindowState
from trueserve.transforms.backtesting.suggest import LimitKey, Suggestion
from trueserve.transforms.core.batches import Window
from trueserve.transforms.verdict.model import Finding, Severity
from trueserve.transforms.verdict.wording import duration, number

FORMAT = 1
#: With fewer windows than this nothing is known of a tail.
FEW_WINDOWS = 20
# Limits that one window alone has raised are a question to the user.
_SHOWN = 5


@dataclasses.dataclass(frozen=True)
class Study:
    """All that was found.

    Attributes:
      windows: in order.
      good: those of them that limits are learnt from.
      allowed: how many of `good` may have an alarm by the budget.
      limits: limits to raise; the windows in a `Suggestion` are numbers in `good`.
      distances: the same of TFDV's comparators.
      after: the errors that are left under the new limits, by number in `good`, where there are any.
      counts: what became of records and rows.
    """

    settings: Mapping[str, Any]
    windows: Sequence[WindowResult]
    good: Sequence[WindowResult]
    allowed: float
    limits: Sequence[Suggestion]
    distances: Sequence[Suggestion]
    after: Mapping[int, tuple[Finding, ...]]
    counts: Mapping[str, Any]

    @property
    def fired(self) -> list[int]:
        """The numbers in `good` of the windows that have an error today."""
        return [number for number, window in enumerate(self.good) if window.errors]


def to_json(study: Study) -> dict[str, Any]:
    """The content of backtest.json."""
    return {
        "format": FORMAT,
        **study.settings,
        "counts": dict(study.counts),
        "windows": [_window(study, result) for result in study.windows],
        "alarms": {
            "allowed": round(study.allowed, 3),
            "before": len(study.fired),
            "after": len(study.after),
        },
        "suggested": [_suggestion(study, limit) for limit in study.limits],
        "tfdv": [_suggestion(study, limit) for limit in study.distances],
        "effects": list(_effects(study)),
        "left": _left(study),
        "remarks": list(remarks(study)),
    }


def remarks(study: Study) -> Iterator[str]:
    """What a reader should know before trusting the limits, a sentence each."""
    if len(study.good) < FEW_WINDOWS:
        yield (
            f"the limits rest on only {len(study.good):,} windows, fewer than {FEW_WINDOWS}, and are"
            " uncertain; use a longer time from --start to --end"
        )
    deciding = sorted(
        {study.good[limit.fired[0]].window for limit in study.limits if len(limit.fired) == 1}, key=_start
    )
    for window in deciding[:_SHOWN]:
        yield (
            f"the window {name_of(window)} alone raises some limits; if it had a fault, pass"
            f" --known_bad={name_of(window)}"
        )
    if len(study.after) > study.allowed:
        yield (
            f"{len(study.after):,} windows fire under the suggested limits too, more than the budget allows:"
            " their errors have no limit. Correct the causes, or set a severity in thresholds.toml"
        )


def comments(study: Study) -> dict[LimitKey, str]:
    """Beside each limit, what made it."""
    return {suggestion.key: _comment(study, suggestion) for suggestion in study.limits}


def head(study: Study) -> list[str]:
    """What stands at the top of thresholds.toml."""
    settings, before, after = study.settings, len(study.fired), len(study.after)
    every, budget = duration(settings["every"]), duration(settings["budget"])
    windows = f"{len(study.good):,} windows of {every} from {settings['start']} to {settings['end']}"
    return [
        "Suggested by trueserve backtest. Review it, then copy it into the baseline's folder.",
        f"{windows}.",
        f"The budget is one false alarm in {budget}: {number(study.allowed)} in these windows.",
        f"Windows with an error: {before:,} under the limits before, {after:,} under these.",
        *remarks(study),
    ]


def name_of(window: Window) -> str:
    """A window as `--known_bad` takes it, as short as it can be said: a day, an hour, or both ends."""
    assert window.start is not None
    assert window.end is not None
    start, end = (time.astimezone(dt.UTC) for time in (window.start, window.end))
    if end - start == dt.timedelta(days=1) and start.time() == dt.time():
        return f"{start:%Y-%m-%d}"
    if end - start == dt.timedelta(hours=1) and start.minute == start.second == 0:
        return f"{start:%Y-%m-%dT%H}"
    return f"{_moment(start)}/{_moment(end)}"


def _moment(time: dt.datetime) -> str:
    return f"{time:%Y-%m-%d}" if time.time() == dt.time() else f"{time:%Y-%m-%dT%H:%M:%S}"


def _comment(study: Study, suggestion: Suggestion) -> str:
    windows = [name_of(study.good[number].window) for number in suggestion.fired]
    more = f" and {len(windows) - _SHOWN:,} more" if len(windows) > _SHOWN else ""
    over = f"{', '.join(windows[:_SHOWN])}{more}"
    before = (
        f"{number(suggestion.today)} before"
        if suggestion.today
        else "no limit before except the schema's bound"
    )
    return f"{before}, which {over} exceeded; {len(suggestion.left):,} windows exceed this"


def _suggestion(study: Study, suggestion: Suggestion) -> dict[str, Any]:
    def starts(numbers: Iterable[int]) -> list[str]:
        return [iso(study.good[number].window.start) for number in numbers]

    return {
        **suggestion.key._asdict(),
        "today": suggestion.today,
        "suggested": suggestion.suggested,
        "over_today": starts(suggestion.fired),
        "over_suggested": starts(suggestion.left),
    }


def _window(study: Study, result: WindowResult) -> dict[str, Any]:
    numbers = {id(good): number for number, good in enumerate(study.good)}
    number_of = numbers.get(id(result))
    return {
        "start": iso(result.window.start),
        "end": iso(result.window.end),
        "rows": result.rows,
        "state": result.state.value,
        "fired": bool(result.errors),
        "fires_after": None if number_of is None else number_of in study.after,
        "findings": [f.to_json() for f in result.findings if f.severity is not Severity.INFO],
    }


def _effects(study: Study) -> Iterator[dict[str, Any]]:
    """How far each feature was off in each window that was judged; null where it could not be told."""
    judged = [
        result for result in study.windows if result.state in (WindowState.JUDGED, WindowState.KNOWN_BAD)
    ]
    by_window = [{effect.key: effect for effect in result.effects} for result in judged]
    for key in sorted({key for effects in by_window for key in effects}):
        series = [effects.get(key) for effects in by_window]
        yield {
            **key._asdict(),
            "today": min(effect.today for effect in series if effect is not None),
            "floor": max(effect.floor for effect in series if effect is not None),
            "values": [None if effect is None else round(effect.value, 5) for effect in series],
            "count": [effect is not None and effect.counts for effect in series],
        }


def _left(study: Study) -> list[dict[str, Any]]:
    """Errors that fire under the new limits, and in how many windows."""
    counts = Counter((f.space.value, f.feature, f.metric) for errors in study.after.values() for f in errors)
    return [
        {"space": space, "feature": feature, "metric": metric, "windows": counts[space, feature, metric]}
        for space, feature, metric in sorted(counts)
    ]


def _start(window: Window) -> dt.datetime:
    assert window.start is not None
    return window.start


def iso(time: dt.datetime | None) -> str:
    assert time is not None
    return time.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")

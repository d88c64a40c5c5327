"""What a backtest found, as JSON values (docs/backtest.schema.json), and what is said of it in words."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from transforms.backtesting.judging import State, WindowResult
from transforms.backtesting.suggest import LimitKey, Suggestion
from transforms.core.batches import Window
from transforms.verdict.model import Finding, Severity
from transforms.verdict.wording import number

FORMAT = 1
#: With fewer windows than this nothing is known of a tail.
FEW_WINDOWS = 20
# Limits that one window alone has raised are a question to the user.
_SAID = 5


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

    asked: Mapping[str, Any]
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
        return [number for number, one in enumerate(self.good) if one.errors]


def to_json(study: Study) -> dict[str, Any]:
    """The content of backtest.json."""
    return {
        "format": FORMAT,
        **study.asked,
        "counts": dict(study.counts),
        "windows": [_window(study, one) for one in study.windows],
        "alarms": {
            "allowed": round(study.allowed, 3),
            "before": len(study.fired),
            "after": len(study.after),
        },
        "suggested": [_suggestion(study, one) for one in study.limits],
        "tfdv": [_suggestion(study, one) for one in study.distances],
        "effects": list(_effects(study)),
        "left": _left(study),
        "remarks": list(remarks(study)),
    }


def remarks(study: Study) -> Iterator[str]:
    """What a reader should know before trusting the limits, a sentence each."""
    if len(study.good) < FEW_WINDOWS:
        yield (
            f"the limits rest on {len(study.good):,} windows alone, fewer than {FEW_WINDOWS}: what the tail"
            " of so few says is a guess; look at more"
        )
    lonely = sorted(
        {study.good[one.fired[0]].window for one in study.limits if len(one.fired) == 1}, key=_start
    )
    for window in lonely[:_SAID]:
        yield (
            f"the window of {name_of(window)} alone raises some limits; if it was no good one, leave it out"
            f" with --known_bad={name_of(window)}"
        )
    if len(study.after) > study.allowed:
        yield (
            f"{len(study.after):,} windows fire under these limits too, more than the budget allows, for"
            " causes that no limit is for; mend them, or give the feature a severity in thresholds.toml"
        )


def comments(study: Study) -> dict[LimitKey, str]:
    """Beside each limit, what made it."""
    return {one.key: _comment(study, one) for one in study.limits}


def head(study: Study) -> list[str]:
    """What stands at the top of thresholds.toml."""
    asked, before, after = study.asked, len(study.fired), len(study.after)
    windows = f"{len(study.good):,} windows of {asked['every']} from {asked['start']} to {asked['end']}"
    return [
        "Suggested by trueserve backtest; to be reviewed, and then put beside the baseline.",
        f"{windows}.",
        f"The budget is one false alarm in {asked['budget']}: {number(study.allowed)} in these windows.",
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


def _comment(study: Study, one: Suggestion) -> str:
    windows = [name_of(study.good[number].window) for number in one.fired]
    more = f" and {len(windows) - _SAID:,} more" if len(windows) > _SAID else ""
    over = f"{', '.join(windows[:_SAID])}{more}"
    before = f"{number(one.today)} before" if one.today else "none before but the schema's own bound"
    return f"{before}, which {over} exceeded; {len(one.left):,} windows exceed this"


def _suggestion(study: Study, one: Suggestion) -> dict[str, Any]:
    def starts(numbers: Iterable[int]) -> list[str]:
        return [iso(study.good[number].window.start) for number in numbers]

    return {
        **one.key._asdict(),
        "today": one.today,
        "suggested": one.suggested,
        "over_today": starts(one.fired),
        "over_suggested": starts(one.left),
    }


def _window(study: Study, one: WindowResult) -> dict[str, Any]:
    numbers = {id(good): number for number, good in enumerate(study.good)}
    number_of = numbers.get(id(one))
    return {
        "start": iso(one.window.start),
        "end": iso(one.window.end),
        "rows": one.rows,
        "state": one.state.value,
        "fired": bool(one.errors),
        "fires_after": None if number_of is None else number_of in study.after,
        "findings": [f.to_json() for f in one.findings if f.severity is not Severity.INFO],
    }


def _effects(study: Study) -> Iterator[dict[str, Any]]:
    """How far each feature was off in each window that was judged; null where it could not be told."""
    judged = [one for one in study.windows if one.state in (State.JUDGED, State.KNOWN_BAD)]
    by_window = [{effect.key: effect for effect in one.effects} for one in judged]
    for key in sorted({key for effects in by_window for key in effects}):
        told = [effects.get(key) for effects in by_window]
        yield {
            **key._asdict(),
            "today": min(one.today for one in told if one is not None),
            "floor": max(one.floor for one in told if one is not None),
            "values": [None if one is None else round(one.value, 5) for one in told],
            "count": [one is not None and one.counts for one in told],
        }


def _left(study: Study) -> list[dict[str, Any]]:
    """Errors that fire under the new limits, and in how many windows."""
    found = Counter((f.space.value, f.feature, f.metric) for errors in study.after.values() for f in errors)
    return [
        {"space": space, "feature": feature, "metric": metric, "windows": found[space, feature, metric]}
        for space, feature, metric in sorted(found)
    ]


def _start(window: Window) -> dt.datetime:
    assert window.start is not None
    return window.start


def iso(time: dt.datetime | None) -> str:
    assert time is not None
    return time.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")

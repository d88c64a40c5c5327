"""A run's metrics, whatever system gets them. What was not computed has no sample, rather than a zero."""

from __future__ import annotations

import dataclasses
import datetime as dt
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from trueserve.transforms.publish.formatting import visible

Json = Mapping[str, Any]
#: Features of which the effect is given, if nobody says how many.
WORST = 20
EXAMINED = frozenset({"ok", "skew"})
STATES = ("new", "ongoing", "worse", "better", "resolved", "not_compared")
SEVERITIES = ("error", "warning", "info")
VERDICTS = ("ok", "skew", "not_examined", "failed")
LAST_SUCCESS = "trueserve_last_success_timestamp_seconds"
_ROWS = ("read", "decoded", "rejected", "outside_window", "no_time", "excluded", "rows", "compared")
_LONGEST_LABEL = 200

Labels = tuple[tuple[str, str], ...]


@dataclasses.dataclass(frozen=True)
class Family:
    """A gauge and its samples.

    Attributes:
      samples: labels and a finite value each; no labels twice.
    """

    name: str
    help: str
    unit: str
    samples: tuple[tuple[Labels, float], ...]


@dataclasses.dataclass(frozen=True)
class Run:
    """A run that has ended.

    Attributes:
      document: its verdict.json.
      series: the name of what was compared.
      started, finished: times with a zone.
    """

    document: Json
    series: str
    started: dt.datetime
    finished: dt.datetime

    @property
    def is_success(self) -> bool:
        """Whether it examined its window, whatever it found."""
        return self.document["verdict"] in EXAMINED

    @property
    def seconds(self) -> float:
        return (self.finished - self.started).total_seconds()


def of_run(run: Run, worst: int = WORST, last_success: float | None = None) -> tuple[Family, ...]:
    """The metrics of a run, each with the label `series`.

    Args:
      worst: so many features, those whose effect is the greatest multiple of its limit.
      last_success: seconds since 1970 of the last run that examined its window, where this one did not;
        None leaves the metric out.

    Raises KeyError, TypeError or ValueError where the document is no verdict.
    """
    families = (*_of_time(run, last_success), *_of_content(run.document, worst))
    series = ("series", visible(run.series, _LONGEST_LABEL))
    return tuple(
        dataclasses.replace(each, samples=tuple(_labelled(each.samples, series))) for each in families
    )


def _labelled(
    samples: Sequence[tuple[Labels, float]], series: tuple[str, str]
) -> Iterator[tuple[Labels, float]]:
    """Each with the series; of samples with the same labels the first."""
    seen = set[Labels]()
    for labels, value in samples:
        if labels not in seen and math.isfinite(value):
            seen.add(labels)
            yield (series, *labels), value


def _of_time(run: Run, last_success: float | None) -> Iterator[Family]:
    success = run.finished.timestamp() if run.is_success else last_success
    if success is not None:
        yield _single(LAST_SUCCESS, "Time of the last run that examined its window.", "s", success)
    finished = run.finished.timestamp()
    yield _single("trueserve_last_run_timestamp_seconds", "Time at which the last run ended.", "s", finished)
    yield _single("trueserve_run_duration_seconds", "How long the last run took.", "s", run.seconds)
    end = run.document["window"]["end"]
    if end is not None:
        moment = dt.datetime.fromisoformat(end).timestamp()
        yield _single("trueserve_window_end_timestamp_seconds", "End of the window.", "s", moment)


def _single(name: str, text: str, unit: str, value: float) -> Family:
    return Family(name, text, unit, (((), value),))


def _of_content(document: Json, worst: int) -> Iterator[Family]:
    outcome = document["verdict"]
    verdicts = [((("verdict", each),), float(each == outcome)) for each in VERDICTS]
    yield Family("trueserve_verdict", "The verdict of the last run: 1, and 0 of others.", "1", (*verdicts,))
    counts = document["counts"]
    rows = [((("state", state),), float(counts[state])) for state in _ROWS if state in counts]
    yield Family("trueserve_rows", "What became of the records and rows of the window.", "1", tuple(rows))
    if outcome in EXAMINED:
        yield from _of_incidents(document)
        yield from _of_features(document, worst)


def _of_incidents(document: Json) -> Iterator[Family]:
    """Each state and severity, those that no incident has too: else an alert would never end."""
    if "incidents" not in document:  # a verdict of format 1
        return
    kinds = [(incident["state"], incident["severity"]) for incident in document["incidents"]]
    samples = [
        ((("state", state), ("severity", severity)), float(kinds.count((state, severity))))
        for state in STATES
        for severity in SEVERITIES
    ]
    yield Family("trueserve_incidents", "Incidents of the window.", "1", tuple(samples))


def _of_features(document: Json, worst: int) -> Iterator[Family]:
    ratios = sorted(_ratios(document), key=lambda item: (-item[2], item[0], item[1]))[: max(0, worst)]
    samples = [((("feature", feature), ("space", space)), ratio) for feature, space, ratio in ratios]
    text = "Effect of a feature as a multiple of its limit, of the worst features; 1 and more matters."
    yield Family("trueserve_feature_effect_ratio", text, "1", tuple(samples))


def _ratios(document: Json) -> Iterator[tuple[str, str, float]]:
    for feature in document.get("features", ()):
        effect, limit = feature["effect"], feature["least_effect"]
        if effect is not None and limit:
            yield visible(feature["feature"], _LONGEST_LABEL), str(feature["space"]), effect / limit

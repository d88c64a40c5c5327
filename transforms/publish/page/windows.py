"""Windows as the runs of an output saw them, and what each says of features and incidents.

The documents of earlier runs may have been written by anybody: what is not what a run writes is left out.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

from trueserve.transforms.publish.page import incidents as page_incidents
from trueserve.transforms.publish.page.rows import Key
from trueserve.transforms.publish.page.tables import Json

# Windows that are shown, the latest.
MOST_WINDOWS = 90
_EXAMINED = ("ok", "skew")
_MOST_RATIO, _LEAST_P = 1e9, 0.005
_RUN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,200}(/failed)?")
# A window of a series has the name of its start and its length; a run begins with its own time.
_WINDOW = re.compile(r"[0-9-]{10}T[0-9]+Z_P")

#: What a cell says, as letters for the script and classes for the style sheet.
UNKNOWN, QUIET, NEAR, OVER = "x", "z", "w", "h"
LEVEL_OF = {"error": OVER, "warning": NEAR}


class PastRun(NamedTuple):
    """A run's verdict.json, and the name of its folder below `runs`; empty for the run that is published.

    In a series it is that of the window's folder below `windows`.
    """

    document: Json
    name: str = ""

    @property
    def folder(self) -> str:
        """The name, if it is one that can stand in a link."""
        return self.name if _RUN.fullmatch(self.name) else ""

    @property
    def in_series(self) -> bool:
        """Whether the folder is that of a window."""
        return _WINDOW.match(self.name) is not None


class Measure(NamedTuple):
    """What a window says of a feature: its effect as a share of its limit, and shares of rows, 0 to 1."""

    level: str
    ratio: float | None = None
    missing_share: float | None = None
    unseen_share: float | None = None


@dataclasses.dataclass(frozen=True)
class WindowOfRun:
    """A window, as its last run saw it."""

    run: PastRun

    @property
    def start(self) -> str:
        window = self.run.document.get("window")
        start = window.get("start") if isinstance(window, Mapping) else None
        return start if isinstance(start, str) else ""

    @property
    def label(self) -> str:
        return page_incidents.period(self.start or None)

    @property
    def is_examined(self) -> bool:
        return self.run.document.get("verdict") in _EXAMINED

    @cached_property
    def measures(self) -> Mapping[Key, Measure]:
        """What is known of each feature."""
        measures: dict[Key, Measure] = {}
        for entry in entries(self.run.document, "features"):
            ratio = _ratio(entry)
            level = UNKNOWN if ratio is None else NEAR if ratio >= 0.5 and _is_beyond(entry) else QUIET
            shares = _share(entry, "missing_share"), _share(entry, "unseen_share")
            measures[_key(entry)] = Measure(level, ratio, *shares)
        for finding in entries(self.run.document, "findings"):
            if finding.get("slice") is None and finding.get("feature") and finding.get("kind") != "drift":
                key = _key(finding)
                measures[key] = _with_finding(measures.get(key, Measure(UNKNOWN)), finding)
        return measures

    @cached_property
    def incidents(self) -> Mapping[str, Json]:
        """Those that are in this window, by id."""
        every = entries(self.run.document, "incidents")
        return {
            str(each.get("id")): each for each in every if str(each.get("state")) not in page_incidents.PAST
        }


def windows(runs: Iterable[PastRun]) -> list[WindowOfRun]:
    """The latest windows, in order of time; of several runs of a window the last by name."""
    last: dict[str, WindowOfRun] = {}
    for run in sorted(runs, key=lambda run: run.name or "~"):
        window = WindowOfRun(run)
        last[window.start] = window
    return [last[start] for start in sorted(last)][-MOST_WINDOWS:]


def entries(document: Json, key: str) -> list[Json]:
    """The objects of a list of a document; none where it is no such list."""
    value = document.get(key)
    return [entry for entry in value if isinstance(entry, Mapping)] if isinstance(value, Sequence) else []


def _key(entry: Json) -> Key:
    return str(entry.get("space")), str(entry.get("feature"))


def _number(value: Any) -> float | None:
    """A finite number; None for whatever else there is, as JSON knows integers that no float holds."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _share(entry: Json, key: str) -> float | None:
    value = _number(entry.get(key))
    return None if value is None else min(max(value, 0.0), 1.0)


def _is_beyond(entry: Json) -> bool:
    """Whether chance hardly makes the effect: of few rows it makes one over any limit."""
    p_value = _number(entry.get("p_value"))
    return p_value is not None and p_value <= _LEAST_P


def _ratio(entry: Json) -> float | None:
    effect, limit = _number(entry.get("effect")), _number(entry.get("least_effect"))
    if effect is None or not limit or limit < 0:
        return None
    return min(max(effect / limit, 0.0), _MOST_RATIO)


def _with_finding(measure: Measure, finding: Json) -> Measure:
    evidence = finding.get("evidence")
    ratio = _ratio(evidence) if isinstance(evidence, Mapping) else None
    level = max(measure.level, LEVEL_OF.get(str(finding.get("severity")), QUIET), key="xzwh".index)
    if ratio is None or (measure.ratio or 0.0) >= ratio:
        return measure._replace(level=level)
    return measure._replace(level=level, ratio=ratio)

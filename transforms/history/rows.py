"""A verdict as rows of the long table: one row for each figure.

A figure is known by its window, slice, space, feature and metric: no two rows have the same five. Where a
finding and the numbers of a feature tell of the same figure, they are one row. Anybody may have written a
verdict, so each value is checked.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping
from typing import Any

from trueserve.transforms.core.batches import Window
from trueserve.transforms.runs.window_summary import parsed_window

Json = Mapping[str, Any]
Key = tuple[str | None, str, str, str]

_NUMBERS = ("rows", "missing_share", "training_missing_share", "unseen_share", "psi")
_COUNTS = ("read", "decoded", "rejected", "outside_window", "no_time", "excluded", "rows", "compared")
_ESTIMATES = ("estimate", "at_export", "harm")
_SET = "set"
_LONGEST = 10_000  # characters of a name


@dataclasses.dataclass(frozen=True)
class Row:
    """One figure of a window.

    Attributes:
      slice: the part of the rows that it is of, such as `version=2`; None for all of them.
      space: raw, transformed, prediction or set.
      feature: empty for a figure of the whole set.
      value: None where it was not measured.
      limit: from which value on it matters; None where it has none.
      severity, incident: of the finding that it belongs to; None where there is none.
    """

    slice: str | None
    space: str
    feature: str
    metric: str
    value: float | None
    limit: float | None = None
    severity: str | None = None
    incident: str | None = None

    @property
    def key(self) -> Key:
        """What no other row of the window has."""
        return self.slice, self.space, self.feature, self.metric


def window_of(document: Json) -> Window:
    """The window of a verdict. Raises ValueError where it has none."""
    window = parsed_window(document.get("window"))
    if window is None:
        raise ValueError("the window is none")
    return window


def rows_of(document: Json) -> list[Row]:
    """The rows of a verdict, in an order that is the same each time.

    Raises:
      ValueError: the document is not what `validate` writes.
    """
    rows: dict[Key, Row] = {}
    for row in _all(document):
        first = rows.setdefault(row.key, row)
        if first is not row:
            rows[row.key] = _merged(first, row)
    return list(rows.values())


def _all(document: Json) -> Iterator[Row]:
    """Findings first, the worst before others: of rows with one key the first one's severity counts."""
    yield from _of_set(document)
    for finding in _objects(document, "findings"):
        yield from _of_finding(finding)
    for numbers in _objects(document, "features"):
        yield from _of_feature(numbers)
    for part in _objects(document, "slices"):
        yield Row(_text(part, "slice"), _SET, "", "rows", _number(part, "rows"))
    for left_out in _objects(document, "not_compared"):
        yield Row(None, _text(left_out, "space"), _text(left_out, "feature"), "not_compared", None)
    yield from _of_performance(document.get("performance"))
    yield from _of_replay(document.get("replay"))


def _of_set(document: Json) -> Iterator[Row]:
    """What is known of each window, examined or not."""
    yield Row(None, _SET, "", "exit_code", _number(document, "exit_code"))
    counts = _object(document.get("counts"))
    for name in _COUNTS:
        yield Row(None, _SET, "", name, _number(counts, name))
    yield Row(None, _SET, "", "least_visible", _number(document, "least_visible"))


def _of_finding(finding: Json) -> Iterator[Row]:
    """Its own figure, and the one that decided where that is another."""
    part, incident = _optional(finding, "slice"), _optional(finding, "incident")
    space, feature, severity = (_text(finding, key) for key in ("space", "feature", "severity"))
    value, limit = _number(finding, "distance"), _number(finding, "threshold")
    yield Row(part, space, feature, _text(finding, "metric"), value, limit, severity, incident)
    if finding.get("evidence") is not None:
        evidence = _object(finding["evidence"])
        value, limit = _number(evidence, "effect"), _number(evidence, "least_effect")
        yield Row(part, space, feature, _text(evidence, "metric"), value, limit, severity, incident)


def _of_feature(numbers: Json) -> Iterator[Row]:
    space, feature = _text(numbers, "space"), _text(numbers, "feature")
    for name in _NUMBERS:
        if (value := _number(numbers, name)) is not None:
            yield Row(None, space, feature, name, value)
    if (metric := _optional(numbers, "metric")) is not None:
        effect, limit = _number(numbers, "effect"), _number(numbers, "least_effect")
        yield Row(None, space, feature, metric, effect, limit)


def _of_performance(performance: Any) -> Iterator[Row]:
    metrics = None if performance is None else _object(performance).get("metrics")
    for name, figures in sorted(_object(metrics).items()) if metrics is not None else ():
        for kind in _ESTIMATES:
            yield Row(None, "prediction", "", f"{name}_{kind}", _number(_object(figures), kind))


def _of_replay(replay: Any) -> Iterator[Row]:
    """The part of the replayed rows whose logged answer is another one."""
    if replay is None:
        return
    rows = _number(_object(replay), "rows")
    differing = _number(_object(_object(replay).get("total")), "differing")
    share = differing / rows if rows and differing is not None else None
    yield Row(None, "prediction", "", "replay_differing_share", share, _number(_object(replay), "share"))


def _merged(first: Row, second: Row) -> Row:
    """One row of two of the same figure: value and limit of the first that was measured."""
    measured = first if first.value is not None else second
    judged = first if first.severity is not None else second
    return dataclasses.replace(
        first,
        value=measured.value,
        limit=measured.limit,
        severity=judged.severity,
        incident=judged.incident if first.incident is None else first.incident,
    )


def _objects(document: Json, key: str) -> Iterator[Json]:
    """Those of a list; verdicts of older formats have not all lists."""
    values = document.get(key, [])
    if not isinstance(values, list):
        raise ValueError(f"{key} is no list")  # noqa: TRY004 - of data, not of arguments
    yield from (_object(value) for value in values)


def _object(value: Any) -> Json:
    if not isinstance(value, Mapping):
        raise ValueError("expected an object")  # noqa: TRY004
    return value


def _text(content: Json, key: str) -> str:
    """A text that can be stored: half surrogates, which JSON may hold, are spelled out."""
    value = content.get(key)
    if not isinstance(value, str) or len(value) > _LONGEST:
        raise ValueError(f"{key} is no text of {_LONGEST} characters at most")
    return value.encode("utf-8", "backslashreplace").decode()


def _optional(content: Json, key: str) -> str | None:
    return None if content.get(key) is None else _text(content, key)


def _number(content: Json, key: str) -> float | None:
    """None where it was not measured; infinite ones and NaN count as not measured."""
    value = content.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{key} is no number")  # noqa: TRY004
    try:
        number = float(value)
    except OverflowError as error:
        raise ValueError(f"{key} is too large") from error
    return number if math.isfinite(number) else None

"""Where each feature of a window stands relative to training: a few numbers that later runs can line up.

Kept small, some bytes a feature, so that a run can read those of many windows. Read back they are a
stranger's file: whatever is not what `to_bytes` writes is refused as a whole.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from trueserve.transforms.core import schema as schemas
from trueserve.transforms.core.batches import Window
from trueserve.transforms.verdict.evidence import cdf as cdfs
from trueserve.transforms.verdict.evidence.cdf import Cdf
from trueserve.transforms.verdict.feature_stats import Statistics, View
from trueserve.transforms.verdict.model import Space
from trueserve.transforms.verdict.reference import ComparedPair, Reference
from trueserve.transforms.verdict.severity import Policy
from trueserve.transforms.verdict.wording import iso

FORMAT = 1
# Of a category the shares of so many values are kept, those that training has most often.
MOST_VALUES = 10
RANK, MISSING, SHARE, OTHERS = "rank", "missing", "share", "others"
_DIGITS = 6


class SummaryKey(NamedTuple):
    """What is measured: `rank`, `missing`, `share` of training's value number `value`, or `others`."""

    space: Space
    feature: str
    what: str
    value: int = 0


@dataclasses.dataclass(frozen=True)
class WindowSummary:
    """The positions of one window.

    Attributes:
      baseline: what they are relative to, as a digest; `model` what those of predictions are, empty without.
      rows: in the statistics, weights taken into account.
      values: `rank` is the chance that a served number is greater than one of training, and half of that of
        an equal one, less 1/2; the others are shares, 0 to 1, of rows (`missing`) or values.
    """

    window: Window
    baseline: str
    rows: int
    values: Mapping[SummaryKey, float]
    model: str = ""

    def to_bytes(self) -> bytes:
        """The content of positions.json: the same positions give the same bytes."""
        spaces: dict[str, dict[str, dict[str, Any]]] = {}
        for key, value in self.values.items():
            feature_values = spaces.setdefault(key.space.value, {}).setdefault(key.feature, {})
            if key.what == SHARE:
                feature_values.setdefault("shares", []).append(value)
            else:
                feature_values[key.what] = value
        document = {
            "format": FORMAT,
            "window": {"start": iso(self.window.start), "end": iso(self.window.end)},
            "baseline": self.baseline,
            "rows": self.rows,
            "spaces": spaces,
        } | ({"model": self.model} if self.model else {})
        # A feature may be named by half a surrogate pair, which has no UTF-8.
        return (json.dumps(document, separators=(",", ":"), allow_nan=False) + "\n").encode("ascii")


def summarize(
    references: Iterable[Reference],
    served: Mapping[Space, Statistics],
    window: Window,
    baseline: str,
    model: str = "",
) -> WindowSummary:
    """The positions of all features that training has and that serving is asked for."""
    values: dict[SummaryKey, float] = {}
    rows = 0
    for reference in references:
        pair = ComparedPair(reference, Policy(), served[reference.space], Counter())
        rows = max(rows, pair.rows)
        for name in comparable(pair) if pair.rows else ():
            for what, number, value in _of_feature(pair.training[name], pair.serving.get(name)):
                values[SummaryKey(reference.space, name, what, number)] = round(value, _DIGITS)
    return WindowSummary(window, baseline, rows, values, model)


def of_training(reference: Reference) -> Mapping[SummaryKey, float]:
    """Where training itself stands: a rank of 0, and its shares."""
    served = {reference.space: reference.statistics}
    return summarize([reference], served, Window(), "").values


def comparable(pair: ComparedPair) -> Iterator[str]:
    """The features of training that requests should have, whose missing rows mean something."""
    for name in pair.training:
        feature = pair.features.get(name)
        holds_time = name == pair.reference.time_feature
        if feature is None or "." in name or holds_time or pair.reference.is_label(name):
            continue
        if schemas.is_used(feature) and schemas.in_serving(feature, pair.schema):
            yield name


def _of_feature(training: View, serving: View | None) -> Iterator[tuple[str, int, float]]:
    yield MISSING, 0, 1.0 if serving is None else serving.missing_share
    if serving is None or not serving.present or not training.present or serving.kind != training.kind:
        return
    if serving.kind == "category":
        shares = serving.shares()
        top = [shares.get(value, 0.0) for value in top_values(training)]
        yield from ((SHARE, number, share) for number, share in enumerate(top))
        yield OTHERS, 0, min(max(1 - sum(top), 0.0), 1.0)
    elif serving.kind == "number":
        before, after = cdfs.of_view(training), cdfs.of_view(serving)
        if before is not None and after is not None:
            yield RANK, 0, rank(before, after)


def top_values(training: View) -> list[str]:
    """The values that training has most often, in an order that is the same whenever it is asked."""
    counts = training.counts()
    return sorted(counts, key=lambda value: (-counts[value], value))[:MOST_VALUES]


def rank(before: Cdf, after: Cdf) -> float:
    """P(a value of `after` is greater than one of `before`) + P(equal) / 2 - 1/2, from -0.5 to 0.5."""
    at = np.union1d(before.x, after.x)
    under, upto = (before.under(at), after.under(at)), (before.up_to(at), after.up_to(at))
    # On the steps of `after`, and between the points, where both functions are straight.
    steps = (upto[1] - under[1]) * (under[0] + upto[0]) / 2
    between = (under[1][1:] - upto[1][:-1]) * (under[0][1:] + upto[0][:-1]) / 2
    return float(np.clip(steps.sum() + between.sum() - 0.5, -0.5, 0.5))


def parsed(data: bytes) -> WindowSummary | None:
    """The inverse of `to_bytes`; None for anything else."""
    try:
        document = json.loads(data)
        if not isinstance(document, dict) or document.get("format") != FORMAT:
            return None
        window = parsed_window(document.get("window"))
        rows, baseline, spaces = document.get("rows"), document.get("baseline"), document.get("spaces")
        model = document.get("model", "")
        if window is None or not isinstance(rows, int) or not isinstance(baseline, str):
            return None
        if not isinstance(model, str):
            return None
        return WindowSummary(window, baseline, rows, dict(_values(spaces)), model)
    except (ValueError, RecursionError):
        return None


def _values(spaces: Any) -> Iterator[tuple[SummaryKey, float]]:
    """Raises ValueError for what is no positions."""
    for space, features in _items(spaces):
        for feature, measures in _items(features):
            for what, value in _items(measures):
                if what == "shares":
                    for number, share in enumerate(_list(value)):
                        yield SummaryKey(Space(space), feature, SHARE, number), _position(share)
                elif what in (RANK, MISSING, OTHERS):
                    yield SummaryKey(Space(space), feature, what), _position(value)


def _items(value: Any) -> Iterable[tuple[str, Any]]:
    if not isinstance(value, dict):
        raise ValueError("expected an object")  # noqa: TRY004 - of a file, not of a caller
    return value.items()


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list) or len(value) > MOST_VALUES:
        raise ValueError(f"expected a list of at most {MOST_VALUES}")
    return value


def _position(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not -1 <= value <= 1:
        raise ValueError("expected a number from -1 to 1")
    return float(value)


def parsed_window(bounds: Any) -> Window | None:
    """A window as verdict.json has it; None for anything else, and for one that ends before it starts."""
    if not isinstance(bounds, dict):
        return None
    try:
        start, end = (_moment(bounds.get(key)) for key in ("start", "end"))
    except (ValueError, OverflowError):
        return None
    return None if start is not None and end is not None and start >= end else Window(start, end)


def _moment(text: Any) -> dt.datetime | None:
    if text is None:
        return None
    if not isinstance(text, str) or len(text) > 40:
        raise ValueError("expected a time")
    time = dt.datetime.fromisoformat(text)
    if time.tzinfo is None:
        raise ValueError("expected a time in UTC")
    return time.astimezone(dt.UTC)

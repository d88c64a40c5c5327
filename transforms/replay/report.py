"""What replaying found, as JSON values: the `replay` block of verdict.json, and the file of kept rows."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import math
from typing import Any

from transforms.replay.compare import AnswerTolerance
from transforms.replay.summary import Differences, OutputDifferences, ReplaySummary, Worst

#: Of a model with more outputs, those that differ most are told.
MAX_OUTPUTS = 100


@dataclasses.dataclass(frozen=True)
class Limits:
    """What was asked of a replay.

    Attributes:
      model: the reference model's folder.
      tolerance: how far apart two answers may lie.
      share: the fraction of rows that may differ.
    """

    model: str
    tolerance: AnswerTolerance = dataclasses.field(default_factory=AnswerTolerance)
    share: float = 0.001


def to_json(found: ReplaySummary, limits: Limits) -> dict[str, Any]:
    """The block; no payload is in it. Numbers are cut to six digits: sums hang on their order."""
    versions = sorted(found.versions.items(), key=lambda item: (-item[1].rows, item[0] or ""))
    hours = sorted(found.hours.items(), key=lambda item: (item[0] is not None, item[0] or 0))
    outputs = sorted(found.outputs.items(), key=lambda item: (-item[1].differences.differing, item[0]))
    return {
        "model": limits.model,
        "atol": limits.tolerance.absolute,
        "rtol": limits.tolerance.relative,
        "share": limits.share,
        "rows": found.rows,
        "not_replayed": dict(sorted(found.unmatched.items())),
        "total": _differences(found.total),
        "again": _differences(found.again),
        "outputs": [_output(name, one) for name, one in outputs[:MAX_OUTPUTS]],
        "versions": [{"version": version} | _differences(one) for version, one in versions],
        "hours": [{"hour": iso(hour)} | _differences(one) for hour, one in hours],
        "worst": [_worst(one) for one in found.worst],
    }


def kept_rows(found: ReplaySummary) -> bytes:
    """The worst rows with their payloads as JSON lines; empty where none were to be kept."""
    told = [_worst(one) | {"payload": one.payload} for one in found.worst if one.payload is not None]
    return b"".join((json.dumps(_plain(one), allow_nan=False) + "\n").encode("ascii") for one in told)


def iso(hour: int | None) -> str | None:
    """The beginning of an hour counted from 1970, in UTC; None for one that is no date."""
    try:
        found = None if hour is None else dt.datetime.fromtimestamp(hour * 3600, dt.UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return None if found is None else found.isoformat().replace("+00:00", "Z")


def _differences(one: Differences) -> dict[str, Any]:
    return {
        "rows": one.rows,
        "differing": one.differing,
        "not_finite": one.odd,
        "largest": _cut(one.largest),
        "mean": _cut(one.mean),
    }


def _output(name: str, one: OutputDifferences) -> dict[str, Any]:
    return {"output": name, "flipped": one.flips} | _differences(one.differences)


def _worst(one: Worst) -> dict[str, Any]:
    return {
        "file": one.file,
        "record": one.record,
        "row": one.row,
        "version": one.version,
        "hour": iso(one.hour),
        "output": one.output,
        "apart": _cut(one.apart),
    }


def _cut(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(f"{value:.6g}")


def _plain(value: Any) -> Any:
    """JSON has no NaN and no infinity: they become text."""
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value

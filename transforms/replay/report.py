"""What replaying found, as JSON values: the `replay` block of verdict.json, and the file of kept rows."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import math
from typing import Any

from trueserve.transforms.replay.compare import AnswerTolerance
from trueserve.transforms.replay.summary import Differences, OutputDifferences, ReplaySummary, Worst

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


def to_json(summary: ReplaySummary, limits: Limits) -> dict[str, Any]:
    """The block; no payload is in it. Numbers are cut to six digits: sums hang on their order."""
    versions = sorted(summary.versions.items(), key=lambda item: (-item[1].rows, item[0] or ""))
    hours = sorted(summary.hours.items(), key=lambda item: (item[0] is not None, item[0] or 0))
    outputs = sorted(summary.outputs.items(), key=lambda item: (-item[1].differences.differing, item[0]))
    return {
        "model": limits.model,
        "atol": limits.tolerance.absolute,
        "rtol": limits.tolerance.relative,
        "share": limits.share,
        "rows": summary.rows,
        "not_replayed": dict(sorted(summary.unmatched.items())),
        "total": _differences(summary.total),
        "again": _differences(summary.again),
        "outputs": [_output(name, differences) for name, differences in outputs[:MAX_OUTPUTS]],
        "versions": [{"version": version} | _differences(differences) for version, differences in versions],
        "hours": [{"hour": iso(hour)} | _differences(differences) for hour, differences in hours],
        "worst": [_worst(row) for row in summary.worst],
    }


def kept_rows(summary: ReplaySummary) -> bytes:
    """The worst rows with their payloads as JSON lines; empty where none were to be kept."""
    rows = [_worst(row) | {"payload": row.payload} for row in summary.worst if row.payload is not None]
    return b"".join((json.dumps(_plain(row), allow_nan=False) + "\n").encode("ascii") for row in rows)


def iso(hour: int | None) -> str | None:
    """The beginning of an hour counted from 1970, in UTC; None for one that is no date."""
    try:
        start = None if hour is None else dt.datetime.fromtimestamp(hour * 3600, dt.UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return None if start is None else start.isoformat().replace("+00:00", "Z")


def _differences(differences: Differences) -> dict[str, Any]:
    return {
        "rows": differences.rows,
        "differing": differences.differing,
        "not_finite": differences.odd,
        "largest": _cut(differences.largest),
        "mean": _cut(differences.mean),
    }


def _output(name: str, output: OutputDifferences) -> dict[str, Any]:
    return {"output": name, "flipped": output.flips} | _differences(output.differences)


def _worst(row: Worst) -> dict[str, Any]:
    return {
        "file": row.file,
        "record": row.record,
        "row": row.row,
        "version": row.version,
        "hour": iso(row.hour),
        "output": row.output,
        "apart": _cut(row.apart),
    }


def _cut(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(f"{value:.6g}")


def _plain(value: Any) -> Any:
    """JSON has no NaN and no infinity: they become text."""
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value

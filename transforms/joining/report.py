"""What a join found, as the content of join.json (see docs/join.md), and as lines for a person."""

from __future__ import annotations

import base64
import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

from trueserve.transforms.core.accounting import Accounting
from trueserve.transforms.joining.counts import BASE_COUNT, TEST_COUNT, FeatureOutcome, Joined, Sampled
from trueserve.transforms.logs.features import Array

FORMAT_VERSION = 1
SAME, DIFFERS, NOT_EXAMINED = "same", "differs", "not_examined"
EXIT_CODES = {SAME: 0, DIFFERS: 1, NOT_EXAMINED: 4}
# What is kept of a value in a sample.
_MOST_VALUES, _LONGEST = 20, 200
_RATES = (FeatureOutcome.MATCH, FeatureOutcome.MISMATCH, FeatureOutcome.BASE_ONLY, FeatureOutcome.TEST_ONLY)


def to_json(joined: Joined) -> dict[str, Any]:
    """Counts, features and samples; what was asked for and read is for `document` to add."""
    rows = joined.rows
    features = [_feature(name, counts, rows.compared) for name, counts in joined.features.items()]
    return {
        "counts": dataclasses.asdict(rows),
        "features": sorted(
            features, key=lambda feature: (-feature["diff_count"] - feature["empty_only"], feature["feature"])
        ),
        "samples": [_sample(sampled) for sampled in joined.samples],
        "conflicts": sorted(joined.conflicts),
        "labelled": None if joined.labelled is None else joined.labelled.to_json(),
    }


def document(
    result: Mapping[str, Any],
    settings: Mapping[str, Any],
    not_compared: Mapping[str, str],
) -> dict[str, Any]:
    """The content of join.json.

    Args:
      result: as `outcome.to_json` gives it.
      settings: what was joined, by what, and when floats are equal.
      not_compared: features, and why.
    """
    counts = result["counts"]
    has_values = any(feature["base_count"] or feature["test_count"] for feature in result["features"])
    compared = counts["compared"] and has_values
    verdict = DIFFERS if counts["mismatched"] else SAME if compared else NOT_EXAMINED
    return {
        "format_version": FORMAT_VERSION,
        "result": verdict,
        "exit_code": EXIT_CODES[verdict],
        **settings,
        "reading": {side: reading["counts"] for side, reading in result["reading"].items()},
        "counts": counts,
        "features": result["features"],
        "not_compared": [{"feature": n, "reason": why} for n, why in sorted(not_compared.items())],
        "samples": result["samples"],
    }


def why_nothing(counts: Mapping[str, int]) -> str:
    """Why no pair, or no feature, was compared, and what to do."""
    if counts["compared"]:
        return (
            f"{counts['compared']:,} pairs have no feature to compare beside the key and what was left out;"
            " leave out less by --ignore, or name a schema that has the features"
        )
    for side in ("examples", "requests"):
        if not counts[side]:
            if not (without := counts[f"{side}_without_key"]):
                return f"the {side} hold no row"
            return f"no row of the {side} has the key ({without:,} lack it); name another with --key"
    if counts["pairs"]:
        return (
            "every key that both sides have stands more than once on one of them; name more features with"
            " --key, or compare each with each by --allow_duplicate_identifiers"
        )
    return "the examples and the requests have no key in common; name another with --key, or other files"


def _feature(name: str, counts: Array, compared: int) -> dict[str, Any]:
    by_outcome = {outcome: int(counts[outcome]) for outcome in FeatureOutcome}
    return {
        "feature": name,
        "base_count": int(counts[BASE_COUNT]),
        "test_count": int(counts[TEST_COUNT]),
        "match_count": by_outcome[FeatureOutcome.MATCH],
        "mismatch_count": by_outcome[FeatureOutcome.MISMATCH],
        "base_only": by_outcome[FeatureOutcome.BASE_ONLY],
        "test_only": by_outcome[FeatureOutcome.TEST_ONLY],
        "diff_count": by_outcome[FeatureOutcome.MISMATCH]
        + by_outcome[FeatureOutcome.BASE_ONLY]
        + by_outcome[FeatureOutcome.TEST_ONLY],
        "empty_only": by_outcome[FeatureOutcome.EMPTY_ONLY],
        "rates": {outcome.name.lower(): by_outcome[outcome] / compared for outcome in _RATES},
    }


def _sample(sampled: Sampled) -> dict[str, Any]:
    differs = {outcome.name.lower(): list(names) for outcome, names in sampled.differs.items()}
    sample: dict[str, Any] = {
        "example": dataclasses.asdict(sampled.example),
        "request": dataclasses.asdict(sampled.request),
        "differs": differs,
    }
    if sampled.key is not None and sampled.values is not None:
        sample["key"] = [_values(part) for part in sampled.key]
        sample["values"] = {
            name: {"base": _values(base), "test": _values(test)}
            for name, (base, test) in sampled.values.items()
        }
    return sample


def _values(values: Sequence[Any] | None) -> list[Any] | None:
    """The first values of a row in terms of JSON."""
    return None if values is None else [_value(value) for value in values[:_MOST_VALUES]]


def _value(value: Any) -> Any:
    if isinstance(value, bytes):
        try:
            return value.decode()[:_LONGEST]
        except UnicodeDecodeError:
            return {"base64": base64.b64encode(value[:_LONGEST]).decode()}
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def reading(accounting: Accounting) -> dict[str, Any]:
    """What became of the records of one side."""
    return {
        "read": accounting.read,
        "decoded": accounting.decoded,
        "rejected": dict(sorted(accounting.rejected.items())),
        "outside_window": accounting.outside_window,
        "no_time": accounting.no_time,
        "excluded": dict(sorted(accounting.excluded.items())),
        "rows": accounting.rows,
        "forms": [
            {"feature": feature, "form": form, "rows": rows}
            for (feature, form), rows in sorted(accounting.forms.items())
        ],
    }

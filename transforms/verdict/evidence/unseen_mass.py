"""How many of a feature's served values training did not have, from statistics that keep only the frequent.

TFDV keeps a category's most frequent values, 1,000 by default, and a number's histograms. What lies beyond
them is bounded, never left out. `may_be_named` decides which served values a message may quote.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from trueserve.transforms.core.custom_stats import NAMED_FROM
from trueserve.transforms.verdict.feature_stats import View

# TFDV's sketch of the number of distinct values errs by about 1 %.
_DISTINCT_AT_LEAST = 0.97


class UnseenMass(NamedTuple):
    """Values that training did not have, as shares (0..1) of all of the feature's values.

    `most` is None where only a lower bound is known.
    `named`: those of them that may be named, the most frequent first; `others`: how many others are known.
    """

    least: float
    most: float | None
    named: tuple[str, ...] = ()
    others: int = 0


def may_be_named(value: str, known: Iterable[str], rows: float) -> bool:
    """Whether a message may say a value: training knows it, or it came in `NAMED_FROM` rows at least."""
    return rows >= NAMED_FROM or value in known


def of_category(schema: schema_pb2.Schema, feature: schema_pb2.Feature, view: View) -> UnseenMass | None:
    """Values outside a category's domain, None where there are none or the schema has no domain.

    Of the values that TFDV did not keep, those of the domain that are not among the kept come no more often
    than the rarest of these; the rest is unseen at least.
    """
    counts = view.counts()
    outside = [value for value in counts if _is_outside(schema, feature, value)]
    seen = sum(counts[value] for value in outside)
    beyond = max(view.total - sum(counts.values()), 0.0)
    known = known_values(schema, feature)
    if not view.total or (known is None and not outside):
        return None
    least = seen + (0.0 if known is None else beyond - _most_known_beyond(view, known, beyond))
    if least <= 0:
        return None
    by_count = sorted(outside, key=lambda value: (-counts[value], value))
    rows = {value: view.rows_at_least(value, counts[value]) for value in outside}
    named = tuple(value for value in by_count if may_be_named(value, (), rows[value]))
    return UnseenMass(least / view.total, (seen + beyond) / view.total, named, len(outside) - len(named))


def _most_known_beyond(view: View, known: set[str], beyond: float) -> float:
    """The most that known values can be of the `beyond` values which TFDV did not keep."""
    counts = view.counts()
    lost = len(known - counts.keys())
    # Every further distinct value comes once at least, and is no known one.
    distinct = 0.0 if view.is_weighted else _DISTINCT_AT_LEAST * view.proto.string_stats.unique
    others = max(distinct - len(counts) - lost, 0.0)
    return min(lost * view.most_unkept, max(beyond - others, 0.0))


def outside_domain(feature: schema_pb2.Feature, view: View) -> UnseenMass:
    """Numbers outside the schema's bounds; one at least, since TFDV saw one."""
    low, high = bounds(feature)
    share = max(share_outside(view, low, high), 1 / max(view.values, 1.0))
    return UnseenMass(share, None)


def share_outside(view: View, low: float, high: float) -> float:
    """Share (0..1) of numbers in buckets that lie wholly outside `[low, high]`, a lower bound.

    A bucket that lies there in part may be almost empty in that part: one far value stretches it.
    """
    buckets = view.buckets(statistics_pb2.Histogram.STANDARD)
    total = sum(bucket.mass for bucket in buckets)
    outside = sum(bucket.mass for bucket in buckets if bucket.low > high or bucket.high < low)
    return outside / total if total else 0.0


def known_values(schema: schema_pb2.Schema, feature: schema_pb2.Feature) -> set[str] | None:
    """The values of the feature's domain, None where the schema does not list them."""
    if feature.domain:
        named = [domain for domain in schema.string_domain if domain.name == feature.domain]
        return set(named[0].value) if named else None
    if feature.HasField("string_domain"):
        return set(feature.string_domain.value)
    if feature.HasField("bool_domain"):
        domain = feature.bool_domain
        return {domain.true_value, domain.false_value} if feature.type == schema_pb2.BYTES else {"0", "1"}
    return None


def bounds(feature: schema_pb2.Feature) -> tuple[float, float]:
    """The domain's bounds, inclusive, infinite where it has none."""
    if feature.HasField("bool_domain"):
        return 0.0, 1.0
    domain = feature.int_domain if feature.HasField("int_domain") else feature.float_domain
    low = float(domain.min) if domain.HasField("min") else -math.inf
    return low, float(domain.max) if domain.HasField("max") else math.inf


def _is_outside(schema: schema_pb2.Schema, feature: schema_pb2.Feature, value: str) -> bool:
    known = known_values(schema, feature)
    if known is not None:
        return value not in known
    low, high = bounds(feature)
    try:
        return not low <= float(value) <= high
    except ValueError:
        return False

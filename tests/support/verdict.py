"""Small training and serving sets, and what comparing them gives."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import numpy as np
import pandas as pd
import pyarrow as pa
import tensorflow_data_validation as tfdv

from trueserve.transforms.summaries.dataset import DatasetSummary, uses_of
from trueserve.transforms.summaries.protos import SIZES, dataset_statistics
from trueserve.transforms.summaries.quantiles import Scratch
from trueserve.transforms.verdict.compare import Policy, Reference, compare
from trueserve.transforms.verdict.feature_stats import Statistics
from trueserve.transforms.verdict.model import ComparisonResult, Finding, Space

LABEL = "late"


def frame(rows: int, seed: int) -> pd.DataFrame:
    """Flights that never were; `rain` is often missing and has a heavy tail."""
    rng = np.random.default_rng(seed)
    rain = rng.lognormal(0, 1.5, rows)
    return pd.DataFrame(
        {
            "distance": rng.normal(1000, 300, rows).astype("float32"),
            "stops": rng.integers(0, 5, rows),
            "carrier": rng.choice(["AA", "B6", "DL", "UA"], rows),
            "rain": np.where(rng.random(rows) < 0.3, np.nan, rain).astype("float32"),
            LABEL: rng.integers(0, 2, rows),
        }
    )


def served(rows: int = 3000, seed: int = 2) -> pd.DataFrame:
    return frame(rows, seed).drop(columns=LABEL)


def statistics(data: pd.DataFrame, options: tfdv.StatsOptions | None = None) -> Statistics:
    return tfdv.generate_statistics_from_dataframe(data, options or tfdv.StatsOptions())


def ours(data: pd.DataFrame, against: Reference) -> Statistics:
    """What `validate` computes of served rows; NaN and None are missing."""
    summary = DatasetSummary(uses_of(against.schema))
    summary.add(pa.RecordBatch.from_pydict({str(n): _lists(column) for n, column in data.items()}), Scratch())
    return Statistics(datasets=[dataset_statistics(summary, SIZES)])


def _lists(column: pd.Series) -> pa.Array:
    is_list = column.dtype.kind == "O" and any(isinstance(value, list | np.ndarray) for value in column)
    is_missing = np.zeros(len(column), bool) if is_list else pd.isna(column).to_numpy()
    rows = zip(column, is_missing, strict=True)
    values = [None if missing else list(v) if is_list else [v] for v, missing in rows]
    kind = {"f": pa.float32(), "i": pa.int64(), "b": pa.int64()}.get(column.dtype.kind)
    if kind is None:
        flat = next((v[0] for v in values if v), "")
        kind = pa.int64() if isinstance(flat, int) else pa.float32() if isinstance(flat, float) else None
    if kind is not None:
        return pa.array(values, pa.large_list(kind))
    encoded = [None if v is None else [x.encode() if isinstance(x, str) else x for x in v] for v in values]
    return pa.array(encoded, pa.large_list(pa.large_binary()))


def reference(
    data: pd.DataFrame, label: str | None = LABEL, space: Space = Space.RAW, **fields: object
) -> Reference:
    """As a user of TFDV has it: an inferred schema, without environments and without comparators."""
    training = statistics(data)
    schema = tfdv.infer_schema(training, infer_feature_shape=False)
    return Reference(schema, training, space, label=label, **fields)  # type: ignore[arg-type]


def compared(
    against: Reference,
    data: pd.DataFrame,
    policy: Policy | None = None,
    forms: dict[tuple[str, str], int] | None = None,
) -> ComparisonResult:
    return compare(against, ours(data, against), policy or Policy(), Counter(forms or {}))


def worst(findings: Iterable[Finding], feature: str) -> Finding:
    return next(finding for finding in findings if finding.feature == feature)


def finding_triples(findings: Iterable[Finding]) -> list[tuple[str, str, str]]:
    return [(finding.feature, finding.kind.value, finding.severity.value) for finding in findings]


def reasons(comparison: object) -> dict[str, str]:
    return {entry.feature: entry.reason for entry in comparison.not_compared}  # type: ignore[attr-defined]

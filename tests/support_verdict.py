"""Small training and serving sets, and what comparing them gives."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import numpy as np
import pandas as pd
import tensorflow_data_validation as tfdv

from transforms.verdict.compare import Policy, Reference, compare
from transforms.verdict.findings import Comparison, Finding, Space
from transforms.verdict.views import Statistics

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


def reference(
    data: pd.DataFrame, label: str | None = LABEL, space: Space = Space.RAW, **fields: object
) -> Reference:
    """As a user of TFDV has it: an inferred schema, without environments and without comparators."""
    found = statistics(data)
    schema = tfdv.infer_schema(found, infer_feature_shape=False)
    return Reference(schema, found, space, label=label, **fields)  # type: ignore[arg-type]


def compared(
    against: Reference,
    data: pd.DataFrame,
    policy: Policy | None = None,
    forms: dict[tuple[str, str], int] | None = None,
) -> Comparison:
    return compare(against, statistics(data), policy or Policy(), Counter(forms or {}))


def worst(findings: Iterable[Finding], feature: str) -> Finding:
    return next(finding for finding in findings if finding.feature == feature)


def said(findings: Iterable[Finding]) -> list[tuple[str, str, str]]:
    return [(finding.feature, finding.kind.value, finding.severity.value) for finding in findings]

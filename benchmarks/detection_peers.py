"""The peers' judgement of columns: `python benchmarks/detection_peers.py`, run in the peers' venv.

Reads requests from stdin and answers each with a line of JSON. A request is a line of JSON (`key`, the
baseline's name; `op`, "baseline", "agree" or "judge"; `peers`, who is asked; `size`, of what follows) and an
Arrow stream of one row: a list of the present values for each column, with `feature`, `rows` and `missing` in
the field's metadata.

Evidently is asked by its own choice of test for a column, as DataDriftPreset makes it; `agree` holds both
against one another. SciPy's tests are Kolmogorov and Smirnov's for numbers and chi-squared for categories
(those expected in fewer than five rows taken together, as Cochran advises); the rows that are missing, which
neither sees, have a chi-squared test of their own.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import math
import sys
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

Array = np.ndarray[Any, Any]

LEVEL = 0.05
_LEAST_EXPECTED = 5
# What a column gets that a test cannot take at all: no value left. It counts as found.
_SURE = 400.0


@dataclasses.dataclass(frozen=True, eq=False)
class PeerColumn:
    """A column: its present values, and how many rows there are and lack it."""

    feature: str
    values: Array
    rows: int
    missing: int

    @property
    def is_number(self) -> bool:
        return bool(self.values.dtype != object)

    @functools.cached_property
    def in_order(self) -> Array:
        return np.sort(self.values)

    @functools.cached_property
    def counted(self) -> Any:
        return pd.Series(self.values).value_counts()


def read(stream: bytes) -> dict[str, PeerColumn]:
    """Columns by id."""
    table = pa.ipc.open_stream(stream).read_all()
    return {field.name: _column_of(table, field) for field in table.schema}


def _column_of(table: Any, field: Any) -> PeerColumn:
    values = table[field.name].chunk(0).values
    is_text = pa.types.is_large_string(values.type)
    flat = values.to_pandas().to_numpy(object) if is_text else values.to_numpy(zero_copy_only=False)
    about = {key.decode(): value.decode() for key, value in field.metadata.items()}
    return PeerColumn(about["feature"], flat, int(about["rows"]), int(about["missing"]))


def judged(before: PeerColumn, after: PeerColumn, peers: Sequence[str]) -> dict[str, tuple[float, bool]]:
    """For each peer a score, the greater the surer, and whether it raises an alarm as it comes."""
    if not len(after.values):
        return dict.fromkeys(peers, (_SURE, True))
    return {name: PEERS[name](before, after) for name in peers}


def tests(before: PeerColumn, after: PeerColumn) -> tuple[float, bool]:
    """Minus the decimal logarithm of the least p-value, and whether it is under `LEVEL`."""
    p_values = [kolmogorov(before, after) if before.is_number else _chi_squared(*_counts(before, after))]
    missing = np.array([[side.missing, side.rows - side.missing] for side in (before, after)], float)
    p_values.append(_chi_squared(*missing))
    least = min(p_values)
    return min(-math.log10(least) if least > 0 else _SURE, _SURE), least < LEVEL


def kolmogorov(before: PeerColumn, after: PeerColumn) -> float:
    """The p-value of `scipy.stats.ks_2samp`; only that the baseline is not sorted again for each window.

    Both functions differ most at a value of the lesser side, or just before one.
    """
    from scipy import stats  # type: ignore[import-untyped]

    if max(len(before.values), len(after.values)) <= 10_000:
        return float(stats.ks_2samp(before.values, after.values).pvalue)
    known, values = before.in_order, np.sort(after.values)
    upto, below = (np.searchsorted(known, values, side) / len(known) for side in ("right", "left"))
    ours, less = (np.searchsorted(values, values, side) / len(values) for side in ("right", "left"))
    distance = float(max(np.abs(upto - ours).max(), np.abs(below - less).max()))
    size = len(known) * len(values) / (len(known) + len(values))
    return float(np.clip(stats.distributions.kstwo.sf(distance, np.round(size)), 0, 1))


def _counts(before: PeerColumn, after: PeerColumn) -> tuple[Array, Array]:
    counted = pd.concat([before.counted, after.counted], axis=1).fillna(0)
    pairs: Array = counted.to_numpy(float)
    part = len(after.values) / (len(before.values) + len(after.values))
    often = pairs.sum(1) * min(part, 1 - part) >= _LEAST_EXPECTED
    rest = pairs[~often].sum(0)
    kept = np.concatenate([pairs[often], rest[None]]) if rest.sum() else pairs[often]
    return kept[:, 0], kept[:, 1]


def _chi_squared(before: Array, after: Array) -> float:
    from scipy import stats

    table = np.stack([before, after])
    table = table[:, table.sum(0) > 0]
    if table.shape[1] < 2:
        return 1.0
    return float(stats.chi2_contingency(table, correction=False).pvalue)


def evidently(before: PeerColumn, after: PeerColumn) -> tuple[float, bool]:
    """Evidently's score as a multiple of its threshold; of a p-value the inverse, so that more is surer."""
    from evidently.legacy.calculations.stattests.registry import get_stattest  # type: ignore[import-not-found]

    columns = [pd.Series(side.values) for side in (before, after)]
    kind = _kind(before)
    test = get_stattest(*columns, kind, None)
    result = test(*columns, kind, None)
    score, threshold = float(result.drift_score), float(result.actual_threshold)
    ratio = score / threshold if "p_value" not in test.display_name else threshold / max(score, 1e-300)
    return min(ratio, 1e9), bool(result.drifted)


def _kind(side: PeerColumn) -> str:
    """As Evidently has it: whole numbers of ten values at most are categories."""
    few = side.is_number and side.values.dtype.kind == "i" and len(np.unique(side.values)) <= 10
    return "num" if side.is_number and not few else "cat"


PEERS = {"evidently": evidently, "tests": tests}


def agree(before: Mapping[str, PeerColumn], after: Mapping[str, PeerColumn]) -> None:
    """Holds `evidently` against its preset's report. Raises ValueError where they differ."""
    from evidently import DataDefinition, Dataset, Report  # type: ignore[import-not-found]
    from evidently.presets import DataDriftPreset  # type: ignore[import-not-found]

    frames = [_frame(side) for side in (before, after)]
    kinds: dict[str, list[str]] = {"num": [], "cat": []}
    for name in frames[0].columns:
        kinds[_kind(before[name])].append(name)
    # Given, since Evidently takes words of which most came once in a small window for free text.
    definition = DataDefinition(numerical_columns=kinds["num"], categorical_columns=kinds["cat"])
    datasets = [Dataset.from_pandas(frame, definition) for frame in frames]
    metrics = Report([DataDriftPreset()]).run(datasets[1], datasets[0]).dict()["metrics"]
    scores = {m["config"]["column"]: m["value"] for m in metrics if "column" in m.get("config", {})}
    for name, score in scores.items():
        ours, _ = evidently(before[name], after[name])
        if not math.isclose(ours, float(score) / 0.1, rel_tol=1e-6, abs_tol=1e-9):
            raise ValueError(f"Evidently's report gives {name} {score}, its test {ours / 10}")
        _as_scipy(before[name], after[name])
    if len(scores) < len(frames[0].columns):
        raise ValueError(f"Evidently's report tells of {sorted(scores)} only")


def _as_scipy(before: PeerColumn, after: PeerColumn) -> None:
    from scipy import stats

    if before.is_number:
        ours, expected = kolmogorov(before, after), stats.ks_2samp(before.values, after.values).pvalue
        if not math.isclose(ours, expected, rel_tol=1e-6):
            raise ValueError(f"SciPy gives {before.feature} {expected}, here it is {ours}")


def _frame(side: Mapping[str, PeerColumn]) -> Any:
    """The columns of one value a row; which rows lack one says nothing to a test of a column."""
    plain = {name: column for name, column in side.items() if len(column.values) <= column.rows}
    rows = max(column.rows for column in plain.values())
    return pd.DataFrame(
        {name: pd.Series(column.values).reindex(range(rows)) for name, column in plain.items()}
    )


def main() -> None:
    """Answers requests until stdin ends; what libraries print goes to stderr."""
    warnings.filterwarnings("ignore")
    answers, sys.stdout = sys.stdout, sys.stderr
    baselines: dict[str, dict[str, PeerColumn]] = {}
    while line := sys.stdin.buffer.readline():
        request = json.loads(line)
        columns = read(sys.stdin.buffer.read(request["size"]))
        if request["op"] == "baseline":
            baselines = {**dict(list(baselines.items())[-3:]), request["key"]: columns}
            answer: object = len(columns)
        elif request["op"] == "agree":
            agree(baselines[request["key"]], columns)
            answer = "agreed"
        else:
            before = baselines[request["key"]]
            peers = request["peers"]
            answer = {name: judged(before[column.feature], column, peers) for name, column in columns.items()}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()

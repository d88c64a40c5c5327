"""NannyML's estimates: `python benchmarks/harm_nannyml.py TASK REFERENCE WINDOWS ROWS`, in its venv.

REFERENCE and WINDOWS are Parquet files of features, predictions and labels; each ROWS rows of WINDOWS are a
window. Of a classification CBPE is asked, of a regression DLE, with all features. A line of JSON a window.
"""

from __future__ import annotations

import json
import sys
import warnings
from typing import Any

import pandas as pd

_METRICS = {
    "binary": {"auc": "roc_auc", "accuracy": "accuracy"},
    "regression": {"mae": "mae", "rmse": "rmse"},
}
_OURS = ("label", "probability", "predicted")


def estimator(task: str, reference: Any, rows: int) -> Any:
    """CBPE or DLE, fitted."""
    import nannyml  # type: ignore[import-not-found]

    metrics = list(_METRICS[task].values())
    names = {"y_true": "label", "y_pred": "predicted", "metrics": metrics, "chunk_size": rows}
    if task == "binary":
        made = nannyml.CBPE(y_pred_proba="probability", problem_type="classification_binary", **names)
    else:
        features = [name for name in reference.columns if name not in _OURS]
        made = nannyml.DLE(feature_column_names=features, **names)
    return made.fit(reference)


def main(task: str, reference: str, windows: str, rows: str) -> None:
    """Prints value, low and high of each metric, a line a window."""
    warnings.simplefilter("ignore")
    fitted = estimator(task, pd.read_parquet(reference), int(rows))
    served = pd.read_parquet(windows).drop(columns="label")
    results = fitted.estimate(served).filter(period="analysis").to_df()
    bounds = ("value", "lower_confidence_boundary", "upper_confidence_boundary")
    for number in range(len(results)):
        row = results.iloc[number]
        values = {ours: [float(row[(theirs, b)]) for b in bounds] for ours, theirs in _METRICS[task].items()}
        print(json.dumps(values), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Small SavedModels, and batches of requests with the responses that they got."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import tensorflow as tf

from trueserve.transforms.core.batches import METADATA_SCHEMA, Batch
from trueserve.transforms.replay.report import Limits
from trueserve.transforms.replay.summary import ReplaySummary
from trueserve.transforms.verdict.findings.replay import compare_replay
from trueserve.transforms.verdict.model import Finding
from trueserve.transforms.verdict.severity import Policy

HOUR = 3_600_000_000
LIMITS = Limits("model")


def save(folder: Path, outputs: Callable[[Any], dict[str, Any]], **spec: Any) -> str:
    """A SavedModel whose `serving_default` gives `outputs` of the feature `x`, [batch]."""
    features = spec or {"x": tf.io.FixedLenFeature([], tf.float32, default_value=-1.0)}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])  # type: ignore[untyped-decorator]
    def serve(examples: Any) -> dict[str, Any]:
        return outputs(tf.io.parse_example(examples, features)["x"])

    module = tf.Module()
    module.serve = serve
    tf.saved_model.save(module, str(folder), signatures={"serving_default": serve})
    return str(folder)


def batch(
    rows: list[float | None],
    responses: list[str | None],
    file: str = "log",
    first: int = 0,
    **columns: list[Any],
) -> Batch:
    """Rows of `x`, one a record, with these responses; `columns` of the metadata."""
    features = pa.RecordBatch.from_arrays(
        [pa.array([None if x is None else [x] for x in rows], pa.large_list(pa.float32()))], ["x"]
    )
    given = {
        "response": responses,
        "file": [file] * len(rows),
        "record": list(range(first, first + len(rows))),
        **columns,
    }
    arrays = [pa.array(given.get(field.name, [None] * len(rows)), field.type) for field in METADATA_SCHEMA]
    return Batch(features, pa.RecordBatch.from_arrays(arrays, schema=METADATA_SCHEMA))


def findings(replay_summary: ReplaySummary, limits: Limits = LIMITS) -> tuple[Finding, ...]:
    return compare_replay(replay_summary, limits, Policy()).findings

"""Baselines that are prepared with augmentation, and what augmentation makes of rows."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import tensorflow as tf
import tensorflow_transform as tft

from support import e2e
from support import transformed as support
from trueserve.pipelines import cli
from trueserve.transforms.graph.augmentation import Augmentation, load_augmentation

NOISE = """
import tensorflow as tf


def augment_fn(features, seeds):
    noise = tf.vectorized_map(lambda seed: tf.random.stateless_normal([], seed), seeds)
    return {**features, "distance_z": features["distance_z"] + noise}
"""
ROWS, CUTS = 3000, (1300, 2100)


class Prepared(NamedTuple):
    folder: Path
    baseline: str
    rows: list[e2e.Row]


def prepare(folder: Path, rows: list[e2e.Row], augment: str) -> str:
    (folder / "features.py").write_text(e2e.PREPROCESSING)
    (folder / "noise.py").write_text(augment)
    code = cli.main(
        [
            "prepare",
            f"--examples={e2e.write_examples(folder / 'training', rows, CUTS)}",
            f"--preprocessing={folder / 'features.py'}",
            f"--augment={folder / 'noise.py'}",
            f"--label={e2e.LABEL}",
            f"--baseline={folder / 'baseline'}",
        ]
    )
    assert code == 0
    return str(folder / "baseline")


def written(baseline: str) -> dict[str, list[float]]:
    """Two outputs as they are written for training."""
    folder = Path(baseline)
    spec = tft.TFTransformOutput(str(folder / "transform_output")).transformed_feature_spec()
    files = sorted(map(str, (folder / "transformed_examples").glob("*.gz")))
    records = tf.data.TFRecordDataset(files, compression_type="GZIP")
    parsed = [tf.io.parse_single_example(record, spec) for record in records]
    return {name: [float(row[name]) for row in parsed] for name in ("distance_z", "delay_filled")}


def loaded(folder: Path, source: str) -> Augmentation:
    (folder / "augment.py").write_text(source)
    return load_augmentation(str(folder / "augment.py"))


def applied(augmentation: Augmentation, baseline: str, cut: int = 0) -> pa.RecordBatch:
    """Twenty rows of `distance_z` and `tag_ids` with the seeds of their places, from `cut` on."""
    outputs = support.graph(baseline)
    rows = outputs.apply(e2e.batch(e2e.requests(e2e.rides(20, 4)[cut:])))
    schema = tft.TFTransformOutput(f"{baseline}/transform_output").transformed_metadata.schema
    places = pa.array(np.arange(cut, 20, dtype=np.uint64))
    augmentation.check_repeats(rows, places, schema)
    return augmentation.apply(rows, places, schema)

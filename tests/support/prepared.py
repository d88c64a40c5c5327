"""What `prepare` must write of the rides, worked out in memory."""

from __future__ import annotations

import gzip
import io
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tensorflow_metadata.proto.v0 import statistics_pb2

from support import e2e, logs
from trueserve.transforms.files.tfrecord import read_records

RAW = {"distance", "hour", "carrier", "late", "delay", "stops", "tags"}
LABEL_OUTPUTS = {"label", "distance_if_late"}
RAW_OF = {
    "distance_z": ["distance"],
    "delay_filled": ["delay"],
    "carrier_id": ["carrier"],
    "tag_ids": ["tags"],
    "hour_bucket": ["hour"],
    "stops_filled": ["stops"],
    "label": ["late"],
    "distance_if_late": ["distance", "late"],
}


def with_label_outputs(outputs: Sequence[e2e.Row], rows: Sequence[e2e.Row]) -> list[e2e.Row]:
    return [
        {**made, "label": row["late"], "distance_if_late": [row["distance"][0] * row["late"][0]]}
        for made, row in zip(outputs, rows, strict=True)
    ]


def statistics(baseline: Path, name: str) -> Any:
    return statistics_pb2.DatasetFeatureStatisticsList.FromString((baseline / name).read_bytes())


def written_examples(baseline: Path) -> list[e2e.Row]:
    files = sorted((baseline / "transformed_examples").glob("*.gz"))
    streams = [io.BytesIO(gzip.decompress(file.read_bytes())) for file in files]
    records = [record for stream in streams for part in read_records(stream) for record in part]
    return [logs.plain_row(record) for record in records]


def multiset(rows: Sequence[e2e.Row]) -> Counter[str]:
    """Rows without their order, and empty lists as missing ones.

    Floats to six digits: batches of another size differ in the last bits.
    """
    rounded = [
        {
            name: [float(f"{v:.6g}") if isinstance(v, float) else v for v in row[name]]
            for name in sorted(row)
            if row[name]
        }
        for row in rows
    ]
    return Counter(map(repr, rounded))

"""Reading examples once more, for a phase of the analysis."""

from __future__ import annotations

from pathlib import Path

import apache_beam as beam
import pyarrow as pa
import pytest
from support.logs import SCHEMA, example

from trueserve.transforms.core.batches import Batch
from trueserve.transforms.files.globs import expand
from trueserve.transforms.files.tfrecord import frame
from trueserve.transforms.read import ReadRows


@pytest.mark.parametrize("range_bytes", [0, 100])
def test_a_fault_fails_the_job(tmp_path: Path, range_bytes: int) -> None:
    """Another read may have met none, and then nobody would tell that rows are missing."""
    record = frame(example(age=[1]))
    (tmp_path / "short").write_bytes(record * 20 + record[:-3])
    rows = ReadRows(tuple(expand(str(tmp_path))), SCHEMA, _features, None, range_bytes)
    says = r"short at byte \d+: .*truncated"
    with pytest.raises(Exception, match=says), beam.Pipeline("FnApiRunner") as root:
        _ = root | rows


def _features(batch: Batch) -> pa.RecordBatch:
    return batch.features

"""Warm-up requests that `export` writes, and what `validate` knows of them by the baseline, are the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pyarrow as pa
import pytest
from support.logs import decode_logs, examples_log

from trueserve.transforms.baseline.probes import write_probes
from trueserve.transforms.core.accounting import total
from trueserve.transforms.core.errors import UsageError
from trueserve.transforms.logs.features import LISTS, FeatureType
from trueserve.transforms.logs.rows.warm_ups import FILE_NAME, FOLDER, fingerprints
from trueserve.transforms.serving import parity, probe_requests, warmup
from trueserve.transforms.serving.serving_model import SERVING_DEFAULT, TRANSFORM_FEATURES


def _write(path: Path, num_probes: int) -> str:
    ages = pa.array([[i] if i % 3 else None for i in range(num_probes)], LISTS[FeatureType.INT])
    tokens = pa.array([[b"w%d" % i] for i in range(num_probes)], LISTS[FeatureType.BYTES])
    raw = pa.RecordBatch.from_arrays([ages, tokens], names=["age", "word"])
    write_probes(str(path), raw, pa.RecordBatch.from_arrays([ages], names=["age_z"]))
    return str(path)


@pytest.mark.parametrize("num_probes", [1, 5, 40])
def test_requests_that_export_wrote_are_known(tmp_path: Path, num_probes: int) -> None:
    path = _write(tmp_path / "probes.tfrecord", num_probes)
    probes = parity.read_probes(path)
    # The model is asked for nothing where requests have examples.
    model = cast(Any, None)
    written = list(warmup.warmup_requests(model, probes, [SERVING_DEFAULT, TRANSFORM_FEATURES], "model"))
    requests = probe_requests.requests(Path(path).read_bytes(), path)
    assert [len(examples) for examples in requests] == [1, min(num_probes, 32)]
    traffic = examples_log(requests[0], seconds=1373760000)
    parts = decode_logs([*written, traffic], warm_ups=fingerprints(requests))
    counts = total(part.accounting for part in parts)
    assert (counts.excluded, counts.decoded) == ({"warm_up": 4}, 1)


def test_the_file_is_known_by_the_name_that_export_gives_it() -> None:
    assert (FILE_NAME, FOLDER) == (warmup.FILE_NAME, parity.ASSETS)


def test_a_broken_file_of_probes_is_the_users_fault(tmp_path: Path) -> None:
    path = tmp_path / "probes.tfrecord"
    path.write_bytes(b"no records")
    with pytest.raises(UsageError, match="holds no probes"):
        probe_requests.requests(path.read_bytes(), str(path))

"""What `validate` reads of the rides' logs, and what it publishes of them."""

from __future__ import annotations

import datetime as dt
import hashlib
from pathlib import Path
from typing import Any

from tensorflow_metadata.proto.v0 import statistics_pb2

from support import e2e
from trueserve.transforms.files import globs

RAW_SERVED = {"distance", "hour", "carrier", "delay", "stops", "tags"}
TRANSFORMED_SERVED = {"distance_z", "delay_filled", "carrier_id", "tag_ids", "hour_bucket", "stops_filled"}


def lasting(document: dict[str, Any]) -> dict[str, Any]:
    """What a rerun of the same window must say again, however its rows are spread.

    Beyond 8,192 rows quantiles are sketched, in the order in which rows are merged: distances between
    numbers, and what is told of those that do not matter, agree to their bound.
    """
    kept = {name: document[name] for name in ("verdict", "exit_code", "window", "counts", "rejects")}
    names = ("severity", "space", "feature", "kind")
    findings = {tuple(f[name] for name in names) for f in document["findings"] if f["severity"] != "info"}
    return kept | {"findings": sorted(findings)}


def num_requests(cuts: tuple[int, ...], rows: int = 10_000, each: int = 7) -> int:
    """How many there are in all files."""
    return sum(requests_by_file(cuts, rows, each))


def requests_by_file(cuts: tuple[int, ...], rows: int = 10_000, each: int = 7) -> list[int]:
    """How many requests each file of `e2e.write_logs` has."""
    return [-(-len(part) // each) for part in e2e.cut(range(rows), cuts)]


def files_of(logs_: str) -> list[str]:
    return [file.path for file in globs.expand(logs_)]


def artifact(output: Path, name: str) -> bytes:
    """A file that the verdict names, which must have the size and digest that it says."""
    entry = e2e.verdict(output)["artifacts"][name]
    data = Path(output, entry["path"]).read_bytes()
    assert (len(data), hashlib.sha256(data).hexdigest()) == (entry["bytes"], entry["sha256"])
    return data


def served_statistics(output: Path, name: str) -> Any:
    return statistics_pb2.DatasetFeatureStatisticsList.FromString(artifact(output, name))


def iso(index: int) -> str:
    """The time of a row of `e2e.write_logs`."""
    return dt.datetime.fromtimestamp(e2e.seconds(index), dt.UTC).isoformat()

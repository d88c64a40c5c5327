"""Rides: a small data set with every kind of feature, its files in every format, and commands run on it."""

from __future__ import annotations

import csv
import itertools
import json
import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from support import logs
from support.repo import ROOT
from trueserve.pipelines import cli
from trueserve.transforms.graph.transform_graph import TransformGraph

LABEL = "late"
CARRIERS = {b"AA": 0.4, b"UA": 0.3, b"DL": 0.15, b"B6": 0.1, b"WN": 0.05}
# 2013-07-01T00:00:00Z; requests come two a minute from then on.
START = 1372636800
SECONDS_APART = 30

PREPROCESSING = """
import tensorflow as tf
import tensorflow_transform as tft


def _dense(values, default):
    shape = [values.dense_shape[0], 1]
    return tf.squeeze(tf.sparse.to_dense(tf.SparseTensor(values.indices, values.values, shape), default), 1)


def preprocessing_fn(inputs):
    distance = _dense(inputs["distance"], 0.0)
    late = _dense(inputs["late"], 0)
    return {
        "distance_z": tft.scale_to_z_score(distance),
        "delay_filled": _dense(inputs["delay"], -1.0),
        "carrier_id": tft.compute_and_apply_vocabulary(
            _dense(inputs["carrier"], ""), num_oov_buckets=1, vocab_filename="carriers"),
        "tag_ids": tft.compute_and_apply_vocabulary(inputs["tags"], vocab_filename="tags"),
        "hour_bucket": tft.bucketize(_dense(inputs["hour"], 0), 4),
        "stops_filled": _dense(inputs["stops"], -1),
        "label": late,
        "distance_if_late": distance * tf.cast(late, tf.float32),
    }
"""

# Where it does not matter what is computed: two analyses, which take half as long as those above.
FEW_FEATURES = """
import tensorflow_transform as tft


def preprocessing_fn(inputs):
    carrier = inputs["carrier"]
    return {
        "distance_z": tft.scale_to_z_score(inputs["distance"]),
        "carrier_id": tft.compute_and_apply_vocabulary(carrier, num_oov_buckets=1, vocab_filename="carriers"),
        "label": inputs["late"],
    }
"""

# Where it does not matter that anything is: without an analysis.
NO_ANALYSIS = """
def preprocessing_fn(inputs):
    return {"distance": inputs["distance"], "label": inputs["late"]}
"""

Row = dict[str, list[Any]]


class Run(NamedTuple):
    """What a command gave: its exit code and the lines that it wrote."""

    code: int
    out: list[str]
    err: list[str]


def rides(count: int, seed: int) -> list[Row]:
    """Rows of one distribution; a missing feature is absent. Same seed, same rows."""
    rng = random.Random(seed)
    return [_ride(rng) for _ in range(count)]


def _ride(rng: random.Random) -> Row:
    row: Row = {
        # Quarters, so that float32 holds them exactly and sums are plain.
        "distance": [rng.randrange(400, 8000) / 4],
        "hour": [rng.randrange(24)],
        "carrier": rng.choices(list(CARRIERS), list(CARRIERS.values())),
        "late": [int(rng.random() < 0.3)],
    }
    if rng.random() < 0.8:
        row["delay"] = [rng.randrange(0, 240) / 4]
    if rng.random() < 0.9:
        row["stops"] = [rng.randrange(4)]
    if rng.random() < 0.7:
        row["tags"] = rng.sample([b"wet", b"windy", b"night"], rng.randrange(1, 4))
    return row


def requests(rows: Iterable[Row]) -> list[Row]:
    """The rows as serving sees them: without the label."""
    return [{name: values for name, values in row.items() if name != LABEL} for row in rows]


def in_kilometres(rows: Iterable[Row]) -> list[Row]:
    return [{**row, "distance": [row["distance"][0] * 1.609]} for row in rows]


def in_lower_case(rows: Iterable[Row]) -> list[Row]:
    return [{**row, "carrier": [row["carrier"][0].lower()]} for row in rows]


def write_examples(folder: Path, rows: Sequence[Row], cuts: Sequence[int], **time: Any) -> str:
    """TFRecords of tf.Example, cut before these rows, the second one gzipped; the glob for them."""
    folder.mkdir(parents=True)
    named = [{**row, **_time(index, **time)} for index, row in enumerate(rows)]
    for number, part in enumerate(cut(named, cuts)):
        suffix = "tfrecord.gz" if number == 1 else "tfrecord"
        logs.write_records(folder / f"part-{number}.{suffix}", (logs.example(**row) for row in part))
    return str(folder / "part-*")


def _time(index: int, feature: str = "", scale: int = 1) -> Row:
    return {feature: [seconds(index) * scale]} if feature else {}


def seconds(index: int) -> int:
    """When the request of this index came."""
    return START + SECONDS_APART * index


def write_logs(folder: Path, rows: Sequence[Row], cuts: Sequence[int], each: int = 7) -> str:
    """TFRecords of PredictionLog with `each` tf.Examples a request; the time is that of its first row."""
    folder.mkdir(parents=True)
    for number, part in enumerate(cut(list(enumerate(rows)), cuts)):
        suffix = "tfrecord.gz" if number == 1 else "tfrecord"
        groups = [part[first : first + each] for first in range(0, len(part), each)]
        records = [
            logs.examples_log([logs.example(**row) for _, row in group], seconds(group[0][0]), version=3)
            for group in groups
        ]
        logs.write_records(folder / f"log-{number}.{suffix}", records)
    return str(folder / "log-*")


def cut(rows: Sequence[Any], cuts: Sequence[int]) -> list[Sequence[Any]]:
    ends = [0, *cuts, len(rows)]
    return [rows[start:end] for start, end in itertools.pairwise(ends)]


def write_csv(folder: Path, rows: Sequence[Row], cuts: Sequence[int]) -> str:
    """CSV files with a header; single values only, missing ones empty."""
    folder.mkdir(parents=True)
    names = list(dict.fromkeys(name for row in rows for name in row))
    for number, part in enumerate(cut(rows, cuts)):
        with (folder / f"rides-{number}.csv").open("w", newline="") as stream:
            writer = csv.DictWriter(stream, names)
            writer.writeheader()
            writer.writerows({name: _text(values[0]) for name, values in row.items()} for row in part)
    return str(folder / "rides-*.csv")


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def write_parquet(folder: Path, rows: Sequence[Row], cuts: Sequence[int]) -> str:
    """Parquet files with small row groups; narrow and wide types, lists for `tags`."""
    folder.mkdir(parents=True)
    types = {
        "distance": pa.float64(),
        "hour": pa.int8(),
        "carrier": pa.dictionary(pa.int32(), pa.string()),
        "late": pa.bool_(),
        "delay": pa.float32(),
        "stops": pa.int32(),
        "tags": pa.list_(pa.binary()),
    }
    for number, part in enumerate(cut(rows, cuts)):
        columns = {
            name: pa.array([_plain(row, name) for row in part]).cast(kind)
            for name, kind in types.items()
            if name not in ("carrier", "tags")
        }
        columns["carrier"] = pa.array([_text(row["carrier"][0]) for row in part]).dictionary_encode()
        columns["tags"] = pa.array([row.get("tags") for row in part], types["tags"])
        pq.write_table(pa.table(columns), folder / f"rides-{number}.parquet", row_group_size=100)
    return str(folder / "rides-*.parquet")


def _plain(row: Row, name: str) -> Any:
    values = row.get(name)
    return None if values is None else bool(values[0]) if name == LABEL else values[0]


def installed(arguments: Sequence[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """The installed command's run in this folder, without the variables of the tests."""
    command = Path(sys.executable).with_name("trueserve")
    environment = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}
    # An editable install may be of another checkout, which would be tested in this one's place.
    environment["PYTHONPATH"] = str(ROOT)
    return subprocess.run(
        [str(command), *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def run(capsys: pytest.CaptureFixture[str], *argv: str) -> Run:
    """The command in this process, as its console script would run it."""
    capsys.readouterr()
    code = cli.main(argv)
    captured = capsys.readouterr()
    return Run(code, captured.out.splitlines(), captured.err.splitlines())


def validate(
    capsys: pytest.CaptureFixture[str], baseline: object, logs: str, output: Path, *more: str
) -> Run:
    return run(capsys, "validate", f"--baseline={baseline}", f"--logs={logs}", f"--output={output}", *more)


def verdict(output: Path) -> dict[str, Any]:
    result: dict[str, Any] = json.loads((output / "verdict.json").read_text())
    return result


def errors(document: Mapping[str, Any]) -> set[tuple[str, str]]:
    """(space, feature) of the findings that are errors."""
    return {(f["space"], f["feature"]) for f in document["findings"] if f["severity"] == "error"}


def one_error(result: Run) -> str:
    """The one line on stderr, without the program's name; fails if there is more or less, or a traceback."""
    assert len(result.err) == 1, result.err
    assert result.err[0].startswith("trueserve: error: ")
    assert "Traceback" not in "\n".join([*result.out, *result.err])
    return result.err[0].removeprefix("trueserve: error: ")


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder with its content."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def batch(rows: Sequence[Row]) -> pa.RecordBatch:
    """The rows as a decoder would give them, built plainly."""
    kinds = {float: pa.float32(), int: pa.int64(), bytes: pa.large_binary()}
    names = sorted({name for row in rows for name in row})
    types = {name: kinds[type(next(row[name][0] for row in rows if name in row))] for name in names}
    columns = [pa.array([row.get(name) for row in rows], pa.large_list(types[name])) for name in names]
    return pa.RecordBatch.from_arrays(columns, names=names)


def transformed(baseline: str, rows: Sequence[Row]) -> list[Row]:
    """What the baseline's graph makes of the rows in one batch; a missing output is absent."""
    outputs = TransformGraph(f"{baseline}/transform_output").apply(batch(requests(rows)))
    return [
        {name: values for name, values in row.items() if values is not None} for row in outputs.to_pylist()
    ]


def check_statistics(statistics: Any, rows: Sequence[Row], names: Iterable[str]) -> None:
    """Holds TFDV's statistics of these features against counts made here, row by row."""
    [dataset] = statistics.datasets
    assert dataset.num_examples == len(rows)
    features = {feature.path.step[0]: feature for feature in dataset.features}
    assert set(names) == set(features)
    for name, feature in features.items():
        _check_feature(name, feature, [row[name] for row in rows if name in row], len(rows))


def _check_feature(name: str, feature: Any, lists: Sequence[list[Any]], rows: int) -> None:
    values = [value for each in lists for value in each]
    which = feature.WhichOneof("stats")
    common = getattr(feature, which).common_stats
    assert (name, common.num_non_missing, common.num_missing) == (name, len(lists), rows - len(lists))
    assert common.tot_num_values == len(values)
    if which == "num_stats":
        numbers = feature.num_stats
        assert (name, numbers.min, numbers.max) == (name, min(values), max(values))
        assert numbers.mean == pytest.approx(sum(values) / len(values), rel=1e-5, abs=1e-5), name
        assert numbers.num_zeros == sum(value == 0 for value in values)
    else:
        top = {each.value: int(each.frequency) for each in feature.string_stats.top_values}
        texts = [value.decode() if isinstance(value, bytes) else str(value) for value in values]
        assert (name, top) == (name, dict(Counter(texts)))

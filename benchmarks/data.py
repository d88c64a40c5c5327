"""Writes the benchmark's data: `python benchmarks/data.py FOLDER KIND:ROWS ...`; what is there already stays.

Kinds are `narrow` (15 floats and 5 strings), `wide` (4,000 floats), `flights` (New York's of 2013) and
`distinct` (one string feature, 100,000 values a row, no two alike), all as TFRecords of tf.Example; `logs16`
and `logs1`, TFRecords of PredictionLog with so many narrow examples a request; `table`, narrow rows as
Parquet. 50,000 narrow rows, 3,000 wide ones and all flights are repeated until there are enough; what is
drawn is drawn with a fixed seed. `reference` in place of rows writes what a kind is compared with.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

REFERENCE = "reference"
SEED = 3
WIDE_FEATURES = 4000
DISTINCT_VALUES = 100_000  # a row
_DISTINCT = {"narrow": 50_000, "wide": 3_000}
_REFERENCE_ROWS = {"narrow": 20_000, "wide": 500, "distinct": 1}
_FLIGHTS_SHARE = 0.1
_VOCABULARY_SIZES = (5, 20, 300, 3000, 100)
_FIRST_SECOND = 1_372_636_800  # 2013-07-01
_FLOAT = -12345.678  # a number whose bytes are nowhere else in a row


def file_of(folder: Path, kind: str, rows: int) -> Path:
    """Where a kind's data of so many rows lies."""
    return folder / f"{kind}-{rows}.{'parquet' if kind == 'table' else 'tfrecord'}"


def reference_of(folder: Path, kind: str) -> Path:
    """The folder of the training side: a baseline for `flights`, else `schema.pbtxt` and `stats.binpb`."""
    return folder / f"{'narrow' if kind.startswith('logs') else kind}-reference"


def narrow_rows(count: int, seed: int = SEED) -> list[bytes]:
    """Serialized examples of 15 floats and 5 strings, whose words are drawn by Zipf's law."""
    from tensorflow.core.example.example_pb2 import Example

    generator = np.random.default_rng(seed)
    floats = generator.normal(size=(count, 15)) * np.arange(1, 16)
    word_ids = generator.zipf(1.5, (count, len(_VOCABULARY_SIZES))) % np.array(_VOCABULARY_SIZES)
    rows = []
    for numbers, ids in zip(floats.tolist(), word_ids.tolist(), strict=True):
        features = (example := Example()).features.feature
        for i, number in enumerate(numbers):
            features[f"f{i:02}"].float_list.value.append(number)
        for i, word in enumerate(ids):
            features[f"s{i}"].bytes_list.value.append(b"w%d" % word)
        rows.append(example.SerializeToString())
    return rows


def wide_rows(count: int, num_features: int = WIDE_FEATURES, seed: int = SEED) -> list[bytes]:
    """Serialized examples of so many floats: one is serialized, its numbers are replaced for every row."""
    from tensorflow.core.example.example_pb2 import Example

    generator, example = np.random.default_rng(seed), Example()
    for i in range(num_features):
        example.features.feature[f"feature{i:04}"].float_list.value.append(_FLOAT)
    pattern, value = example.SerializeToString(), np.float32(_FLOAT).tobytes()
    offsets = [offset for offset in range(len(pattern)) if pattern.startswith(value, offset)]
    assert len(offsets) == num_features
    at, rows = (np.array(offsets)[:, None] + np.arange(4)).ravel(), []
    for _ in range(count):
        row = np.frombuffer(pattern, np.uint8).copy()
        row[at] = generator.normal(size=num_features).astype(np.float32).view(np.uint8)
        rows.append(row.tobytes())
    return rows


def distinct_rows(count: int, first: int = 0) -> Iterator[bytes]:
    """Serialized examples of 100,000 words of eight digits each, counted on from row to row."""
    from tensorflow.core.example.example_pb2 import Example

    example, word = Example(), b"\xff" * 8
    example.features.feature["word"].bytes_list.value.extend([word] * DISTINCT_VALUES)
    pattern = np.frombuffer(example.SerializeToString(), np.uint8)
    header = bytes([10, 8]) + word
    at = len(pattern) - DISTINCT_VALUES * len(header)
    powers = 10 ** np.arange(7, -1, -1)
    for number in range(first, first + count):
        row = pattern.copy()
        numbers = np.arange(number * DISTINCT_VALUES, (number + 1) * DISTINCT_VALUES)
        row[at:].reshape(-1, len(header))[:, 2:] = numbers[:, None] // powers % 10 + ord("0")
        yield row.tobytes()


def flight_rows() -> list[bytes]:
    """All flights as serialized examples without their label, as a server is sent them."""
    from examples.flights import data

    return list(data.serialized_examples(data.read_flights().drop([data.LABEL])))


def request_logs(rows: Sequence[bytes], each: int) -> list[bytes]:
    """PredictionLogs as TF Serving writes them: requests of `each` serialized examples, with responses."""
    groups = (rows[first : first + each] for first in range(0, len(rows), each))
    return [_request_log(group, _FIRST_SECOND + second) for second, group in enumerate(groups)]


def _request_log(rows: Sequence[bytes], second: int) -> bytes:
    from tensorflow.core.framework import types_pb2
    from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog

    log = PredictionLog()
    log.log_metadata.timestamp_secs = second
    predict = log.predict_log
    predict.request.model_spec.name = predict.response.model_spec.name = "model"
    predict.response.model_spec.version.value = 1
    predict.request.inputs["examples"].dtype = types_pb2.DT_STRING
    predict.request.inputs["examples"].tensor_shape.dim.add(size=len(rows))
    predict.request.inputs["examples"].string_val.extend(rows)
    predict.response.outputs["score"].dtype = types_pb2.DT_FLOAT
    predict.response.outputs["score"].tensor_shape.dim.add(size=len(rows))
    predict.response.outputs["score"].float_val.extend([0.5] * len(rows))
    serialized: bytes = log.SerializeToString()
    return serialized


class Source:
    """The rows of each kind, made once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._rows: dict[str, list[bytes]] = {}

    def make(self, kind: str, rows: str) -> None:
        """Writes a kind's file of so many rows, or its reference, unless it is there."""
        if rows == REFERENCE:
            target, write = reference_of(self._folder, kind), self._reference_writer(kind)
        else:
            target, write = file_of(self._folder, kind, int(rows)), self._writer(kind, int(rows))
        if target.exists():
            return
        print(f"writing {target.name}", flush=True)
        unfinished = target.with_name(f"unfinished-{target.name}")
        write(unfinished)
        unfinished.rename(target)

    def _writer(self, kind: str, count: int) -> Callable[[Path], None]:
        def write(path: Path) -> None:
            if kind == "table":
                write_table(self._of("narrow"), count, path)
            elif kind.startswith("logs"):
                each = int(kind.removeprefix("logs"))
                write_records(self._logs(kind, each), -(-count // each), path)
            elif kind == "distinct":
                write_once(distinct_rows(count), path)
            else:
                write_records(self._of(kind), count, path)

        return write

    def _of(self, kind: str) -> list[bytes]:
        if kind not in self._rows:
            makers: dict[str, Callable[[], list[bytes]]] = {
                "narrow": lambda: narrow_rows(_DISTINCT["narrow"]),
                "wide": lambda: wide_rows(_DISTINCT["wide"]),
                "flights": flight_rows,
            }
            self._rows[kind] = makers[kind]()
        return self._rows[kind]

    def _logs(self, kind: str, each: int) -> list[bytes]:
        if kind not in self._rows:
            self._rows[kind] = request_logs(self._of("narrow"), each)
        return self._rows[kind]

    def _reference_writer(self, kind: str) -> Callable[[Path], None]:
        def write(folder: Path) -> None:
            if kind == "flights":
                _prepare_flights(self._folder, folder)
                return
            count = _REFERENCE_ROWS[kind]
            if kind == "distinct":
                _write_artifacts(list(distinct_rows(count, first=900)), folder)
                return
            make = narrow_rows if kind == "narrow" else wide_rows
            _write_artifacts(make(count, seed=SEED + 1), folder)

        return write


def write_records(records: Sequence[bytes], count: int, path: Path) -> None:
    """A TFRecord file of `count` records, over and over those given."""
    from trueserve.transforms.files.tfrecord import frame

    framed = [frame(record) for record in records[:count]]
    content = b"".join(framed)
    with path.open("wb") as file:
        for _ in range(count // len(framed)):
            file.write(content)
        file.write(b"".join(framed[: count % len(framed)]))


def write_once(records: Iterator[bytes], path: Path) -> None:
    """A TFRecord file of these records."""
    from trueserve.transforms.files.tfrecord import frame

    with path.open("wb") as file:
        file.writelines(map(frame, records))


def write_table(rows: Sequence[bytes], count: int, path: Path) -> None:
    """The rows as a Parquet file of plain columns."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = [(name, [cells[i] for cells in _cells(rows)]) for i, name in enumerate(_names())]
    table = pa.table({name: _repeated(values, count) for name, values in columns})
    pq.write_table(table, path)


def _names() -> list[str]:
    return [f"f{i:02}" for i in range(15)] + [f"s{i}" for i in range(len(_VOCABULARY_SIZES))]


def _cells(rows: Sequence[bytes]) -> Iterator[list[float | str]]:
    from tensorflow.core.example.example_pb2 import Example

    for row in rows:
        features = Example.FromString(row).features.feature
        numbers = [features[f"f{i:02}"].float_list.value[0] for i in range(15)]
        yield [
            *numbers,
            *(features[f"s{i}"].bytes_list.value[0].decode() for i in range(len(_VOCABULARY_SIZES))),
        ]


def _repeated(values: list[float | str], count: int) -> list[float | str]:
    return [*(values * (count // len(values))), *values[: count % len(values)]]


def _write_artifacts(rows: Sequence[bytes], folder: Path) -> None:
    """A schema and statistics of these rows, computed by TFDV."""
    import tensorflow_data_validation as tfdv
    from tensorflow_data_validation.statistics.stats_impl import generate_statistics_in_memory
    from tfx_bsl.coders.example_coder import ExamplesToRecordBatchDecoder

    batch = ExamplesToRecordBatchDecoder().DecodeBatch(list(rows))
    statistics = generate_statistics_in_memory(batch, tfdv.StatsOptions())
    folder.mkdir()
    # In the form in which TFX writes them, and `prepare` does.
    (folder / "stats.binpb").write_bytes(statistics.SerializeToString())
    tfdv.write_schema_text(tfdv.infer_schema(statistics), str(folder / "schema.pbtxt"))


def _prepare_flights(work: Path, baseline: Path) -> None:
    """A baseline of a tenth of spring's flights, by `trueserve prepare`."""
    from examples.flights import data

    data.write_examples(data.split(data.read_flights(), _FLIGHTS_SHARE).training, work / "flights-training")
    flags = [
        f"--examples={work}/flights-training/*",
        f"--preprocessing={ROOT}/examples/flights/preprocessing.py",
        f"--label={data.LABEL}",
        f"--baseline={baseline}",
    ]
    code = "from trueserve.pipelines.cli import entry_point; entry_point()"
    subprocess.run([sys.executable, "-c", code, "prepare", *flags], cwd=ROOT, check=True)


def main() -> None:
    """Writes what is asked for."""
    folder, *wanted = sys.argv[1:]
    Path(folder).mkdir(parents=True, exist_ok=True)
    source = Source(Path(folder))
    for kind, rows in (word.split(":") for word in wanted):
        source.make(kind, rows)


if __name__ == "__main__":
    main()

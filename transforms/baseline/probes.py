"""`probes.tfrecord`: real rows, and what the transform graph made of them in one batch.

Each record is a tf.Example; its features are named `raw/NAME` and `transformed/NAME`. A feature that a row
lacks is absent; one that is present and empty has a list of its kind with no value in it. The first record
also has the feature `columns`: a JSON object of all columns' names and kinds, so that columns in which no
probe has a value survive. The last records may be no real rows: each of those has the feature `synthetic`,
which says in words what is made up.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from trueserve.transforms.baseline.probe_selection import Pool, choose
from trueserve.transforms.baseline.synthetic_probes import make_synthetic_rows
from trueserve.transforms.core import tensorflow_messages
from trueserve.transforms.core.arrow import pa
from trueserve.transforms.core.errors import UsageError
from trueserve.transforms.files import paths, tfrecord

NUM_PROBES = 500
SYNTHETIC = "made_up"
# Values, of all columns together, from which probes are chosen; and the most rows of them.
_POOL_CELLS, _POOL_ROWS = 1_000_000, 1000

_RAW = "raw/"
_TRANSFORMED = "transformed/"
_COLUMNS = "columns"
_LISTS = {"int64": "int64_list", "float": "float_list", "large_binary": "bytes_list"}
_TYPES = {"int64": pa.int64(), "float": pa.float32(), "large_binary": pa.large_binary()}


class Probes(NamedTuple):
    """Raw rows, of which the last `len(synthetic)` are not real, and what each of those is."""

    rows: pa.RecordBatch
    synthetic: list[str]


def pool_rows(features: int) -> int:
    """How many random rows of so many features `make_probes` is to be given, beside those that cover."""
    return max(NUM_PROBES, min(_POOL_ROWS, _POOL_CELLS // max(features, 1)))


def make_probes(
    rows: pa.RecordBatch,
    apply: Callable[[pa.RecordBatch], pa.RecordBatch],
    raw_features_of: Mapping[str, Sequence[str]],
    names: Sequence[str],
    vocabularies: Sequence[Sequence[bytes]],
) -> Probes:
    """`NUM_PROBES` of the rows, or all if there are fewer, in their order, and then made-up ones.

    Args:
      rows: real ones in a random order that is the same in every run.
      apply: the transform graph; a row that it refuses gets no outputs at all.
      raw_features_of: the raw features behind each of its outputs.
      names: the raw features that requests have.
      vocabularies: the words of each of the graph's vocabularies, in the order of their ids.
    """
    pool = Pool(rows, apply(rows), raw_features_of, names)
    chosen = choose(pool, NUM_PROBES)
    made = make_synthetic_rows(pool, vocabularies, apply)
    arrays = [
        pa.concat_arrays([column.take(pa.array(chosen)), more])
        for column, more in zip(rows.columns, made.rows.columns, strict=True)
    ]
    return Probes(pa.RecordBatch.from_arrays(arrays, schema=rows.schema), made.why)


def write_probes(
    path: str, raw: pa.RecordBatch, transformed: pa.RecordBatch, synthetic: Sequence[str] = ()
) -> None:
    """Writes rows (`large_list<float32 | int64 | large_binary>` columns) and what became of them.

    `synthetic` says what the last rows are, of which there are as many.
    """
    assert raw.num_rows == transformed.num_rows
    columns = {**_prefixed(_RAW, raw), **_prefixed(_TRANSFORMED, transformed)}
    rows = zip(*(column.to_pylist() for column in columns.values()), strict=True)
    examples = [_example(dict(zip(columns, row, strict=True)), columns) for row in rows]
    if examples:
        examples[0].features.feature[_COLUMNS].bytes_list.value.append(_kinds(columns))
    for example, why in zip(examples[len(examples) - len(synthetic) :], synthetic, strict=True):
        example.features.feature[SYNTHETIC].bytes_list.value.append(why.encode())
    # Sorted maps: the same probes give the same bytes.
    records = [example.SerializeToString(deterministic=True) for example in examples]
    paths.write_atomically(path, b"".join(tfrecord.frame(record) for record in records))


def read_probes(path: str) -> tuple[pa.RecordBatch, pa.RecordBatch]:
    """The raw rows, and what the graph made of them, as they were written.

    Raises UsageError for a file that is broken, InputError for one that cannot be read.
    """
    return parse_probes(paths.read_bytes(path), path)


def parse_probes(data: bytes, path: str) -> tuple[pa.RecordBatch, pa.RecordBatch]:
    """`read_probes` of a file's content. Raises UsageError, which names `path`, where it is broken."""
    try:
        records = [record for chunk in tfrecord.read_records(io.BytesIO(data)) for record in chunk]
        examples = [_parsed(record) for record in records]
        columns = json.loads(examples[0].features.feature[_COLUMNS].bytes_list.value[0])
    except (tfrecord.TFRecordError, ValueError, IndexError) as error:
        raise UsageError(f"{path} holds no probes ({error}); run trueserve prepare or adopt again") from error
    return _batch(_RAW, columns, examples), _batch(_TRANSFORMED, columns, examples)


def _prefixed(prefix: str, batch: pa.RecordBatch) -> dict[str, pa.Array]:
    return {prefix + name: column for name, column in zip(batch.schema.names, batch.columns, strict=True)}


def _kind(column: pa.Array) -> str:
    return str(column.type.value_type)


def _example(row: dict[str, Any], columns: dict[str, pa.Array]) -> Any:
    example = tensorflow_messages.example()()
    for name, values in row.items():
        if values is not None:
            kind = getattr(example.features.feature[name], _LISTS[_kind(columns[name])])
            kind.SetInParent()  # an empty list is a value too
            kind.value.extend(values)
    return example


def _kinds(columns: dict[str, pa.Array]) -> bytes:
    return json.dumps({name: _kind(column) for name, column in columns.items()}).encode()


def _batch(prefix: str, columns: dict[str, str], examples: Iterable[Any]) -> pa.RecordBatch:
    names = [name for name in columns if name.startswith(prefix)]
    features = [example.features.feature for example in examples]
    arrays = [_column(name, columns[name], features) for name in names]
    return pa.RecordBatch.from_arrays(arrays, names=[name.removeprefix(prefix) for name in names])


def _column(name: str, kind: str, rows: Iterable[Any]) -> pa.Array:
    lists = [list(getattr(row[name], _LISTS[kind]).value) if name in row else None for row in rows]
    return pa.array(lists, pa.large_list(_TYPES[kind]))


def _parsed(record: bytes) -> Any:
    from google.protobuf.message import DecodeError

    example = tensorflow_messages.example()()
    try:
        example.ParseFromString(record)
    except DecodeError as error:
        raise ValueError("a record is no tf.Example") from error
    return example

"""Parquet files whose schema carries a pickle, as every version of pyarrow can write them.

Arrow keeps what an extension type is in two metadata of its field. Whoever loads this pickle creates a file.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

#: What no message may quote: the text of the pickle, and of its disassembly, and a value of the file.
MARKER, VALUE = "made-by-the-pickle", "a-value-of-the-file"
SECRETS = (MARKER, VALUE, "pathlib", "pickletools", "PROTO", "REDUCE", "builtins", "_reconstructor")


class _Creates:
    """Its pickle creates an empty file."""

    def __init__(self, path: Path) -> None:
        self._path = str(path)

    def __reduce__(self) -> tuple[Any, ...]:
        return open, (self._path, "w")


def metadata(folder: Path) -> dict[bytes, bytes]:
    """The metadata of a field of such a type; loading it creates `marker(folder)`."""
    content = pickle.dumps(_Creates(marker(folder)), protocol=2)
    return {b"ARROW:extension:name": b"arrow.py_extension_type", b"ARROW:extension:metadata": content}


def marker(folder: Path) -> Path:
    """The file that must not come into being."""
    return folder / MARKER


def fields(folder: Path) -> dict[str, pa.Field]:
    """Fields named `planted` with the pickle: the type of the column, or within it."""
    planted = pa.field("inner", pa.string(), metadata=metadata(folder))
    dictionary = pa.dictionary(pa.int32(), pa.string())
    types = {
        "struct": pa.struct([pa.field("before", pa.int64()), planted]),
        "list": pa.list_(planted),
        "large_list": pa.large_list(planted),
        "map": pa.map_(pa.string(), planted),
        "list_of_structs": pa.list_(pa.struct([planted])),
        "dictionary_in_struct": pa.struct([pa.field("inner", dictionary, metadata=metadata(folder))]),
    }
    nested = {name: pa.field("planted", kind) for name, kind in types.items()}
    plain = {"column": pa.string(), "dictionary": dictionary}
    return nested | {name: pa.field("planted", k, metadata=metadata(folder)) for name, k in plain.items()}


_VALUES: Mapping[str, Any] = {
    "struct": {"before": 1, "inner": VALUE},
    "list": [VALUE],
    "large_list": [VALUE],
    "map": [(VALUE, VALUE)],
    "list_of_structs": [{"inner": VALUE}],
    "dictionary_in_struct": {"inner": VALUE},
    "column": VALUE,
    "dictionary": VALUE,
}
SHAPES = tuple(sorted(_VALUES))


def write(path: Path, shape: str, folder: Path, others: Mapping[str, Sequence[Any]] | None = None) -> Path:
    """A file with a planted column of this shape after plain ones; `folder` is where the marker would be."""
    columns = {"carrier": [VALUE] * 3} if others is None else others
    [rows] = {len(values) for values in columns.values()}
    field = fields(folder)[shape]
    arrays = [*(pa.array(values) for values in columns.values()), _array(shape, field.type, rows)]
    schema = pa.schema([*(pa.field(n, a.type) for n, a in zip(columns, arrays, strict=False)), field])
    pq.write_table(pa.Table.from_arrays(arrays, schema=schema), path)
    return path


def _array(shape: str, kind: pa.DataType, rows: int) -> pa.Array:
    values = [_VALUES[shape]] * rows
    if shape == "dictionary_in_struct":
        inner = pa.array([VALUE] * rows).dictionary_encode()
        return pa.StructArray.from_arrays([inner], fields=[kind[0]])
    return pa.array(values, kind)

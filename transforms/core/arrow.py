"""The only way to pyarrow: it installs a protection before anything is read.

Until version 14 pyarrow loads a pickle, which can run any program, from the schema of a Parquet file or an
Arrow stream: a column of type `arrow.py_extension_type` brings a pickled Python object (CVE-2023-47248). The
patch for such versions is pyarrow-hotfix. Apache Beam imports it, but not every process of ours imports Beam.
So every module gets pyarrow from here; `tests/repo/test_architecture.py` forbids any other import.
Where the patch is needed and missing, this import fails.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

if hasattr(pa, "PyExtensionType"):  # gone in pyarrow 21, and with it the loading of pickles
    import pyarrow_hotfix  # noqa: F401

__all__ = [
    "PICKLED_TYPE",
    "check_types",
    "is_pickled_type",
    "open_stream",
    "pa",
    "pa_csv",
    "pc",
    "pq",
    "read_schema",
]

#: What is said of a file with such a type. It quotes nothing of the file.
PICKLED_TYPE = (
    "a column's type is a pickled Python object, which is never loaded; write the column as plain values"
)
_NAME = "arrow.py_extension_type"


def is_pickled_type(error: Exception) -> bool:
    """Whether Arrow raised `error` for such a type. Its text quotes the pickle: say PICKLED_TYPE instead."""
    return _NAME in str(error)


def check_types(fields: Iterable[pa.Field]) -> None:
    """Raises ValueError, whose text is PICKLED_TYPE, where a field or one within it has such a type.

    Newer versions of pyarrow do not know the type and would read what is stored under it.
    """
    for field in fields:
        if (field.metadata or {}).get(b"ARROW:extension:name") == _NAME.encode():
            raise ValueError(PICKLED_TYPE)
        check_types(_within(field.type))


def open_stream(data: bytes | pa.Buffer, *, checked: bool = False) -> pa.RecordBatchStreamReader:
    """The reader of an Arrow stream. Raises ValueError, as `check_types`, and ArrowException or OSError.

    `checked`: whether its types have been checked; for a thousand fields that takes some 20 ms.
    """
    stream = _loaded(pa.ipc.open_stream, data)
    if not checked:
        check_types(stream.schema)
    return stream


def read_schema(data: bytes | pa.Buffer) -> pa.Schema:
    """The schema that stands alone in a message of Arrow's. Raises as `open_stream`."""
    schema = _loaded(pa.ipc.read_schema, data)
    check_types(schema)
    return schema


def _loaded(load: Callable[[bytes | pa.Buffer], Any], data: bytes | pa.Buffer) -> Any:
    try:
        return load(data)
    except Exception as error:
        if not is_pickled_type(error):
            raise
    raise ValueError(PICKLED_TYPE)  # not from the other, whose text quotes the pickle


def _within(kind: pa.DataType) -> list[pa.Field]:
    """The fields that a type is made of: of lists, maps, structs and unions, and what others only encode."""
    if isinstance(kind, pa.BaseExtensionType):
        return [pa.field("", kind.storage_type)]
    if pa.types.is_map(kind):
        return [kind.key_field, kind.item_field]
    if hasattr(kind, "value_field"):
        return [kind.value_field]
    if hasattr(kind, "value_type"):  # a dictionary, or runs of one value
        return [pa.field("", kind.value_type)]
    return [kind[i] for i in range(kind.num_fields)]

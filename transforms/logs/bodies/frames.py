"""Bodies of other servers than TensorFlow Serving, as the instances that they stand for.

- MLflow takes a DataFrame under `dataframe_split` (`columns`, `data`, `index`) or `dataframe_records`; before
  version 2 the object of `columns` and `data` was the body itself. Azure has it under `input_data`.
- Seldon takes `data` with `names` and `ndarray`, or with a `tensor` of `shape` and flat `values`.
- Web services of one's own take pandas' columns: `{"age": [3, 4], ...}` or `{"age": {"0": 3, "1": 4}, ...}`.
"""

from __future__ import annotations

import math
from collections.abc import Container, Mapping, Sequence
from typing import Any, NamedTuple

from trueserve.transforms.logs.bodies.body_values import is_b64
from trueserve.transforms.logs.bodies.row_checks import NOT_A_REQUEST, check_keys, checked_rows
from trueserve.transforms.logs.request import BadRecordError

_SPLITS = ("dataframe_split", "input_data")
_RECORDS = "dataframe_records"
_SELDON = "data"


def is_frame(body: Mapping[str, Any], features: Container[str] = ()) -> bool:
    """Whether an object is such a body of rows, by keys that are no features."""
    return _kind(body, features) is not None


def instances_of(body: Mapping[str, Any], features: Container[str]) -> list[Any] | None:
    """The instances of such a body, objects or lists without names; None for an object that is none.

    Raises BadRecordError: `not_a_request`, `no_instances`, `too_many_instances`, `columns_differ`,
    `bad_tensor_shape`.
    """
    key = _kind(body, features)
    if key is None:
        return None
    if key == _RECORDS:
        return list(checked_rows(body[key], key))
    if key == _SELDON:
        return _seldon(body[key])
    return _named(body["columns"], body["data"]) if key == "columns" else _split(body[key])


def _kind(body: Mapping[str, Any], features: Container[str]) -> str | None:
    """The key that tells the kind of body."""
    # A table may have columns of these names.
    for key in (*_SPLITS, _RECORDS):
        if isinstance(body.get(key), list if key == _RECORDS else Mapping) and key not in features:
            return key
    if _SELDON in features or (data := body.get(_SELDON)) is None:
        return None
    if isinstance(data, Mapping) and ("ndarray" in data or "tensor" in data):
        return _SELDON
    is_split = isinstance(data, list) and isinstance(body.get("columns"), list) and "columns" not in features
    return "columns" if is_split else None


def _split(frame: Mapping[str, Any]) -> list[Any]:
    return _named(frame.get("columns"), frame.get("data"))


def _seldon(data: Mapping[str, Any]) -> list[Any]:
    names = data.get("names") or None
    rows = data["ndarray"] if "ndarray" in data else _matrix(data["tensor"])
    return _named(names, rows)


def _named(names: Any, rows: Any) -> list[Any]:
    """Rows of values by name; as they are where there are no names, or positions in place of them."""
    rows = checked_rows(rows, "rows")
    if names is None or (isinstance(names, list) and all(type(name) is int for name in names)):
        return list(rows)
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise BadRecordError(NOT_A_REQUEST, "expected a list of texts for the names of columns")
    check_keys(dict.fromkeys(names))
    if len(set(names)) < len(names):
        raise BadRecordError(NOT_A_REQUEST, "two columns have the same name")
    return [_row(names, row) for row in rows]


def _row(names: Sequence[str], values: Any) -> dict[str, Any]:
    if isinstance(values, Mapping):
        return dict(values)
    if not isinstance(values, list) or len(values) != len(names):
        count = len(values) if isinstance(values, list) else 1
        raise BadRecordError("columns_differ", f"expected {len(names)} values, as columns has; got {count}")
    return dict(zip(names, values, strict=True))


def _matrix(tensor: Any) -> list[Any]:
    """The rows of a tensor of two dimensions, or of one."""
    shape, values = (
        (tensor.get("shape"), tensor.get("values")) if isinstance(tensor, Mapping) else (None, None)
    )
    if not isinstance(values, list) or not isinstance(shape, list) or len(shape) not in (1, 2):
        raise BadRecordError("bad_tensor_shape", "expected a tensor of rows and columns, with flat values")
    if not all(type(size) is int and size >= 0 for size in shape) or math.prod(shape) != len(values):
        raise BadRecordError("bad_tensor_shape", "a tensor has another number of values than its shape")
    if len(shape) == 1 or not values:
        return [[value] for value in values]
    width = shape[1]
    return [values[start : start + width] for start in range(0, len(values), width)]


class Columns(NamedTuple):
    """Lists by name, each with a value for each row, and values that stand for every row."""

    lists: dict[str, list[Any]]
    shared: dict[str, Any]


def columns_of(body: Mapping[str, Any], single: Container[str], types: Container[str]) -> Columns | None:
    """An object of columns; None for a row.

    It is one if all features of one value that it has are lists of one length. Lists of one value each are a
    row as well, and taken for it where another feature may have several values: where it has, or where the
    one in its list is plain. Raises BadRecordError: `rows_differ`.

    Args:
      body: values by name.
      single: the schema's features that have one value a row.
      types: all features of the schema.
    """
    lists = _lists(body)
    sizes = {len(lists[name]) if name in lists else None for name in body if name in single}
    if len(sizes) != 1 or (size := sizes.pop()) is None:
        return None
    fitting = {name: values for name, values in lists.items() if len(values) == size}
    shared = {name: value for name, value in body.items() if name not in fitting}
    is_row = size == 1 and _is_row({name: body[name] for name in fitting if name in types}, single)
    if not is_row and not any(name in types for name in shared):
        return Columns(fitting, shared)
    if size == 1:
        return None
    raise BadRecordError("rows_differ", f"expected columns of {size:,} rows; another has another number")


def _is_row(lists: Mapping[str, Any], single: Container[str]) -> bool:
    """Whether lists of one value each are those of a row: one of a feature of several values has it plain."""
    if not all(isinstance(values, list) for values in lists.values()):
        return False
    firsts = [values[0] for name, values in lists.items() if name not in single]
    return any(value is not None and not isinstance(value, list) for value in firsts)


def _lists(body: Mapping[str, Any]) -> dict[str, list[Any]]:
    """The lists in an object, and pandas' objects of values by row, which name the same rows in one order."""
    lists = {name: value for name, value in body.items() if isinstance(value, list)}
    by_row = {name: value for name, value in body.items() if isinstance(value, Mapping) and not is_b64(value)}
    if not by_row or len({tuple(values) for values in by_row.values()}) > 1:
        return lists
    return lists | {name: list(values.values()) for name, values in by_row.items()}

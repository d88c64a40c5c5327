"""Bodies of prediction requests to instances: what REST, AI Platform, Vertex, SageMaker and KServe share.

TF Serving's REST body has its tensors in rows (`instances`), in columns (`inputs`), or holds tf.Examples to
classify or regress (`examples`, with a `context` that is part of each). AI Platform and Vertex take the rows.
Bytes stand as `{"b64": "..."}`; that the names of such inputs end in `_bytes` is a rule of AI Platform for
models, and nothing hangs on it here.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from transforms.logs.bodies import json_text
from transforms.logs.bodies.body_values import (
    features_of_example,
    is_b64,
    number_of_text,
    value_of,
    values_of,
)
from transforms.logs.bodies.v2_tensors import tensor_columns
from transforms.logs.features import Settings
from transforms.logs.request import BadRecordError, Exact
from transforms.logs.tensors.prediction_log_kinds import EXAMPLE_INPUTS
from transforms.logs.tensors.tensor_protos import MAX_FILLED_VALUES

Row = Mapping[str, Any]
#: What a request's body has one of.
BODY_KEYS = ("instances", "inputs", "examples")
#: More than any server is asked at once. A row costs a hundred times the two bytes that it may stand for.
MAX_INSTANCES = 1 << 18
NOT_A_REQUEST = "not_a_request"
NO_INSTANCES = "no_instances"


def body_of(value: Any) -> Mapping[str, Any]:
    """The body in a field of a log: an object, or the JSON text of one.

    Raises BadRecordError: `not_json`, `nested_too_deeply`, `not_a_request`.
    """
    body = json_text.load(value) if isinstance(value, str | bytes) else value
    if not isinstance(body, Mapping):
        raise BadRecordError(NOT_A_REQUEST, "expected a request's body, a JSON object; it is none")
    return body


class Bodies:
    """Reads bodies for a schema. It knows which names are features, to tell rows from serialized examples."""

    def __init__(self, settings: Settings) -> None:
        self._types = dict(settings.expected.types) if settings.expected else {}
        only = tuple(self._types) if len(self._types) == 1 else ()
        self._columns = settings.columns
        self._names = settings.columns or only

    def is_body(self, value: Any) -> bool:
        """Whether a JSON value is a body, and not an instance that has such a feature."""
        return isinstance(value, Mapping) and any(
            key in value and key not in self._types and not is_b64(value[key]) for key in BODY_KEYS
        )

    def instances(self, body: Mapping[str, Any]) -> Sequence[Row]:
        """Rows of TF Serving's JSON: `instances`, `inputs`, or `examples` with `context`.

        `{"b64": ...}` become bytes; bytes that are no feature's value but a serialized tf.Example become its
        features. Those, and the values of `examples`, are `Exact`. A value or list without names takes the
        names in `Settings.columns`, or that of the only feature. A scalar among `inputs` stands for every
        row.

        Raises BadRecordError: `not_a_request`, `no_instances`, `too_many_instances`, `bad_base64`,
        `no_names`, `columns_differ`, `rows_differ`, `not_a_tf_example`, `nested_too_deeply`, and
        those of `open_inference` where `inputs` are its tensors.
        """
        body_keys = [key for key in BODY_KEYS if body.get(key) is not None]
        if len(body_keys) != 1:
            expected = "expected a body with one of instances, inputs and examples"
            raise BadRecordError(NOT_A_REQUEST, f"{expected}; it has {' and '.join(body_keys) or 'none'}")
        value = body[body_keys[0]]
        if body_keys == ["instances"]:
            return [self._instance(instance) for instance in _checked_rows(value, "instances")]
        if body_keys == ["inputs"]:
            return self.open_inference(body) if _is_tensors(value) else self._rows_of_columns(value)
        return self._rows_of_examples(_checked_rows(value, "examples"), body.get("context"))

    def open_inference(self, body: Mapping[str, Any]) -> Sequence[Row]:
        """Rows of the v2 (Open Inference) protocol: `inputs`, a list of {name, shape, datatype, data}.

        One input that is no feature takes the names in `Settings.columns` if it is as wide. Raises
        BadRecordError: `not_a_request`, `no_inputs`, `bad_tensor_shape`, `unsupported_dtype`,
        `binary_tensor`, `rows_differ`, `no_instances`, `too_many_instances`, `bad_base64`,
        `not_a_tf_example`, `nested_too_deeply`.
        """
        columns = tensor_columns(body.get("inputs"))
        _check_keys(columns)
        if len(columns) == 1:
            [(name, values)] = columns.items()
            if name not in self._types and self._fits_columns(values):
                return [self._unnamed(value) for value in _checked_rows(values, "inputs")]
        return self._rows(columns)

    def csv(self, text: str) -> Sequence[Row]:
        """Rows of CSV without a header, named by `Settings.columns`.

        Text that is a number is one where the schema has numbers; an empty cell is missing. Raises
        BadRecordError: `no_names`, `bad_csv_row`, `no_instances`, `too_many_instances`.
        """
        if not self._names:
            raise _no_names()
        try:
            rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
        except csv.Error:
            raise BadRecordError("bad_csv_row", "the body does not parse as CSV") from None
        # Of one column, an empty line is a row without a value.
        cells = [row or [""] for row in rows if row or len(self._names) == 1]
        return [self._row_of_cells(row) for row in _checked_rows(cells, "rows")]

    def _row_of_cells(self, cells: Sequence[str]) -> Row:
        if len(cells) != len(self._names):
            detail = f"expected {len(self._names)} values, as --columns has; a row has {len(cells)}"
            raise BadRecordError("bad_csv_row", detail)
        named = zip(self._names, cells, strict=True)
        return {name: number_of_text(cell, self._types.get(name)) for name, cell in named if cell}

    def _rows_of_columns(self, inputs: Any) -> Sequence[Row]:
        if isinstance(inputs, Mapping) and not self._is_bytes(inputs):
            _check_keys(inputs)
            return self._rows(values_of(inputs))
        unnamed = inputs if isinstance(inputs, list) else [inputs]
        return [self._instance(instance) for instance in _checked_rows(unnamed, "inputs")]

    def _rows(self, columns: Mapping[str, Any]) -> Sequence[Row]:
        """Rows of columns, each a list with a value for each row, or a scalar for all."""
        sizes = {len(values) for values in columns.values() if isinstance(values, list)} or {1}
        if len(sizes) > 1:
            raise BadRecordError("rows_differ", f"inputs have different numbers of rows: {sorted(sizes)[:9]}")
        [size] = sizes
        lists = {name: values for name, values in columns.items() if isinstance(values, list)}
        scalars = {name: value for name, value in columns.items() if name not in lists}
        _check_claim(size, len(scalars) if lists else 0)
        if not columns:
            size = 0
        _checked_rows(range(size), "inputs")
        names = tuple(lists)
        rows = zip(*lists.values(), strict=True) if lists else iter([()] * size)
        return [self._row(scalars | dict(zip(names, values, strict=True))) for values in rows]

    def _rows_of_examples(self, examples: Sequence[Any], context: Any) -> Sequence[Row]:
        shared = _exact_features({} if context is None else context)
        _check_claim(len(examples), len(shared))
        return [shared | _exact_features(example) for example in examples]

    def _instance(self, value: Any) -> Row:
        if isinstance(value, Mapping) and not self._is_bytes(value):
            return self._row(_features_by_name(value))
        return self._unnamed(value_of(value))

    def _is_bytes(self, value: Any) -> bool:
        return is_b64(value) and "b64" not in self._types

    def _row(self, row: dict[str, Any]) -> Row:
        """A row of tensors, with the features of a serialized example in it."""
        if row.keys() <= self._types.keys():
            return row
        for name, row_value in list(row.items()):
            # Strings of the v2 protocol have a second dimension, of one.
            value = row_value[0] if type(row_value) is list and len(row_value) == 1 else row_value
            if isinstance(value, bytes) and name not in self._types:
                features = self._example(name, value, is_only_value=len(row) == 1)
                if features is not None:
                    del row[name]
                    row |= features
        return row

    def _example(self, name: str, value: bytes, *, is_only_value: bool) -> dict[str, Any] | None:
        """The features of a serialized example; None for bytes that are a value, if one of no feature."""
        if name in EXAMPLE_INPUTS:
            features = features_of_example(value)
            if features is None:
                raise _not_an_example()
            return features
        return self._known_features(value) if is_only_value else None

    def _known_features(self, value: bytes) -> dict[str, Any] | None:
        # Nearly any bytes may parse by chance, but not with a name in them that is a feature's.
        features = features_of_example(value)
        return features if features and features.keys() & self._types.keys() else None

    def _unnamed(self, value: Any) -> Row:
        if isinstance(value, bytes):
            features = self._known_features(value)
            if features is not None:
                return features
            if not self._names:
                raise _not_an_example()
        if not self._names:
            raise _no_names()
        if len(self._names) == 1:
            return {self._names[0]: value}
        if not isinstance(value, list) or len(value) != len(self._names):
            count = len(value) if isinstance(value, list) else 1
            detail = f"expected {len(self._names)} values without names, as --columns has; got {count}"
            raise BadRecordError("columns_differ", detail)
        return dict(zip(self._names, value, strict=True))

    def _fits_columns(self, values: Any) -> bool:
        if not self._columns or not isinstance(values, list):
            return False
        width = len(self._columns)
        return width == 1 or all(isinstance(row, list) and len(row) == width for row in values)


def _is_tensors(value: Any) -> bool:
    """Whether `inputs` are those of the v2 protocol."""
    return (
        isinstance(value, list)
        and bool(value)
        and isinstance(value[0], Mapping)
        and {"name", "shape", "datatype"} <= value[0].keys()
    )


def _features_by_name(value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise BadRecordError(
            NOT_A_REQUEST, "expected a JSON object of features in the body; got another value"
        )
    _check_keys(value)
    return values_of(value)


def _exact_features(example: Any) -> dict[str, Any]:
    """The features of JSON that TF Serving makes a tf.Example of."""
    named = _features_by_name(example)
    return {name: _exact_list(value) for name, value in named.items()}


def _exact_list(value: Any) -> Any:
    return value if value is None else Exact(value if isinstance(value, list) else [value])


def _check_keys(value: Mapping[Any, Any]) -> None:
    try:
        "".join(value).encode()
    except (TypeError, UnicodeEncodeError):
        raise BadRecordError(NOT_A_REQUEST, "a feature's name is not UTF-8 text") from None


def _checked_rows(values: Any, field: str) -> Sequence[Any]:
    if not isinstance(values, list | range):
        raise BadRecordError(NOT_A_REQUEST, f"expected a list of {field}; got something else")
    if not values:
        raise BadRecordError(NO_INSTANCES, f"the request has no {field}")
    if len(values) > MAX_INSTANCES:
        detail = f"expected at most {MAX_INSTANCES:,} {field} in a request; got {len(values):,}"
        raise BadRecordError("too_many_instances", detail)
    return values


def _check_claim(rows: int, shared: int) -> None:
    """What stands once and counts for every row may be small in a log and big in memory."""
    if rows * shared > MAX_FILLED_VALUES:
        raise BadRecordError("too_many_instances", f"{shared:,} values stand for each of {rows:,} rows")


def _no_names() -> BadRecordError:
    return BadRecordError("no_names", "the values come without names; give them with --columns")


def _not_an_example() -> BadRecordError:
    return BadRecordError("not_a_tf_example", "expected a serialized tf.Example; the bytes parse as none")


def all_rows(parts: Iterable[Sequence[Row]]) -> Sequence[Row]:
    """The rows of several bodies of one request. Raises BadRecordError: `too_many_instances`."""
    rows = [row for part in parts for row in part]
    return _checked_rows(rows, "instances")

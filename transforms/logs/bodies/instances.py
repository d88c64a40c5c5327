"""Bodies of prediction requests to instances: what REST, AI Platform, Vertex, SageMaker and KServe share.

TF Serving's REST body has its tensors in rows (`instances`), in columns (`inputs`), or holds tf.Examples to
classify or regress (`examples`, with a `context` that is part of each). AI Platform and Vertex take the rows.
Bytes stand as `{"b64": "..."}`; that the names of such inputs end in `_bytes` is a rule of AI Platform for
models, and nothing hangs on it here. Bodies of other servers are in `frames`.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from typing import Any, NamedTuple

from trueserve.transforms.logs.bodies import frames
from trueserve.transforms.logs.bodies.body_values import is_b64, values_of
from trueserve.transforms.logs.bodies.csv_rows import csv_rows
from trueserve.transforms.logs.bodies.encodings import load_body
from trueserve.transforms.logs.bodies.instance_rows import InstanceRows, exact_features
from trueserve.transforms.logs.bodies.row_checks import (
    NO_FEATURES,
    NO_INSTANCES,
    NOT_A_REQUEST,
    Row,
    check_claim,
    check_keys,
    checked_rows,
    first_names,
)
from trueserve.transforms.logs.bodies.v2_tensors import is_tensors, tensor_columns
from trueserve.transforms.logs.features import Settings
from trueserve.transforms.logs.request import BadRecordError

#: What a body of TF Serving has one of.
BODY_KEYS = ("instances", "inputs", "examples")
# What may stand beside features that have no name around them.
_FIELDS = frozenset({"signature_name", "model_version", "parameters", "params"})


class Body(NamedTuple):
    """A request's body: its rows, and the fields of the object that has them, if it is one."""

    rows: Sequence[Row]
    fields: Mapping[str, Any]


def body_of(value: Any, headers: Any = None) -> Mapping[str, Any]:
    """The body in a field of a log: an object, the JSON text of one, or its bytes as they were sent.

    Raises BadRecordError: `not_a_request`, and those of `load_body`.
    """
    body = load_body(value, headers)
    if not isinstance(body, Mapping):
        raise BadRecordError(NOT_A_REQUEST, "expected a request's body, a JSON object; it is none")
    return body


class Bodies:
    """Reads bodies for a schema. It knows which names are features, to tell rows from serialized examples."""

    def __init__(self, settings: Settings) -> None:
        self._rows_of = InstanceRows(settings)
        self._types = self._rows_of.types
        self._single = settings.expected.single if settings.expected else frozenset()
        self._columns = settings.columns
        self._missing_values = settings.text.missing_values

    def read(self, value: Any, headers: Any = None) -> Body:
        """The body in a field of a log: its JSON value, text, or bytes as they were sent.

        A list is one of rows, or one row without names. Raises BadRecordError as `load_body` and `instances`.
        """
        body = load_body(value, headers)
        if isinstance(body, Mapping):
            return Body(self.instances(body), body)
        return Body(self._rows_of_list(body), {})

    def is_body(self, value: Any) -> bool:
        """Whether a JSON value is a body by its keys, and not an instance that has such a feature."""
        return isinstance(value, Mapping) and (
            any(key in value and key not in self._types and not is_b64(value[key]) for key in BODY_KEYS)
            or frames.is_frame(value, self._types)
        )

    def is_columns(self, value: Any) -> bool:
        """Whether a JSON value is an object of columns of several rows. Raises BadRecordError."""
        if not isinstance(value, Mapping):
            return False
        columns = frames.columns_of(value, self._single, self._types)
        return columns is not None and len(next(iter(columns.lists.values()))) > 1

    def without(self, fields: Container[str], body: Mapping[str, Any]) -> dict[str, Any]:
        """An object without what a request says beside its features; what is a feature stays."""
        known = self._rows_of.known
        return {name: value for name, value in body.items() if name in known or name not in fields}

    def instances(self, body: Mapping[str, Any]) -> Sequence[Row]:
        """Rows of a body that is an object: TF Serving's `instances`, `inputs`, or `examples` with `context`.

        `{"b64": ...}` become bytes; bytes that are no feature's value but a serialized tf.Example become its
        features. Those, and the values of `examples`, are `Exact`. A value or list without names takes the
        names in `Settings.columns`, or that of the only feature. A scalar among `inputs` stands for every
        row. Others are bodies of `frames`, and objects that have features: columns, or a row.

        Raises BadRecordError: `not_a_request`, `no_instances`, `too_many_instances`, `bad_base64`,
        `no_names`, `columns_differ`, `rows_differ`, `no_features`, `not_a_tf_example`, `nested_too_deeply`,
        and those of `open_inference` where `inputs` are its tensors.
        """
        body_keys = [key for key in BODY_KEYS if body.get(key) is not None]
        if len(body_keys) != 1:
            return self._other_rows(body, body_keys)
        value = body[body_keys[0]]
        if body_keys == ["instances"]:
            return [self._rows_of.of(instance) for instance in checked_rows(value, "instances")]
        if body_keys == ["inputs"]:
            return self.open_inference(body) if is_tensors(value) else self._rows_of_columns(value)
        return self._rows_of_examples(checked_rows(value, "examples"), body.get("context"))

    def open_inference(self, body: Mapping[str, Any]) -> Sequence[Row]:
        """Rows of the v2 (Open Inference) protocol: `inputs`, a list of {name, shape, datatype, data}.

        One input that is no feature takes the names in `Settings.columns` if it is as wide. Raises
        BadRecordError: `not_a_request`, `no_inputs`, `bad_tensor_shape`, `unsupported_dtype`,
        `binary_tensor`, `rows_differ`, `no_instances`, `too_many_instances`, `no_features`, `bad_base64`,
        `not_a_tf_example`, `nested_too_deeply`.
        """
        columns = tensor_columns(body.get("inputs"))
        check_keys(columns)
        if len(columns) == 1:
            [(name, values)] = columns.items()
            if name not in self._types and self._fits_columns(values):
                return [self._rows_of.unnamed(value) for value in checked_rows(values, "inputs")]
        return self._rows(columns)

    def csv(self, text: str) -> Sequence[Row]:
        """Rows of CSV, named by its header if it has one, else by `Settings.columns`.

        Raises BadRecordError: `no_features`, and those of `csv_rows`.
        """
        rows = csv_rows(text, self._rows_of.names, self._rows_of.known, self._types, self._missing_values)
        self._rows_of.check_names(self._rows_of.names or self._types)
        return rows

    def _other_rows(self, body: Mapping[str, Any], body_keys: Sequence[str]) -> Sequence[Row]:
        """Rows of a body that is none of TF Serving's, or has several of `BODY_KEYS`."""
        if not body_keys:
            if (instances := frames.instances_of(body, self._types)) is not None:
                return [self._rows_of.of(instance) for instance in instances]
            if (rows := self._columns_or_row(self.without(_FIELDS, body))) is not None:
                return rows
        expected = "expected a body with one of instances, inputs and examples, or with features"
        named = f" ({first_names(self._types)})" if self._types else ""
        has = " and ".join(body_keys) or "none"
        raise BadRecordError(NOT_A_REQUEST, f"{expected}{named}; it has {has}")

    def _columns_or_row(self, body: Mapping[str, Any]) -> Sequence[Row] | None:
        """The rows of an object of features; None for one that has none."""
        if not body or not self._types:
            return None
        if (columns := frames.columns_of(body, self._single, self._types)) is not None:
            check_keys(body)
            return self._zipped(values_of(columns.lists), values_of(columns.shared))
        try:
            return [self._rows_of.of(body)]
        except BadRecordError as error:
            if error.reason != NO_FEATURES:
                raise
            return None

    def _rows_of_list(self, value: Any) -> Sequence[Row]:
        """Rows of JSON that is no object: a list of rows, or one row without names."""
        if value == []:
            raise BadRecordError(NO_INSTANCES, "the request has no rows")
        if not isinstance(value, list) and (value is None or len(self._rows_of.names) != 1):
            expected = "expected a request's body, a JSON object or a list of rows"
            raise BadRecordError(NOT_A_REQUEST, f"{expected}; it is neither")
        is_rows = isinstance(value, list) and all(isinstance(row, list | Mapping) for row in value)
        rows = checked_rows(value if is_rows else [value], "rows")
        return [self._rows_of.of(row) for row in rows]

    def _rows_of_columns(self, inputs: Any) -> Sequence[Row]:
        if isinstance(inputs, Mapping) and not self._rows_of.is_bytes(inputs):
            check_keys(inputs)
            return self._rows(values_of(inputs))
        unnamed = inputs if isinstance(inputs, list) else [inputs]
        return [self._rows_of.of(instance) for instance in checked_rows(unnamed, "inputs")]

    def _rows(self, columns: Mapping[str, Any]) -> Sequence[Row]:
        """Rows of columns, each a list with a value for each row, or a scalar for all."""
        lists = {name: values for name, values in columns.items() if isinstance(values, list)}
        sizes = {len(values) for values in lists.values()}
        if len(sizes) > 1:
            raise BadRecordError("rows_differ", f"inputs have different numbers of rows: {sorted(sizes)[:9]}")
        return self._zipped(lists, {name: columns[name] for name in columns if name not in lists})

    def _zipped(self, lists: Mapping[str, list[Any]], shared: Mapping[str, Any]) -> Sequence[Row]:
        """Rows of lists of one length, and of values that stand for every row."""
        size = len(next(iter(lists.values()))) if lists else int(bool(shared))
        check_claim(size, len(shared) if lists else 0)
        checked_rows(range(size), "inputs")
        names = tuple(lists)
        rows = zip(*lists.values(), strict=True) if lists else iter([()] * size)
        return [self._rows_of.of_tensors({**shared, **dict(zip(names, row, strict=True))}) for row in rows]

    def _rows_of_examples(self, examples: Sequence[Any], context: Any) -> Sequence[Row]:
        shared = exact_features({} if context is None else context)
        check_claim(len(examples), len(shared))
        return [self._rows_of.checked(shared | exact_features(example)) for example in examples]

    def _fits_columns(self, values: Any) -> bool:
        if not self._columns or not isinstance(values, list):
            return False
        width = len(self._columns)
        return width == 1 or all(isinstance(row, list) and len(row) == width for row in values)

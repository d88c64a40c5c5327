"""The reference model: a served SavedModel, asked for rows of raw features."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from trueserve.transforms.core.arrow import pa
from trueserve.transforms.core.errors import InputError, UsageError
from trueserve.transforms.files import paths
from trueserve.transforms.graph import op_libraries, threads
from trueserve.transforms.graph.row_bisection import apply_in_parts

SIGNATURE = "serving_default"
SAVED_MODEL = "saved_model.pb"
#: Rows that the model is asked for at once.
MAX_ROWS = 1024

Array = np.ndarray[Any, Any]
_NUMBERS = "fiubV"  # bfloat16 is of NumPy's kind V
_VERSION = re.compile(r"[0-9]+")


class Answered(NamedTuple):
    """What the model says.

    Attributes:
      values: float64 [rows, width] by output; None for one that has not a row of numbers for each row.
      taken: bool [rows]: those that the model did not refuse; the others' values are NaN.
    """

    values: dict[str, Array | None]
    taken: Array


class ReferenceModel:
    """A SavedModel whose `serving_default` takes serialized tf.Examples, loaded. Safe to share by threads."""

    def __init__(self, folder: str) -> None:
        """Loads a local folder. Raises what TensorFlow raises for a model that it cannot load."""
        from tfx_bsl.coders import example_coder

        threads.limit_tensorflow()
        self._loaded = op_libraries.load(folder)
        self._function = self._loaded.signatures[SIGNATURE]
        [self._input] = self._function.structured_input_signature[1]
        self._encoder = example_coder.RecordBatchToExamples
        self.outputs = sorted(self._function.structured_outputs)

    def answer(self, features: pa.RecordBatch) -> Answered:
        """The answers to rows of raw features (`large_list` columns, as decoders give them).

        Raises nothing for what the rows hold: those that the model refuses are sought in a bounded number of
        calls (`transforms.graph.row_bisection`), and not taken.
        """
        starts = range(0, features.num_rows, MAX_ROWS)
        parts = [self._part(features.slice(start, MAX_ROWS)) for start in starts]
        return _joined(parts, self.outputs)

    def _part(self, features: pa.RecordBatch) -> Answered:
        import tensorflow as tf

        refusals = (tf.errors.OpError, ValueError)
        try:
            return Answered(self._ask(features), np.ones(features.num_rows, bool))
        except refusals:
            return self._ask_with_care(features, refusals)

    def _ask_with_care(self, features: pa.RecordBatch, refusals: tuple[type[Exception], ...]) -> Answered:
        """Which rows it takes is found first; then these are asked for together."""

        def probe(part: pa.RecordBatch) -> pa.RecordBatch:
            self._ask(part)
            return part

        taken = apply_in_parts(probe, features, refusals).taken
        if not taken.any():
            return Answered({}, taken)
        some = self._ask(_take(features, np.flatnonzero(taken)))
        return Answered({name: _spread(values, taken) for name, values in some.items()}, taken)

    def _ask(self, features: pa.RecordBatch) -> dict[str, Array | None]:
        import tensorflow as tf

        examples = np.array(self._encoder(features), object)
        outputs = self._function(**{self._input: tf.constant(examples, tf.string)})
        return {name: _numbers(tensor.numpy(), features.num_rows) for name, tensor in outputs.items()}


def check(folder: str, flag_name: str = "--replay") -> None:
    """Looks at a SavedModel, on any file system, without loading it.

    Raises UsageError: there is none, or its `serving_default` does not take serialized tf.Examples.
    """
    from tensorflow.core.framework import types_pb2

    signatures = _read(folder, flag_name).signature_def
    inputs = list(signatures[SIGNATURE].inputs.values()) if SIGNATURE in signatures else []
    if [tensor.dtype for tensor in inputs] == [types_pb2.DT_STRING] and len(inputs[0].tensor_shape.dim) == 1:
        return
    has = ", ".join(sorted(name for name in signatures if not name.startswith("__"))) or "none"
    raise UsageError(
        f"{flag_name}: {folder} has no signature {SIGNATURE} that takes serialized tf.Examples, as"
        f" `trueserve export` writes it (signatures: {has}); without it a model's transform cannot be run"
    )


def _read(folder: str, flag_name: str) -> Any:
    from google.protobuf.message import DecodeError
    from tensorflow.core.protobuf import saved_model_pb2

    model = saved_model_pb2.SavedModel()
    path = paths.join(folder, SAVED_MODEL)
    try:
        model.ParseFromString(paths.read_bytes(path))
    except InputError as error:
        raise UsageError(f"{flag_name}: {folder} is no SavedModel{_hint(folder)}") from error
    except DecodeError as error:
        raise UsageError(f"{flag_name}: {path} does not parse as a SavedModel") from error
    graphs = [graph for graph in model.meta_graphs if "serve" in graph.meta_info_def.tags]
    if not graphs:
        raise UsageError(f"{flag_name}: {path} has no graph that is tagged `serve`")
    return graphs[0]


def _hint(folder: str) -> str:
    """Which version of a served model to name, where `folder` holds several."""
    try:
        names = {path.split("/")[0] for path in paths.list_files(folder)}
    except InputError:
        return f": it has no {SAVED_MODEL}"
    versions = sorted((name for name in names if _VERSION.fullmatch(name)), key=int)
    if not versions:
        return f": it has no {SAVED_MODEL}"
    return f"; name one of the versions in it, such as {paths.join(folder, versions[-1])}"


def _numbers(values: Array, rows: int) -> Array | None:
    if values.ndim == 0 or len(values) != rows or values.dtype.kind not in _NUMBERS:
        return None
    return np.asarray(values.reshape(rows, -1 if rows else 0).astype(np.float64))


def _spread(values: Array | None, taken: Array) -> Array | None:
    if values is None:
        return None
    result = np.full((len(taken), values.shape[1]), np.nan)
    result[taken] = values
    return result


def _joined(parts: list[Answered], outputs: list[str]) -> Answered:
    """The parts one below the other; an output that is no number in one part is none."""
    taken = np.concatenate([np.zeros(0, bool), *(part.taken for part in parts)])
    return Answered({name: _column(name, parts) for name in outputs}, taken)


def _column(name: str, parts: list[Answered]) -> Array | None:
    there = [part.values[name] for part in parts if name in part.values]
    widths = {values.shape[1] for values in there if values is not None}
    if len(widths) != 1 or any(values is None for values in there):
        return None
    [width] = widths
    nothing = [np.full((len(part.taken), width), np.nan) for part in parts]
    columns = [part.values.get(name, none) for part, none in zip(parts, nothing, strict=True)]
    return np.concatenate([column for column in columns if column is not None])


def _take(features: pa.RecordBatch, rows: Array) -> pa.RecordBatch:
    columns = [column.take(pa.array(rows)) for column in features.columns]
    return pa.RecordBatch.from_arrays(columns, schema=features.schema)


def sizes(values: Mapping[str, Array | None]) -> dict[str, int | None]:
    """How many values each output has in a row."""
    return {name: None if array is None else array.shape[1] for name, array in values.items()}

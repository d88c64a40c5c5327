"""Augmentation of training examples: the user's function on transformed features, in training alone.

The function is no part of any graph that is exported. It is given random seeds, two for each record, made of
the record's place (file and number), so that the same examples give the same augmentation however a runner
cuts and orders them.
"""

from __future__ import annotations

import dataclasses
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from tensorflow_metadata.proto.v0 import schema_pb2

from trueserve.transforms.core.arrow import pa
from trueserve.transforms.core.errors import UsageError
from trueserve.transforms.graph.preprocessing import FunctionFlag, load_function, source_digest

FLAG = FunctionFlag("--augment", "augment_fn", "augmentation file")
Seeds = np.ndarray[Any, np.dtype[np.int64]]

_MIX = np.uint64(0xD6E8FEB86659FD93)
# The function is run twice on so many rows, to find randomness that does not come from the seeds.
_REPEATED = 16


@dataclasses.dataclass(frozen=True)
class Augmentation:
    """A function `augment_fn(features, seeds)`, loaded; it travels as preprocessing functions do.

    Attributes:
      spec: as the user gave it.
      takes_arrow: whether it takes and gives a `pa.RecordBatch`, else a dict of tensors by name.
      source: SHA-256 of its file.
    """

    spec: str
    function: Callable[..., Any]
    takes_arrow: bool
    source: str

    def apply(self, rows: pa.RecordBatch, row_hashes: pa.Array, schema: schema_pb2.Schema) -> pa.RecordBatch:
        """Transformed rows in, as many augmented rows of the same columns and types out.

        Args:
          row_hashes: a uint64 a row, as `write_results.row_hashes` gives it.
          schema: tf.Transform's, of the outputs.

        Raises:
          UsageError: the function fails, or gives something else; no value of a row is in the message.
        """
        seeds = seeds_of(row_hashes.to_numpy(zero_copy_only=False))
        return self._arrow(rows, seeds) if self.takes_arrow else self._tensors(rows, seeds, schema)

    def check_repeats(self, rows: pa.RecordBatch, row_hashes: pa.Array, schema: schema_pb2.Schema) -> None:
        """Raises UsageError if the function gives other values for the same rows and seeds."""
        sample, seeds = rows.slice(0, _REPEATED), row_hashes.slice(0, _REPEATED)
        first, second = (_texts_by_column(self.apply(sample, seeds, schema)) for _ in range(2))
        if differing := [name for name, column in first.items() if column != second[name]]:
            raise UsageError(
                f"{FLAG.name}={self.spec} gives other values of {differing[0]!r} for the same rows and seeds;"
                " draw from the seeds it is given (tf.random.stateless_normal, numpy.random.default_rng)"
            )

    def _arrow(self, rows: pa.RecordBatch, seeds: Seeds) -> pa.RecordBatch:
        augmented = self._call(rows, seeds)
        if not isinstance(augmented, pa.RecordBatch):
            raise self._usage_error(f"expected a RecordBatch, got {type(augmented).__name__}")
        self._check_names(set(augmented.schema.names), set(rows.schema.names))
        return self._with_augmented_columns(rows, augmented)

    def _tensors(self, rows: pa.RecordBatch, seeds: Seeds, schema: schema_pb2.Schema) -> pa.RecordBatch:
        import tensorflow as tf
        from tfx_bsl.tfxio.tensor_adapter import TensorAdapter
        from tfx_bsl.tfxio.tensor_to_arrow import TensorsToRecordBatchConverter

        adapter = TensorAdapter(_adapter_config(schema, rows.schema))
        tensors = adapter.ToBatchTensors(rows, produce_eager_tensors=True)
        augmented = self._call(dict(tensors), tf.constant(seeds))
        if not isinstance(augmented, Mapping):
            raise self._usage_error(f"expected a dict of tensors, got {type(augmented).__name__}")
        self._check_names(set(augmented), set(tensors))
        specs = adapter.TypeSpecs()
        same = {name: self._tensor(name, augmented[name], specs[name]) for name in tensors}
        return self._with_augmented_columns(rows, TensorsToRecordBatchConverter(specs).convert(same))

    def _call(self, features: Any, seeds: Any) -> Any:
        try:
            return self.function(features, seeds)
        except Exception as error:
            # Not what it says: that may quote values of rows.
            raise self._usage_error(f"{type(error).__name__} at {self._line_of_error(error)}") from error

    def _line_of_error(self, error: Exception) -> str:
        """The user's innermost line, not that of a library which it has called."""
        frames = traceback.extract_tb(error.__traceback__)
        name = Path(self.spec.removesuffix(".py")).name.partition(".py:")[0]
        users = [frame for frame in frames if Path(frame.filename).stem == name]
        frame = (users or frames)[-1]
        return f"line {frame.lineno} of {frame.name}"

    def _check_names(self, names: set[str], expected: set[str]) -> None:
        if names != expected:
            lacks, more = sorted(expected - names), sorted(names - expected)
            problems = [f"lacks {lacks[0]!r}"] if lacks else []
            problems += [f"has {more[0]!r}, which it was not given"] if more else []
            raise self._usage_error(f"the result {' and '.join(problems)}")

    def _tensor(self, name: str, value: Any, spec: Any) -> Any:
        import tensorflow as tf

        if isinstance(spec, tf.TensorSpec):
            value = tf.convert_to_tensor(value)
        if not spec.is_compatible_with(value):
            raise self._usage_error(f"{name!r} is no longer {spec.dtype.name} of shape {spec.shape}")
        return value

    def _with_augmented_columns(self, rows: pa.RecordBatch, augmented: pa.RecordBatch) -> pa.RecordBatch:
        """The augmented columns in the place of those that they come from; others stay."""
        if augmented.num_rows != rows.num_rows:
            raise self._usage_error(f"{augmented.num_rows:,} rows came of {rows.num_rows:,}")
        columns = []
        for field, column in zip(rows.schema, rows.columns, strict=True):
            index = augmented.schema.get_field_index(field.name)
            columns.append(column if index < 0 else augmented.column(index))
            if columns[-1].type != field.type:
                raise self._usage_error(f"{field.name!r} is {columns[-1].type}, and was {field.type}")
        return pa.RecordBatch.from_arrays(columns, schema=rows.schema)

    def _usage_error(self, problem: str) -> UsageError:
        return UsageError(f"{FLAG.name}={self.spec} cannot be used: {problem}")


def load_augmentation(spec: str) -> Augmentation:
    """The function that `FILE[:FUNCTION]` names; FUNCTION is `augment_fn`.

    It takes Arrow where its first parameter is annotated as a RecordBatch, and a dict of tensors otherwise.

    Raises UsageError as `load_preprocessing` does, and if it does not take two arguments.
    """
    function, signature = load_function(spec, FLAG)
    try:
        signature.bind(None, None)
    except TypeError:
        raise UsageError(
            f"{FLAG.name}={spec}: expected a function of (features, seeds), got one of {signature}"
        ) from None
    first = next(iter(signature.parameters.values()))
    return Augmentation(spec, function, "RecordBatch" in str(first.annotation), source_digest(spec, FLAG))


def seeds_of(row_hashes: np.ndarray[Any, np.dtype[np.uint64]]) -> Seeds:
    """int64 [rows, 2], none negative: what TensorFlow's stateless and NumPy's generators take."""
    with np.errstate(over="ignore"):
        both = np.stack([row_hashes, (row_hashes ^ (row_hashes >> np.uint64(29))) * _MIX], axis=1)
    seeds: Seeds = (both >> np.uint64(1)).astype(np.int64)
    return seeds


def _texts_by_column(rows: pa.RecordBatch) -> dict[str, list[str]]:
    """By column the text of each row: NaN is equal to itself there."""
    return {
        name: [repr(value) for value in column.to_pylist()]
        for name, column in zip(rows.schema.names, rows.columns, strict=True)
    }


def _adapter_config(schema: schema_pb2.Schema, columns: pa.Schema) -> Any:
    """Of the outputs that are one column each: dense, or sparse of rank 2; the others stay as they are."""
    from tfx_bsl.tfxio import tensor_representation_util as representations
    from tfx_bsl.tfxio.tensor_adapter import TensorAdapterConfig

    tensors = representations.InferTensorRepresentationsFromMixedSchema(schema)
    sources = representations.GetSourceColumnsFromTensorRepresentation
    representable = {
        name: tensor
        for name, tensor in tensors.items()
        if [str(source) for source in sources(tensor)] == [name] and name in columns.names
    }
    return TensorAdapterConfig(columns, representable)

"""The transform graph as `prepare` saved it, applied to record batches; nothing here knows of Beam."""

from __future__ import annotations

import atexit
import functools
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
import tensorflow_transform as tft
from tensorflow_metadata.proto.v0 import schema_pb2
from tensorflow_transform import schema_inference
from tfx_bsl.tfxio.tensor_adapter import TensorAdapter
from tfx_bsl.tfxio.tensor_to_arrow import TensorsToRecordBatchConverter

from trueserve.transforms.core import record_batches
from trueserve.transforms.core import schema as schemas
from trueserve.transforms.core.arrow import pa, pc
from trueserve.transforms.core.errors import UsageError
from trueserve.transforms.graph import lineage, op_libraries, threads
from trueserve.transforms.graph.row_bisection import apply_in_parts

_KEPT_WORDS = 1000
# What TensorFlow, tfx_bsl and Arrow (its ArrowInvalid is a ValueError) raise for data.
_REFUSALS = (tf.errors.OpError, ValueError)


class TransformedBatch(NamedTuple):
    """Transformed rows, and how many of them have no outputs because the graph refused them."""

    rows: pa.RecordBatch
    num_refused: int


class TransformGraph:
    """A `transform_output` folder, loaded.

    Attributes:
      raw_schema: the raw features, those that are not in SERVING (the label) included.
      raw_columns: the Arrow columns of the raw features in SERVING; `apply` takes any of them.
      output_schema: what the graph gives for requests, that is, without the outputs that need the label.
      outputs: names of all outputs of the graph.
      serving_outputs: names of the outputs that requests can give, sorted.
      raw_features_of: for each output the raw features it is computed from, sorted.
      looked_up_by: those of them that reach it through tables of values alone; see `lineage.looked_up_by`.
    """

    def __init__(self, transform_output_dir: str) -> None:
        """Loads a local folder. Raises UsageError if it is no complete tf.Transform output."""
        _check_layout(transform_output_dir)
        threads.limit_tensorflow()
        output = tft.TFTransformOutput(transform_output_dir)
        self.raw_schema: schema_pb2.Schema = output.raw_metadata.schema
        self._loaded = _load(output.transform_savedmodel_dir)
        self._function = _only_function(self._loaded)
        self.raw_features_of: dict[str, list[str]] = lineage.raw_features_of(self._function)
        self.looked_up_by: dict[str, list[str]] = lineage.looked_up_by(self._function)
        self.outputs: list[str] = sorted(self.raw_features_of)
        self._assets = Path(output.transform_savedmodel_dir, "assets")
        serving = _serving_schema(self.raw_schema)
        self._adapter = TensorAdapter(record_batches.adapter_config(serving))
        self.raw_columns: pa.Schema = record_batches.arrow_schema(serving)
        self.serving_outputs: list[str] = lineage.computable(self._function, set(self._adapter.TypeSpecs()))
        self.output_schema = _selected(output.transformed_metadata.schema, self.serving_outputs)
        self._call = self._serving_function()
        _ALIVE.add(self)
        specs = self._function.structured_outputs
        self._converter = _arrow_converter({name: specs[name] for name in self.serving_outputs})

    def apply(self, features: pa.RecordBatch) -> pa.RecordBatch:
        """Raw rows in, as many transformed rows out, in the same order.

        Absent columns are missing values; columns that the graph does not know are left out. A feature with a
        fixed shape must have that many values, or none where the schema has a default for it. Another row
        cannot be fed to the graph: all its outputs are missing. So are those of rows that the graph itself
        refuses (see `transform_rows`). Columns are `large_list<float32 | int64 | large_binary>`.
        """
        return self.transform_rows(features).rows

    def transform_rows(self, features: pa.RecordBatch) -> TransformedBatch:
        """What `apply` gives, and how many rows the graph refused. Raises nothing for what rows hold.

        The user's code may ask for one value where a request has two, or for a number in a text that is
        none. The rows of which it complains are sought by halving the batch, within a bounded number of
        calls (`transforms.graph.row_bisection`): where many are bad, others that stand beside them are given
        up too.
        """
        batch = record_batches.conform(features, self.raw_columns)
        fits = _rows_that_fit(batch, self._fixed_sizes, self._with_default)
        if fits is None:
            return self._apply_with_care(batch)
        transformed = self._apply_with_care(_take(batch, pa.array(np.flatnonzero(fits))))
        return TransformedBatch(_spread(transformed.rows, fits), transformed.num_refused)

    def vocabularies(self) -> list[list[bytes]]:
        """The first and last words of each vocabulary that is no gzip, while the folder is there."""
        vocabularies = []
        for asset in sorted(self._assets.glob("*")):
            lines = b"" if asset.name.endswith(".gz") else asset.read_bytes()
            vocabulary = lines.removesuffix(b"\n").split(b"\n")
            is_short = len(vocabulary) <= 2 * _KEPT_WORDS
            vocabularies.append(
                vocabulary if is_short else vocabulary[:_KEPT_WORDS] + vocabulary[-_KEPT_WORDS:]
            )
        return vocabularies

    @property
    def saved_model(self) -> Any:
        """The loaded graph: a `tf.Module` that has it as an attribute is saved with its vocabularies."""
        return self._loaded

    def transform(self, features: Mapping[str, Any]) -> dict[str, Any]:
        """Tensors of every serving feature, as the schema describes them, to the serving outputs.

        Can be traced: it is how a served model is built on this graph.
        """
        return dict(self._call(features))

    def release(self) -> None:
        """Lets go of TensorFlow's objects; `apply` works no more."""
        self._loaded = self._function = self._call = None

    def _apply_with_care(self, batch: pa.RecordBatch) -> TransformedBatch:
        try:
            return TransformedBatch(self._apply(batch), 0)
        except _REFUSALS:
            applied = apply_in_parts(self._apply, batch, _REFUSALS)
        nothing = pa.Table.from_batches([self._apply(batch.slice(0, 0))])
        rows = _one_batch(applied.rows if applied.rows is not None else nothing)
        return TransformedBatch(_spread(rows, applied.taken), int((~applied.taken).sum()))

    def _apply(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        if batch.num_rows == 0:  # not every graph can take no row
            columns = self._converter.arrow_schema()
            return pa.RecordBatch.from_arrays([pa.array([], field.type) for field in columns], schema=columns)
        tensors = self._adapter.ToBatchTensors(batch, produce_eager_tensors=True)
        result = self._converter.convert(self._call(tensors))
        if result.num_rows != batch.num_rows:
            raise ValueError(f"the graph made {result.num_rows} rows of {batch.num_rows}")
        return result

    @functools.cached_property
    def _fixed_sizes(self) -> dict[str, int]:
        specs = self._adapter.TypeSpecs()
        dense = {name: spec.shape[1:] for name, spec in specs.items() if isinstance(spec, tf.TensorSpec)}
        return {name: int(np.prod(shape.as_list(), dtype=np.int64)) for name, shape in dense.items()}

    @functools.cached_property
    def _with_default(self) -> frozenset[str]:
        """Features of a fixed shape for which the schema has a default, which missing rows get."""
        tensors = record_batches.adapter_config(_serving_schema(self.raw_schema)).tensor_representations
        return frozenset(
            name for name in self._fixed_sizes if tensors[name].dense_tensor.HasField("default_value")
        )

    def _serving_function(self) -> Any:
        """The graph as a function of the serving features alone; the others are fed as missing."""
        signature = self._function.structured_input_signature[0][0]
        specs = {name: spec for name, spec in signature.items() if name in self._adapter.TypeSpecs()}
        names = self.serving_outputs

        def serve(inputs: Mapping[str, Any]) -> dict[str, Any]:
            rows = _num_rows(next(iter(inputs.values())))
            absent = {name: _no_values(spec, rows) for name, spec in signature.items() if name not in specs}
            outputs = self._loaded.transform_fn({**inputs, **absent})
            return {name: outputs[name] for name in names}

        return tf.function(serve, input_signature=[specs], autograph=False).get_concrete_function()


def inputs_of(transform_fn_dir: str) -> dict[str, Any]:
    """By feature the type of the tensor that a saved graph takes. Raises UsageError for one of TF 1 mode."""
    threads.limit_tensorflow()
    return dict(_only_function(_load(transform_fn_dir)).structured_input_signature[0][0])


_ALIVE: weakref.WeakSet[TransformGraph] = weakref.WeakSet()


@atexit.register
def _release() -> None:
    # Functions that live until the interpreter takes TensorFlow apart complain on stderr.
    for graph in list(_ALIVE):
        graph.release()


def _check_layout(folder: str) -> None:
    needed = (
        f"{tft.TFTransformOutput.TRANSFORM_FN_DIR}/saved_model.pb",
        f"{tft.TFTransformOutput.TRANSFORMED_METADATA_DIR}/schema.pbtxt",
        f"{tft.TFTransformOutput.RAW_METADATA_DIR}/schema.pbtxt",
    )
    for name in needed:
        if not Path(folder, name).is_file():
            raise UsageError(f"{folder} is no complete tf.Transform output: it has no {name}")


def _load(path: str) -> Any:
    op_libraries.import_op_libraries()
    loaded = tf.saved_model.load(path)
    if not hasattr(loaded, "transform_fn"):
        raise UsageError(f"{path} was written by tf.Transform in TF 1 mode; expected a graph of TF 2")
    return loaded


def _only_function(loaded: Any) -> Any:
    # tf.Transform saves one signature; some releases of TensorFlow restore it wrapped.
    return getattr(loaded.transform_fn, "concrete_functions", [loaded.transform_fn])[0]


def _serving_schema(raw: schema_pb2.Schema) -> schema_pb2.Schema:
    result = schema_pb2.Schema()
    result.CopyFrom(raw)
    del result.feature[:]
    result.feature.extend(feature for feature in raw.feature if schemas.in_serving(feature, raw))
    return result


def _selected(transformed: schema_pb2.Schema, outputs: list[str]) -> schema_pb2.Schema:
    result = schemas.by_column(transformed)
    features = list(result.feature)
    del result.feature[:]
    result.feature.extend(f for f in features if f.name in outputs or f.name.split("$", 1)[0] in outputs)
    return result


def _arrow_converter(specs: Mapping[str, Any]) -> TensorsToRecordBatchConverter:
    """The converter that tf.Transform uses for training data, so that both sides have the same columns."""
    sparse = {name: spec for name, spec in specs.items() if isinstance(spec, tf.SparseTensorSpec)}
    options = TensorsToRecordBatchConverter.Options(
        sparse_tensor_value_column_name_template=schema_inference.SPARSE_VALUES_NAME_TEMPLATE,
        sparse_tensor_index_column_name_template=schema_inference.SPARSE_INDICES_NAME_TEMPLATE,
        generic_sparse_tensor_names=frozenset(n for n, s in sparse.items() if s.shape.rank not in (None, 2)),
    )
    return TensorsToRecordBatchConverter(dict(specs), options)


def _num_rows(tensor: Any) -> Any:
    if isinstance(tensor, tf.SparseTensor):
        return tensor.dense_shape[0]
    if isinstance(tensor, tf.RaggedTensor):
        return tensor.nrows(out_type=tf.int64)
    return tf.shape(tensor, out_type=tf.int64)[0]


def _no_values(spec: Any, rows: Any) -> Any:
    """An input of this kind with `rows` rows and no value in any (zeros, where it is dense)."""
    if isinstance(spec, tf.SparseTensorSpec):
        rank = spec.shape.rank or 2
        shape = tf.stack([rows, *[tf.constant(1, tf.int64)] * (rank - 1)])
        return tf.SparseTensor(tf.zeros([0, rank], tf.int64), tf.zeros([0], spec.dtype), shape)
    if isinstance(spec, tf.RaggedTensorSpec):
        splits = [tf.zeros([rows + 1], spec.row_splits_dtype)]
        splits += [tf.zeros([1], spec.row_splits_dtype)] * (spec.ragged_rank - 1)
        return tf.RaggedTensor.from_nested_row_splits(tf.zeros([0], spec.dtype), splits)
    inner = [tf.constant(size or 1, tf.int64) for size in spec.shape.as_list()[1:]]
    return tf.zeros(tf.stack([rows, *inner]), spec.dtype)


def _rows_that_fit(
    batch: pa.RecordBatch, sizes: Mapping[str, int], with_default: frozenset[str] = frozenset()
) -> Any:
    """A mask of the rows with so many values of each of these features, or none where there is a default.

    None if that is so of all rows.
    """
    fits = np.ones(batch.num_rows, dtype=bool)
    for name, size in sizes.items():
        lengths = pc.list_value_length(batch.column(batch.schema.get_field_index(name)))
        of_size = pc.fill_null(pc.equal(lengths, size), name in with_default)
        fits &= of_size.to_numpy(zero_copy_only=False)
    return None if fits.all() else fits


def _spread(batch: pa.RecordBatch, fits: Any) -> pa.RecordBatch:
    """The rows of `batch` at the places where `fits` is true, missing values at the others."""
    indices = np.cumsum(fits) - 1
    return _take(batch, pa.array(indices, pa.int64(), mask=~fits))


def _one_batch(table: pa.Table) -> pa.RecordBatch:
    arrays = [column.combine_chunks() for column in table.columns]
    # Some releases of pyarrow give an array here, and others one that is still in chunks.
    single_arrays = [array.chunk(0) if isinstance(array, pa.ChunkedArray) else array for array in arrays]
    return pa.RecordBatch.from_arrays(single_arrays, schema=table.schema)


def _take(batch: pa.RecordBatch, indices: Any) -> pa.RecordBatch:
    arrays = [column.take(indices) for column in batch.columns]
    return pa.RecordBatch.from_arrays(arrays, schema=batch.schema)

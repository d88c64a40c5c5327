"""AnalyzeAndTransform: tf.Transform's analysis and transformation of the training examples, written out."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import apache_beam as beam
import numpy as np
import tensorflow as tf
import tensorflow_data_validation as _tfdv  # noqa: F401 - registers its coder of RecordBatch
import tensorflow_transform as tft
import tensorflow_transform.beam as tft_beam
from tensorflow_metadata.proto.v0 import schema_pb2
from tensorflow_transform.beam import deep_copy
from tfx_bsl.coders import example_coder
from tfx_bsl.tfxio.tensor_adapter import TensorAdapterConfig

from trueserve.transforms import coders
from trueserve.transforms.core import record_batches
from trueserve.transforms.core import schema as schemas
from trueserve.transforms.core.arrow import pa
from trueserve.transforms.core.errors import UsageError
from trueserve.transforms.files import file_systems, paths
from trueserve.transforms.graph import mistakes
from trueserve.transforms.graph.augmentation import Augmentation
from trueserve.transforms.graph.preprocessing import PreprocessingFn

# The last coder that is registered counts. TFDV's encodes a batch to know its size.
coders.register()

#: The column of raw rows with a hash of each row's position; it is there where examples are augmented.
ROW_HASH = "trueserve:place"


def check_schemes(**folders: str | None) -> None:
    """Refuses folders that TensorFlow cannot write to: tf.Transform's output does not go through Beam.

    Raises:
      UsageError: naming the flag.
    """
    known = tf.io.gfile.get_registered_schemes()
    for flag, folder in folders.items():
        if folder is not None and not file_systems.is_local(folder) and folder.split("://")[0] not in known:
            raise UsageError(
                f"--{flag}: TensorFlow, which writes the transform graph, cannot write to {folder!r} from a "
                f"remote runner; use gs://, or the local runner"
            )


class AnalysisOutputs(NamedTuple):
    """What the analysis gives.

    Attributes:
      batches: PCollection of transformed `pa.RecordBatch`es, the outputs that need the label included.
      trained_on: likewise as they are written for training: augmented, where that was asked for.
      schema: the outputs as they are known while the pipeline is built: kinds, and which integers are
        categories (buckets, vocabulary ids), but no sizes; for the options of the statistics.
      num_reads: how often the examples are read: once for each phase of the analysis, and to transform them.
    """

    batches: beam.PCollection[pa.RecordBatch]
    trained_on: beam.PCollection[pa.RecordBatch]
    schema: schema_pb2.Schema
    num_reads: int


@dataclasses.dataclass(eq=False)
class AnalyzeAndTransform(beam.PTransform):
    """Raw training features to transformed batches and written artifacts. Root -> AnalysisOutputs.

    Each phase reads the examples again: no runner holds all of them from one phase to the next.

    Attributes:
      examples: Root -> PCollection of `pa.RecordBatch`es of raw features; batches may lack columns of the
        schema, or have others.
      preprocessing_fn: raw tensors by name to transformed tensors by name; traced here and on workers.
      schema: of the raw features, with environments.
      transform_output: folder to write in the layout of `tft.TFTransformOutput`, raw metadata included; and
      temp: tf.Transform's own temporary folder. Every worker must reach both, and TensorFlow's file systems
        serve them: see `check_schemes`.
      transformed_examples: folder to write TFRecords of transformed tf.Examples into, sharded and gzipped.
      augmentation: applied to what is written there, and to nothing else; then batches need a column
        `ROW_HASH`, see `with_row_hashes`.
    """

    examples: beam.PTransform
    preprocessing_fn: PreprocessingFn
    schema: schema_pb2.Schema
    transform_output: str
    transformed_examples: str
    temp: str
    augmentation: Augmentation | None = None

    def expand(self, root: Any) -> AnalysisOutputs:
        config, passed = record_batches.adapter_config(self.schema), set()
        if self.augmentation is not None:
            config, passed = _with_row_hash(config), {ROW_HASH}
        numbers = itertools.count(1)

        def read(_: Any = None) -> beam.PCollection[pa.RecordBatch]:
            return root | f"Read{next(numbers)}" >> _ReadConformed(self.examples, config.arrow_schema)

        context = tft_beam.Context(
            temp_dir=self.temp, passthrough_keys=passed, use_deep_copy_optimization=True
        )
        with context, _copies_made_by(read):
            (pairs, metadata), transform_fn = (
                read(),
                config,
            ) | "Analyze" >> tft_beam.AnalyzeAndTransformDataset(
                self.preprocessing_fn, output_record_batches=True
            )
            transform_fn | "WriteTransformFn" >> tft_beam.WriteTransformFn(self.transform_output)
        self._write_raw_metadata(pairs.pipeline)
        transformed = pairs | "DropPassthrough" >> beam.Map(_first)
        schema = metadata.deferred_metadata | "TransformedSchema" >> beam.Map(_schema_of)
        trained_on = transformed
        if self.augmentation is not None:
            augmenting = beam.ParDo(_Augment(self.augmentation), beam.pvalue.AsSingleton(schema))
            trained_on = transformed | "Augment" >> augmenting
            transformed = transformed | "DropPlaces" >> beam.Map(_without_row_hash)
        _write_examples(trained_on, beam.pvalue.AsSingleton(schema), self.transformed_examples)
        by_column = schemas.by_column(metadata.dataset_metadata.schema)
        return AnalysisOutputs(transformed, trained_on, by_column, next(numbers) - 1)

    def _write_raw_metadata(self, pipeline: beam.Pipeline) -> None:
        folder = paths.join(self.transform_output, tft.TFTransformOutput.RAW_METADATA_DIR)
        tft.DatasetMetadata(self.schema) | "WriteRawMetadata" >> tft_beam.WriteMetadata(folder, pipeline)


@dataclasses.dataclass(eq=False)
class TransformExamples(beam.PTransform):
    """Raw training features to transformed batches, by a graph that was analysed before. Root -> batches.

    Attributes:
      examples, temp: as in `AnalyzeAndTransform`.
      schema: of the features that the graph takes, as it takes them.
      transform_output: folder to read, in the layout of `tft.TFTransformOutput`.
      transformed_examples: folder to write TFRecords of transformed tf.Examples into.
      outputs: the schema of the graph's outputs.
    """

    examples: beam.PTransform
    schema: schema_pb2.Schema
    transform_output: str
    transformed_examples: str
    temp: str
    outputs: schema_pb2.Schema

    def expand(self, root: Any) -> beam.PCollection[pa.RecordBatch]:
        config = record_batches.adapter_config(self.schema)
        rows = root | "Read" >> _ReadConformed(self.examples, config.arrow_schema)
        with tft_beam.Context(temp_dir=self.temp):
            transform_fn = root | "ReadTransformFn" >> tft_beam.ReadTransformFn(self.transform_output)
            pairs, _ = ((rows, config), transform_fn) | "Transform" >> tft_beam.TransformDataset(
                output_record_batches=True
            )
        transformed = pairs | "DropPassthrough" >> beam.Map(_first)
        _write_examples(transformed, self.outputs, self.transformed_examples)
        return transformed


def _write_examples(transformed: beam.PCollection[pa.RecordBatch], schema: Any, folder: str) -> None:
    """`schema`: of the outputs, as they are named in tf.Transform's own; or a side input of it."""
    _ = (
        transformed
        | "EncodeExamples" >> beam.FlatMap(_encode, schema)
        | "WriteExamples"
        >> beam.io.WriteToTFRecord(paths.join(folder, "examples"), file_name_suffix=".tfrecord.gz")
    )


@dataclasses.dataclass(eq=False)
class _ReadConformed(beam.PTransform):
    """The examples in the columns that tf.Transform takes."""

    examples: beam.PTransform
    arrow_schema: pa.Schema

    def expand(self, root: Any) -> beam.PCollection[pa.RecordBatch]:
        return (
            root
            | "Examples" >> self.examples
            | "DropEmptyBatches" >> beam.Filter(_has_rows)
            | "ConformBatches" >> beam.Map(record_batches.conform, self.arrow_schema)
        )


@contextlib.contextmanager
def _copies_made_by(read: Callable[[Any], Any]) -> Iterator[None]:
    """Where tf.Transform copies the steps before a phase, so that the phase reads anew, `read` is called.

    Its own copying fails on the older stack: the constructor of Beam's applied transforms has changed there.
    """
    original = deep_copy.deep_copy
    deep_copy.deep_copy = read
    try:
        yield
    finally:
        deep_copy.deep_copy = original


def inputs_of(preprocessing_fn: PreprocessingFn, schema: schema_pb2.Schema) -> set[str]:
    """The raw features that anything is computed from, in the analysis or in the graph.

    Raises UsageError where the function cannot be traced.
    """
    from tfx_bsl.tfxio.tensor_adapter import TensorAdapter

    specs = TensorAdapter(record_batches.adapter_config(schema)).OriginalTypeSpecs()
    try:
        analysed = tft.get_analyze_input_columns(preprocessing_fn, specs)
        return {*analysed, *tft.get_transform_input_columns(preprocessing_fn, specs)}
    except Exception as error:
        raise UsageError(mistakes.explained(error, preprocessing_fn)) from error


def with_row_hashes(rows: pa.RecordBatch, hashes: np.ndarray[Any, np.dtype[np.uint64]]) -> pa.RecordBatch:
    """Raw rows with the column of their hashes, a uint64 each."""
    column = pa.LargeListArray.from_arrays(
        pa.array(np.arange(len(hashes) + 1), pa.int64()), hashes.view(np.int64)
    )
    arrays, names = [*rows.columns, column], [*rows.schema.names, ROW_HASH]
    return pa.RecordBatch.from_arrays(arrays, names=names)


@beam.typehints.with_output_types(pa.RecordBatch)
class _Augment(beam.DoFn):
    def __init__(self, augmentation: Augmentation) -> None:
        self._augmentation = augmentation
        self._is_checked = False

    def process(self, batch: pa.RecordBatch, schema: schema_pb2.Schema) -> Iterator[pa.RecordBatch]:
        rows = _without_row_hash(batch)
        column = batch.column(batch.schema.get_field_index(ROW_HASH))
        hashes = column.flatten().cast(pa.int64()).view(pa.uint64())
        if not self._is_checked:
            self._augmentation.check_repeats(rows, hashes, schema)
            self._is_checked = True
        yield self._augmentation.apply(rows, hashes, schema)


def _with_row_hash(config: TensorAdapterConfig) -> TensorAdapterConfig:
    """tf.Transform passes the column on beside its outputs; its graph does not see it."""
    columns = config.arrow_schema.append(pa.field(ROW_HASH, pa.large_list(pa.int64())))
    return TensorAdapterConfig(columns, config.tensor_representations)


def _without_row_hash(batch: pa.RecordBatch) -> pa.RecordBatch:
    columns = {name: batch.column(k) for k, name in enumerate(batch.schema.names) if name != ROW_HASH}
    return pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))


def _has_rows(batch: pa.RecordBatch) -> bool:
    return bool(batch.num_rows)


def _first(pair: tuple[pa.RecordBatch, Any]) -> pa.RecordBatch:
    return pair[0]


def _schema_of(metadata: tft.DatasetMetadata) -> schema_pb2.Schema:
    return metadata.schema


def _encode(batch: pa.RecordBatch, schema: schema_pb2.Schema) -> list[bytes]:
    result: list[bytes] = example_coder.RecordBatchToExamplesEncoder(schema).encode(batch)
    return result

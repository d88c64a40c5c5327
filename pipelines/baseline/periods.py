"""The last pipeline of `prepare`, where rows have a time: how training's days and hours differ."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import apache_beam as beam
import numpy as np
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from trueserve.pipelines.baseline import parts
from trueserve.pipelines.beam.job import BeamJob
from trueserve.pipelines.display.console import Console
from trueserve.transforms.analyze import inputs_of
from trueserve.transforms.branches.periods import periods
from trueserve.transforms.branches.samples.sample_times import sample_times
from trueserve.transforms.branches.transform_graph import Transformed
from trueserve.transforms.core import schema as schemas
from trueserve.transforms.core.accounting import UNREAD_TIME
from trueserve.transforms.core.batches import Decoded, Window
from trueserve.transforms.core.errors import InputError, UsageError
from trueserve.transforms.examine_range import ExamineFiles
from trueserve.transforms.files import paths
from trueserve.transforms.files.file_systems import FileSize
from trueserve.transforms.graph.preprocessing import PreprocessingFn
from trueserve.transforms.logs.carriers.text.text_form import ANY_TEXT, TextForm
from trueserve.transforms.logs.decode_file import decode_file
from trueserve.transforms.logs.detect import detect_examples
from trueserve.transforms.logs.features import Expected, Settings, expected_features
from trueserve.transforms.logs.rows.parse_time import FORMS
from trueserve.transforms.verdict.model import Space
from trueserve.transforms.verdict.variation import bins, store
from trueserve.transforms.verdict.variation.period_counts import UNITS
from trueserve.transforms.write_variation import WriteVariation, read_faults, read_times, read_variation

Statistics: TypeAlias = statistics_pb2.DatasetFeatureStatisticsList


_ALL_TIMES = Window(dt.datetime(1970, 1, 1, tzinfo=dt.UTC), dt.datetime.max.replace(tzinfo=dt.UTC))


class PeriodResults(NamedTuple):
    """What a baseline keeps.

    Attributes:
      variation: the content of `variation.arrow`.
      periods: how many days and hours, and rows without a time, for the contract.
      sample_times: of the training rows that are kept, see `sample_times.sample_times`.
    """

    variation: bytes
    periods: Mapping[str, int]
    sample_times: np.ndarray[Any, Any]


@dataclasses.dataclass(frozen=True)
class PeriodInputs:
    """What is counted.

    Attributes:
      schema: of the raw features; examples are decoded to it.
      transform_output: the graph, where the workers reach it.
      range_bytes: how long ranges of files are, see `files.ranges`.
      text: how text files are read.
    """

    files: tuple[FileSize, ...]
    time_feature: str
    schema: schema_pb2.Schema
    transform_output: str
    label: str | None
    range_bytes: int | None = None
    text: TextForm = ANY_TEXT


def without_time(schema: schema_pb2.Schema, name: str, function: PreprocessingFn) -> schema_pb2.Schema:
    """An inferred schema without the feature that holds the time, if nothing is computed from it.

    Requests need not have it then: a log has times of its own. Raises UsageError for what is no feature.
    """
    names = [feature.name for feature in schema.feature]
    if name not in names:
        raise UsageError(
            f"--time_feature: the examples have no feature {name!r}; they have: {', '.join(names)}"
        )
    if name in inputs_of(function, schema):
        return schema
    result = schema_pb2.Schema()
    result.CopyFrom(schema)
    del result.feature[names.index(name)]
    return result


def check_time(files: Sequence[FileSize], name: str, text: TextForm = ANY_TEXT) -> None:
    """Raises InputError where the rows at the start of the first file hold something else than times."""
    file = next((file for file in files if file.bytes), None)
    if file is None:
        return
    settings = Settings(Expected({}), window=_ALL_TIMES, time_feature=name, text=text)
    decoded = next(iter(decode_file(file, detect_examples(files), settings)), None)
    if (
        isinstance(decoded, Decoded)
        and decoded.accounting.read == decoded.accounting.forms[name, UNREAD_TIME] > 0
    ):
        raise InputError(
            f"--time_feature: {name!r} holds no time in a form that is read, such as {FORMS};"
            f" looked at {decoded.accounting.read:,} rows of {file.path}"
        )


def count(
    inputs: PeriodInputs, statistics: Sequence[Statistics], job: BeamJob, console: Console
) -> PeriodResults:
    """Counts the rows of each day and hour, raw and transformed, in the cells of the whole's `statistics`.

    Raises InputError where no row has a time, or a file was cut wrong.
    """
    target = paths.join(job.temp, "third")
    pipeline = beam.Pipeline(options=job.options)
    build(pipeline, inputs, statistics, target, job.heartbeats)
    job.run(pipeline, "counting days and hours", sum(file.bytes for file in inputs.files))
    if faults := read_faults(target):
        raise InputError("; ".join(faults))
    spaces: dict[str, store.Variation] = {}
    rows = missing = 0
    for space in (Space.RAW, Space.TRANSFORMED):
        space_variation, rows, missing = read_variation(target, space.value)
        spaces |= space_variation
    if missing == rows:
        raise InputError(
            f"no row has a time in feature {inputs.time_feature!r}, in a form that is read, such as {FORMS}"
        )
    periods = {unit: _num_periods(spaces, unit) for unit in UNITS}
    summary = ", ".join(f"{number:,} {unit}{'s'[: number != 1]}" for unit, number in periods.items())
    console.step(f"kept {summary}" + (f"; {missing:,} of {rows:,} rows have no time" if missing else ""))
    return PeriodResults(store.to_bytes(spaces), periods | {"rows_without_time": missing}, read_times(target))


def build(
    root: Any, inputs: PeriodInputs, statistics: Sequence[Statistics], target: str, heartbeats: str | None
) -> None:
    """The graph: one read serves the counts of both spaces."""
    raw, transformed = (
        periods(space.value, _cells(inputs, space, space_statistics))
        for space, space_statistics in zip((Space.RAW, Space.TRANSFORMED), statistics, strict=True)
    )
    times = sample_times(parts.sample_rows(len(inputs.schema.feature)))
    branches = (raw, times, Transformed(inputs.transform_output, None, [transformed]))
    expected = expected_features(inputs.schema, serving=False)
    settings = Settings(expected=expected, time_feature=inputs.time_feature, text=inputs.text)
    file_format = detect_examples(inputs.files)
    examine = ExamineFiles(inputs.files, file_format, settings, branches, heartbeats, inputs.range_bytes)
    _ = root | "ExamineExamples" >> examine | "WriteVariation" >> WriteVariation(target)


def _cells(inputs: PeriodInputs, space: Space, statistics: Statistics) -> Mapping[str, bins.Bins]:
    """Those of the features that are compared; what comes from the label is never asked for."""
    names = [feature.path.step[0] for dataset in statistics.datasets for feature in dataset.features]
    if space is Space.RAW:
        served = set(schemas.serving_features(inputs.schema)) - {inputs.label, inputs.time_feature}
        names = [name for name in names if name in served]
    return bins.of_statistics(statistics, names)


def _num_periods(spaces: Mapping[str, store.Variation], unit: str) -> int:
    features = spaces.get(Space.RAW.value, {}).get(unit, {}).values()
    return max((len(feature.periods) for feature in features), default=0)

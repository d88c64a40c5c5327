"""The pipeline of `prepare --group_by`: how much training's rows of one group are alike, in both spaces."""

from __future__ import annotations

import dataclasses
from typing import Any

import apache_beam as beam
from tensorflow_metadata.proto.v0 import schema_pb2

from trueserve.pipelines.baseline.parts import Statistics
from trueserve.pipelines.beam.job import BeamJob
from trueserve.pipelines.flags.prepare import PrepareOptions
from trueserve.transforms.branches.marking import Marked
from trueserve.transforms.branches.reading import READING
from trueserve.transforms.branches.samples import design_effect, group_feature
from trueserve.transforms.branches.samples.requests import REQUESTS, requests
from trueserve.transforms.branches.transform_graph import Transformed
from trueserve.transforms.core import input_checks
from trueserve.transforms.core import schema as schemas
from trueserve.transforms.examine_range import ExamineFiles
from trueserve.transforms.files.file_systems import FileSize
from trueserve.transforms.logs.carriers.text.text_form import ANY_TEXT, TextForm
from trueserve.transforms.logs.detect import detect_examples
from trueserve.transforms.read import settings_of
from trueserve.transforms.verdict.model import Space
from trueserve.transforms.write_results import WritePrepared, read_effects, read_summary

_NAME = "-groups"


def check(options: PrepareOptions, schema: schema_pb2.Schema) -> None:
    """Raises UsageError for a `--group_by` that is no feature of requests."""
    if options.group_by is not None:
        group_feature.check(options.group_by, schema, options.label or schemas.label_of(schema))


@dataclasses.dataclass(frozen=True)
class GroupInputs:
    """What is read, and by which feature its rows belong together.

    Attributes:
      schema: of the raw features; examples are decoded to it.
      transform_output: the graph, where the workers reach it.
      range_bytes: how long ranges of files are, see `files.ranges`.
      text: how text files are read.
    """

    files: tuple[FileSize, ...]
    group_by: str
    schema: schema_pb2.Schema
    transform_output: str
    range_bytes: int | None = None
    text: TextForm = ANY_TEXT


def measure(inputs: GroupInputs, target: str, job: BeamJob) -> None:
    """Runs the pipeline; `note` then reads what it wrote, to files whose names begin with `target`.

    Raises InputError where the examples cannot be read any more.
    """
    target = f"{target}{_NAME}"
    pipeline = beam.Pipeline(options=job.options)
    build(pipeline, inputs, target, job.heartbeats)
    job.run(pipeline, f"grouping rows by {inputs.group_by}", sum(file.bytes for file in inputs.files))
    input_checks.check(read_summary(f"{target}-{READING[0]}"), "training examples", "a baseline")


def build(root: Any, inputs: GroupInputs, target: str, heartbeats: str | None) -> None:
    """The graph: one read serves both spaces."""
    raw, transformed = (requests(space.value) for space in (Space.RAW, Space.TRANSFORMED))
    branches = [raw, Transformed(inputs.transform_output, None, [transformed])]
    marked = Marked((), branches, ignore_sampling_rate=True, group_by=inputs.group_by)
    settings, file_format = settings_of(inputs.schema, inputs.text), detect_examples(inputs.files)
    examine = ExamineFiles(inputs.files, file_format, settings, [marked], heartbeats, inputs.range_bytes)
    _ = root | "ExamineExamples" >> examine | "WriteResults" >> WritePrepared(target)


def note(raw: Statistics, transformed: Statistics, target: str) -> None:
    """Writes the design effects beside the statistics of both spaces."""
    for space, statistics in ((Space.RAW, raw), (Space.TRANSFORMED, transformed)):
        design_effect.note(
            statistics, read_effects(f"{target}{_NAME}-{space.value}{REQUESTS}"), all_known=True
        )

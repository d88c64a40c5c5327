"""`trueserve join --labels`: the model that answered, the window's verdict, and the labels' types."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from typing import Any

from tensorflow_metadata.proto.v0 import schema_pb2

from trueserve.pipelines.flags.join import JoinOptions
from trueserve.transforms.core.batches import Window
from trueserve.transforms.core.errors import UsageError
from trueserve.transforms.files import paths
from trueserve.transforms.files.file_systems import FileSize
from trueserve.transforms.joining.expected import Types
from trueserve.transforms.logs.carriers.read_records import start_of
from trueserve.transforms.logs.carriers.text.text_form import TextForm
from trueserve.transforms.logs.carriers.text_types import widest
from trueserve.transforms.logs.detect import detect_examples
from trueserve.transforms.logs.features import FeatureType, Settings, expected_features
from trueserve.transforms.logs.formats.format_names import Format
from trueserve.transforms.performance.bins import Task
from trueserve.transforms.performance.record import PerformanceRecord, block
from trueserve.transforms.predictions.outputs import Output
from trueserve.transforms.read import ReadExamples, ReadRequests
from trueserve.transforms.reference import prediction_reference
from trueserve.transforms.runs import published_runs, window_summary
from trueserve.transforms.runs.run_ids import VERDICT
from trueserve.transforms.verdict.thresholds import Thresholds

Json = Mapping[str, Any]
#: Lines of JSON whose values say what types the columns have.
_LINES = 10_000
_SHOWN = 20


@dataclasses.dataclass(frozen=True)
class LateLabels:
    """What labels are held against.

    Attributes:
      record: of the model that answered; `outputs` are its outputs.
      verdict: of the window, None without one.
      thresholds: limits of the true performance.
    """

    record: PerformanceRecord
    outputs: tuple[Output, ...]
    verdict: Json | None
    thresholds: Thresholds

    @property
    def estimate(self) -> Json | str:
        """`performance` of the verdict, or a sentence why there is none."""
        if self.verdict is None:
            return "--verdict was not given"
        estimate = self.verdict.get("performance")
        if not isinstance(estimate, dict):
            return "the verdict has no estimate: it was made without --predictions"
        metrics = estimate.get("metrics")
        return estimate if isinstance(metrics, dict) and metrics else str(estimate.get("why"))


def load(options: JoinOptions, thresholds: Thresholds) -> LateLabels | None:
    """None without `--labels`.

    Raises UsageError where the model has no record of performance, or the verdict is none, or of another
    model.
    """
    if options.labels is None:
        return None
    model = prediction_reference.model_of(options.predictions, None)
    assert model is not None, "the flags are checked"
    record = prediction_reference.performance(model)
    if isinstance(record, str):
        raise UsageError(f"--predictions: {record}, so it is not known which output answers which label")
    outputs = prediction_reference.outputs(prediction_reference.load(model))
    late = LateLabels(record, outputs, _verdict(options.verdict), thresholds)
    _check_model(late, options)
    return late


def _verdict(path: str | None) -> Json | None:
    if path is None:
        return None
    file = path if path.rstrip("/").rsplit("/", 1)[-1] == VERDICT else paths.join(path, VERDICT)
    document = published_runs.read_verdict(file)
    if document is None or window_summary.parsed_window(document.get("window")) is None:
        what = f"a {VERDICT} of trueserve, or a folder that holds one"
        raise UsageError(f"--verdict: expected {what}; there is none at {file!r}")
    return document


def _check_model(late: LateLabels, options: JoinOptions) -> None:
    estimate = late.estimate
    if isinstance(estimate, str):
        return
    differing = [name for name, value in block(late.record).items() if estimate.get(name) != value]
    if differing:
        raise UsageError(
            f"--verdict: its estimate is of another model than {options.predictions}: other {differing[0]}"
        )


def with_window(options: JoinOptions, late: LateLabels) -> JoinOptions:
    """The options with the verdict's window. Raises UsageError where another is given."""
    window = None if late.verdict is None else window_summary.parsed_window(late.verdict.get("window"))
    given = Window(options.start, options.end)
    if window is None or given == window:
        return options
    if given.bounded:
        raise UsageError("--verdict: it is of another window than --start and --end; leave these out")
    return dataclasses.replace(options, start=window.start, end=window.end)


def check_label(late: LateLabels, types: Types) -> None:
    """Raises UsageError where the labels' files do not have the label, or have texts that say nothing."""
    name = late.record.label
    if name not in types:
        more = f" and {len(types) - _SHOWN:,} more" if len(types) > _SHOWN else ""
        names = ", ".join(sorted(types)[:_SHOWN]) or "none"
        raise UsageError(f"--labels: the files have no column {name!r}, the label, but {names}{more}")
    if types[name] is FeatureType.BYTES and late.record.positive is None:
        kind = "a number" if late.record.calibration.task is Task.REGRESSION else "the number of a class"
        raise UsageError(f"--labels: {name!r} has texts; the model was exported with {kind} as the label")


def are_json_lines(files: Sequence[FileSize]) -> bool:
    """Whether the first file that is not empty begins with an object of JSON."""
    path = next((file.path for file in files if file.bytes), None)
    if path is None:
        return False
    with paths.open_stored(path) as stored:
        return start_of(stored).lstrip()[:1] == b"{"


def read(
    files: tuple[FileSize, ...], schema: schema_pb2.Schema | None, heartbeats: str | None, text: TextForm
) -> ReadExamples | ReadRequests:
    """A reader of labels; lines of JSON are read as a log is."""
    if not are_json_lines(files):
        return ReadExamples(files, schema, heartbeats, text)
    assert schema is not None, "types are looked for"
    settings = Settings(expected=expected_features(schema, serving=False), text=text)
    return ReadRequests(files, settings, Format.TABLE.value, heartbeats)


def detect(files: tuple[FileSize, ...]) -> Format:
    """The format of labels."""
    return Format.TABLE if are_json_lines(files) else detect_examples(files)


def json_types(files: Sequence[FileSize]) -> Types:
    """The types of the values of the first lines; a line that is no object says nothing."""
    path = next(file.path for file in files if file.bytes)
    with paths.open_stored(path) as stored:
        stream = paths.decompressed(stored)
        lines = [line for line, _ in zip(stream, range(_LINES), strict=False)]
    return widest(_types(line) for line in lines)


def _types(line: bytes) -> Types:
    try:
        values = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    kinds = {bool: FeatureType.INT, int: FeatureType.INT, float: FeatureType.FLOAT, str: FeatureType.BYTES}
    pairs = values.items() if isinstance(values, dict) else ()
    return {name: kinds[type(value)] for name, value in pairs if type(value) in kinds}

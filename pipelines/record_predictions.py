"""What an exported model predicts on training or evaluation data, recorded beside it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from trueserve.pipelines.display.console import Console
from trueserve.pipelines.flags.export import ExportOptions
from trueserve.transforms.baseline import layout
from trueserve.transforms.baseline.load import Baseline
from trueserve.transforms.core import input_checks
from trueserve.transforms.core import schema as schemas
from trueserve.transforms.files import globs, paths
from trueserve.transforms.files.file_systems import FileSize
from trueserve.transforms.logs.carriers.text.text_form import TextForm
from trueserve.transforms.logs.detect import detect_examples
from trueserve.transforms.logs.features import Settings, expected_features
from trueserve.transforms.performance.record import NoPerformanceError
from trueserve.transforms.predictions import recorded
from trueserve.transforms.serving import prediction_rows
from trueserve.transforms.serving.labels import LabelSettings, PerformanceRecorder
from trueserve.transforms.serving.predicted import PredictionRecorder
from trueserve.transforms.serving.prediction_rows import Examples
from trueserve.transforms.serving.serving_model import ServingModel

_EVALUATION_HINT = "--evaluation=GLOB names other examples"


@dataclasses.dataclass(frozen=True)
class PredictionSource:
    """On what predictions are to be recorded.

    Attributes:
      rows: about so many at most; 0 for none.
      evaluation: raw examples in place of the training data, with their labels if they have any.
      labels: the label of the contract, and what the flags say of it; None without a label.
    """

    rows: int
    evaluation: Examples | None
    labels: LabelSettings | None = None


def find_source(options: ExportOptions, baseline: Baseline) -> PredictionSource:
    """Raises InputError where no file matches `--evaluation`."""
    if options.evaluation is None:
        return PredictionSource(options.prediction_rows, None)
    files = tuple(globs.expand(options.evaluation))
    schema = schemas.with_environments(baseline.schema, baseline.contract.label)
    text = TextForm(missing_values=frozenset(baseline.contract.missing_values))
    settings = Settings(expected=expected_features(schema, serving=False), text=text)
    label, examples = baseline.contract.label, Examples(files, detect_examples(files), settings)
    labels = None if label is None else LabelSettings(label, options.label_output, options.positive)
    return PredictionSource(options.prediction_rows, examples, labels)


def record(
    folder: str, serving: ServingModel, baseline: Baseline, source: PredictionSource, console: Console
) -> None:
    """Adds the statistics to a SavedModel in a local folder, or says why there are none.

    Raises InputError for data that cannot be read, UsageError where the model does not take training's rows.
    """
    if source.rows:
        recording = _Recording(folder, serving, source.rows, console)
        if source.evaluation is not None:
            recording.on_evaluation(source.evaluation, source.labels)
        else:
            recording.on_training(baseline)


@dataclasses.dataclass
class _Recording:
    folder: str
    serving: ServingModel
    rows: int
    console: Console
    stored: int = 0

    def on_evaluation(self, examples: Examples, labels: LabelSettings | None) -> None:
        self.console.step("reading the evaluation examples")
        reading = examples.read()
        input_checks.check(reading, "evaluation examples", "predictions")
        num_rows = reading.accounting.rows
        performance = PerformanceRecorder(labels) if labels else None
        observe = performance.add if performance else None
        recorder = PredictionRecorder(self.serving.of_requests(), may_refuse=True, observe=observe)
        parts = examples.rows(self.rows / num_rows, self._report)
        self._record(recorder, parts, "evaluation", num_rows, sum(file.bytes for file in examples.files))
        self._record_performance(performance, recorder)

    def _record_performance(
        self, performance: PerformanceRecorder | None, recorder: PredictionRecorder
    ) -> None:
        if performance is None:
            self.console.step("no performance recorded: the contract names no label")
            return
        try:
            record = performance.record(recorder.outputs)
        except NoPerformanceError as error:
            self.console.step(f"no performance recorded: {error}")
            return
        recorded.write_performance(self.folder, record.to_bytes())
        rows = round(record.calibration.scores.total)
        self.console.step(f"recorded performance on {rows:,} rows with a label ({record.label})")

    def on_training(self, baseline: Baseline) -> None:
        shards = _shards(baseline)
        if baseline.contract.augmentation is not None:
            # The model was trained on them, but no request is like them.
            self._report_none(
                f"the training rows in the baseline are augmented, and requests are not; {_EVALUATION_HINT}"
            )
            return
        if not shards:
            self._report_none(f"the baseline has no {layout.TRANSFORMED_EXAMPLES}; {_EVALUATION_HINT}")
            return
        num_rows = baseline.contract.num_examples
        total = sum(file.bytes for file in shards) if num_rows <= prediction_rows.MOST_READ else None
        recorder = PredictionRecorder(self.serving.of_transformed(), may_refuse=False)
        # Of too many rows the beginning of each shard is read, which its digest says nothing of.
        verified = _verified(baseline) if num_rows <= prediction_rows.MOST_READ else None
        parts = prediction_rows.training_rows(shards, num_rows, self.rows, self._report, verified=verified)
        self._record(recorder, parts, "training", num_rows, total)

    def _record(
        self,
        recorder: PredictionRecorder,
        parts: Iterable[list[bytes]],
        data: str,
        num_rows: int,
        total: int | None,
    ) -> None:
        if not recorder.schema("").feature:
            self._report_none("no output of the model has the same number of values in every row")
            return
        text = f"computing predictions on {data} rows"
        with self.console.progress(text, lambda: (recorder.rows + recorder.num_refused, self.stored), total):
            for part in parts:
                recorder.add(part)
        if not recorder.rows:
            self._report_none(f"none of the {data} rows was chosen and answered")
            return
        description = f"predictions on {_rows(recorder, num_rows, data)}"
        schema = recorder.schema(description, on_training=data == "training")
        recorded.write(self.folder, schema, recorder.statistics())
        self.console.step(f"recorded {description}")

    def _report(self, stored: int) -> None:
        self.stored += stored

    def _report_none(self, why: str) -> None:
        self.console.step(f"no predictions recorded: {why}")


def _shards(baseline: Baseline) -> list[FileSize]:
    """Those that `prepare` wrote; none where they were deleted, which is all of them or none."""
    names = baseline.contents.below(layout.TRANSFORMED_EXAMPLES)
    files = [FileSize(paths.join(baseline.path, name), baseline.contents.files[name].bytes) for name in names]
    return files if files and paths.exists(files[0].path) else []


def _verified(baseline: Baseline) -> prediction_rows.Fetch:
    """A shard's local file, once its content is known to be what `prepare` wrote."""
    prefix = len(paths.join(baseline.path, "x")) - 1
    return lambda path: baseline.contents.local_file(path[prefix:])


def _rows(recorder: PredictionRecorder, num_rows: int, data: str) -> str:
    """`100,213 of 258,934 training rows, chosen by a hash`."""
    num_asked = recorder.rows + recorder.num_refused
    chosen = f"{recorder.rows:,} of {num_rows:,} {data} rows, chosen by a hash"
    description = chosen if num_asked < num_rows else f"{recorder.rows:,} {data} rows"
    return (
        f"{description}; {recorder.num_refused:,} more were refused" if recorder.num_refused else description
    )

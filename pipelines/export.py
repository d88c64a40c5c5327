"""`trueserve export`: the baseline's transform graph and a Keras model, joined, proven and published."""

from __future__ import annotations

from trueserve.pipelines import cli

cli.start_if_main(__name__, "export")

import contextlib
from collections.abc import Iterator
from pathlib import Path

from trueserve.pipelines import record_predictions
from trueserve.pipelines.display.console import Console
from trueserve.pipelines.flags.export import ExportOptions
from trueserve.transforms.baseline import layout
from trueserve.transforms.baseline.load import Baseline, load_baseline
from trueserve.transforms.core.errors import InputError, UsageError
from trueserve.transforms.files import paths
from trueserve.transforms.serving import (
    keras_model,
    raw_tensors,
    served_assets,
    serving_model,
    version_folder,
)
from trueserve.transforms.serving.fresh_process import FreshProcess, fresh_process
from trueserve.transforms.serving.tolerance import OutputDifference

_MAX_NAMED = 5


def run(options: ExportOptions, console: Console) -> int:
    """Publishes a version below `options.output` and returns 0.

    Raises UsageError (bad baseline, model or output) before anything is built, InputError when the saved
    model is not what the baseline promises, or data to record predictions on cannot be read; then nothing is
    published.
    """
    paths.check_writable(options.output)
    baseline = load_baseline(options.baseline)
    source = record_predictions.find_source(options, baseline)
    with fresh_process() as fresh, version_folder.workspace(options.output) as folder:
        serving = _build(options, baseline, folder, console)
        _prove(fresh, folder, console)
        record_predictions.record(folder, serving, baseline, source, console)
        console.result("served model", version_folder.publish(folder, options.output))
    return 0


def _build(
    options: ExportOptions, baseline: Baseline, folder: str, console: Console
) -> serving_model.ServingModel:
    console.step(f"joining the transform graph of {baseline.path} and {options.model}")
    with (
        _local_file(options.model) as model_file,
        _local_file(options.custom_objects) as custom_objects,
        baseline.contents.local(layout.TRANSFORM_OUTPUT) as transform_output,
    ):
        assert model_file is not None
        model = keras_model.load_model(model_file, custom_objects)
        serving = serving_model.ServingModel(transform_output, model)
        signatures = serving_model.save(serving, folder)
    _report_missing_signature(serving, console)
    left_out = served_assets.write_assets(
        folder,
        serving,
        signatures,
        contract=baseline.contract_data,
        probes=baseline.probes_data,
        name=Path(options.output.rstrip("/")).name,
    )
    if left_out:
        console.step(f"{left_out} made-up probes left out: the model has no answer to them")
    return serving


@contextlib.contextmanager
def _local_file(path: str | None) -> Iterator[str | None]:
    """A local file with the same content. Raises UsageError when it cannot be fetched."""
    with contextlib.ExitStack() as stack:
        try:
            local = None if path is None else stack.enter_context(paths.local_file(path))
        except InputError as error:
            raise UsageError(str(error)) from error
        yield local


def _report_missing_signature(serving: serving_model.ServingModel, console: Console) -> None:
    if names := raw_tensors.unnamable(serving.raw_spec):
        console.step(
            f"no signature {serving_model.RAW_TENSORS}: TensorFlow cannot name an input {', '.join(names)}"
        )


def _prove(fresh: FreshProcess, folder: str, console: Console) -> None:
    console.step("proving the saved model on the probes, in a fresh process")
    if differences := fresh.check(folder):
        raise InputError(_parity_message(differences))


def _parity_message(differences: list[OutputDifference]) -> str:
    named = "; ".join(map(str, differences[:_MAX_NAMED]))
    more = f"; and {len(differences) - _MAX_NAMED} more" if len(differences) > _MAX_NAMED else ""
    return f"the saved model differs from the baseline's probes: {named}{more}; nothing was published"

"""One window of a series: judged, its folder left tidy, and what follows its verdict done."""

from __future__ import annotations

import datetime as dt

from trueserve.pipelines import validate
from trueserve.pipelines.config.model_config import ModelConfig
from trueserve.pipelines.display.console import Console
from trueserve.pipelines.nightly import clock
from trueserve.pipelines.nightly.after import after_window
from trueserve.transforms.core.errors import InputError
from trueserve.transforms.files.file_systems import is_local
from trueserve.transforms.files.windows import Span
from trueserve.transforms.runs import completeness, series, window_folder
from trueserve.transforms.runs.series import Standing

#: The windows before which a run looks for what is left to do.
MOST_MENDED = 10
_JUDGED = ("ok", "skew")


def run_window(
    config: ModelConfig,
    span: Span,
    console: Console,
    *,
    judge_incomplete: bool = False,
    dry_run: bool = False,
    with_index: bool = True,
) -> int:
    """Publishes the verdict of a window and does what follows it; gives the verdict's exit code.

    Raises:
      UsageError: before anything is read or published.
      InputError: nothing was published, or what follows a verdict could not be done.
    """
    options = config.validate_options(span, dry_run=dry_run)
    share = config.window.complete_share
    usual = None
    if share and not judge_incomplete:
        usual = completeness.usual(config.output, span, config.window.zone, share)
    started = clock.now()
    code = validate.run(options, console, usual)
    if not dry_run:
        finish(config, config.folder(span), console, started, with_index=with_index)
    return code


def finish(
    config: ModelConfig,
    folder: str,
    console: Console,
    started: dt.datetime | None = None,
    *,
    with_index: bool = True,
) -> Standing | None:
    """Does all that is left to do for the verdict of a window: of a run that was killed, too.

    Gives what stands, None where nothing does.
    """
    stands = window_folder.tidy(folder)
    if stands is not None:
        after_window(config, stands.document, console, started=started, with_index=with_index)
        window_folder.settle(folder, stands)
    return stands


def mend(config: ModelConfig, folder: str, stands: Standing, console: Console) -> None:
    """The same for a window that is not run again: little where nothing is left to do."""
    if not window_folder.is_settled(folder, stands):
        finish(config, folder, console, with_index=False)
    elif is_local(folder):
        window_folder.tidy(folder)


def mend_latest(config: ModelConfig, console: Console) -> None:
    """Does for the latest windows what a run that was killed left to do; what cannot be done is a warning."""
    for name in series.window_names(config.output)[-MOST_MENDED:]:
        folder = config.window_path(name)
        stands = series.standing(folder)
        if stands is None or window_folder.is_settled(folder, stands):
            continue
        try:
            finish(config, folder, console)
        except InputError as error:
            console.warning(f"{name}: {error}")


def judged(folder: str) -> Standing | None:
    """What stands of a window, if it was examined: then it is not missing."""
    stands = series.standing(folder)
    return stands if stands is not None and stands.root == folder and stands.outcome in _JUDGED else None

"""`trueserve prune`: deletes windows that are older than they need to be."""

from __future__ import annotations

from trueserve.pipelines.config.load import load
from trueserve.pipelines.config.model_config import Retention
from trueserve.pipelines.display.console import Console
from trueserve.pipelines.flags.nightly.prune import PruneOptions
from trueserve.pipelines.nightly import old_windows
from trueserve.transforms.core.errors import UsageError
from trueserve.transforms.files import paths
from trueserve.transforms.publish import formatting


def run(options: PruneOptions, console: Console) -> int:
    """Deletes; gives 0. Raises UsageError where nothing says what is kept, or there is no such folder."""
    retention, output = Retention(options.keep, options.keep_runs), options.output
    if options.config is not None:
        config = load(options.config)
        output = output or config.output
        keep, keep_runs = config.retention.keep, config.retention.keep_runs
        retention = Retention(options.keep or keep, options.keep_runs or keep_runs)
    if not retention.is_limited:
        raise UsageError(f"{options.config}: [retention] has neither keep nor keep_runs; nothing is too old")
    assert output is not None
    if not paths.exists(output):
        raise UsageError(f"--output: there is no folder {output!r}")
    count = old_windows.prune(output, retention, console, dry_run=options.dry_run)
    verb = "would be deleted" if options.dry_run else "deleted"
    console.step(f"{output}: {formatting.counted(count, 'window')} {verb}")
    console.fact("deleted", 0 if options.dry_run else count)
    return 0

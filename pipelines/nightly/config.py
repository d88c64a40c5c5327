"""`trueserve config check`: the whole file of a model, without running anything."""

from __future__ import annotations

from trueserve.pipelines.config.load import load
from trueserve.pipelines.display.console import Console
from trueserve.pipelines.flags.nightly.config import ConfigOptions
from trueserve.transforms.files import windows


def run(options: ConfigOptions, console: Console) -> int:
    """Gives 0 for a file that can be used. Raises ConfigError with all that is wrong."""
    config = load(options.config)
    lasting = f"windows of {windows.iso_duration(config.window.every)} in {config.window.timezone}"
    console.step(f"{options.config} can be used: {config.model}, {lasting}, to {config.output}")
    console.fact("model", config.model)
    return 0

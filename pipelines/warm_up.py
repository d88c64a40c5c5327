"""`trueserve warm_up`: compiles what the first run on a machine would compile."""

from __future__ import annotations

from trueserve.pipelines import cli

cli.start_if_main(__name__, "warm_up")

import time

from trueserve.pipelines.display.console import Console
from trueserve.pipelines.flags.warm_up import WarmUpOptions
from trueserve.transforms.compiling.warm_up import WarmUp, warm_up
from trueserve.transforms.core.errors import UsageError


def run(options: WarmUpOptions, console: Console) -> int:
    """Says what was compiled and where it is kept; 1 with `check` if something was compiled, else 0.

    Raises UsageError if no folder can keep it.
    """
    begun = time.perf_counter()
    result = warm_up()
    if not result.folders:
        raise UsageError(
            "machine code cannot be kept: expected a folder that this user can write and nobody else;"
            " set NUMBA_CACHE_DIR to such a folder"
        )
    console.lines(_lines(result, time.perf_counter() - begun))
    return int(options.check and result.compiled > 0)


def _lines(result: WarmUp, seconds: float) -> list[str]:
    counts = f"{result.compiled} functions compiled, {result.loaded} loaded, {seconds:.1f} s"
    return [f"machine code: {counts}", *(f"kept in {folder}" for folder in result.folders)]

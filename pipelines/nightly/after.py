"""What follows the verdict of a window: the one hook for all that tells others of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from trueserve.pipelines.config.model_config import ModelConfig
from trueserve.pipelines.display.console import Console
from trueserve.pipelines.nightly import clock, notices
from trueserve.transforms.history import parts
from trueserve.transforms.publish import series_index


def after_window(
    config: ModelConfig,
    document: Mapping[str, Any],
    console: Console,
    *,
    started: dt.datetime | None = None,
    with_index: bool = True,
) -> None:
    """Does all that follows a verdict. After a kill it is called again: each part must bear to be repeated.

    Args:
      document: verdict.json of the window, ordinary or failed. It need not be the latest window's.
      started: when its run began; None after a kill, when nobody knows.
      with_index: whether index.html and the history are made anew; of many windows in a row the last is
        enough.

    Raises:
      InputError: something could not be written.
    """
    series_index.refresh_latest(config.output)
    now = clock.now()
    for line in notices.tell(config, document, started or now, now):
        console.warning(line)
    # Last, since it may fail: nobody is to miss an alert by that.
    if with_index:
        refresh_series(config.output)


def refresh_series(output: str) -> None:
    """What is made of all windows: index.html, and the history. Raises InputError where it cannot be."""
    series_index.refresh_index(output)
    parts.refresh(output)

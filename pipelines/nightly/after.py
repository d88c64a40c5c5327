"""What follows the verdict of a window: the one hook for all that tells others of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trueserve.pipelines.config.model_config import ModelConfig
from trueserve.transforms.publish import series_index


def after_window(
    config: ModelConfig,  # noqa: ARG001 - for those who tell others of the window
    output: str,
    document: Mapping[str, Any],  # noqa: ARG001 - likewise
    *,
    with_index: bool = True,
) -> None:
    """Does all that follows a verdict. After a kill it is called again: each part must bear to be repeated.

    Args:
      config: has the tables `alerts`, `metrics` and `lineage` as they are in the file.
      output: the folder of the series.
      document: verdict.json of the window, ordinary or failed. It need not be the latest window's.
      with_index: whether index.html is rendered anew; of many windows in a row the last is enough.

    Raises:
      InputError: something could not be written.
    """
    series_index.refresh_latest(output)
    if with_index:
        series_index.refresh_index(output)

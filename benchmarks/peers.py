"""A peer over one Parquet file: `python benchmarks/peers.py NAME FILE`, run in the peers' venv.

They take data frames and know no TFRecord, so they are given the same rows in a format that costs them next
to nothing to read.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pandas as pd


def whylogs(frame: Any) -> None:
    """A profile of all columns."""
    import whylogs as why  # type: ignore[import-not-found]

    why.log(frame).view().to_pandas()


def evidently(frame: Any) -> None:
    """A drift report against as many rows, with its page."""
    from evidently import Report  # type: ignore[import-not-found]
    from evidently.presets import DataDriftPreset  # type: ignore[import-not-found]

    Report([DataDriftPreset()]).run(frame, frame.sample(frac=1.0, random_state=0)).get_html_str(False)


PEERS: dict[str, Callable[[Any], None]] = {"whylogs": whylogs, "evidently": evidently}


if __name__ == "__main__":
    rows = pd.read_parquet(sys.argv[2])
    PEERS[sys.argv[1]](rows)
    print(len(rows))

"""A table, a window, and the condition that the window becomes."""

from __future__ import annotations

import datetime as dt

from trueserve.transforms.core.batches import Window
from trueserve.transforms.logs.formats.bigquery import BigQueryTable

TABLE = BigQueryTable("my-project", "logs", "requests")
START, END = dt.datetime(2013, 7, 14, 5, tzinfo=dt.UTC), dt.datetime(2013, 7, 14, 6, 30, 0, 5, tzinfo=dt.UTC)
WINDOW = Window(START, END)
PUSHED = (
    "(`time` >= TIMESTAMP '2013-07-14 05:00:00.000000+00:00'"
    " AND `time` < TIMESTAMP '2013-07-14 06:30:00.000005+00:00' OR `time` IS NULL)"
)

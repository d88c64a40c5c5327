"""The formats that are read: the only list of them. Imports nothing heavy: help answers at once."""

from __future__ import annotations

import enum


class Format(enum.StrEnum):
    """Every format of a file. All but `CSV` and `PARQUET` are names that `--format` has for logs."""

    PREDICTION_LOG = "prediction_log"
    TF_EXAMPLE = "tf_example"
    REST = "rest"
    AI_PLATFORM = "ai_platform"
    VERTEX = "vertex"
    SAGEMAKER = "sagemaker"
    KSERVE = "kserve"
    TABLE = "table"
    CSV = "csv"
    PARQUET = "parquet"


#: The formats of logs, in the order of the help. A log in CSV or Parquet is a `TABLE`, or in another format.
LOG_FORMATS = tuple(name for name in Format if name not in {Format.CSV, Format.PARQUET})

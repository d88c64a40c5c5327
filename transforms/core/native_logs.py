"""Lines that native code, and Beam's worker processes, log to standard error by themselves."""

from __future__ import annotations

import os
import re

#: TensorFlow's own variable: that many severities, from the least on, are not shown. Here 3 by default.
LEVEL = "TF_CPP_MIN_LOG_LEVEL"
_SEVERITIES = "IWE"  # a line of severity F says why the process ends, and always counts
# `I0000 00:00:1795.08 312 port.cc:153] ...` is Abseil's; TensorFlow before 2.17 or so had its own:
# `2026-11-29 04:49:02.1: I tensorflow/x.cc:210] ...`.
_LINE = re.compile(
    r"(?:([IWEF])\d{4} [\d:.]+ +\d+ |\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+: ([IWEF]) )[\w./+-]+:\d+\] "
)
# `INFO:apache_beam.runners.worker.sdk_worker:...` is Python's, in the format of a process that set none: so
# Beam's workers log, whatever the level of the process that started them. Errors are no such lines.
_PYTHON_LINE = re.compile(r"(DEBUG|INFO|WARNING):[\w.]+:")
_PYTHON_SEVERITIES = {"DEBUG": 1, "INFO": 1, "WARNING": 2}
# What comes without a severity: Abseil's heading, and what TFDV prints in each process that imports it.
_NOTES = (
    "WARNING: All log messages before absl::InitializeLog() is called",
    "Unable to import IPython: ",
    "TFDV visualization APIs will not function.",
)


def level() -> int:
    """How many severities are not shown, by the environment; what is no number is 0 to TensorFlow, too."""
    value = os.environ.get(LEVEL, "3")
    return int(value) if value.isdecimal() else 0


def is_hidden(line: str, level: int = 3) -> bool:
    """Whether a line comes of native code or a worker, and its severity is one that `level` does not show."""
    if match := _PYTHON_LINE.match(line):
        return level >= _PYTHON_SEVERITIES[match.group(1)]
    if line.startswith(_NOTES):
        return level > 0
    match = _LINE.match(line)
    return match is not None and (match.group(1) or match.group(2)) in _SEVERITIES[:level]

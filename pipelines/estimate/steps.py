"""The steps of a job, each with its cost by the figures of `costs`."""

from __future__ import annotations

from trueserve.pipelines.estimate import costs
from trueserve.pipelines.estimate.workload import Step
from trueserve.transforms.logs.formats.format_names import Format


def reading(name: str, features: int, file_format: Format | None) -> Step:
    """Rows of so many features are decoded, and their statistics computed."""
    factor = 1.0 if file_format is None else costs.FORMAT_FACTORS.get(file_format, 1.0)
    return Step(name, features * costs.value_micros(features) * factor)


def transforming(name: str, features: int) -> Step:
    """The transform graph runs, and statistics of its outputs are computed."""
    return Step(name, features * costs.TRANSFORM_MICROS)


def slicing(name: str, features: int) -> Step:
    """Statistics are computed once more; nobody has measured that it costs what it costs the first time."""
    return Step(name, features * costs.value_micros(features))


def analysing(name: str, features: int, file_format: Format) -> Step:
    """tf.Transform analyses the examples and writes what its graph gives."""
    read = reading(name, features, file_format).micros or 0.0
    return Step(name, read + features * costs.ANALYSIS_MICROS)


def unmeasured(name: str) -> Step:
    """A step whose cost nobody knows beforehand."""
    return Step(name, None)

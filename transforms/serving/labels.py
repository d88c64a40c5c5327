"""The labels of evaluation examples beside the model's answers: what performance is recorded of."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from trueserve.transforms.performance import record
from trueserve.transforms.performance.record import NoPerformanceError, PerformanceRecord
from trueserve.transforms.predictions.outputs import Output, OutputType, rounded


@dataclasses.dataclass(frozen=True)
class LabelSettings:
    """Attributes:
    label: the raw feature; output: of the model, None where it has one only.
    positive: the label of the positive class; None where labels are 0 and 1, or classes' numbers.
    """

    label: str
    output: str | None = None
    positive: str | None = None


class PerformanceRecorder:
    """Keeps answers and labels of evaluation rows, of which there are `--prediction_rows` at most."""

    def __init__(self, settings: LabelSettings) -> None:
        self._settings = settings
        self._answers: list[Mapping[str, Any]] = []
        self._labels: list[float | str | None] = []

    def add(self, answers: Mapping[str, Any], examples: Sequence[bytes]) -> None:
        """Takes some rows: the outputs by name, and the serialized tf.Examples."""
        self._answers.append(answers)
        self._labels += [_label(example, self._settings.label) for example in examples]

    def record(self, outputs: Sequence[Output]) -> PerformanceRecord:
        """Raises NoPerformanceError where the rows do not say how well the model does."""
        widths = {o.name: o.width for o in outputs if o.kind is OutputType.FLOAT}
        if all(label is None for label in self._labels):
            raise NoPerformanceError(f"the evaluation examples have no {self._settings.label}")
        name = record.choose_output(widths, self._settings.output, self._settings.label)
        output = next(output for output in outputs if output.name == name)
        parts = [np.reshape(answers[name], (-1, widths[name] or 1)) for answers in self._answers]
        values = rounded(np.concatenate(parts))
        return record.record(
            output.feature, self._settings.label, values, self._labels, self._settings.positive
        )


def _label(example: bytes, name: str) -> float | str | None:
    """The only value of a feature; None where it has none or several."""
    feature = tf.train.Example.FromString(example).features.feature.get(name)
    kind = None if feature is None else feature.WhichOneof("kind")
    values = [] if kind is None else getattr(feature, kind).value
    if len(values) != 1:
        return None
    return values[0].decode("utf-8", "replace") if kind == "bytes_list" else float(values[0])

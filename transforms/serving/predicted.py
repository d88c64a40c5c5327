"""Statistics of what a model answers to rows, in the form that logged answers are compared with."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from trueserve.transforms.core.arrow import pa
from trueserve.transforms.core.errors import UsageError
from trueserve.transforms.graph.row_bisection import apply_in_parts
from trueserve.transforms.predictions import outputs as predictions
from trueserve.transforms.predictions.outputs import Output, OutputType
from trueserve.transforms.summaries.dataset import DatasetSummary, uses_of
from trueserve.transforms.summaries.protos import SIZES, dataset_statistics
from trueserve.transforms.summaries.quantiles import Scratch

Observe = Callable[[Mapping[str, Any], list[bytes]], None]

_REFUSALS = (tf.errors.OpError, ValueError)


class PredictionRecorder:
    """Asks a function, a batch of serialized tf.Examples at a time, and adds up what it answers.

    Attributes:
      outputs: what it answers, by name.
      rows: those that were answered; `num_refused`: those that the graph or the model did not take.
    """

    def __init__(self, function: Any, *, may_refuse: bool, observe: Observe | None = None) -> None:
        """`function` is one of `ServingModel`'s; where it may not refuse rows, it is an error.

        `observe` is given the answers, and the examples that they answer.
        """
        self._observe = observe
        self._function = function
        self._may_refuse = may_refuse
        self.outputs = outputs_of(function.structured_outputs)
        self._summary = DatasetSummary(uses_of(predictions.schema_of(self.outputs, "")))
        self._scratch = Scratch()
        self.rows = self.num_refused = 0

    def add(self, examples: list[bytes]) -> None:
        """Raises UsageError where a row is not taken that must be."""
        answers, accepted = self._answered(examples)
        rows = len(accepted)
        self.num_refused += len(examples) - rows
        self.rows += rows
        if rows:
            self._summary.add(self._columns(answers, rows), self._scratch)
            if self._observe is not None:
                self._observe(answers, accepted)

    def schema(self, comment: str, *, on_training: bool = False) -> schema_pb2.Schema:
        """That of the answers, see `predictions.outputs`; it has no feature if nothing can be recorded."""
        return predictions.schema_of(self.outputs, comment, on_training=on_training)

    def statistics(self) -> statistics_pb2.DatasetFeatureStatisticsList:
        """TFDV's statistics of the answers, with the options of every baseline."""
        dataset = dataset_statistics(self._summary, SIZES)
        return statistics_pb2.DatasetFeatureStatisticsList(datasets=[dataset])

    def _answered(self, examples: list[bytes]) -> tuple[Mapping[str, Any], list[bytes]]:
        """The answers to the examples that the function takes, and these."""
        try:
            return self._ask(examples), examples
        except _REFUSALS as error:
            if not self._may_refuse:
                # Not what it says: that may quote values of rows.
                problem = "the model cannot answer the training rows in the baseline"
                raise UsageError(f"{problem}: {type(error).__name__}") from error
        batch = pa.RecordBatch.from_arrays([pa.array(examples, pa.binary())], names=["examples"])
        taken = apply_in_parts(self._probe, batch, _REFUSALS).taken
        accepted = [examples[i] for i in np.flatnonzero(taken)]
        return (self._ask(accepted) if accepted else {}), accepted

    def _probe(self, part: pa.RecordBatch) -> pa.RecordBatch:
        self._ask(part.column(0).to_pylist())
        return part

    def _ask(self, examples: list[bytes]) -> Mapping[str, Any]:
        answers = self._function(tf.constant(examples, tf.string))
        return {name: tensor.numpy() for name, tensor in answers.items()}

    def _columns(self, answers: Mapping[str, Any], rows: int) -> pa.RecordBatch:
        recorded = [output for output in self.outputs if output.width]
        values = {output.name: answers[output.name].reshape(rows, output.width) for output in recorded}
        return predictions.columns(recorded, values, np.ones(rows, bool))


def outputs_of(specs: Mapping[str, Any]) -> tuple[Output, ...]:
    """The outputs of a function by its specs, a tensor [batch, ...] each, sorted by name."""
    outputs = (Output(name, _kind(spec.dtype), _width(spec)) for name, spec in sorted(specs.items()))
    return predictions.distinct(outputs)


def _kind(dtype: Any) -> OutputType:
    if dtype == tf.string:
        return OutputType.TEXT
    return OutputType.INT if dtype.is_integer or dtype.is_bool else OutputType.FLOAT


def _width(spec: Any) -> int | None:
    """Values of a row; None where that is not known, or no number or text."""
    readable = (
        spec.dtype.is_floating or spec.dtype.is_integer or spec.dtype.is_bool or spec.dtype == tf.string
    )
    if not readable or spec.shape.rank in (None, 0) or spec.shape[0] is not None:
        return None
    sizes = spec.shape.as_list()[1:]
    return None if None in sizes else math.prod(sizes)

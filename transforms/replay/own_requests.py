"""Rows whose answers differ, asked again among the rows of their own request, as the server was.

A model's answer to a row is rounded otherwise among other rows, as libraries of linear algebra take other
ways for other shapes. Where inputs are large that is more than a tolerance.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, Protocol

import numpy as np

from trueserve.transforms.core.arrow import pa
from trueserve.transforms.replay.compare import AnswerTolerance, compare_all
from trueserve.transforms.replay.reference_model import Answered

Array = np.ndarray[Any, Any]

#: If rows of more requests of a batch differ, it is no matter of rounding, and nothing is asked again.
MOST_REQUESTS = 256


class Model(Protocol):
    """What answers: see `reference_model.ReferenceModel`."""

    def answer(self, features: pa.RecordBatch) -> Answered: ...


class ComparedRows(NamedTuple):
    """Rows that the model and the log have answered.

    Attributes:
      features: of the rows.
      records: int64 [rows], the numbers of their records; rows of a request stand together.
      expected, served: float64 [rows, width] by output: the model's answers among all rows, and the log's.
    """

    features: pa.RecordBatch
    records: Array
    expected: Mapping[str, Array]
    served: Mapping[str, Array]


def ask_again(model: Model, rows: ComparedRows, tolerance: AnswerTolerance) -> dict[str, Array]:
    """The expected answers, and in their place those in its own request for each row that agrees there."""
    result = {name: values.copy() for name, values in rows.expected.items()}
    differs = _differs(rows.expected, rows.served, tolerance)
    requests = np.cumsum(np.diff(rows.records, prepend=rows.records[:1]) != 0)
    numbers = np.unique(requests[differs])
    if len(numbers) > MOST_REQUESTS:
        return result
    for at in (np.flatnonzero(requests == number) for number in numbers):
        answers = _answers(model.answer(_rows_at(rows.features, at)), result)
        if answers:
            agrees = ~_differs(answers, {name: rows.served[name][at] for name in answers}, tolerance)
            for name, values in answers.items():
                result[name][at[agrees]] = values[agrees]
    return result


def _answers(answered: Answered, names: Iterable[str]) -> dict[str, Array]:
    """The answers to all rows for these outputs; empty if an answer is missing."""
    values = {name: answered.values.get(name) for name in names}
    answers = {name: output for name, output in values.items() if output is not None}
    return answers if answered.taken.all() and len(answers) == len(values) else {}


def _differs(expected: Mapping[str, Array], served: Mapping[str, Array], tolerance: AnswerTolerance) -> Array:
    compared = compare_all(expected, served, tolerance).values()
    differs: Array = np.logical_or.reduce([output.differs for output in compared])
    return differs


def _rows_at(features: pa.RecordBatch, at: Array) -> pa.RecordBatch:
    columns = [column.take(pa.array(at)) for column in features.columns]
    return pa.RecordBatch.from_arrays(columns, schema=features.schema)

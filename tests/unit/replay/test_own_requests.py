"""Rows that differ are asked again in their own request: what is rounded otherwise is the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from trueserve.transforms.core.arrow import pa
from trueserve.transforms.replay import own_requests
from trueserve.transforms.replay.compare import AnswerTolerance
from trueserve.transforms.replay.own_requests import ComparedRows, ask_again
from trueserve.transforms.replay.reference_model import Answered

Array = np.ndarray[Any, Any]
TOLERANCE = AnswerTolerance()


class Rounding:
    """A model whose answers move a little with the number of rows."""

    def __init__(self, *, refuses: bool = False) -> None:
        self.sizes: list[int] = []
        self._refuses = refuses

    def answer(self, features: pa.RecordBatch) -> Answered:
        self.sizes.append(features.num_rows)
        x = np.asarray(features.column("x"), np.float64)
        taken = np.full(len(x), not self._refuses)
        return Answered({"y": (x + 1e-4 * len(x))[:, None]}, taken)


def rows(sizes: list[int], served: Array | None = None) -> ComparedRows:
    """Requests of so many rows, answered one after the other by the log and together by the model."""
    x = np.arange(sum(sizes), dtype=np.float64)
    in_request = np.repeat(sizes, sizes)
    features = pa.RecordBatch.from_pydict({"x": pa.array(x)})
    answers = (x + 1e-4 * in_request)[:, None] if served is None else served
    expected = Rounding().answer(features).values["y"]
    assert expected is not None
    return ComparedRows(features, np.repeat(np.arange(len(sizes)), sizes), {"y": expected}, {"y": answers})


def test_what_is_rounded_otherwise_is_the_same() -> None:
    compared, model = rows([2, 1, 3]), Rounding()
    assert ask_again(model, compared, TOLERANCE)["y"].tolist() == compared.served["y"].tolist()
    assert model.sizes == [2, 1, 3]


def test_what_really_differs_still_does() -> None:
    compared, model = rows([2, 2]), Rounding()
    compared.served["y"][3] += 1.0
    answers = ask_again(model, compared, TOLERANCE)["y"][:, 0]
    assert answers[:3].tolist() == compared.served["y"][:3, 0].tolist()
    assert answers[3] == compared.expected["y"][3, 0]


def test_only_requests_with_a_row_that_differs_are_asked() -> None:
    compared, model = rows([2, 2, 2]), Rounding()
    served = compared.expected["y"].copy()
    served[2:4] = compared.served["y"][2:4]
    ask_again(model, compared._replace(served={"y": served}), TOLERANCE)
    assert model.sizes == [2]


def test_where_very_many_differ_nothing_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_requests, "MOST_REQUESTS", 2)
    compared, model = rows([2, 1, 3]), Rounding()
    assert ask_again(model, compared, TOLERANCE)["y"].tolist() == compared.expected["y"].tolist()
    assert model.sizes == []


def test_a_row_that_the_graph_refuses_changes_nothing() -> None:
    compared = rows([2, 1])
    answers = ask_again(Rounding(refuses=True), compared, TOLERANCE)["y"]
    assert answers.tolist() == compared.expected["y"].tolist()

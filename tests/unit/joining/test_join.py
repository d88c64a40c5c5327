"""What a pair of rows gives for a feature."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from support.join import column, comparison, joined, pieces_of
from support.logs import example

from trueserve.transforms.joining.cells import FloatTolerance
from trueserve.transforms.joining.counts import FeatureOutcome
from trueserve.transforms.joining.join import join
from trueserve.transforms.joining.piece import Piece, Side

INTS, FLOATS, TEXTS = pa.int64(), pa.float32(), pa.large_binary()


@pytest.mark.parametrize(
    ("base", "test", "outcome"),
    [
        ([1.0], [1.0], FeatureOutcome.MATCH),
        ([1.0], [2.0], FeatureOutcome.MISMATCH),
        ([1.0], None, FeatureOutcome.BASE_ONLY),
        (None, [1.0], FeatureOutcome.TEST_ONLY),
        ([1.0], [], FeatureOutcome.BASE_ONLY),
        ([], [1.0], FeatureOutcome.TEST_ONLY),
        ([], None, FeatureOutcome.EMPTY_ONLY),
        (None, [], FeatureOutcome.EMPTY_ONLY),
        ([], [], FeatureOutcome.MATCH),
        (None, None, FeatureOutcome.NEITHER),
    ],
)
def test_outcomes(base: list[float] | None, test: list[float] | None, outcome: FeatureOutcome) -> None:
    def piece(side: Side, values: list[float] | None) -> Piece:
        [made], _ = pieces_of([example(id=[1], z=[1])], side, comparison(["id"]))
        features = {"x": column([values], FLOATS), "z": column([[1]], INTS)}
        return Piece(side, made.keys, pa.RecordBatch.from_arrays([*features.values()], [*features]))

    result = join([piece(Side.REQUESTS, test), piece(Side.EXAMPLES, base)], comparison(["id"], samples=5))
    counts = result.features.get("x")
    if outcome is FeatureOutcome.NEITHER:
        assert counts is None
    else:
        assert counts is not None
        assert np.flatnonzero(counts[: len(FeatureOutcome)]).tolist() == [outcome]
        assert counts[len(FeatureOutcome) :].tolist() == [int(bool(base)), int(bool(test))]
    differs = outcome > FeatureOutcome.MATCH
    assert (result.rows.matched, result.rows.mismatched) == (int(not differs), int(differs))
    assert [sample.differs for sample in result.samples] == [{outcome: ("x",)}] * differs


def test_nothing_joins_to_nothing() -> None:
    assert join([], comparison(["id"])).rows.keys == 0
    [only] = pieces_of([example(id=[1], x=[1.0])], Side.EXAMPLES, comparison(["id"]))[0]
    alone = join([only], comparison(["id"]))
    assert (alone.rows.examples, alone.rows.keys_only_in_examples, alone.rows.compared) == (1, 1, 0)
    assert alone.features == {}


def test_close_floats_are_no_difference() -> None:
    base, test = [example(id=[1], x=[1000.0])], [example(id=[1], x=[1000.5])]
    assert joined(base, test, comparison(["id"])).rows.mismatched == 1
    close = comparison(["id"], tolerance=FloatTolerance(close=1e-3))
    assert joined(base, test, close).rows.mismatched == 0
    digits = comparison(["id"], tolerance=FloatTolerance(digits=0))
    assert joined(base, test, digits).rows.mismatched == 0

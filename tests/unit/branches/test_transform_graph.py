"""The branch of the transform graph: rows keep their places, and those that it refuses are counted."""

from __future__ import annotations

from collections import Counter

import pyarrow as pa
import pytest
from support import baseline as support
from support import branches
from support.branches import KeepBatches

from trueserve.transforms.branches.reading import READING
from trueserve.transforms.branches.transform_graph import Transformed
from trueserve.transforms.core.accounting import UNTRANSFORMABLE, Accounting
from trueserve.transforms.core.batches import Batch
from trueserve.transforms.graph.transform_graph import TransformGraph
from trueserve.transforms.logs.rows.rows import metadata_of

TWO_DISTANCES = {**support.ROWS[0], "distance": [1.0, 2.0]}


def with_places(features: pa.RecordBatch, first: int = 0) -> Batch:
    records = pa.array(range(first, first + features.num_rows), pa.int64())
    return Batch(features, metadata_of(features.num_rows, "log", record=records))


def examined(batches: list[Batch]) -> tuple[list[Batch], Accounting]:
    """What the graph gives, and what is counted."""
    KeepBatches.kept.clear()
    branch = Transformed(support.transform_output(), None, [KeepBatches()])
    accounting: Accounting = branches.results([branch], branches.decoded(batches))[READING].accounting
    return list(KeepBatches.kept), accounting


def test_rows_are_transformed_and_keep_their_places() -> None:
    rows = support.batch(support.ROWS)
    batches = [with_places(rows.slice(0, 1), 7), with_places(rows.slice(1), 8)]
    graph = TransformGraph(support.transform_output())
    kept, accounting = examined(batches)
    assert kept == [Batch(graph.apply(batch.features), batch.metadata) for batch in batches]
    assert accounting == Accounting()


def test_refused_rows_are_counted() -> None:
    bad = support.batch([support.ROWS[0], TWO_DISTANCES, TWO_DISTANCES])
    kept, accounting = examined([with_places(rows) for rows in (bad, bad, bad.slice(1, 1), bad.slice(0, 1))])
    assert accounting == Accounting(forms=Counter({UNTRANSFORMABLE: 5}))
    assert [batch.features.num_rows for batch in kept] == [3, 3, 1, 1]


def test_a_batch_goes_through_the_graph_once_for_all_branches(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    transform_rows = TransformGraph.transform_rows

    def counted(graph: TransformGraph, rows: pa.RecordBatch) -> tuple[pa.RecordBatch, int]:
        calls.append(rows.num_rows)
        return transform_rows(graph, rows)

    monkeypatch.setattr(TransformGraph, "transform_rows", counted)
    KeepBatches.kept.clear()
    branch = Transformed(support.transform_output(), None, [KeepBatches(), KeepBatches()])
    branches.results([branch], branches.decoded([with_places(support.batch(support.ROWS))]))
    assert calls == [len(support.ROWS)]
    assert len(KeepBatches.kept) == 2
    assert KeepBatches.kept[0] is KeepBatches.kept[1]

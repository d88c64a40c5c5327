"""The rows of one partition, compared: counts for each feature, and some of the pairs that differ."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from trueserve.transforms.joining import counts
from trueserve.transforms.joining.cells import ABSENT, EMPTY, FULL, Cells, cells_of, equal_rows
from trueserve.transforms.joining.counts import FeatureOutcome, Joined, RowCounts, Sampled
from trueserve.transforms.joining.late_labels import labelled
from trueserve.transforms.joining.pairs import number_rows, pairs_of, row_counts
from trueserve.transforms.joining.piece import Piece
from trueserve.transforms.joining.rows import SideRows, rows_of
from trueserve.transforms.joining.split import JoinSettings
from trueserve.transforms.logs.features import Array

_OUTCOMES = np.empty((3, 3), np.uint8)
_OUTCOMES[ABSENT] = FeatureOutcome.NEITHER, FeatureOutcome.EMPTY_ONLY, FeatureOutcome.TEST_ONLY
_OUTCOMES[EMPTY] = FeatureOutcome.EMPTY_ONLY, FeatureOutcome.MATCH, FeatureOutcome.TEST_ONLY
_OUTCOMES[FULL] = FeatureOutcome.BASE_ONLY, FeatureOutcome.BASE_ONLY, FeatureOutcome.MATCH


class _JoinInput(NamedTuple):
    """What is compared, and how."""

    base: SideRows
    test: SideRows
    names: list[str]
    settings: JoinSettings


def join(pieces: Iterable[Piece], settings: JoinSettings) -> Joined:
    """What the pieces of one partition give, whatever order they come in."""
    halves: tuple[list[Piece], list[Piece]] = [], []
    for piece in pieces:
        halves[piece.side].append(piece)
    base, test = map(rows_of, halves)
    if not base.size and not test.size:
        return Joined()
    numbered, conflicts = number_rows(base, test), base.conflicts | test.conflicts
    names = sorted((base.features.keys() | test.features.keys()) - conflicts)
    inputs = _JoinInput(base, test, names, settings)
    compare = _compare if settings.labelled is None else _label
    parts = [compare(inputs, i, j) for i, j in pairs_of(numbered, settings.allow_duplicates)]
    return counts.total([Joined(row_counts(numbered), conflicts=conflicts), *parts], settings.samples)


def _compare(inputs: _JoinInput, i: Array, j: Array) -> Joined:
    """Compares rows `i` of the base with rows `j` of the test side."""
    features, differs = {}, np.zeros(len(i), bool)
    for name in inputs.names:
        feature_counts, outcomes = _outcomes(inputs, name, i, j)
        differs |= outcomes > FeatureOutcome.MATCH
        if feature_counts[FeatureOutcome.MATCH :].any():
            features[name] = feature_counts
    mismatched = int(np.count_nonzero(differs))
    rows = RowCounts(compared=len(i), matched=len(i) - mismatched, mismatched=mismatched)
    return Joined(rows, features, _samples(inputs, i[differs], j[differs]))


def _label(inputs: _JoinInput, i: Array, j: Array) -> Joined:
    """Counts the labels of rows `i` of the base by the predictions of rows `j` of the test side."""
    assert inputs.settings.labelled is not None
    rows = labelled(inputs.settings.labelled, inputs.base, inputs.test, i, j)
    return Joined(RowCounts(compared=len(i)), labelled=rows)


def _outcomes(inputs: _JoinInput, name: str, i: Array, j: Array) -> tuple[Array, Array]:
    """The counts of one feature (see `Joined`), and its outcome in each pair."""
    base, test = (_cells(side, name, inputs.settings) for side in (inputs.base, inputs.test))
    base_states, test_states = _states(base, i), _states(test, j)
    outcomes: Array = _OUTCOMES[base_states, test_states]
    both = np.flatnonzero((base_states == FULL) & (test_states == FULL))
    if base is not None and test is not None and len(both):
        equal = equal_rows(base, test, i[both], j[both], inputs.settings.tolerance.close)
        outcomes[both[~equal]] = FeatureOutcome.MISMATCH
    with_values = [np.count_nonzero(states == FULL) for states in (base_states, test_states)]
    return np.append(np.bincount(outcomes, minlength=len(FeatureOutcome)), with_values), outcomes


def _cells(side: SideRows, name: str, settings: JoinSettings) -> Cells | None:
    column = side.features.get(name)
    return None if column is None else cells_of(column, settings.tolerance.digits)


def _states(cells: Cells | None, rows: Array) -> Array:
    return np.full(len(rows), ABSENT, np.uint8) if cells is None else cells.states[rows]


def _samples(inputs: _JoinInput, i: Array, j: Array) -> tuple[Sampled, ...]:
    """Those of the pairs that have the least rank; rows `i` and `j` all differ."""
    chosen = np.argsort(inputs.base.hashes[i], kind="stable")[: inputs.settings.samples]
    i, j = i[chosen], j[chosen]
    outcomes = {name: _outcomes(inputs, name, i, j)[1] for name in inputs.names} if len(i) else {}
    return tuple(
        _sampled(
            inputs, int(i[pair]), int(j[pair]), {n: FeatureOutcome(int(o[pair])) for n, o in outcomes.items()}
        )
        for pair in range(len(i))
    )


def _sampled(inputs: _JoinInput, i: int, j: int, outcomes: dict[str, FeatureOutcome]) -> Sampled:
    base, test = inputs.base, inputs.test
    differs = {name: outcome for name, outcome in outcomes.items() if outcome > FeatureOutcome.MATCH}
    key, values = None, None
    if inputs.settings.keep_values:
        key = tuple(column[i].as_py() for column in base.keys)
        values = {name: (base.value(name, i), test.value(name, j)) for name in differs}
    by_outcome = {
        o: tuple(name for name in differs if differs[name] is o) for o in sorted({*differs.values()})
    }
    return Sampled(int(base.hashes[i]), base.position(i), test.position(j), by_outcome, key, values)

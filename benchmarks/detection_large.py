"""Two million rows, in which a trifle is beyond chance and still no alarm."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
import tensorflow_data_validation as tfdv

from benchmarks import in_memory
from benchmarks.detection_data import GENERATED, Columns, Traits, generated, world
from benchmarks.detection_faults import moved
from benchmarks.in_memory import Column, Lists
from trueserve.transforms.summaries.dataset import DatasetSummary
from trueserve.transforms.summaries.protos import SIZES, dataset_statistics
from trueserve.transforms.summaries.quantiles import Scratch
from trueserve.transforms.verdict.compare import Policy, Reference, compare
from trueserve.transforms.verdict.feature_stats import Statistics
from trueserve.transforms.verdict.model import Severity, Space

ROWS, PIECE = 2_000_000, 200_000
TRIFLE = 0.005
# Moved by anything, 98 of 100 rows of it hold another value than before: that is no trifle.
_LEFT_OUT = "nearly_constant"


def trifles(seed: int, rows: int = ROWS) -> dict[str, bool]:
    """For each number whether `validate` calls it an error when all means are moved by `TRIFLE` deviations.

    The baseline has as many rows.
    """
    every = world(GENERATED, 0, 200).traits
    traits = {name: of_feature for name, of_feature in every.items() if _is_moved(name, of_feature)}
    random = np.random.default_rng([seed, 3])

    def served() -> Columns:
        columns = _numbers(traits, random)
        return {name: _moved(column, traits[name], random) for name, column in columns.items()}

    training = _in_pieces(lambda: _numbers(traits, random), rows)
    schema = tfdv.infer_schema(training, infer_feature_shape=False)
    window = _in_pieces(served, rows)
    findings = compare(Reference(schema, training, Space.RAW), window, Policy(), Counter()).findings
    errors = {finding.feature for finding in findings if finding.severity is Severity.ERROR}
    return {name: name in errors for name in traits}


def _is_moved(name: str, traits: Traits) -> bool:
    return traits.is_number and name != _LEFT_OUT


def _numbers(traits: dict[str, Traits], random: np.random.Generator) -> dict[str, Column]:
    columns = generated(PIECE, random)
    return {name: columns[name] for name in traits}


def _moved(column: Column, traits: Traits, random: np.random.Generator) -> Column:
    assert not isinstance(column, Lists)
    return moved(column, TRIFLE * traits.deviation, traits, random, sign=1.0)


def _in_pieces(piece: Callable[[], Columns], rows: int) -> Statistics:
    summary, scratch = DatasetSummary(), Scratch()
    while summary.num_examples < rows:
        summary.add(in_memory.batch(piece()), scratch)
    return Statistics(datasets=[dataset_statistics(summary, SIZES)])

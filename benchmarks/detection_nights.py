"""Nights judged as a nightly `validate --previous=auto` does, by the step that assembles its verdict.

No rows are read and nothing is joined: a night's statistics are made in memory, with the design effects of
its requests and a sample of its rows. All else is the product's own, the budget of alarms and the files of
earlier nights among it. Beside it, tests of scipy at a level of the same budget.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from scipy import stats  # type: ignore[import-untyped]

from benchmarks import in_memory
from benchmarks.detection_seasons import DAY
from benchmarks.in_memory import Column
from benchmarks.nights_data import Night, Shift, World
from trueserve.transforms.branches.samples import design_effect
from trueserve.transforms.branches.samples.requests import RequestsPartial
from trueserve.transforms.branches.samples.row_sample import RowSample
from trueserve.transforms.core.accounting import Accounting
from trueserve.transforms.core.batches import METADATA_SCHEMA, Batch, Window
from trueserve.transforms.drift import lasting_shift, slow_drift
from trueserve.transforms.publish.assemble import PipelineResults, RunSettings, assemble_verdict
from trueserve.transforms.runs import previous_runs, published_runs
from trueserve.transforms.runs.published_runs import PublishedRun
from trueserve.transforms.verdict.model import Finding, FindingKind, Severity, Space
from trueserve.transforms.verdict.reference import Reference
from trueserve.transforms.verdict.severity import Policy

Array = np.ndarray[Any, Any]

#: In so many nights one may be a false alarm: the default budget.
BUDGET = 90
#: Of the baseline, as far as runs are told apart by it.
CONTRACT = {"created": "2021-01-01T00:00:00+00:00", "digests": {"graph": "g"}, "num_examples": 1}
_LEAST_EXPECTED = 5


class Judged(NamedTuple):
    """What is said of a night: by what says it, the features, each with its message; of the peer likewise."""

    errors: tuple[tuple[str, str], ...] = ()
    lasting: tuple[tuple[str, str], ...] = ()
    slow: tuple[tuple[str, str], ...] = ()
    jumps: tuple[tuple[str, str], ...] = ()
    peer: tuple[tuple[str, str], ...] = ()


def judged_night(findings: Iterable[Finding], peer: tuple[tuple[str, str], ...] = ()) -> Judged:
    """Findings by what says them: errors, and the three kinds of drift warnings."""
    sorted_findings: dict[str, list[tuple[str, str]]] = {}
    for finding in findings:
        sorted_findings.setdefault(_source(finding), []).append((finding.feature, _message(finding)))
    kinds = ("errors", "lasting", "slow", "jumps")
    return Judged(**{kind: tuple(sorted_findings.get(kind, ())) for kind in kinds}, peer=peer)


def _source(finding: Finding) -> str:
    if finding.severity is Severity.ERROR:
        return "errors"
    if finding.severity is not Severity.WARNING or finding.kind is not FindingKind.DRIFT:
        return ""
    return {lasting_shift.METRIC: "lasting", slow_drift.METRIC: "slow"}.get(finding.metric, "jumps")


def _message(finding: Finding) -> str:
    p_value = "" if finding.p_value is None else f", p {finding.p_value:.1e}"
    return f"{finding.metric}{p_value}: {finding.message}"


@dataclasses.dataclass(frozen=True, eq=False)
class Nights:
    """The nights of a world, one after another; `folder` keeps what earlier runs published."""

    world: World
    folder: Path
    published: list[PublishedRun] = dataclasses.field(default_factory=list)

    def judge(self, number: int, shift: Shift | None = None) -> Judged:
        """What the night's run says, and the peer; the run is published for those of later nights."""
        night = self.world.night(number, shift)
        return judged_night(self._findings(night), self.peer.alarms(night.columns))

    @functools.cached_property
    def peer(self) -> Tests:
        return Tests(self.world.training)

    def _findings(self, night: Night) -> Sequence[Finding]:
        window = Window(night.start, night.start + DAY)
        runs = previous_runs.choose(self.published, window, published_runs.identity(CONTRACT))
        settings = RunSettings(window, Policy(), CONTRACT, previous_runs=runs)
        verdict, files = assemble_verdict(
            lambda: [self.world.reference], results(night, self.world.reference), settings
        )
        self._publish(window, verdict.outcome.value, files)
        return verdict.findings

    def _publish(self, window: Window, outcome: str, files: Mapping[str, bytes]) -> None:
        name = f"run-{len(self.published):04d}"
        (self.folder / name).mkdir(parents=True)
        sizes = {}
        for file in (published_runs.WINDOW_SUMMARY, published_runs.statistics_name(Space.RAW)):
            (self.folder / name / file).write_bytes(files[file])
            sizes[file] = len(files[file]), hashlib.sha256(files[file]).hexdigest()
        baseline, graph = published_runs.identity(CONTRACT), published_runs.graph_of(CONTRACT)
        self.published.append(
            PublishedRun(str(self.folder / name), name, window, outcome, baseline, graph, sizes)
        )


def results(night: Night, reference: Reference) -> PipelineResults:
    """What the pipeline would have made of the rows."""
    features, forms = in_memory.read(night.columns, reference)
    rows = features.num_rows
    batch = Batch(features, _metadata(night.records))
    requests, sample = RequestsPartial(), RowSample(rows)
    for partial in (requests, sample):
        partial.add(batch)
    statistics = in_memory.statistics(features, reference)
    design_effect.note(statistics, requests.result())
    accounting = Accounting(read=rows, decoded=rows, rows=rows, compared=rows, forms=Counter(forms))
    return PipelineResults({Space.RAW: statistics}, accounting, rows=sample.result())


def _metadata(records: Array) -> pa.RecordBatch:
    columns = {field.name: pa.nulls(len(records), field.type) for field in METADATA_SCHEMA}
    columns |= {"file": pa.array(["log"] * len(records)), "record": pa.array(records, pa.int64())}
    return pa.RecordBatch.from_arrays([*columns.values()], schema=METADATA_SCHEMA)


class Tests:
    """Kolmogorov and Smirnov's test of each number against training's values, chi-squared of a category.

    Each has the level at which all together raise one alarm in `BUDGET` nights of independent rows.
    """

    __test__ = False  # its name makes no test of it

    def __init__(self, training: Mapping[str, Column], budget: float = BUDGET) -> None:
        self._training = {name: _known(column) for name, column in training.items()}
        self.level = level(budget, len(self._training))

    def alarms(self, served: Mapping[str, Column]) -> tuple[tuple[str, str], ...]:
        p_values = {name: p_value(known, _present(served[name])) for name, known in self._training.items()}
        return tuple((name, f"p {p:.1e}") for name, p in p_values.items() if p <= self.level)


def level(budget: float, features: int) -> float:
    """The level of each of so many independent tests a night that raise one alarm in `budget` nights."""
    return float(-np.expm1(np.log1p(-1 / budget) / features))


def p_value(training: Array | Counter[str], serving: Array) -> float:
    """That both come from one distribution: training's numbers in order, or counts of its values."""
    if isinstance(training, Counter):
        return _chi_squared(training, Counter(serving.tolist()))
    ascending = np.sort(serving)
    steps = np.arange(len(ascending) + 1) / len(ascending)
    up_to, under = (np.searchsorted(training, ascending, end) / len(training) for end in ("right", "left"))
    above = np.searchsorted(ascending, ascending, "right"), np.searchsorted(ascending, ascending, "left")
    distance = max(np.max(steps[above[0]] - up_to), np.max(under - steps[above[1]]), 0.0)
    size = len(training) * len(ascending) / (len(training) + len(ascending))
    # As scipy.stats.ks_2samp has it, which would sort training's values each night.
    return float(stats.kstwo.sf(distance, np.round(size)))


def _chi_squared(training: Counter[str], serving: Counter[str]) -> float:
    """Values that training leads to expect in few rows are taken together."""
    share = serving.total() / (training.total() + serving.total())
    rows: dict[str, list[int]] = {}
    for name in training | serving:
        both = [training[name], serving[name]]
        key = name if sum(both) * share >= _LEAST_EXPECTED else ""
        rows[key] = [sum(pair) for pair in zip(rows.get(key, [0, 0]), both, strict=True)]
    return float(stats.chi2_contingency(np.array([*rows.values()]), correction=False).pvalue)


def _known(column: Column) -> Array | Counter[str]:
    present = _present(column)
    return Counter(present.tolist()) if present.dtype == object else np.sort(present)


def _present(column: Column) -> Array:
    assert isinstance(column, np.ndarray)
    present: Array = column[~in_memory.is_missing(column)]
    return present

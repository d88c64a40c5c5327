"""All that a run found, made into a verdict and the files to publish. Beam-free."""

from __future__ import annotations

import base64
import dataclasses
import datetime as dt
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from trueserve.transforms.core.accounting import REPEATED, Accounting
from trueserve.transforms.core.batches import Fault, Reject, Window
from trueserve.transforms.core.errors import TrueserveError
from trueserve.transforms.core.slicing import SliceStatistics
from trueserve.transforms.drift import report
from trueserve.transforms.logs.repeated_rows import RepeatedRow, RowRepeats
from trueserve.transforms.publish import optional_checks, pages
from trueserve.transforms.reference.training_slices import TrainingSlices
from trueserve.transforms.runs import completeness
from trueserve.transforms.runs.completeness import Usual
from trueserve.transforms.runs.past_runs import PastRuns
from trueserve.transforms.runs.previous_runs import PreviousRuns
from trueserve.transforms.verdict import histograms
from trueserve.transforms.verdict.dependence.sampled import SampledRows
from trueserve.transforms.verdict.evidence.rates import alarm_budget
from trueserve.transforms.verdict.feature_stats import Statistics, dataset, shared_views, views_by_feature
from trueserve.transforms.verdict.findings import absence as absences
from trueserve.transforms.verdict.findings import season
from trueserve.transforms.verdict.findings import slices as slices_findings
from trueserve.transforms.verdict.findings.predictions import compare_space
from trueserve.transforms.verdict.findings.rows import dependence as dependence_findings
from trueserve.transforms.verdict.findings.rows import grouped_rows, repeated_rows
from trueserve.transforms.verdict.histograms import FeaturePicture
from trueserve.transforms.verdict.incidents.judged import with_incidents
from trueserve.transforms.verdict.model import ComparisonResult, Finding, Space
from trueserve.transforms.verdict.reference import Reference
from trueserve.transforms.verdict.result import Examined, Verdict, decide
from trueserve.transforms.verdict.severity import Policy


@dataclasses.dataclass(frozen=True)
class RunSettings:
    """What was asked for.

    Attributes:
      window: the span of time examined.
      policy: thresholds, and what counts as skew.
      contract: the baseline's contract as JSON values, None where there is no baseline.
      optional: the checks that were requested besides.
      previous_runs: the runs to compare with, besides training, None where that was not asked for.
      training_repeats: how often training rows have the same values; None where that is not known.
      past_runs: earlier runs below the output folder, for trends, the index and the states of incidents.
      dropped: the rows that are left out since they repeat another.
      usual: how much comparable windows of the series had, None where that is not known or does not matter.
    """

    window: Window
    policy: Policy
    contract: Mapping[str, Any] | None = None
    optional: optional_checks.OptionalChecks = dataclasses.field(
        default_factory=optional_checks.OptionalChecks
    )
    previous_runs: PreviousRuns | None = None
    training_repeats: RowRepeats | None = None
    dropped: tuple[RepeatedRow, ...] = ()
    past_runs: PastRuns = dataclasses.field(default_factory=PastRuns)
    usual: Usual | None = None


@dataclasses.dataclass(frozen=True)
class PipelineResults:
    """What the pipeline found.

    Attributes:
      statistics: TFDV's statistics of the requests, by space; a space without an entry gave no rows.
      accounting: of the whole input.
      slices: likewise of the slices; empty where none were asked for.
      rejects: the first thousand or so, in order; `accounting` counts them all.
      faults: what makes the run fail.
      other_types: TFDV's statistics of values that came in another type; None where there were none.
      rows: some of the rows, of which the ties between features are made; None where none were kept.
      optional: the results of those checks.
      repeats: how often rows have the same values; None where that was not looked at.
    """

    statistics: Mapping[Space, Statistics]
    accounting: Accounting
    rejects: tuple[Reject, ...] = ()
    faults: tuple[Fault, ...] = ()
    other_types: Statistics | None = None
    slices: Mapping[Space, SliceStatistics] = dataclasses.field(default_factory=dict)
    rows: SampledRows | None = None
    optional: optional_checks.OptionalResults = dataclasses.field(
        default_factory=optional_checks.OptionalResults
    )
    repeats: RowRepeats | None = None

    @property
    def effective_rows(self) -> int | None:
        """How many rows of equal weight tell as much as those compared; None where all weigh the same."""
        row_counts = {int(dataset(statistics).num_examples) for statistics in self.statistics.values()}
        return min(row_counts) if row_counts and max(row_counts) != self.accounting.compared else None


def assemble_verdict(
    load_references: Callable[[], Sequence[Reference]], results: PipelineResults, settings: RunSettings
) -> tuple[Verdict, dict[str, bytes]]:
    """The verdict, without artifacts, and the files to publish with it, by name.

    `load_references` gives one Reference for each space to compare. Where it raises a TrueserveError (the
    baseline has gone since the launch, say) the verdict is `failed`: a published reason is of more use than
    a worker that dies.
    """
    references, faults = _loaded(load_references)
    with shared_views():
        return _assemble(references, faults, results, settings)


def _assemble(
    references: Sequence[Reference], faults: Sequence[Fault], results: PipelineResults, settings: RunSettings
) -> tuple[Verdict, dict[str, bytes]]:
    served = {
        reference.space: results.statistics.get(reference.space, Statistics()) for reference in references
    }
    forms = _weighed_forms(results)
    logged = _logged(settings.window, _seen(results.accounting))
    start, span = logged.start, logged.length
    families = alarm_budget.comparisons(references, slices=bool(results.slices))
    # A log without a window is looked at once: how short its times are says nothing of how often.
    policy = alarm_budget.for_window(settings.policy, settings.window.length, families)
    compared = [
        compare_space(
            reference,
            served[reference.space],
            policy,
            forms,
            span,
            other_types=results.other_types,
            start=start,
        )
        for reference in references
    ]
    compared = season.merged(compared)
    ties = _ties(references, compared, results, policy, span)
    optional_results = optional_checks.estimated(results.optional, settings.optional, _design_effect(served))
    optional = optional_checks.comparisons(
        optional_results, settings.optional, settings.policy, settings.contract
    )
    drift = report.compare_with_previous(
        settings.previous_runs,
        report.ServedWindow(
            settings.window, references, served, settings.contract, settings.policy, span, start
        ),
    )
    same_slices = TrainingSlices(references)
    drifted = [] if drift.comparison is None else [drift.comparison]
    verdict = decide(
        settings.window,
        results.accounting,
        [*compared, ComparisonResult(ties.findings, ()), *optional, *drifted],
        [*results.faults, *faults],
        settings.policy,
        settings.contract,
        seen=_seen(results.accounting),
        examined=Examined(
            slices=slices_findings.compare_slices(
                references, results.slices, policy, span, same_slices.references_of
            ),
            notes=[
                *same_slices.note([name for each in results.slices.values() for name in each.rows]),
                *grouped_rows.note(served.values(), _group_by(references)),
                *_repeated(results, settings, compared),
            ],
            left_out=max((sliced.left_out for sliced in results.slices.values()), default=0),
            effective_rows=results.effective_rows,
        ),
    )
    blocks = optional_checks.blocks(optional_results, settings.optional, settings.contract)
    findings = absences.settled(verdict.findings, absences.absent(compared, settings.policy))
    verdict = dataclasses.replace(
        verdict, findings=findings, previous=drift.block, dependence=ties.to_json(), **blocks
    )
    verdict = completeness.judged(verdict, settings.usual)
    verdict = with_incidents(verdict, settings.past_runs.incidents, settings.policy)
    pictures = [picture for reference in references for picture in _pictures(reference, served, results)]
    distances = [distance for comparison in compared for distance in comparison.distances]
    files = dict(pages.render(verdict, pictures, distances, settings.past_runs))
    files |= dict(optional_checks.files(results.optional)) | dict(drift.files)
    return verdict, files | dict(_protos(compared, results)) | dict(_rejects(results.rejects))


def _pictures(
    reference: Reference, served: Mapping[Space, Statistics], results: PipelineResults
) -> Sequence[FeaturePicture]:
    other_types = results.other_types if reference.space is Space.RAW else None
    return histograms.pictures(reference, served[reference.space], other_types)


def _ties(
    references: Sequence[Reference],
    compared: Sequence[ComparisonResult],
    results: PipelineResults,
    policy: Policy,
    span: dt.timedelta | None,
) -> dependence_findings.Ties:
    raw = next((reference for reference in references if reference.space is Space.RAW), None)
    others = (finding for comparison in compared for finding in comparison.findings)
    return dependence_findings.compared(raw, results.rows, policy, others, span)


def _repeated(
    results: PipelineResults, settings: RunSettings, compared: Iterable[ComparisonResult]
) -> Iterator[Finding]:
    """What is to be said of rows that repeat others, of those that were left out too."""
    findings = [finding for comparison in compared for finding in comparison.findings]
    yield from repeated_rows.note(results.repeats, settings.training_repeats, findings)
    counts = results.accounting
    yield from repeated_rows.note_dropped(settings.dropped, counts.forms[REPEATED], counts.compared)


def _group_by(references: Sequence[Reference]) -> str | None:
    return next((reference.group_by for reference in references), None)


def _seen(accounting: Accounting) -> Window | None:
    """The span of the times that the readers met, None where they met none or did not look."""
    if accounting.first_time is None:
        return None
    return Window(accounting.first_time, accounting.last_time)


def _logged(requested: Window, seen: Window | None) -> Window:
    """When the rows were logged: the window, or where that has no end, what was met; else nobody knows."""
    for window in (requested, seen):
        if window is not None and window.start is not None and window.end is not None:
            return window
    return Window()


def _design_effect(served: Mapping[Space, Statistics]) -> float:
    """The largest of the predictions: how many of their rows tell as much as one; 1 where none are known."""
    by_feature = views_by_feature(served.get(Space.PREDICTION, Statistics()))
    return max([1.0, *(view.design_effect for view in by_feature.values())])


def _weighed_forms(results: PipelineResults) -> Counter[tuple[str, str]]:
    """Rows by form, in the proportion in which the statistics count rows."""
    forms, rows = results.accounting.forms, results.effective_rows
    if rows is None:
        return forms
    share = rows / max(results.accounting.compared, 1)
    return Counter({key: max(round(count * share), 1) for key, count in forms.items() if count > 0})


def _loaded(load: Callable[[], Sequence[Reference]]) -> tuple[Sequence[Reference], list[Fault]]:
    try:
        return load(), []
    except TrueserveError as error:
        return (), [Fault("baseline", "baseline", str(error))]


def _protos(compared: Iterable[ComparisonResult], results: PipelineResults) -> Iterator[tuple[str, bytes]]:
    """TFDV's own messages. An empty Anomalies says "no anomaly": there is none where none was sought."""
    for comparison in compared:
        if comparison.anomalies:
            yield f"{_prefix(comparison.space)}anomalies.pbtxt", comparison.anomalies.encode()
    for space, statistics in results.statistics.items():
        yield f"{_prefix(space)}stats.binpb", statistics.SerializeToString()
    for space, slices in results.slices.items():
        yield f"{_prefix(space)}slices.binpb", slices.statistics.SerializeToString()


def _prefix(space: Space) -> str:
    return "" if space is Space.RAW else f"{space}_"


def _rejects(rejects: Sequence[Reject]) -> Iterator[tuple[str, bytes]]:
    if rejects:
        yield "rejects/rejects.jsonl", b"".join(map(_reject_line, rejects))


def _reject_line(reject: Reject) -> bytes:
    document: dict[str, Any] = {
        "file": reject.file,
        "record": reject.record,
        "reason": reject.reason,
        "detail": reject.detail,
    }
    if reject.payload is not None:
        document["payload"] = base64.b64encode(reject.payload).decode("ascii")
    return (json.dumps(document) + "\n").encode("ascii")

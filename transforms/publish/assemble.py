"""All that a run found, made into a verdict and the files to publish. Beam-free."""

from __future__ import annotations

import base64
import dataclasses
import datetime as dt
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from transforms.core.accounting import Accounting
from transforms.core.batches import Fault, Reject, Window
from transforms.core.errors import TrueserveError
from transforms.core.slicing import SliceStatistics
from transforms.drift import report
from transforms.publish import optional_checks
from transforms.publish.page import page
from transforms.runs.previous_runs import PreviousRuns
from transforms.verdict import histograms
from transforms.verdict.feature_stats import Statistics, dataset
from transforms.verdict.findings import slices as slices_findings
from transforms.verdict.findings.predictions import compare_space
from transforms.verdict.model import Comparison, Space
from transforms.verdict.reference import Reference
from transforms.verdict.result import Examined, Verdict, decide
from transforms.verdict.severity import Policy


@dataclasses.dataclass(frozen=True)
class RunSettings:
    """What was asked for.

    Attributes:
      window: the span of time examined.
      policy: thresholds, and what counts as skew.
      contract: the baseline's contract as JSON values, None where there is no baseline.
      beside: what else was asked for.
      earlier: the runs to compare with beside training, None where that was not asked for.
    """

    window: Window
    policy: Policy
    contract: Mapping[str, Any] | None = None
    beside: optional_checks.OptionalChecks = dataclasses.field(default_factory=optional_checks.OptionalChecks)
    earlier: PreviousRuns | None = None


@dataclasses.dataclass(frozen=True)
class PipelineResults:
    """What the pipeline found.

    Attributes:
      statistics: TFDV's statistics of the requests, by space; a space without an entry gave no rows.
      accounting: of the whole input.
      slices: likewise of the slices; empty where none were asked for.
      rejects: the first thousand or so, in order; `accounting` counts them all.
      faults: what makes the run fail.
      beside: what else was found.
    """

    statistics: Mapping[Space, Statistics]
    accounting: Accounting
    rejects: tuple[Reject, ...] = ()
    faults: tuple[Fault, ...] = ()
    slices: Mapping[Space, SliceStatistics] = dataclasses.field(default_factory=dict)
    beside: optional_checks.OptionalResults = dataclasses.field(
        default_factory=optional_checks.OptionalResults
    )

    @property
    def effective_rows(self) -> int | None:
        """How many rows of equal weight tell as much as those compared; None where all weigh the same."""
        found = {int(dataset(one).num_examples) for one in self.statistics.values()}
        return min(found) if found and max(found) != self.accounting.compared else None


def assemble_verdict(
    load_references: Callable[[], Sequence[Reference]], evidence: PipelineResults, job: RunSettings
) -> tuple[Verdict, dict[str, bytes]]:
    """The verdict, without artifacts, and the files to publish with it, by name.

    `load_references` gives one Reference for each space to compare. Where it raises a TrueserveError (the
    baseline has gone since the launch, say) the verdict is `failed`: a published reason is of more use than
    a worker that dies.
    """
    references, faults = _loaded(load_references)
    served = {one.space: evidence.statistics.get(one.space, Statistics()) for one in references}
    forms = _weighed_forms(evidence)
    span = _span(job.window, _seen(evidence.accounting))
    compared = [compare_space(one, served[one.space], job.policy, forms, span) for one in references]
    beside = optional_checks.comparisons(evidence.beside, job.beside, job.policy, job.contract)
    told = report.compare_with_previous(
        job.earlier, report.ServedWindow(job.window, references, served, job.contract, job.policy, span)
    )
    drifted = [] if told.comparison is None else [told.comparison]
    verdict = decide(
        job.window,
        evidence.accounting,
        [*compared, *beside, *drifted],
        [*evidence.faults, *faults],
        job.policy,
        job.contract,
        seen=_seen(evidence.accounting),
        examined=Examined(
            slices=slices_findings.compare_slices(references, evidence.slices, job.policy, span),
            left_out=max((one.left_out for one in evidence.slices.values()), default=0),
            effective_rows=evidence.effective_rows,
        ),
    )
    blocks = optional_checks.blocks(evidence.beside, job.beside, job.contract)
    verdict = dataclasses.replace(verdict, previous=told.block, **blocks)
    pictures = [p for one in references for p in histograms.pictures(one, served[one.space])]
    distances = [distance for comparison in compared for distance in comparison.distances]
    files = {"report.html": page.render(verdict, pictures, distances)}
    files |= dict(optional_checks.files(evidence.beside)) | dict(told.files)
    return verdict, files | dict(_protos(compared, evidence)) | dict(_rejects(evidence.rejects))


def _seen(accounting: Accounting) -> Window | None:
    """The span of the times that the readers met, None where they met none or did not look."""
    if accounting.first_time is None:
        return None
    return Window(accounting.first_time, accounting.last_time)


def _span(asked: Window, seen: Window | None) -> dt.timedelta | None:
    """How long a time the rows were logged in: the window, or where that has no end, what was met."""
    for window in (asked, seen):
        if window is not None and window.start is not None and window.end is not None:
            return window.end - window.start
    return None


def _weighed_forms(evidence: PipelineResults) -> Counter[tuple[str, str]]:
    """Rows by form, in the proportion in which the statistics count rows."""
    forms, rows = evidence.accounting.forms, evidence.effective_rows
    if rows is None:
        return forms
    share = rows / max(evidence.accounting.compared, 1)
    return Counter({key: max(round(count * share), 1) for key, count in forms.items() if count > 0})


def _loaded(load: Callable[[], Sequence[Reference]]) -> tuple[Sequence[Reference], list[Fault]]:
    try:
        return load(), []
    except TrueserveError as error:
        return (), [Fault("baseline", "baseline", str(error))]


def _protos(compared: Iterable[Comparison], evidence: PipelineResults) -> Iterator[tuple[str, bytes]]:
    """TFDV's own messages. An empty Anomalies says "no anomaly": there is none where none was sought."""
    for comparison in compared:
        if comparison.anomalies:
            yield f"{_prefix(comparison.space)}anomalies.pbtxt", comparison.anomalies.encode()
    for space, statistics in evidence.statistics.items():
        yield f"{_prefix(space)}stats.binpb", statistics.SerializeToString()
    for space, slices in evidence.slices.items():
        yield f"{_prefix(space)}slices.binpb", slices.statistics.SerializeToString()


def _prefix(space: Space) -> str:
    return "" if space is Space.RAW else f"{space}_"


def _rejects(rejects: Sequence[Reject]) -> Iterator[tuple[str, bytes]]:
    if rejects:
        yield "rejects/rejects.jsonl", b"".join(map(_reject_line, rejects))


def _reject_line(reject: Reject) -> bytes:
    told: dict[str, Any] = {
        "file": reject.file,
        "record": reject.record,
        "reason": reject.reason,
        "detail": reject.detail,
    }
    if reject.payload is not None:
        told["payload"] = base64.b64encode(reject.payload).decode("ascii")
    return (json.dumps(told) + "\n").encode("ascii")

"""All that a run found, made into a verdict and the files to publish. Beam-free."""

from __future__ import annotations

import base64
import dataclasses
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from transforms.accounting import Accounting
from transforms.errors import TrueserveError
from transforms.publish import page
from transforms.records import Fault, Reject, Window
from transforms.verdict import histograms
from transforms.verdict.compare import Policy, Reference, compare
from transforms.verdict.findings import Comparison, Space
from transforms.verdict.verdict import Verdict, decide
from transforms.verdict.views import Statistics


@dataclasses.dataclass(frozen=True)
class Job:
    """What was asked for.

    Attributes:
      window: the span of time examined.
      policy: thresholds, and what counts as skew.
      contract: the baseline's contract as JSON values, None where there is no baseline.
    """

    window: Window
    policy: Policy
    contract: Mapping[str, Any] | None = None


@dataclasses.dataclass(frozen=True)
class Evidence:
    """What the pipeline found.

    Attributes:
      statistics: TFDV's statistics of the requests, by space; a space without an entry gave no rows.
      accounting: of the whole input.
      rejects: the first thousand or so, in order; `accounting` counts them all.
      faults: what makes the run fail.
    """

    statistics: Mapping[Space, Statistics]
    accounting: Accounting
    rejects: tuple[Reject, ...] = ()
    faults: tuple[Fault, ...] = ()


def conclude(
    load_references: Callable[[], Sequence[Reference]], evidence: Evidence, job: Job
) -> tuple[Verdict, dict[str, bytes]]:
    """The verdict, without artifacts, and the files to publish with it, by name.

    `load_references` gives one Reference for each space to compare. Where it raises a TrueserveError (the
    baseline has gone since the launch, say) the verdict is `failed`: a published reason is of more use than
    a worker that dies.
    """
    references, faults = _loaded(load_references)
    served = {one.space: evidence.statistics.get(one.space, Statistics()) for one in references}
    forms = evidence.accounting.forms
    compared = [compare(one, served[one.space], job.policy, forms) for one in references]
    verdict = decide(
        job.window,
        evidence.accounting,
        compared,
        [*evidence.faults, *faults],
        job.policy,
        job.contract,
        seen=_seen(evidence.accounting),
    )
    pictures = [p for one in references for p in histograms.pictures(one, served[one.space])]
    distances = [distance for comparison in compared for distance in comparison.distances]
    files = {"report.html": page.render(verdict, pictures, distances)}
    return verdict, files | dict(_protos(compared, evidence)) | dict(_rejects(evidence.rejects))


def _seen(accounting: Accounting) -> Window | None:
    """The span of the times that the readers met, None where they met none or did not look."""
    if accounting.first_time is None:
        return None
    return Window(accounting.first_time, accounting.last_time)


def _loaded(load: Callable[[], Sequence[Reference]]) -> tuple[Sequence[Reference], list[Fault]]:
    try:
        return load(), []
    except TrueserveError as error:
        return (), [Fault("baseline", "baseline", str(error))]


def _protos(compared: Iterable[Comparison], evidence: Evidence) -> Iterator[tuple[str, bytes]]:
    """TFDV's own messages. An empty Anomalies says "no anomaly": there is none where none was sought."""
    for comparison in compared:
        if comparison.anomalies:
            yield f"{_prefix(comparison.space)}anomalies.pbtxt", comparison.anomalies.encode()
    for space, statistics in evidence.statistics.items():
        yield f"{_prefix(space)}stats.binpb", statistics.SerializeToString()


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

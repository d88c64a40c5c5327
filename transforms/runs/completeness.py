"""Whether a window's logs have all come: its files and records beside those of comparable windows.

Comparable are earlier windows of the series of about the same length that begin at the same time of day and
on the same day of the week, in the series' time zone. Of these the last four that were examined count. Where
fewer than two are known, it is the last seven of any day, and half of the share: a Sunday may be quiet.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from trueserve.transforms.core.accounting import MORE_FILES, RecordCounts
from trueserve.transforms.core.errors import NothingExaminedError
from trueserve.transforms.files import paths
from trueserve.transforms.files.windows import Span
from trueserve.transforms.runs import series
from trueserve.transforms.runs.run_ids import VERDICT
from trueserve.transforms.verdict import severity
from trueserve.transforms.verdict.model import Finding, FindingKind, Severity, Space
from trueserve.transforms.verdict.result import Verdict, VerdictOutcome

#: The name of the finding that says so.
INCOMPLETE = "incomplete"
#: Less than this share of the smallest comparable window is incomplete.
LEAST_SHARE = 0.5
MOST_OF_A_WEEKDAY, MOST_OF_ANY_DAY, FEWEST = 4, 7, 2
#: The newest windows among which comparable ones are sought.
MOST_SOUGHT = 400
_EXAMINED = ("ok", "skew")

Json = Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class Usual:
    """What comparable windows had.

    Attributes:
      windows: how many there were.
      files: the fewest that had records of the window, None where one had too many to be counted.
      records: the fewest inside the window.
      share: of these so large a part is the least that is judged, 0 to 1.
      arrived: files that were there before anything was read, where they were too few to begin with.
    """

    windows: int
    files: int | None
    records: int
    share: float
    arrived: int | None = None

    def lacks_files(self, count: int) -> bool:
        """Whether so few files are incomplete."""
        return self.files is not None and count < self.share * self.files

    def lacks_records(self, count: int) -> bool:
        """Whether so few records are incomplete."""
        return count < self.share * self.records


class IncompleteError(NothingExaminedError):
    """Fewer files are there than a window usually has: it is not read.

    Attributes:
      arrived: how many there are.
    """

    def __init__(self, arrived: int) -> None:
        super().__init__(f"incomplete: {arrived:,} files have come")
        self.arrived = arrived


def usual(output: str, window: Span, zone: dt.tzinfo, share: float = LEAST_SHARE) -> Usual | None:
    """What windows that are comparable with `window` had; None where fewer than two are known.

    Raises InputError where the folder of the series cannot be read.
    """
    spans = list(_comparable(series.names_before(output, window[0])[:MOST_SOUGHT], window, zone))
    weekday = window[0].astimezone(zone).weekday()
    same_day = [name for name, start in spans if start.astimezone(zone).weekday() == weekday]
    known = _examined(output, same_day, MOST_OF_A_WEEKDAY)
    if len(known) >= FEWEST:
        return _fewest(known, share)
    known = _examined(output, [name for name, _ in spans], MOST_OF_ANY_DAY)
    return _fewest(known, share / 2) if len(known) >= FEWEST else None


def judged(verdict: Verdict, expected: Usual | None) -> Verdict:
    """The verdict; `not_examined`, and without findings, where the window is incomplete."""
    if expected is None or verdict.outcome is VerdictOutcome.FAILED:
        return verdict
    message = _shortage(verdict, expected)
    if message is None:
        return verdict
    finding = Finding("", Space.SET, FindingKind.INPUT, Severity.INFO, INCOMPLETE, message)
    kept = [each for each in verdict.findings if each.kind is FindingKind.INPUT]
    findings = sorted([finding, *kept], key=lambda each: (each is not finding, severity.order(each)))
    return dataclasses.replace(
        verdict, outcome=VerdictOutcome.NOT_EXAMINED, findings=tuple(findings), too_little=()
    )


def is_incomplete(document: Json) -> bool:
    """Whether a verdict.json says so."""
    findings = document.get("findings")
    return any(isinstance(each, Mapping) and each.get("metric") == INCOMPLETE for each in findings or ())


def _shortage(verdict: Verdict, expected: Usual) -> str | None:
    counts = verdict.accounting
    records = counts.decoded + counts.total_rejected + counts.total_excluded
    if expected.arrived is not None:
        came = f"only {_counted(expected.arrived, 'file')} came, and nothing was read"
    elif expected.lacks_records(records):
        came = f"only {_counted(records, 'record')} of the window came"
    else:
        files = sum(map(_has_records, counts.by_file.values()))
        if MORE_FILES in counts.by_file or not expected.lacks_files(files):
            return None
        came = f"only {_counted(files, 'file')} with records of the window came"
    had = f"{_counted(expected.records, 'record')}"
    if expected.files is not None:
        had = f"{_counted(expected.files, 'file')} and {had}"
    return (
        f"{INCOMPLETE}: {came}; the last {expected.windows} comparable windows had at least {had}, and under"
        f" {expected.share:.0%} of that is not judged. Run it again when the logs have come, or with"
        " --judge_incomplete if this is all"
    )


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _comparable(names: Iterable[str], window: Span, zone: dt.tzinfo) -> Iterator[tuple[str, dt.datetime]]:
    """The names of windows of about the same length that begin at the same local time, and their starts."""
    length, time = window[1] - window[0], window[0].astimezone(zone).time()
    for name in names:
        span = series.parsed_name(name)
        if span is None or span[0].astimezone(zone).time() != time:
            continue
        short, long = sorted((length, span[1] - span[0]))
        if long <= 2 * short:
            yield name, span[0]


def _examined(output: str, names: Iterable[str], most: int) -> list[tuple[int | None, int]]:
    """(files, records) of the first windows that were examined."""
    known = list[tuple[int | None, int]]()
    for name in names:
        if len(known) == most:
            break
        document = series.read_json(paths.join(output, series.WINDOWS, name, VERDICT))
        if document is not None and document.get("verdict") in _EXAMINED:
            known += _counts(document)
    return known


def _counts(document: Json) -> Iterator[tuple[int | None, int]]:
    """None of a document of a stranger's."""
    try:
        counts, entries = document["counts"], document["files"]
        records = sum(int(counts[key]) for key in ("decoded", "rejected", "excluded"))
        files = [entry for entry in entries if entry["read"] > entry["outside_window"] + entry["no_time"]]
        is_cut = any(entry["file"] == MORE_FILES for entry in entries)
    except (KeyError, TypeError, ValueError):
        return
    yield (None if is_cut else len(files)), records


def _fewest(known: Sequence[tuple[int | None, int]], share: float) -> Usual:
    files = [count for count, _ in known if count is not None]
    fewest = min(files) if len(files) == len(known) else None
    return Usual(len(known), fewest, min(records for _, records in known), share)


def _has_records(counts: RecordCounts) -> bool:
    return counts.read > counts.outside_window + counts.no_time

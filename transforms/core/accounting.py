"""What became of every record: counts that add up, carried as elements and not as Beam counters.

A runner may count a Beam metric twice when it retries a bundle; elements are committed once. So the
readers emit one `Accounting` for each piece of input, and a combine sums them.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import heapq
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

UNKNOWN_FEATURE = "unknown_feature"
# The forms of rows without a time, where a feature is to hold it: its value is none, or it has none.
UNREAD_TIME, ABSENT_TIME = "unread_time", "absent_time"
# Names of unknown features come from strangers, who may send a new one each time.
MOST_UNKNOWN = 1000
# Under this key are the values of the unknown features that are not told apart.
MORE_UNKNOWN = ("", "unknown_feature_more")
# Under this key are the rows that the transform graph refused.
UNTRANSFORMABLE = ("", "untransformable")
# Under this key are the rows whose sampling rate is no fraction; they count as one each.
ODD_RATE = ("", "odd_sampling_rate")
# Under this key are the rows that were left out since they repeat another.
REPEATED = ("", "repeated_rows")
_ANSWER = "answer:"
# Stands between a form and a feature's name, in names of values of another type; no form has it.
_OF_FEATURE = ":"
# A log may have very many files: so many are told apart, and the others are summed under this name.
MOST_FILES = 1000
MORE_FILES = ""


@dataclasses.dataclass(frozen=True)
class RecordCounts:
    """What became of records: read = decoded + rejected + outside_window + no_time + excluded.

    Attributes:
      read: records framed from the input, whatever became of them.
      decoded: records that gave rows which are compared.
      rejected: records that could not be decoded, by reason.
      outside_window: records with a time that lies outside `[start, end)`.
      no_time: records without a time, where a window was asked for.
      excluded: records that are not compared, by reason: no traffic (`warm_up`, `other_event`), not asked for
        (`sample`), left out since they repeat another (`repeated`), or the field of the rule that matched
        (`model`, `version`, `signature`, `origin`).
    """

    read: int = 0
    decoded: int = 0
    rejected: Counter[str] = dataclasses.field(default_factory=Counter)
    outside_window: int = 0
    no_time: int = 0
    excluded: Counter[str] = dataclasses.field(default_factory=Counter)

    @property
    def total_rejected(self) -> int:
        return sum(self.rejected.values())

    @property
    def total_excluded(self) -> int:
        return sum(self.excluded.values())

    def balance(self) -> int:
        """Records read less records accounted for: zero unless something was dropped silently."""
        left_out = self.total_rejected + self.outside_window + self.no_time + self.total_excluded
        return self.read - self.decoded - left_out


@dataclasses.dataclass(frozen=True)
class Accounting(RecordCounts):
    """Counts of records and rows; `a + b` is the accounting of both inputs together.

    Attributes:
      rows: rows decoded (a record of several instances gives several rows).
      compared: rows that entered the statistics.
      forms: rows by (feature, form) for values that came in a form that the schema does not have
        (`int_for_float`, `bytes_for_int`, ...) or in a feature that it does not know (`unknown_feature`). Of
        the latter a sum keeps the `MOST_UNKNOWN` with the most rows, and adds up the others under
        `MORE_UNKNOWN`: the total is exact, and so is every feature that is never among the others. Rows
        that the transform graph refused stand under `UNTRANSFORMABLE`, those whose logged answer is no
        prediction under `of_answers`.
      files: input files read.
      bytes: input bytes read, as stored.
      by_file: what became of the records of each file. A sum keeps `MOST_FILES` by name, those with the most
        rejects first, and adds up the others under `MORE_FILES`. A file's counts come once, when it has been
        read to its end or to a fault.
      first_time, last_time: the span of the times met, inside the window or not, both included; None where
        no window was asked for, or no row has a time.
    """

    rows: int = 0
    compared: int = 0
    forms: Counter[tuple[str, str]] = dataclasses.field(default_factory=Counter)
    files: int = 0
    bytes: int = 0
    by_file: Mapping[str, RecordCounts] = dataclasses.field(default_factory=dict)
    first_time: dt.datetime | None = None
    last_time: dt.datetime | None = None

    def __add__(self, other: Accounting) -> Accounting:
        return total((self, other))


def total(parts: Iterable[Accounting]) -> Accounting:
    """The sum of many accountings, `Accounting()` for none."""
    summands = list(parts)
    if not summands:
        return Accounting()
    firsts = [part.first_time for part in summands if part.first_time is not None]
    lasts = [part.last_time for part in summands if part.last_time is not None]
    return Accounting(
        **_summed(summands, _RECORDS),
        **_summed(summands, ("rows", "compared", "files", "bytes")),
        forms=_bounded(_sum([part.forms for part in summands])),
        by_file=_merged_by_file([part.by_file for part in summands if part.by_file]),
        first_time=min(firsts, default=None),
        last_time=max(lasts, default=None),
    )


def records_of(parts: Sequence[RecordCounts]) -> RecordCounts:
    """The sum of what became of records, of one part at least."""
    return RecordCounts(**_summed(parts, _RECORDS))


def in_order(by_file: Mapping[str, RecordCounts]) -> list[tuple[str, RecordCounts]]:
    """Those with the most rejects first, then by name; `MORE_FILES` last."""
    return sorted(by_file.items(), key=_rank)


def of_answers(reason: str) -> tuple[str, str]:
    """The key in `Accounting.forms` of rows whose logged answer is no prediction, or not a whole one."""
    return "", f"{_ANSWER}{reason}"


def answers_of(forms: Mapping[tuple[str, str], int]) -> Counter[str]:
    """The rows that stand under `of_answers`, by reason."""
    counts = {form.removeprefix(_ANSWER): n for (_, form), n in forms.items() if form.startswith(_ANSWER)}
    return Counter(counts)


def of_other_type(form: str, feature: str) -> str:
    """The name of a feature's values that came in this form of another type (`Batch.other_types`)."""
    return f"{form}{_OF_FEATURE}{feature}"


def form_and_feature(name: str) -> tuple[str, str]:
    """The inverse of `of_other_type`."""
    form, _, feature = name.partition(_OF_FEATURE)
    return form, feature


_RECORDS = tuple(field.name for field in dataclasses.fields(RecordCounts))


def _rank(item: tuple[str, RecordCounts]) -> tuple[bool, int, str]:
    file, counts = item
    return file == MORE_FILES, -counts.total_rejected, file


def _summed(parts: Sequence[RecordCounts], names: Iterable[str]) -> dict[str, Any]:
    return {name: _sum([getattr(part, name) for part in parts]) for name in names}


def _sum(values: Sequence[Any]) -> Any:
    if not isinstance(values[0], Counter):
        return sum(values)
    result: Counter[Any] = Counter()
    for value in values:
        result.update(value)
    return +result


def _merged_by_file(parts: Sequence[Mapping[str, RecordCounts]]) -> Mapping[str, RecordCounts]:
    """All parts as one, bounded. Most parts have one file or none, so this costs little for each."""
    together: dict[str, list[RecordCounts]] = {}
    for part in parts:
        for file, counts in part.items():
            together.setdefault(file, []).append(counts)
    summed = {
        file: counts_of_file[0] if len(counts_of_file) == 1 else records_of(counts_of_file)
        for file, counts_of_file in together.items()
    }
    if len(summed) <= MOST_FILES:
        return summed
    sorted_items = in_order(summed)
    named = [item for item in sorted_items if item[0] != MORE_FILES]
    others = named[MOST_FILES:] + sorted_items[len(named) :]
    return dict(named[:MOST_FILES]) | ({MORE_FILES: records_of([c for _, c in others])} if others else {})


def _bounded(forms: Counter[tuple[str, str]]) -> Counter[tuple[str, str]]:
    """`forms` with at most `MOST_UNKNOWN` unknown features, the most frequent; no row is lost."""
    if len(forms) <= MOST_UNKNOWN:
        return forms
    unknown = [key for key in forms if key[1] == UNKNOWN_FEATURE]
    beyond = max(len(unknown) - MOST_UNKNOWN, 0)
    result = Counter(forms)
    for key in heapq.nlargest(beyond, unknown, key=lambda key: (-forms[key], key)):
        result[MORE_UNKNOWN] += result.pop(key)
    return result

"""What was read of files in ranges, as if each had been read from its start: in order, and up to a fault.

A range knows neither how many records are before it nor whether the file can be read so far. So what is known
of it stays apart until the ranges before it have come.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from trueserve.transforms.core.accounting import Accounting
from trueserve.transforms.core.batches import Decoded, Fault, InRange, Reject
from trueserve.transforms.files.ranges import split_number

# So many runs wait, or twice as many as were left last time, before those are joined that can be.
_UNJOINED = 100


@dataclasses.dataclass
class _Run:
    """Consecutive ranges of a file.

    Attributes:
      ranges: how many they are.
      records: how many records each of them has, up to that with the fault.
      accounting: of these records.
      fault: the first; what is after it does not count.
      lost: whether records after it were read.
    """

    ranges: int
    records: list[int]
    accounting: Accounting
    fault: Fault | None = None
    lost: bool = False

    def add(self, decoded: Decoded | Fault) -> None:
        """Takes more of the one range that it has."""
        if isinstance(decoded, Fault):
            self.fault = decoded
            return
        self.records[0] += decoded.accounting.read
        self.accounting += decoded.accounting

    def append(self, following: _Run) -> None:
        """Takes the run that follows."""
        self.ranges += following.ranges
        if self.fault is not None:
            self.lost = self.lost or following.lost or bool(following.accounting.read)
            return
        self.records += following.records
        self.accounting += following.accounting
        self.fault, self.lost = following.fault, following.lost


class Numbering(NamedTuple):
    """The records of files that were read in ranges, numbered as in the file.

    Attributes:
      first_records: by file, how many records are before each range.
      lost: whether rows were read that stand after a fault: what was made of them cannot be taken back.
    """

    first_records: Mapping[str, Sequence[int]] = {}
    lost: bool = False

    def number(self, file: str, record: int) -> int | None:
        """The number in the file of a record that has one of a range; None for one after a fault."""
        if file not in self.first_records:
            return record
        number, in_range = split_number(record)
        first_records = self.first_records[file]
        return first_records[number] + in_range if number < len(first_records) else None

    def of_reject(self, reject: Reject) -> Reject | None:
        """The reject with its record's number in the file; None for one after a fault."""
        number = self.number(reject.file, reject.record)
        return None if number is None else dataclasses.replace(reject, record=number)


class RangesRead:
    """The runs of all files, by file and number of the first range."""

    def __init__(self) -> None:
        self._runs: dict[tuple[str, int], _Run] = {}
        self._limit = _UNJOINED

    def add(self, element: InRange) -> None:
        """Takes something of a range, which is added by nobody else."""
        key = element.file, element.number
        self._runs.setdefault(key, _Run(1, [0], Accounting())).add(element.content)

    def merge(self, other: RangesRead) -> None:
        """Takes what is known of other ranges; `other` is not changed."""
        for key, run in other._runs.items():
            self._runs[key] = dataclasses.replace(run, records=[*run.records])
        if len(self._runs) > self._limit:
            self.join()
            self._limit = max(_UNJOINED, 2 * len(self._runs))

    def join(self) -> None:
        """Makes one run of those that follow one another."""
        joined: dict[tuple[str, int], _Run] = {}
        first = following = ("", 0)
        for key in sorted(self._runs):
            file, number = key
            if key == following and first in joined:
                joined[first].append(self._runs[key])
            else:
                first, joined[key] = key, self._runs[key]
            following = file, number + self._runs[key].ranges
        self._runs = joined

    def result(self) -> tuple[list[Accounting], list[Fault], Numbering]:
        """Accountings and faults of the files, each up to its first fault, and their numbering."""
        self.join()
        assert not any(number for _, number in self._runs), "all ranges of a file have come"
        runs = {file: run for (file, _), run in self._runs.items()}
        faults = [run.fault for run in runs.values() if run.fault is not None]
        first_records = {
            file: [*itertools.accumulate(run.records[:-1], initial=0)] for file, run in runs.items()
        }
        lost = any(run.lost for run in runs.values())
        return [_accounting(run) for run in runs.values()], faults, Numbering(first_records, lost)


def _accounting(run: _Run) -> Accounting:
    """Of the file; one with a fault has not been read, and has no counts where there was no record before."""
    if run.fault is None:
        return run.accounting
    by_file = {file: counts for file, counts in run.accounting.by_file.items() if counts.read}
    return dataclasses.replace(run.accounting, files=0, by_file=by_file)

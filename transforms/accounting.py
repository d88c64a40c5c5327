"""What became of every record: counts that add up, carried as elements and not as Beam counters.

A runner may count a Beam metric twice when it retries a bundle; elements are committed once. So the
readers emit one `Accounting` for each piece of input, and a combine sums them.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import heapq
from collections import Counter
from collections.abc import Iterable

UNKNOWN_FEATURE = "unknown_feature"
# Names of unknown features come from strangers, who may send a new one each time.
MOST_UNKNOWN = 1000
# Under this key are the values of the unknown features that are not told apart.
MORE_UNKNOWN = ("", "unknown_feature_more")
# Under this key are the rows that the transform graph refused.
UNTRANSFORMABLE = ("", "untransformable")


@dataclasses.dataclass(frozen=True)
class Accounting:
    """Counts of records and rows; `a + b` is the accounting of both inputs together.

    Attributes:
      read: records framed from the input, whatever became of them.
      decoded: records that gave rows which are compared.
      rejected: records that could not be decoded, by reason.
      outside_window: records with a time that lies outside `[start, end)`.
      no_time: records without a time, where a window was asked for.
      excluded: records that are not compared, by reason: no traffic (`warm_up`), or not asked for (`sample`).
      rows: rows decoded (a record of several instances gives several rows).
      compared: rows that entered the statistics.
      forms: rows by (feature, form) for values that came in a form that the schema does not have
        (`int_for_float`, `bytes_for_int`, ...) or in a feature that it does not know (`unknown_feature`). Of
        the latter a sum keeps the `MOST_UNKNOWN` with the most rows, and adds up the others under
        `MORE_UNKNOWN`: the total is exact, and so is every feature that is never among the others. Rows
        that the transform graph refused stand under `UNTRANSFORMABLE`.
      files: input files read.
      bytes: input bytes read, as stored.
      first_time, last_time: the span of the times met, inside the window or not, both included; None where
        no window was asked for, or no row has a time.
    """

    read: int = 0
    decoded: int = 0
    rejected: Counter[str] = dataclasses.field(default_factory=Counter)
    outside_window: int = 0
    no_time: int = 0
    excluded: Counter[str] = dataclasses.field(default_factory=Counter)
    rows: int = 0
    compared: int = 0
    forms: Counter[tuple[str, str]] = dataclasses.field(default_factory=Counter)
    files: int = 0
    bytes: int = 0
    first_time: dt.datetime | None = None
    last_time: dt.datetime | None = None

    def __add__(self, other: Accounting) -> Accounting:
        names = [f.name for f in dataclasses.fields(self) if f.name not in ("first_time", "last_time")]
        sums = {name: getattr(self, name) + getattr(other, name) for name in names}
        firsts = [time for time in (self.first_time, other.first_time) if time is not None]
        lasts = [time for time in (self.last_time, other.last_time) if time is not None]
        span = {"first_time": min(firsts, default=None), "last_time": max(lasts, default=None)}
        return Accounting(**sums | {"forms": _bounded(sums["forms"])} | span)

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


def total(parts: Iterable[Accounting]) -> Accounting:
    """The sum of many accountings, `Accounting()` for none."""
    result = Accounting()
    for part in parts:
        result = result + part
    return result

"""What a decoded batch of records is, and what a record is that could not be decoded."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import TypeAlias

from trueserve.transforms.core.accounting import Accounting
from trueserve.transforms.core.arrow import pa

# Beside its features a row carries what is known of its request. Every column is nullable but `file` and
# `record`; `time` is UTC; `sampling_rate` is the fraction of traffic that was logged; `response` is the row's
# answer as JSON, only where a run needs answers (`Settings.responses`). A request of several instances gives
# rows that share these values.
METADATA_SCHEMA = pa.schema(
    [
        ("time", pa.timestamp("us", tz="UTC")),
        ("model", pa.string()),
        ("version", pa.string()),
        ("signature", pa.string()),
        ("request_id", pa.string()),
        ("origin", pa.string()),
        ("sampling_rate", pa.float64()),
        ("response", pa.large_string()),
        ("file", pa.string()),
        ("record", pa.int64()),
    ]
)


@dataclasses.dataclass(frozen=True)
class Batch:
    """Some tens of thousands of rows at most, decoded.

    Attributes:
      features: one `large_list<float32 | int64 | large_binary>` column a feature, rows in input order;
        a null list is a missing value, an empty list is an empty one. This is the layout of tfx_bsl.
      metadata: columns of `METADATA_SCHEMA`, as many rows as `features`.
      other_types: values that came in another type than the schema's, as its type, as many rows as
        `features`; those rows are null there. None where there are none (see `logs.rows.other_types`).
    """

    features: pa.RecordBatch
    metadata: pa.RecordBatch
    other_types: pa.RecordBatch | None = None

    def __post_init__(self) -> None:
        assert self.features.num_rows == self.metadata.num_rows


@dataclasses.dataclass(frozen=True, order=True)
class Reject:
    """A record that could not be decoded. `detail` never holds payload.

    Attributes:
      file, record: where it stood; records are counted from 0 in each file.
      reason: a short word that rejects are counted by, such as `not_a_tf_example`.
      detail: what was expected and what came, for a person.
      payload: the record's bytes, only where the user asked to keep payloads.
    """

    file: str
    record: int
    reason: str
    detail: str
    payload: bytes | None = None


@dataclasses.dataclass(frozen=True, order=True)
class Fault:
    """Something that makes the whole run fail, such as a truncated file; it travels as an element.

    `offset` is the byte offset in the (decompressed) file, or None where there is none to name.
    """

    file: str
    reason: str
    detail: str
    offset: int | None = None

    def __str__(self) -> str:
        if self.offset is None and self.file in self.detail:
            return self.detail  # it says which file in its own words
        where = self.file if self.offset is None else f"{self.file} at byte {self.offset}"
        return f"{where}: {self.detail}"


@dataclasses.dataclass(frozen=True)
class Decoded:
    """What a decoder makes of a run of records: rows, rejects and the counts of both."""

    batch: Batch | None
    rejects: tuple[Reject, ...]
    accounting: Accounting


@dataclasses.dataclass(frozen=True)
class InRange:
    """What was decoded of a range of a file that has others; its records have the numbers of the range.

    Attributes:
      number: how many ranges of the file are before this one.
    """

    file: str
    number: int
    content: Decoded | Fault


#: What reading gives, and is accounted for.
Element: TypeAlias = Decoded | Fault | InRange


def decoded_of(element: Element) -> Decoded | None:
    """What was decoded; None for a fault."""
    content = element.content if isinstance(element, InRange) else element
    return content if isinstance(content, Decoded) else None


@dataclasses.dataclass(frozen=True)
class Window:
    """The half-open span of time `[start, end)`, both timezone-aware; None is unbounded."""

    start: dt.datetime | None = None
    end: dt.datetime | None = None

    @property
    def length(self) -> dt.timedelta | None:
        """How long it lasts; None where it is unbounded."""
        return None if self.start is None or self.end is None else self.end - self.start

    @property
    def bounded(self) -> bool:
        return self.start is not None or self.end is not None

"""From the columns that a format's decoder has read to a `Decoded`: window, rules, types, counts."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from trueserve.transforms.core.accounting import (
    ABSENT_TIME,
    REPEATED,
    UNKNOWN_FEATURE,
    UNREAD_TIME,
    Accounting,
)
from trueserve.transforms.core.arrow import pa, pc
from trueserve.transforms.core.batches import METADATA_SCHEMA, Batch, Decoded, Reject
from trueserve.transforms.logs.features import Array, Column, FeatureType, Settings, conform, hold, type_of
from trueserve.transforms.logs.repeated_rows import DroppedRows
from trueserve.transforms.logs.rows.dropped import num_records, repeats_another
from trueserve.transforms.logs.rows.exclude import excluded
from trueserve.transforms.logs.rows.other_types import other_types
from trueserve.transforms.logs.rows.sampling import chosen_rows
from trueserve.transforms.logs.rows.times import inside, texts, times


@dataclasses.dataclass(frozen=True)
class RecordPosition:
    """Where a run of records stands: its file, and the position of its first record."""

    file: str
    first_record: int


@dataclasses.dataclass(frozen=True)
class DecodedRows:
    """Decoded columns as they came, with the metadata columns of as many rows.

    Attributes:
      forms: for (feature, form) the positions of the rows whose value came in that form.
    """

    columns: Sequence[Column]
    metadata: pa.RecordBatch
    forms: Mapping[tuple[str, str], Array] = dataclasses.field(default_factory=dict)

    def keep(self, mask: Array) -> DecodedRows:
        """The rows where `mask` is true."""
        if mask.all():
            return self
        chosen, before = pa.array(mask), np.cumsum(mask) - mask
        return DecodedRows(
            [(name, column.filter(chosen)) for name, column in self.columns],
            self.metadata.filter(chosen),
            {key: before[rows[mask[rows]]] for key, rows in self.forms.items()},
        )

    def counted_forms(self) -> Counter[tuple[str, str]]:
        """How many rows came in each form."""
        return Counter({key: len(rows) for key, rows in self.forms.items() if len(rows)})


@dataclasses.dataclass(frozen=True)
class Counts:
    """What a decoder has counted: records framed, decoded ones that gave no row, and no traffic by reason."""

    read: int
    without_rows: int = 0
    excluded: Counter[str] = dataclasses.field(default_factory=Counter)


def metadata_of(num_rows: int, file: str, **columns: pa.Array) -> pa.RecordBatch:
    """Metadata of rows from `file`, null where no column is given."""
    columns["file"] = pa.repeat(pa.scalar(file, pa.string()), num_rows)
    arrays = [columns.get(f.name, pa.nulls(num_rows, f.type)) for f in METADATA_SCHEMA]
    return pa.RecordBatch.from_arrays(arrays, schema=METADATA_SCHEMA)


def rejected(position: RecordPosition, index: int, reason: str, detail: str, payload: bytes | None) -> Reject:
    """The reject for the record that stands `index` after the first."""
    return Reject(position.file, position.first_record + index, reason, detail, payload)


def renumbered(decoded: Decoded, records: Array) -> Decoded:
    """What was decoded of the records of those numbers as if they were 0, 1, 2, ..."""
    rejects = tuple(dataclasses.replace(r, record=int(records[r.record])) for r in decoded.rejects)
    if decoded.batch is None:
        return dataclasses.replace(decoded, rejects=rejects)
    metadata = decoded.batch.metadata
    numbers = pa.array(records).take(metadata.column("record"))
    columns = [numbers if f.name == "record" else metadata.column(f.name) for f in metadata.schema]
    numbered = pa.RecordBatch.from_arrays(columns, schema=metadata.schema)
    return Decoded(dataclasses.replace(decoded.batch, metadata=numbered), rejects, decoded.accounting)


class Finisher:
    """Makes `Decoded` of rows. It remembers the types that it has seen where no schema says them."""

    def __init__(self, settings: Settings, *, sampling: bool = False) -> None:
        """With `sampling` the rows are yet to be sampled, each being a record; others come as a sample."""
        self._settings = settings
        self._sampling = sampling and settings.sample < 1
        self._seen: dict[str, FeatureType] = dict(settings.seen)

    def finish(self, rows: DecodedRows | None, rejects: Sequence[Reject], counts: Counts) -> Decoded:
        """The rows that are compared, in the expected types, and what became of every record.

        A record outside the window counts as that, whatever rule would exclude it.

        Raises TypeConflictError where there is no schema and a type changes.
        """
        accounting = Accounting(
            read=counts.read,
            decoded=counts.without_rows,
            rejected=Counter(reject.reason for reject in rejects),
            excluded=counts.excluded,
        )
        if rows is not None and self._sampling:
            rows, left_out = self._sampled(rows)
            accounting += left_out
        if rows is None or rows.metadata.num_rows == 0:
            return Decoded(None, tuple(rejects), accounting)
        kept, of_records = self._without_excluded(
            *self._in_window(_with_named_metadata(rows, self._settings))
        )
        features, forms = self._in_expected_types(kept)
        if self._settings.dropped is not None:
            kept, repeated = self._without_repeated(features, kept, self._settings.dropped)
            if repeated is not None:
                features, forms = self._in_expected_types(kept)
                of_records += repeated
        num_rows = kept.metadata.num_rows
        of_rows = Accounting(rows=num_rows, compared=num_rows, forms=forms + kept.counted_forms())
        others = self._of_other_types(kept, forms)
        batch = Batch(features, kept.metadata, others) if num_rows else None
        return Decoded(batch, tuple(rejects), accounting + of_records + of_rows)

    def _in_expected_types(self, rows: DecodedRows) -> tuple[pa.RecordBatch, Counter[tuple[str, str]]]:
        settings, num_rows = self._settings, rows.metadata.num_rows
        if settings.expected is None:
            return hold(rows.columns, num_rows, self._seen), Counter()
        known, metadata_features = (
            settings.expected.types.keys(),
            (settings.time_feature, settings.version_feature),
        )
        columns = [(n, c) for n, c in rows.columns if n in known or n not in metadata_features]
        return conform(columns, num_rows, settings.expected)

    def _of_other_types(self, rows: DecodedRows, forms: Counter[tuple[str, str]]) -> pa.RecordBatch | None:
        expected = self._settings.expected
        if expected is None or all(form == UNKNOWN_FEATURE for _, form in forms):
            return None  # as nearly always
        return other_types(rows.columns, rows.metadata.num_rows, expected, rows.forms)

    def _in_window(self, rows: DecodedRows) -> tuple[DecodedRows, Accounting]:
        """A record of which some rows are in the window is decoded; its other rows are left out."""
        time, record = rows.metadata.column("time"), np.asarray(rows.metadata.column("record"))
        mask = inside(time, self._settings.window)
        span = _time_range(time) if self._settings.window.bounded else Accounting()
        if self._settings.window.bounded and self._settings.time_feature is not None and time.null_count:
            span += Accounting(forms=_why_no_time(rows, time, self._settings))
        if mask.all():
            # Rows stand in the order of their records, so a record ends where the next row has another.
            num_records = 1 + int(np.count_nonzero(record[1:] != record[:-1]))
            return rows, span + Accounting(decoded=num_records)
        decoded = np.unique(record[mask])
        out = np.setdiff1d(record[~mask & np.asarray(time.is_valid())], decoded)
        total = len(np.unique(record))
        no_time = total - len(decoded) - len(out)
        counts = Accounting(decoded=len(decoded), outside_window=len(out), no_time=no_time)
        return rows.keep(mask), span + counts

    def _sampled(self, rows: DecodedRows) -> tuple[DecodedRows, Accounting]:
        mask = chosen_rows(rows.columns, rows.metadata.num_rows, self._settings.sample)
        return rows.keep(mask), Accounting(excluded=Counter(sample=int(np.count_nonzero(~mask))))

    def _without_excluded(self, rows: DecodedRows, counts: Accounting) -> tuple[DecodedRows, Accounting]:
        """The rows of records that no rule excludes, and the counts with those excluded told apart."""
        if not self._settings.exclude:
            return rows, counts
        out, reasons = excluded(rows.metadata, self._settings.exclude)
        decoded = counts.decoded - reasons.total()
        return rows.keep(~out), dataclasses.replace(counts, decoded=decoded, excluded=reasons)

    def _without_repeated(
        self, features: pa.RecordBatch, rows: DecodedRows, dropped: DroppedRows
    ) -> tuple[DecodedRows, Accounting | None]:
        """The rows that repeat no other, and what the others change in the counts; None if there are none."""
        out = repeats_another(features, rows.metadata, dropped)
        if not out.any():
            return rows, None
        kept = rows.keep(~out)
        records = num_records(rows.metadata) - num_records(kept.metadata)
        counts = Accounting(excluded=Counter(repeated=records), forms=Counter({REPEATED: int(out.sum())}))
        return kept, dataclasses.replace(counts, decoded=-records)


def _why_no_time(rows: DecodedRows, time: pa.Array, settings: Settings) -> Counter[tuple[str, str]]:
    """How many rows have no time although the feature has a value, and how many have no value."""
    feature = settings.time_feature or ""
    has_value = np.zeros(len(time), bool)
    for column in (column for name, column in rows.columns if name == feature and type_of(column)):
        has_value |= np.asarray(pc.fill_null(pc.list_value_length(column), 0)) > 0
    # A parser that gives times has kept no others.
    has_value[rows.forms.get((feature, UNREAD_TIME), [])] = True
    is_null = np.asarray(time.is_null())
    counts = {UNREAD_TIME: int((is_null & has_value).sum()), ABSENT_TIME: int((is_null & ~has_value).sum())}
    if settings.log_time_first:
        # Nobody has said that it is there.
        del counts[ABSENT_TIME]
    return +Counter({(feature, form): count for form, count in counts.items()})


def _time_range(times: pa.Array) -> Accounting:
    """The first and the last of the times, for the hint when all lie outside the window."""
    bounds = pc.min_max(times).as_py()
    return Accounting(first_time=bounds["min"], last_time=bounds["max"])


def _with_named_metadata(rows: DecodedRows, settings: Settings) -> DecodedRows:
    """The rows with their time and version taken from the features that hold them, if any are named."""
    described = {}
    if settings.time_feature is not None:
        described["time"] = _time(rows, settings.time_feature, settings)
    if settings.version_feature is not None:
        version = _metadata_column(rows, settings.version_feature, texts, pa.string())
        # Rows that come one by one have it from their parser (see `logs.formats.table`).
        described["version"] = pc.coalesce(version, rows.metadata.column("version"))
    if not described:
        return rows
    arrays = [described.get(f.name, rows.metadata.column(f.name)) for f in METADATA_SCHEMA]
    return dataclasses.replace(rows, metadata=pa.RecordBatch.from_arrays(arrays, schema=METADATA_SCHEMA))


def _time(rows: DecodedRows, feature: str, settings: Settings) -> pa.Array:
    own, types = rows.metadata.column("time"), settings.expected.types if settings.expected else settings.seen
    time = _metadata_column(rows, feature, times, METADATA_SCHEMA.field("time").type)
    if settings.log_time_first:
        return pc.coalesce(own, time)
    # A float of 32 bits holds no time: carriers that have had a longer one give it as the row's own.
    return pc.coalesce(time, own) if types.get(feature) is FeatureType.FLOAT else time


def _metadata_column(
    rows: DecodedRows, feature: str, reading: Callable[[pa.Array], pa.Array], kind: pa.DataType
) -> pa.Array:
    """What a feature says of each row's request; it may have come in several types, a column each."""
    result = pa.nulls(rows.metadata.num_rows, kind)
    for name, column in rows.columns:
        result = pc.coalesce(result, reading(column)) if name == feature else result
    return result

"""One batch of logged requests, replayed: its rows through the reference model, against their answers."""

from __future__ import annotations

import base64
import dataclasses
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from trueserve.transforms.core.arrow import pa, pc
from trueserve.transforms.core.batches import Batch
from trueserve.transforms.replay import answers as matching
from trueserve.transforms.replay.answers import Array
from trueserve.transforms.replay.compare import AnswerTolerance, Compared, compare_all
from trueserve.transforms.replay.own_requests import ComparedRows, Model, ask_again
from trueserve.transforms.replay.reference_model import SIGNATURE, Answered, sizes
from trueserve.transforms.replay.summary import (
    MAX_WORST,
    Differences,
    OutputDifferences,
    ReplaySummary,
    Worst,
    worst_of,
)

#: What the model runs on twice: this fraction of the rows, and of each batch so many at least.
AGAIN, LEAST_AGAIN = 0.01, 256
#: Names of signatures that all give what `serving_default` gives; an absent name is the default.
SAME_SIGNATURES = ("", SIGNATURE, "raw_tensors")
#: A payload of more values than this is not kept.
MAX_KEPT_VALUES = 4096

_HOUR = 3_600_000_000  # in microseconds
_SEED = np.uint64(0x9E3779B97F4A7C15)


class _AnsweredRows(NamedTuple):
    """Rows that were answered, by the log and by the model.

    Attributes:
      at: their places in the batch.
      expected, served: float64 [rows, width] by output.
    """

    at: Array
    expected: dict[str, Array]
    served: dict[str, Array]


def replay(
    batch: Batch, model: Model, tolerance: AnswerTolerance, *, keep_payloads: bool = False
) -> ReplaySummary:
    """What the reference model says to the rows of a batch that have a logged answer, against that answer.

    Args:
      tolerance: how far apart answers may lie.
      keep_payloads: whether the worst rows are kept with their features and both answers.
    """
    texts, reasons = logged_answers(batch.metadata)
    at = np.flatnonzero(reasons == "")
    rows = ReplaySummary(rows=batch.metadata.num_rows)
    if not len(at):
        return dataclasses.replace(rows, unmatched=_counted(reasons))
    features = _take(batch.features, at)
    answered = model.answer(features)
    matched = matching.match(matching.load(texts.take(pa.array(at)).to_pylist()), sizes(answered.values))
    reasons[at] = np.where(answered.taken, matched.reasons, matching.NOT_TRANSFORMABLE)
    good = np.flatnonzero(reasons[at] == "")
    compared_rows = _asked_again(model, batch, _good(at, good, answered, matched.values), tolerance)
    compared = _summary(batch, compared_rows, tolerance, keep_payloads)
    again = _again(features, _hashes(batch.metadata)[at], answered, model, tolerance)
    return dataclasses.replace(compared, rows=rows.rows, unmatched=_counted(reasons), again=again)


def logged_answers(metadata: pa.RecordBatch) -> tuple[pa.Array, Array]:
    """Each row's logged answer, and why it is not to be compared, "" where it is."""
    texts = _column(metadata, "response")
    signature = pc.fill_null(_column(metadata, "signature"), "")
    known = pc.is_in(signature, value_set=pa.array(SAME_SIGNATURES)).to_numpy(zero_copy_only=False)
    reasons = np.where(known, "", matching.OTHER_SIGNATURE).astype(object)
    reasons[texts.is_null().to_numpy(zero_copy_only=False)] = matching.NO_RESPONSE
    return texts, reasons


def _good(at: Array, good: Array, answered: Answered, served: Mapping[str, Array]) -> _AnsweredRows:
    there = {name: values for name, values in answered.values.items() if values is not None}
    expected = {name: values[good] for name, values in there.items()} if len(good) else {}
    return _AnsweredRows(at[good], expected, {name: served[name][good] for name in expected})


def _asked_again(
    model: Model, batch: Batch, rows: _AnsweredRows, tolerance: AnswerTolerance
) -> _AnsweredRows:
    if not len(rows.at):
        return rows
    features, records = _take(batch.features, rows.at), _numbers(batch.metadata, "record")[rows.at]
    compared_rows = ComparedRows(features, records, rows.expected, rows.served)
    return rows._replace(expected=ask_again(model, compared_rows, tolerance))


def _summary(
    batch: Batch, rows: _AnsweredRows, tolerance: AnswerTolerance, keep_payloads: bool
) -> ReplaySummary:
    if not len(rows.at):
        return ReplaySummary()
    compared = compare_all(rows.expected, rows.served, tolerance)
    differs, apart = _of_row(compared)
    versions = _column(batch.metadata, "version").take(pa.array(rows.at)).to_pylist()
    hours = _hours(batch.metadata)[rows.at].tolist()
    worst = _worst(batch, rows, compared, keep_payloads=keep_payloads)
    return ReplaySummary(
        total=_differences(differs, apart),
        outputs={name: _output(output, rows.expected[name].shape[1]) for name, output in compared.items()},
        versions=_grouped(versions, differs, apart),
        hours=_grouped(hours, differs, apart),
        worst=worst,
    )


def _of_row(compared: Mapping[str, Compared]) -> tuple[Array, Array]:
    """Whether any output of a row differs, and by how much the furthest does."""
    differs = np.logical_or.reduce([output.differs for output in compared.values()])
    apart = np.maximum.reduce([output.apart for output in compared.values()])
    return differs, apart


def _differences(differs: Array, apart: Array) -> Differences:
    finite = apart[np.isfinite(apart)]
    return Differences(
        rows=len(differs),
        differing=int(differs.sum()),
        odd=len(apart) - len(finite),
        largest=float(finite.max(initial=0.0)),
        total=float(finite.sum()),
    )


def _output(compared: Compared, width: int) -> OutputDifferences:
    return OutputDifferences(
        _differences(compared.differs, compared.apart),
        width,
        int(compared.flipped.sum()),
        compared.low,
        compared.high,
    )


def _grouped(keys: Sequence[Any], differs: Array, apart: Array) -> dict[Any, Differences]:
    codes = {key: code for code, key in enumerate(dict.fromkeys(keys))}
    of_row = np.array([codes[key] for key in keys], np.int64)
    masks = ((key, of_row == code) for key, code in codes.items())
    return {key: _differences(differs[mask], apart[mask]) for key, mask in masks}


def _worst(
    batch: Batch, rows: _AnsweredRows, compared: Mapping[str, Compared], *, keep_payloads: bool
) -> tuple[Worst, ...]:
    differs, apart = _of_row(compared)
    record, hours = _numbers(batch.metadata, "record"), _hours(batch.metadata)
    in_request = _rows_of_requests(record)
    order = np.lexsort((in_request[rows.at], record[rows.at], -apart))
    names = list(compared)
    furthest = np.argmax([output.apart for output in compared.values()], axis=0)
    return worst_of(
        Worst(
            apart=float(apart[i]),
            file=_column(batch.metadata, "file")[int(rows.at[i])].as_py(),
            record=int(record[rows.at[i]]),
            row=int(in_request[rows.at[i]]),
            version=_column(batch.metadata, "version")[int(rows.at[i])].as_py(),
            hour=hours[rows.at[i]],
            output=names[furthest[i]],
            payload=_payload(batch, rows, int(i)) if keep_payloads else None,
        )
        for i in order[: min(MAX_WORST, int(differs.sum()))]
    )


def _payload(batch: Batch, rows: _AnsweredRows, i: int) -> Mapping[str, Any] | None:
    features = {
        name: column[int(rows.at[i])].as_py()
        for name, column in zip(batch.features.schema.names, batch.features.columns, strict=True)
    }
    answers = [{name: values[i].tolist() for name, values in side.items()} for side in rows[1:]]
    kept_features = {
        name: [_json(value) for value in values] for name, values in features.items() if values is not None
    }
    size = sum(map(len, kept_features.values())) + sum(
        len(values) for side in answers for values in side.values()
    )
    if size > MAX_KEPT_VALUES:
        return {"left_out": f"{size:,} values"}
    return {"features": kept_features, "reference": answers[0], "served": answers[1]}


def _json(value: Any) -> Any:
    if not isinstance(value, bytes):
        return value
    try:
        return value.decode()
    except UnicodeDecodeError:
        return {"b64": base64.b64encode(value).decode()}


def _again(
    features: pa.RecordBatch, hashes: Array, first: Answered, model: Model, tolerance: AnswerTolerance
) -> Differences:
    """Some rows in another order and among others, once more, held against what the model said before."""
    taken = np.flatnonzero(first.taken)
    count = min(len(taken), max(round(AGAIN * len(taken)), LEAST_AGAIN))
    chosen = taken[np.argsort(hashes[taken], kind="stable")[:count]]
    if not len(chosen):
        return Differences()
    second = model.answer(_take(features, chosen))
    names = [name for name, values in first.values.items() if values is not None and _is_there(second, name)]
    if not names:
        return Differences()
    before = {name: first.values[name][chosen] for name in names}  # type: ignore[index]
    after = {name: second.values[name] for name in names}
    return _differences(*_of_row(compare_all(before, after, tolerance)))  # type: ignore[arg-type]


def _is_there(answered: Answered, name: str) -> bool:
    return answered.values.get(name) is not None


def _counted(reasons: Array) -> Counter[str]:
    return Counter(reason for reason in reasons.tolist() if reason)


def _hashes(metadata: pa.RecordBatch) -> Array:
    """A uint64 a row that its place alone decides: file, record and row in the request."""
    record = _numbers(metadata, "record")
    files = _column(metadata, "file").dictionary_encode()
    seeds = np.array([zlib.crc32(name.as_py().encode()) for name in files.dictionary], np.uint64)
    with np.errstate(over="ignore"):
        mixed = (record.astype(np.uint64) + seeds[files.indices.to_numpy()] * _SEED) * _SEED
        mixed = (mixed ^ (mixed >> np.uint64(31)) ^ _rows_of_requests(record).astype(np.uint64)) * _SEED
    return np.asarray(mixed ^ (mixed >> np.uint64(29)))


def _rows_of_requests(record: Array) -> Array:
    """The number of each row in its request, whose rows stand together."""
    rows = np.arange(len(record))
    starts = np.flatnonzero(np.diff(record, prepend=-1))
    return rows - starts[np.searchsorted(starts, rows, side="right") - 1] if len(rows) else rows


def _hours(metadata: pa.RecordBatch) -> Array:
    """Hours since 1970 of each row, as Python integers; None where the log has no time."""
    micros = _column(metadata, "time").cast(pa.int64())
    known = pc.fill_null(micros, 0).to_numpy(zero_copy_only=False) // _HOUR
    hours = known.astype(object)
    hours[micros.is_null().to_numpy(zero_copy_only=False)] = None
    return np.asarray(hours)


def _numbers(metadata: pa.RecordBatch, name: str) -> Array:
    return np.asarray(_column(metadata, name).to_numpy(zero_copy_only=False))


def _column(metadata: pa.RecordBatch, name: str) -> pa.Array:
    return metadata.column(metadata.schema.get_field_index(name))


def _take(batch: pa.RecordBatch, rows: Array) -> pa.RecordBatch:
    columns = [column.take(pa.array(rows)) for column in batch.columns]
    return pa.RecordBatch.from_arrays(columns, schema=batch.schema)

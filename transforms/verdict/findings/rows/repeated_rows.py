"""Requests that are repeated unchanged, as training's rows are not: a health check, a retry, a load test."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from trueserve.transforms.logs.formats import bigquery
from trueserve.transforms.logs.repeated_rows import RepeatedRow, RowRepeats
from trueserve.transforms.verdict.evidence import p_values
from trueserve.transforms.verdict.evidence.feature_difference import VARIATION
from trueserve.transforms.verdict.model import Finding, FindingKind, Severity, Space
from trueserve.transforms.verdict.significance import LEAST_EFFECT
from trueserve.transforms.verdict.wording import listing, percent, plain

METRIC = "repeated_rows"
# Of fewer rows, in a sample or in all, nothing is said; a request must be so many of them, and such a share.
_LEAST_SAMPLE, _LEAST_ROWS, _LEAST_SHARE = 200, 5, 0.003
# So many times as often as in training a request must come, and so seldom chance may bring it.
_TIMES, _SELDOM = 3, 1e-6
# So many of all other rows must have values of their own: of few categories equal rows are natural. Where
# training's rows are known less will do, as they tell which values come often.
_UNIQUE, _UNIQUE_IN_TRAINING = 0.9, 0.5
# From so many rows on the others of a window tell how many have values of their own.
_LEAST_OTHERS = 100


def repeated(serving: RowRepeats, training: RowRepeats | None) -> tuple[RepeatedRow, ...]:
    """The values that came more often than any do by themselves, those that came most often first.

    Args:
      training: of training's rows, by the same features; None where that is not known.
    """
    if serving.rows < _LEAST_SAMPLE:
        return ()
    least = max(_LEAST_ROWS, _LEAST_SHARE * serving.rows)
    frequent = [row for row in serving.repeated if row.rows >= least]
    others = serving.rows - sum(row.rows for row in frequent)
    are_unique = others >= _LEAST_OTHERS and serving.single >= _UNIQUE * others
    return tuple(row for row in frequent if _is_repeated(row, serving.rows, training, are_unique))


def _is_repeated(row: RepeatedRow, rows: int, training: RowRepeats | None, are_unique: bool) -> bool:
    """Whether it is no chance that these values came so often.

    Args:
      are_unique: whether the other rows of the window have values of their own.
    """
    if training is None:
        return are_unique
    known = {each.code: each.rows for each in training.repeated}.get(row.code, training.most_others)
    if known <= 1 and are_unique:
        return True
    is_rarer = row.rows * training.rows >= _TIMES * known * rows
    seldom = p_values.of_rates(known, training.rows, row.rows, rows) <= _SELDOM
    return training.single >= _UNIQUE_IN_TRAINING * training.rows and is_rarer and seldom


def note(
    serving: RowRepeats | None, training: RowRepeats | None, findings: Iterable[Finding] = ()
) -> Iterator[Finding]:
    """A finding where rows are repeated; a warning from the share on that can make an error.

    Args:
      findings: of the features. Leaving out a share of rows moves no distance by more than that share: so
        those that are no greater may come of it.
    """
    rows = repeated(serving, training) if serving is not None else ()
    if serving is None or not rows:
        return
    share = sum(row.rows for row in rows) / serving.rows
    first, *others = rows
    # The rows of a table have no fixed order: no record can be looked up, and nothing is read twice.
    is_table = bigquery.is_table(first.file)
    message = f"{percent(first.rows / serving.rows)} of rows are one identical request"
    if not is_table:
        message += f", for example record {first.record:,} of {plain(first.file)}"
    if others:
        more = sum(row.rows for row in others) / serving.rows
        kinds = "another is" if len(others) == 1 else f"{len(others):,} others are"
        message += f"; {kinds} {percent(more)}"
    severity = Severity.WARNING if share >= LEAST_EFFECT[VARIATION] else Severity.INFO
    if not is_table:
        message += ". If they are a health check, a retry or a load test, --drop_repeated leaves them out"
    if explained := _explained(findings, share):
        message += f"; they may be the cause of the errors of {listing(explained)}"
    yield Finding("", Space.SET, FindingKind.SCHEMA, severity, METRIC, message, distance=share)


def _explained(findings: Iterable[Finding], share: float) -> list[str]:
    """Features whose errors may come of so many rows."""
    errors = [each for each in findings if each.severity is Severity.ERROR and each.evidence is not None]
    return list(dict.fromkeys(e.feature for e in errors if e.evidence and e.evidence.effect <= share))


def note_dropped(dropped: Sequence[RepeatedRow], rows: int, compared: int) -> Iterator[Finding]:
    """An info of the rows that `--drop_repeated` has left out.

    Args:
      rows: how many they are; `compared`: all others.
    """
    if not rows:
        return
    share = percent(rows / (rows + compared))
    what = "one request" if len(dropped) == 1 else f"{len(dropped):,} requests"
    message = (
        f"{rows:,} rows ({share}) that repeat {what} unchanged were left out by --drop_repeated; one row of"
        " each was kept"
    )
    yield Finding("", Space.SET, FindingKind.SCHEMA, Severity.INFO, "dropped_rows", message)

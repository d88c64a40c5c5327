"""What every body is checked for: its number of rows, its names, and what stands once for many rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from trueserve.transforms.logs.request import BadRecordError
from trueserve.transforms.logs.tensors.tensor_protos import MAX_FILLED_VALUES

Row = Mapping[str, Any]
#: More than any server is asked at once. A row costs a hundred times the two bytes that it may stand for.
MAX_INSTANCES = 1 << 18
NOT_A_REQUEST = "not_a_request"
NO_INSTANCES = "no_instances"
NO_FEATURES = "no_features"


def checked_rows(values: Any, field: str) -> Sequence[Any]:
    """`values`, which are a list of rows. Raises BadRecordError."""
    if not isinstance(values, list | range):
        raise BadRecordError(NOT_A_REQUEST, f"expected a list of {field}; got something else")
    if not values:
        raise BadRecordError(NO_INSTANCES, f"the request has no {field}")
    if len(values) > MAX_INSTANCES:
        detail = f"expected at most {MAX_INSTANCES:,} {field} in a request; got {len(values):,}"
        raise BadRecordError("too_many_instances", detail)
    return values


def all_rows(parts: Iterable[Sequence[Row]]) -> Sequence[Row]:
    """The rows of several bodies of one request. Raises BadRecordError: `too_many_instances`."""
    rows = [row for part in parts for row in part]
    return checked_rows(rows, "instances")


def check_keys(value: Mapping[Any, Any]) -> None:
    """Raises BadRecordError where a name is no text."""
    try:
        "".join(value).encode()
    except (TypeError, UnicodeEncodeError):
        raise BadRecordError(NOT_A_REQUEST, "a feature's name is not UTF-8 text") from None


def check_claim(rows: int, shared: int) -> None:
    """What stands once and counts for every row may be small in a log and big in memory."""
    if rows * shared > MAX_FILLED_VALUES:
        raise BadRecordError("too_many_instances", f"{shared:,} values stand for each of {rows:,} rows")


def no_names() -> BadRecordError:
    return BadRecordError("no_names", "the values come without names; give them with --columns")


def no_features(names: Iterable[str]) -> BadRecordError:
    """An object without any feature that the schema, which has these, knows."""
    detail = f"expected at least one of the schema's features ({first_names(names)}); the instance has none"
    return BadRecordError(NO_FEATURES, detail)


def first_names(names: Iterable[str]) -> str:
    """The first three of a schema's names, for a message."""
    quoted = [repr(name[:100]) for name in names]
    return ", ".join(quoted[:3] + ["..."] * (len(quoted) > 3))

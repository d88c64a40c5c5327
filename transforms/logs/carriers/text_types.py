"""The types of columns of text, and the numbers in them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import numpy as np

from trueserve.transforms.core.arrow import pa, pc
from trueserve.transforms.logs.features import VALUES, Array, FeatureType

# Not what Arrow alone takes for numbers (it knows 0x1F), nor what Python does (it knows 1_000).
_PATTERNS = {
    FeatureType.INT: r"^[+-]?[0-9]+$",
    FeatureType.FLOAT: r"^[+-]?(([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?|[nN][aA][nN]|[iI][nN][fF])$",
}
#: The form of a whole number that is written with a point, as pandas writes ints with gaps.
POINT_ZERO = "point_zero"
#: The form of a text of `--missing_values`, which says that there is no value.
MISSING_TEXT = "missing_text"
#: The form of a number in a column which other values make text.
NUMBER_TEXT = "number_text"
# So many values tell whether a column of text holds numbers at all.
_SAMPLE = 256
_POINT_ZERO, _POINT = r"^\s*[+-]?[0-9]+\.0*\s*$", r"\.0*\s*$"
_BIG_INTEGER = r"^[+-]?[0-9]{19,}$"
_ORDER = (FeatureType.INT, FeatureType.FLOAT, FeatureType.BYTES)


def widest(parts: Iterable[Mapping[str, FeatureType]]) -> dict[str, FeatureType]:
    """The types that hold what all parts hold: int, then float, then bytes."""
    types: dict[str, FeatureType] = {}
    for part in parts:
        for name, kind in part.items():
            types[name] = max(types.get(name, kind), kind, key=_ORDER.index)
    return types


def narrowest(values: pa.Array) -> FeatureType | None:
    """The narrowest type that every value of a binary column can be read as; None if there is no value."""
    present = values.drop_null()
    if not len(present):
        return None
    for kind in (FeatureType.INT, FeatureType.FLOAT):
        # Most columns are told by their looks; to parse what does not fit would take a loop over all values.
        if not _match(present, kind).all():
            continue
        if parse_numbers(present, kind).null_count == 0 and (
            kind is FeatureType.INT or not _any_big(present)
        ):
            return kind
    return FeatureType.BYTES


def parse_numbers(values: pa.Array, kind: FeatureType) -> pa.Array:
    """The numbers in a binary column, null where there is none."""
    try:
        text = pc.utf8_trim_whitespace(values.cast(pa.large_string()))
        if pc.all(pc.match_substring_regex(text, _PATTERNS[kind])).as_py() is not False:
            return text.cast(VALUES[kind])
    except pa.ArrowInvalid:
        pass  # a value out of range, a leading plus, or bytes that are no text
    return pa.array([_number(value, kind) for value in values.to_pylist()], VALUES[kind])


def without_point_zero(values: pa.Array) -> tuple[pa.Array, Array]:
    """A binary column with `3` in place of `3.0`, and the positions of such values."""
    # Of most columns this one look at them all is enough.
    if not pc.any(pc.match_substring(values, pattern=b".")).as_py():
        return values, np.zeros(0, np.int64)
    has_point = pc.fill_null(pc.match_substring_regex(values, pattern=_POINT_ZERO), False)
    plain = pc.replace_substring_regex(values, pattern=_POINT, replacement="")
    return pc.if_else(has_point, plain, values), np.flatnonzero(np.asarray(has_point))


def number_texts(values: pa.Array) -> Array:
    """The positions of the numbers in a column of text; none where its first values are none."""
    start = _match(values.slice(0, _SAMPLE), FeatureType.FLOAT)
    return np.flatnonzero(_match(values, FeatureType.FLOAT)) if start.any() else np.flatnonzero(start)


def is_number(text: str) -> bool:
    """Whether it is written as a number is in CSV."""
    return re.match(_PATTERNS[FeatureType.FLOAT], text.strip()) is not None


def _match(values: pa.Array, kind: FeatureType) -> Array:
    """Which values look like numbers of that type."""
    try:
        text = pc.utf8_trim_whitespace(values.cast(pa.large_string()))
        return np.asarray(pc.fill_null(pc.match_substring_regex(text, _PATTERNS[kind]), False))
    except pa.ArrowInvalid:  # bytes that are no text
        return np.zeros(len(values), bool)


def without_missing_texts(values: pa.Array, texts: frozenset[str]) -> tuple[pa.Array, Array]:
    """A binary column without the values that are one of these texts, and the positions of such values."""
    if not texts:
        return values, np.zeros(0, np.int64)
    is_missing = pc.is_in(values, pa.array(sorted(text.encode() for text in texts), values.type))
    rows = np.flatnonzero(np.asarray(is_missing))
    return pc.if_else(is_missing, pa.scalar(None, values.type), values), rows


def _number(value: bytes | None, kind: FeatureType) -> int | float | None:
    text = (value or b"").decode("utf-8", "replace").strip()
    if not re.match(_PATTERNS[kind], text):
        return None
    if kind is FeatureType.FLOAT:
        return float(text)
    # Python refuses to read integers of thousands of digits.
    number = int(text) if len(text) <= 40 else 1 << 64
    return number if -(1 << 63) <= number < 1 << 63 else None


def _any_big(values: pa.Array) -> bool:
    """Whether an integer is too long for int64: an identifier, which a float would garble."""
    text = pc.utf8_trim_whitespace(values.cast(pa.large_string()))
    long = text.filter(pc.match_substring_regex(text, _BIG_INTEGER))
    return bool(parse_numbers(long.cast(pa.large_binary()), FeatureType.INT).null_count)

"""One value as JSON and its like have it, to the type that the schema says, and the form that it came in.

A value is taken wherever nothing of it is lost. One that cannot be what the schema says is left out as
missing, under a form `<came>_for_<expected>`, as in every other format.
"""

from __future__ import annotations

import decimal
import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np

from trueserve.transforms.logs.columns.carried_values import BOOLEAN, number_of_text
from trueserve.transforms.logs.features import FeatureType

LARGEST_FLOAT32 = float(np.finfo(np.float32).max)

# The value, None if it has none that the type can hold, and the forms other than the usual one.
Converted = tuple[Any, tuple[str, ...]]

_INT64 = 1 << 63
_LONGEST_NUMBER = 400
_INTEGER = re.compile(r"[+-]?[0-9]+", re.ASCII)
# Neither what Python alone takes for numbers (1_000, digits of other scripts) nor what others do (0x1F).
_NUMBER = re.compile(
    r"[+-]?(([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?|nan|inf(inity)?)", re.ASCII | re.IGNORECASE
)


def convert(value: Any, wanted: FeatureType) -> Converted:
    """One value (no list) in the type that is wanted, and its forms. Raises nothing, whatever `value` is."""
    if value is None:
        return None, ("null",)
    if isinstance(value, bool):
        return (int(value), ("boolean",)) if wanted is FeatureType.INT else _wrong_type("boolean", wanted)
    return _CONVERT[wanted](value)


def convert_exactly(value: Any, wanted: FeatureType) -> Converted:
    """As `convert`, where there is no dense tensor: NaN for a float and empty bytes are values."""
    kept, forms = convert(value, wanted)
    if forms == ("empty",):
        return b"", ()
    if wanted is FeatureType.FLOAT and "nan" in forms:
        return math.nan, tuple(form for form in forms if form != "nan")
    return kept, forms


def convert_of_table(value: Any, wanted: FeatureType) -> Converted:
    """As `convert_exactly`; booleans are numbers, and so are booleans, dates and times written as text.

    A client of a model server that sends these for numbers is at fault; carriers of tables differ in types.
    """
    if isinstance(value, bool) and wanted is FeatureType.FLOAT:
        return float(value), (BOOLEAN,)
    kept, forms = convert_exactly(value, wanted)
    if forms and forms[0] in _TEXTS_FOR_NUMBERS and (converted := number_of_text(value)) is not None:
        number, form = converted
        return number if wanted is FeatureType.INT else float(number), (form,)
    return kept, forms


def is_loss(form: str) -> bool:
    """Whether a form says that the value could not be taken: `<came>_for_<expected>`."""
    return form.rpartition("_for_")[2] in _TYPE_NAMES


def _wrong_type(kind: str, wanted: FeatureType) -> Converted:
    return None, (f"{kind}_for_{wanted}",)


def _to_int(value: Any) -> Converted:
    if isinstance(value, int):
        return (value, ()) if -_INT64 <= value < _INT64 else _wrong_type("long_int", FeatureType.INT)
    if isinstance(value, float):
        return _float_to_int(value)
    return _from_text(value, FeatureType.INT)


def _float_to_int(value: float) -> Converted:
    if math.isnan(value):
        return None, ("nan",)
    if not value.is_integer():
        return _wrong_type("float", FeatureType.INT)
    # Parsers make floats of integers that are too long for them.
    if not -_INT64 <= value < _INT64:
        return _wrong_type("long_int", FeatureType.INT)
    return int(value), ("point_zero",)


def _to_float(value: Any) -> Converted:
    if isinstance(value, float):
        return _checked_float32(value)
    if not isinstance(value, int):
        return _from_text(value, FeatureType.FLOAT)
    try:
        number, forms = _checked_float32(float(value))
    except OverflowError:
        return math.inf if value > 0 else -math.inf, ("whole_number", "beyond_float32")
    return number, ("whole_number", *forms)


def _checked_float32(number: float) -> Converted:
    if math.isnan(number):
        return None, ("nan",)
    return number, ("beyond_float32",) if LARGEST_FLOAT32 < abs(number) < math.inf else ()


def _to_bytes(value: Any) -> Converted:
    if isinstance(value, str):
        return _bytes_of_text(value)
    if isinstance(value, bytes):
        return (value, ()) if value else (None, ("empty",))
    if not isinstance(value, int | float):
        return _wrong_type("object", FeatureType.BYTES)
    if isinstance(value, float) and math.isnan(value):
        return None, ("nan",)
    # Of an integer that is too long for them, parsers leave a float: its digits are lost.
    if -_INT64 <= value < 2 * _INT64 or (isinstance(value, float) and not value.is_integer()):
        return str(value).encode(), ("unquoted_value",)
    return _wrong_type("long_int", FeatureType.BYTES)


def _bytes_of_text(value: str) -> Converted:
    """Empty text is how dense tensors say that there is none."""
    if not value:
        return None, ("empty",)
    try:
        return value.encode(), ()
    except UnicodeEncodeError:
        return _bytes_of_surrogates(value), ("invalid_utf8",)


def _bytes_of_surrogates(value: str) -> bytes:
    """What was no UTF-8 came through as surrogates, and is put back; what was escaped as one stays one."""
    try:
        return value.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return value.encode("utf-8", "surrogatepass")


def _from_text(value: Any, wanted: FeatureType) -> Converted:
    """A number that was written as text."""
    if not isinstance(value, str | bytes):
        return _wrong_type("object", wanted)
    text = (value if isinstance(value, str) else value.decode("utf-8", "replace")).strip()
    if not text:
        return None, ("empty_text",)
    if len(text) > _LONGEST_NUMBER or not _NUMBER.fullmatch(text):
        return _wrong_type("bytes", wanted)
    if wanted is FeatureType.INT:
        number, forms = _text_to_int(text)
    else:
        number, forms = _text_to_float(text)
    return number, forms if any(map(is_loss, forms)) else ("quoted_number", *forms)


def _text_to_int(text: str) -> Converted:
    if _INTEGER.fullmatch(text):
        return _to_int(int(text))
    try:
        number = decimal.Decimal(text)  # exactly, where a float would round
    except decimal.DecimalException:
        return _wrong_type("long_int", FeatureType.INT)
    if number.is_nan():
        return None, ("nan",)
    if number.is_infinite() or number != number.to_integral_value():
        return _wrong_type("float", FeatureType.INT)
    inside = -_INT64 <= number < _INT64
    return (int(number), ("point_zero",)) if inside else _wrong_type("long_int", FeatureType.INT)


def _text_to_float(text: str) -> Converted:
    number, forms = _checked_float32(float(text))
    if number is not None and math.isinf(number) and "n" not in text.lower():
        return number, ("beyond_float32",)
    return number, forms


_CONVERT: dict[FeatureType, Callable[[Any], Converted]] = {
    FeatureType.INT: _to_int,
    FeatureType.FLOAT: _to_float,
    FeatureType.BYTES: _to_bytes,
}
_TEXTS_FOR_NUMBERS = frozenset({"bytes_for_int", "bytes_for_float"})
_TYPE_NAMES = frozenset(feature_type.value for feature_type in FeatureType)

"""JSON of requests, as strict as the formats allow: orjson, and Python's own parser for what it refuses."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import orjson

from trueserve.transforms.logs.request import BadRecordError

NOT_JSON = "not_json"
# Tensors have at most 254 dimensions; nobody sends more than a few. Whoever walks the values, or writes them
# again, needs as deep a stack.
MAX_DEPTH = 200
_BRACKETS = b'[]{}"'
_OTHERS = bytes(set(range(256)) - set(_BRACKETS))


def load(data: bytes | str) -> Any:
    """The value of a JSON text.

    TF Serving takes the tokens NaN, Infinity and -Infinity, which are no JSON; they become floats. Bytes that
    are no UTF-8 come through in strings as surrogate escapes, and surrogates that are written as escapes as
    themselves. Whole numbers beyond 64 bits become floats, infinite ones at last. Raises BadRecordError:
    `not_json`, `nested_too_deeply`.
    """
    raw = (_encoded(data) if isinstance(data, str) else data).removeprefix(b"\xef\xbb\xbf")
    if _depth(raw) > MAX_DEPTH:
        raise BadRecordError("nested_too_deeply", f"expected JSON of at most {MAX_DEPTH} levels; it has more")
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        return _load_carefully(raw)


def load_object(data: bytes | str) -> dict[str, Any]:
    """The value of a JSON text that is an object. Raises BadRecordError, also `not_an_object`."""
    value = load(data)
    if not isinstance(value, dict):
        raise BadRecordError("not_an_object", f"expected a JSON object, got {_name_of(value)}")
    return value


def _load_carefully(raw: bytes) -> Any:
    try:
        return json.loads(raw.decode("utf-8", "surrogateescape"), parse_int=_parsed_int)
    except ValueError as error:
        raise _not_json(error) from None


def _parsed_int(digits: str) -> int | float:
    """As orjson has it: an integer of 64 bits, with a sign or without, else a float."""
    if len(digits) > 20:
        return float(digits)
    number = int(digits)
    return number if -(1 << 63) <= number < 1 << 64 else float(digits)


def _encoded(text: str) -> bytes:
    """Bytes that came through as surrogates are put back; other surrogates are bytes that are no UTF-8."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


def _depth(raw: bytes) -> int:
    """How deep brackets are nested, or less than `MAX_DEPTH` where they are too few to be nested so."""
    if raw.count(b"[") + raw.count(b"{") <= MAX_DEPTH:
        return 0
    if b"\\" in raw:
        raw = raw.replace(b"\\\\", b"").replace(b'\\"', b"")
    outside = b"".join(raw.translate(None, _OTHERS).split(b'"')[::2])
    marks = np.frombuffer(outside, np.uint8)
    opening = (marks == ord("[")) | (marks == ord("{"))
    steps = np.where(opening, np.int8(1), np.int8(-1))
    return int(np.cumsum(steps, dtype=np.int32).max(initial=0))


def _not_json(error: ValueError) -> BadRecordError:
    # The parser's own words may quote the text; where it stands is enough.
    at = getattr(error, "pos", None)
    where = "" if at is None else f" at character {at:,}"
    return BadRecordError(NOT_JSON, f"expected JSON; the text is none{where}")


def _name_of(value: Any) -> str:
    names = {list: "a list", str: "a string", bool: "a boolean", int: "a number", float: "a number"}
    return names.get(type(value), "null")

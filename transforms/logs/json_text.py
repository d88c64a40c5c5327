"""JSON of requests, as strict as the formats allow: orjson, and Python's own parser for what it refuses."""

from __future__ import annotations

import json
from typing import Any

import orjson

from transforms.logs.request import BadRecordError

NOT_JSON = "not_json"
_TOKENS = (b"NaN", b"Infinity")


def load(data: bytes | str) -> Any:
    """The value of a JSON text.

    TF Serving takes the tokens NaN, Infinity and -Infinity, which are no JSON; they become floats. Bytes that
    are no UTF-8 come through in strings as surrogate escapes. Raises BadRecordError.
    """
    raw = data.encode("utf-8", "surrogateescape") if isinstance(data, str) else data
    raw = raw.removeprefix(b"\xef\xbb\xbf")
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        if not any(token in raw for token in _TOKENS) and _is_utf8(raw):
            raise _not_json(error) from None
    return _load_carefully(raw)


def load_object(data: bytes | str) -> dict[str, Any]:
    """The value of a JSON text that is an object. Raises BadRecordError."""
    value = load(data)
    if not isinstance(value, dict):
        raise BadRecordError("not_an_object", f"expected a JSON object, got {_name_of(value)}")
    return value


def _load_carefully(raw: bytes) -> Any:
    try:
        return json.loads(raw.decode("utf-8", "surrogateescape"))
    except RecursionError:
        raise BadRecordError("nested_too_deeply", "the JSON is nested too deeply to be a request") from None
    except ValueError as error:
        raise _not_json(error) from None


def _not_json(error: ValueError) -> BadRecordError:
    # The parser's own words may quote the text; where it stands is enough.
    at = getattr(error, "pos", None)
    where = "" if at is None else f" at character {at:,}"
    return BadRecordError(NOT_JSON, f"expected JSON; the text is none{where}")


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _name_of(value: Any) -> str:
    names = {list: "a list", str: "a string", bool: "a boolean", int: "a number", float: "a number"}
    return names.get(type(value), "null")

"""Bodies as they were sent: compressed, in base64, or with tensors in binary behind their JSON."""

from __future__ import annotations

import base64
import binascii
import contextlib
import zlib
from collections.abc import Mapping
from typing import Any

from trueserve.transforms.logs.bodies import json_text
from trueserve.transforms.logs.bodies.binary_tensors import load_with_tensors
from trueserve.transforms.logs.carriers.records import LARGEST_RECORD, RECORD_TOO_LARGE
from trueserve.transforms.logs.request import BadRecordError

_GZIP = b"\x1f\x8b"
# The base64 of gzip, and of an object of JSON that was written without blanks.
_SURELY_BASE64 = ("H4sI", "eyJ")
# That of other objects, and of lists. Texts may begin so.
_MAYBE_BASE64 = ("ew", "ey", "e3", "Ww", "Wy", "Wz", "W0", "W1", "W2", "W3")
_GZIP_WINDOW, _ZLIB_WINDOW, _RAW_WINDOW = 31, 15, -15
_MOST_MEMBERS = 128
_PLAIN = frozenset({"", "identity"})
_GZIP_NAMES = frozenset({"gzip", "x-gzip"})


def load_body(value: Any, headers: Any = None) -> Any:
    """The JSON value of a body: of its bytes as they were sent, of its text, or as it is.

    Text may be bytes in base64, which begins otherwise than JSON. Raises BadRecordError: `bad_base64`,
    `not_json`, `nested_too_deeply`, and those of `decompressed` and `load_with_tensors`.

    Args:
      value: what a log has for the body.
      headers: what it has for the headers of the request, which say how its bytes are to be read.
    """
    if isinstance(value, str):
        data = _from_base64(value)
        if data is None:
            return json_text.load(value)
        value = data
    if not isinstance(value, bytes):
        return value
    named = _by_plain_name(headers)
    content, size = named.get("contentencoding"), str(named.get("inferenceheadercontentlength"))
    data = decompressed(value, content if isinstance(content, str) else None)
    return load_with_tensors(data, int(size) if size.isdecimal() and len(size) < 20 else None)


def _from_base64(text: str) -> bytes | None:
    """The bytes that a text is the base64 of; None where it is none. Raises BadRecordError: `bad_base64`."""
    if text.startswith(_SURELY_BASE64):
        return from_base64(text, "expected JSON, or a body in base64")
    if text.startswith(_MAYBE_BASE64):
        with contextlib.suppress(BadRecordError):
            return from_base64(text, "expected base64")
    return None


def from_base64(encoded: Any, expected: str) -> bytes:
    """The bytes of base64. Raises BadRecordError: `bad_base64`, in the words of `expected`."""
    try:
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, TypeError, ValueError):
        raise BadRecordError("bad_base64", f"{expected}; it is none") from None


def decompressed(data: bytes, content: str | None = None) -> bytes:
    """The bytes of a body whose `Content-Encoding` is `content`; gzip is known by its first bytes as well.

    A proxy may decompress a body and pass its header on, so JSON is taken as it is. Raises BadRecordError:
    `bad_compression`, `unknown_encoding`, and `record_too_large` beyond `LARGEST_RECORD`.
    """
    names = {name.strip().lower() for name in (content or "").split(",")} - _PLAIN
    if data.startswith(_GZIP):
        return _inflated(data, _GZIP_WINDOW)
    if not names or data.lstrip()[:1] in (b"{", b"["):
        return data
    if names == {"deflate"}:
        # Some clients leave out the header that zlib has.
        return _inflated(data, _ZLIB_WINDOW if _is_zlib(data) else _RAW_WINDOW)
    if names <= _GZIP_NAMES:
        raise _bad_compression()
    raise BadRecordError(
        "unknown_encoding", "expected a body in gzip or deflate; Content-Encoding is another"
    )


def _inflated(data: bytes, window: int) -> bytes:
    """The bytes of all members, which gzip may have several of; nothing may follow those of deflate."""
    parts: list[bytes] = []
    size = 0
    while data:
        # Each member copies what follows it, so that many of them would take very long.
        if len(parts) == (_MOST_MEMBERS if window == _GZIP_WINDOW else 1):
            raise _bad_compression()
        stream = zlib.decompressobj(window)
        try:
            parts.append(stream.decompress(data, LARGEST_RECORD + 1 - size))
        except zlib.error:
            raise _bad_compression() from None
        size += len(parts[-1])
        if size > LARGEST_RECORD:
            limit = LARGEST_RECORD >> 20
            detail = f"the body is longer than the {limit} MiB that are read of one"
            raise BadRecordError(RECORD_TOO_LARGE, detail)
        if not stream.eof:
            raise _bad_compression()
        data = stream.unused_data
    return b"".join(parts)


def _is_zlib(data: bytes) -> bool:
    return len(data) > 1 and data[0] & 15 == 8 and not int.from_bytes(data[:2], "big") % 31


def _bad_compression() -> BadRecordError:
    detail = f"the compressed body is damaged, ends early, or has more than {_MOST_MEMBERS} members"
    return BadRecordError("bad_compression", detail)


def _by_plain_name(headers: Any) -> dict[str, Any]:
    """Headers in lower case, without `-` or `_`. Several servers write their values as lists."""
    items = headers.items() if isinstance(headers, Mapping) else ()
    return {
        str(name).lower().replace("-", "").replace("_", ""): value[0]
        if isinstance(value, list) and value
        else value
        for name, value in items
    }

"""Whether a file is text in UTF-8, by its first bytes; what is another encoding, or none, is named."""

from __future__ import annotations

from trueserve.transforms.logs.carriers.table_error import TableError

_MARKS = {
    b"\xff\xfe\0\0": "UTF-32",
    b"\0\0\xfe\xff": "UTF-32",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
}
_SAMPLE = 64 << 10
# Of UTF-16 every second byte is NUL as long as the text is Latin.
_LEAST_PAIRS = 0.6
# Fewer may begin a file that is no text: a TFRecord begins with a number.
_LEAST_ZEROS = 16
# A value may hold one, by a client's slip; elsewhere they are no text.
_MOST_ZEROS = 0.1


def check_text(start: bytes) -> None:
    """Raises TableError for a file that begins so and is no UTF-8 text."""
    if (why := why_no_text(start)) is not None:
        raise TableError("bad_encoding", why)


def why_no_text(start: bytes) -> str | None:
    """What a file is that begins so, and is no text in UTF-8; None for text, and for what nobody can tell."""
    if (why := why_other_encoding(start)) is not None:
        return why
    sample = start[:_SAMPLE]
    if b"\0" in sample.split(b"\n", 1)[0] or sample.count(0) > _MOST_ZEROS * len(sample):
        return "the file has NUL bytes, as no text has; expected text in UTF-8"
    return None


def why_other_encoding(start: bytes) -> str | None:
    """That a file which begins so is text in another encoding, or has lost its beginning; None for others."""
    for mark, name in _MARKS.items():
        if start.startswith(mark):
            return f"the file is {name}; expected UTF-8"
    sample = start[:_SAMPLE]
    if b"\0" not in sample:
        return None
    if (zeros := len(sample) - len(sample.lstrip(b"\0"))) >= _LEAST_ZEROS:
        return (
            f"the file begins with {zeros if zeros < _SAMPLE else f'{_SAMPLE:,} or more'} NUL bytes,"
            " as one does that was emptied while somebody wrote to it; expected text in UTF-8"
        )
    pairs = max(sample[0::2].count(0), sample[1::2].count(0))
    if pairs > _LEAST_PAIRS * len(sample) / 2 and b"\0\0" not in sample:
        return "the file is UTF-16 without a byte-order mark; expected UTF-8"
    return None

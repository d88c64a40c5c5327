"""The header of a CSV file: the names of its columns, and why a first line is none."""

from __future__ import annotations

import contextlib
import csv
import io
import re
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import BinaryIO, NamedTuple

from trueserve.transforms.core.arrow import pa
from trueserve.transforms.files.tfrecord import is_of_data
from trueserve.transforms.logs.carriers.escaped_bytes import PRIVATE
from trueserve.transforms.logs.carriers.table_error import TableError
from trueserve.transforms.logs.carriers.text.encoding import check_text
from trueserve.transforms.logs.carriers.text.separators import SEPARATORS, first_rows, is_header, separator_of

_HEADER_BYTES = 1 << 20
_NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*")
_DIGITS = re.compile(r"\s*\d+\s*")
_NAMED = "write a first line with the names of the columns"


class CsvHeader(NamedTuple):
    """The names in a header, none for an empty file, and what separates them."""

    names: list[str]
    separator: str


def csv_header(stream: BinaryIO, separator: str | None = None) -> list[str]:
    """The column names, see `read_header`."""
    return read_header(stream, separator).names


def read_header(stream: BinaryIO, separator: str | None = None) -> CsvHeader:
    """The column names, of which the first may be empty; [] for an empty file.

    Raises TableError for a first line that is no header.

    Args:
      separator: what separates values; None tells by the content.
    """
    with csv_errors():
        start = stream.read(_HEADER_BYTES)
    check_text(start)
    text = start.decode("utf-8-sig", "surrogateescape")
    header = _header(text, separator or separator_of(text))
    rules = (_numbers, _one_column, _private, _odd)
    why = next(filter(None, (rule(header.names) for rule in rules)), None) or _values(text, header)
    if why is not None:
        raise TableError("bad_header", why)
    return header


def _header(text: str, separator: str) -> CsvHeader:
    try:
        names = next(csv.reader(io.StringIO(text, newline=""), delimiter=separator), [])
        if not names and text.strip():
            raise TableError("bad_header", "the first line is empty; expected the names of the columns")
        "".join(names).encode()
    except (UnicodeError, csv.Error) as error:
        raise TableError("bad_header", "the first line is no CSV header in UTF-8") from error
    return CsvHeader(names, separator)


def _numbers(names: Sequence[str]) -> str | None:
    """A number with a sign, a point or an exponent is nobody's name; a year may be, beside others.

    pandas numbers the columns that have no names: from 0 on.
    """
    if len(names) > 2 and list(names) == list(map(str, range(len(names)))):
        return None
    numbers = [name for name in names if _NUMBER.fullmatch(name)]
    if numbers and (len(numbers) == len(names) or not all(map(_DIGITS.fullmatch, numbers))):
        return (
            f"the first line has numbers ({len(numbers)} of {len(names)} values) where the names of columns"
            f" are expected; {_NAMED}"
        )
    return None


def _one_column(names: Sequence[str]) -> str | None:
    if len(names) == 1:
        for separator, what in SEPARATORS.items():
            if separator in names[0]:
                return (
                    f"the header is one column, with {what} in its name, and rows have other numbers of them;"
                    " say what separates values with --csv_separator"
                )
    return None


def _values(text: str, header: CsvHeader) -> str | None:
    """Values come again, names do not."""
    with contextlib.suppress(csv.Error):  # reported by the reader
        rows = first_rows(text, header.separator)
        if rows and not is_header(rows):
            return f"the first line has values that come again in the same columns, and no names; {_NAMED}"
    return None


def _private(names: Sequence[str]) -> str | None:
    if any(PRIVATE.search(name) for name in names):
        return "a column name has a character of private use, U+10FD00 to U+10FDFF"
    return None


def _odd(names: Sequence[str]) -> str | None:
    times = Counter(names)
    # pandas writes an index without a name as a first column without one.
    named = {0} if len(names) > 1 and names[0] == "" and times[""] == 1 else set()
    odd = [at + 1 for at, name in enumerate(names) if times[name] > 1 or not (name.strip() or at in named)]
    if not odd:
        return None
    # By their numbers: of a file without a header these would be somebody's values.
    at = ", ".join(map(str, odd[:10])) + (", ..." if len(odd) > 10 else "")
    return f"column names are empty or stand twice in the CSV header, those of columns {at}"


@contextlib.contextmanager
def csv_errors() -> Iterator[None]:
    """Raises TableError for errors of Arrow, of files and of their compression that are about the data."""
    try:
        yield
    except EOFError as error:
        raise TableError("truncated", "truncated: compressed data end early") from error
    except (pa.ArrowException, OSError, zlib.error) as error:
        if not is_of_data(error):
            raise
        raise TableError("bad_csv", f"cannot read it as CSV: {_one_line(error)}") from error


def _one_line(error: Exception) -> str:
    # Arrow quotes the row of which it says this.
    message = re.sub(r"(columns, got \d+):.*", r"\1", str(error), flags=re.DOTALL)
    return " ".join(message.split())[:200]

"""In which line of a TOML file a key stands: `tomllib` gives values alone."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterator

#: Keys from the outermost table on; the entries of an array of tables are numbered from 0.
Path = tuple[str | int, ...]

_QUOTES = ('"""', "'''", '"', "'")
_OPENING, _CLOSING = "[{", "]}"
_HEADER = re.compile(r"\s*(\[\[?)([^\[\]]+)\]")


def lines_of(text: str) -> dict[Path, int]:
    """The line (from 1) of each table and each key of a valid document.

    Keys of an inline table have none of their own: `line_of` gives that of the table.
    """
    known: dict[Path, int] = {}
    table: Path = ()
    entries = Counter[Path]()
    for number, line in _statements(text):
        if header := _HEADER.match(line):
            name = _keys(header[2])
            if header[1] == "[[":
                entries[name] += 1
                known.setdefault(name, number)
            table = _numbered(name, entries)
            known.setdefault(table, number)
        elif "=" in line:
            path = (*table, *_keys(_before_equals(line)))
            for length in range(len(table) + 1, len(path) + 1):
                known.setdefault(path[:length], number)
    return known


def line_of(path: Path, known: dict[Path, int]) -> int | None:
    """The line of a key, or of the innermost table around it that has one."""
    for length in range(len(path), 0, -1):
        if (number := known.get(path[:length])) is not None:
            return number
    return None


def _numbered(name: Path, entries: Counter[Path]) -> Path:
    """The path of a table, with the number of the entry after each name of an array of tables."""
    path: Path = ()
    for length in range(1, len(name) + 1):
        path = (*path, name[length - 1])
        if count := entries[name[:length]]:
            path = (*path, count - 1)
    return path


def _keys(text: str) -> Path:
    """The keys of a dotted key, whose parts may be quoted."""
    document = tomllib.loads(f"{text.strip()} = 0")
    path: Path = ()
    while isinstance(document, dict):
        [(key, document)] = document.items()
        path = (*path, key)
    return path


def _before_equals(line: str) -> str:
    """A key, up to the first `=` outside of quotes."""
    quote = ""
    for at, character in enumerate(line):
        if character == quote:
            quote = ""
        elif not quote and character in "\"'":
            quote = character
        elif not quote and character == "=":
            return line[:at]
    return line


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """The lines in which something begins: those inside of strings, arrays and inline tables are left out."""
    quote, depth = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        if not quote and not depth and line.strip() and not line.lstrip().startswith("#"):
            yield number, line
            if _HEADER.match(line):
                continue
        quote, depth = _after(line, quote, depth)


def _after(line: str, quote: str, depth: int) -> tuple[str, int]:
    """The quotes and the brackets that are open at the end of a line."""
    at = 0
    while at < len(line):
        if quote:
            if line[at] == "\\" and quote[0] == '"':
                at += 1
            elif line.startswith(quote, at):
                at += len(quote) - 1
                quote = ""
        elif opened := next((each for each in _QUOTES if line.startswith(each, at)), ""):
            quote, at = opened, at + len(opened) - 1
        elif line[at] == "#":
            break
        else:
            depth += (line[at] in _OPENING) - (line[at] in _CLOSING)
        at += 1
    # A string of one line ends with it.
    return (quote if len(quote) == 3 else ""), depth

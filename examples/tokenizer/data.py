"""Text that every Python brings along: what its standard library says of itself, and a client that cuts it.

Of each docstring of a function or a class the first four words are taken, from the sources. Those with rare
words are left out: TFDV counts a feature's thousand most frequent values, and beyond those no statistics can
tell a value that is new from one that was not kept.
"""

from __future__ import annotations

import ast
import functools
import re
import sysconfig
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from examples.rows import Row, Split, split

LABEL = "is_class"
CLASSES = 2
# The client's own table: first words in the order of their ids, from 1 on. 0 is any other word.
FIRST_WORDS = (
    *("return", "returns", "a", "set", "read", "get", "create", "same", "test", "write"),
    *("this", "the", "convert", "internal", "format", "remove", "process", "add", "helper", "deprecated"),
)
_PACKAGES = ("asyncio", "email", "http", "importlib", "logging", "tkinter", "unittest", "urllib", "xml")
_FREQUENT = 700
OPENING = 4  # words
_SERVED = 0.4
_SEED = 1991


class Line(NamedTuple):
    """How a docstring begins: its first line, of four words at least, and whether it is a class's."""

    text: str
    is_class: bool


@functools.cache
def read() -> Split[Line]:
    """The lines that begin with frequent words, each once."""
    lines = sorted({line for path in _sources() for line in _docstrings(path)})
    counts = Counter(word for line in lines for word in first_words(line.text))
    frequent = {word for word, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:_FREQUENT]}
    return split([line for line in lines if frequent.issuperset(first_words(line.text))], _SERVED, _SEED)


def rows(lines: Sequence[Line], cut: Callable[[str], list[str]] | None = None, unknown: int = 0) -> list[Row]:
    """Lines as the client sends them: `words`, `first_word_id` and the label.

    Args:
      cut: gives the words of a text, `first_words` unless another one is given.
      unknown: the id of first words that the client's table lacks.
    """
    return [_row(line, (cut or first_words)(line.text), unknown) for line in lines]


def first_words(text: str) -> list[str]:
    """The first words of a text, in lower case and without punctuation."""
    return re.findall(r"\w+", text.lower())[:OPENING]


def _row(line: Line, cut: list[str], unknown: int) -> Row:
    first = first_words(line.text)[0]
    number = FIRST_WORDS.index(first) + 1 if first in FIRST_WORDS else unknown
    return {
        "words": [word.encode() for word in cut],
        "first_word_id": [number],
        LABEL: [int(line.is_class)],
    }


def _sources() -> list[Path]:
    library = Path(sysconfig.get_path("stdlib"))
    inside = [
        path for name in _PACKAGES for path in (library / name).rglob("*.py") if "test" not in path.parts
    ]
    return sorted([*library.glob("*.py"), *inside])


def _docstrings(path: Path) -> Iterator[Line]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            text = (ast.get_docstring(node) or "").partition("\n")[0]
            if len(first_words(text)) == OPENING:
                yield Line(text, isinstance(node, ast.ClassDef))

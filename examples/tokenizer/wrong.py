"""What goes wrong with a tokenizer that is written twice: once for training, once in the client."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from examples.rows import Row
from examples.tokenizer.data import OPENING, Line, rows


def unknown_moved(lines: Sequence[Line]) -> list[Row]:
    """The client's table was rewritten, and gives -1 for a word that it lacks."""
    return rows(lines, unknown=-1)


def punctuation_attached(lines: Sequence[Line]) -> list[Row]:
    """What follows a word stays with it since "a fix" of the client: `list,` and `list` are two words."""
    return rows(lines, cut=lambda text: re.findall(r"\w+[^\w\s]*", text.lower())[:OPENING])


def case_kept(lines: Sequence[Line]) -> list[Row]:
    """The client no longer brings the words into lower case."""
    return rows(lines, cut=lambda text: re.findall(r"\w+", text)[:OPENING])


def rebuild_vocabulary(served: Path, rebuilt: Path) -> None:
    """A served model with the vocabulary of another training run: the same words under other ids."""
    shutil.copytree(served, rebuilt)
    file = rebuilt / "assets" / "words"
    lines = file.read_text(encoding="utf-8").splitlines()
    file.write_text("\n".join(sorted(lines)) + "\n", encoding="utf-8")

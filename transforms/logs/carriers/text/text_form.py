"""What whoever reads text files may be told of them. Imports nothing: the command line has it, too."""

from __future__ import annotations

from typing import NamedTuple


class TextForm(NamedTuple):
    """How text files are read.

    Attributes:
      separator: what separates the values of CSV; None for each file tells by its content.
      missing_values: texts that mean that there is no value.
    """

    separator: str | None = None
    missing_values: frozenset[str] = frozenset()


#: Nothing is said of them.
ANY_TEXT = TextForm()

"""What says that a value is missing where requests carry tensors, which have a value in every place.

The served model takes false in a second input `NAME/present` for a missing integer; `tensors` reads the same
of TensorProtos. What else stands for missing, NaN and empty text, is in the value itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from transforms.logs.features import Expected
from transforms.logs.request import BadRecordError
from transforms.logs.tensors import PRESENT


class Missing:
    """Takes the values of rows out that are said to be missing. An absent feature is missing."""

    def __init__(self, expected: Expected | None) -> None:
        types = expected.types if expected else {}
        self._fixed = expected.fixed if expected else frozenset()
        # A name that is a feature itself masks none.
        self._masks = {name + PRESENT: name for name in types if name + PRESENT not in types}

    def taken_out(self, row: dict[str, Any]) -> dict[str, Any]:
        """`row`, changed in place: a mapping from feature to a value or nested lists.

        Raises BadRecordError: `bad_mask`.
        """
        for mask in self._masks.keys() & row.keys():
            if self._masks[mask] in row:
                self._apply(row, self._masks[mask], row.pop(mask))
        return row

    def _apply(self, row: dict[str, Any], name: str, mask: Any) -> None:
        said = list(_flat(mask if isinstance(mask, list) else [mask]))
        size = len(list(_flat(row[name]))) if isinstance(row[name], list) else 1
        if not all(isinstance(one, bool | int) for one in said) or (size and len(said) not in (1, size)):
            # It says nothing, and what it hides would pass for values.
            raise BadRecordError("bad_mask", f"input {name[:100]!r} and what says where it is do not fit")
        self._keep(row, name, [bool(one) for one in said] * (size if len(said) == 1 else 1))

    def _keep(self, row: dict[str, Any], name: str, there: list[bool]) -> None:
        if all(there):
            return
        if not any(there):
            del row[name]
        elif name not in self._fixed:
            # Where positions mean something, a row is missing as a whole or keeps all its values.
            row[name] = [one for one, kept in zip(_flat(row[name]), there, strict=True) if kept]


def _flat(values: Iterable[Any]) -> Iterator[Any]:
    for one in values:
        if isinstance(one, list):
            yield from _flat(one)
        else:
            yield one

"""The value of a feature in each row, without what `NAME/present` says is not there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from trueserve.transforms.logs.request import Exact


class Absent:
    """Where a row has no such feature."""


ABSENT = Absent()
NOTHING = frozenset({type(None), Absent})


def values_of_rows(instances: Sequence[Mapping[str, Any]], name: str, mask: str | None) -> list[Any]:
    """The feature's value in every row, `ABSENT` where the row has none or its mask says so."""
    values = [instance.get(name, ABSENT) for instance in instances]
    if mask is None:
        return values
    flags = [instance.get(mask) for instance in instances]
    return [
        value
        if flag is None or isinstance(value, Exact) or isinstance(flag, Exact)
        else _apply_mask(flag, value)
        for value, flag in zip(values, flags, strict=True)
    ]


class _Masked(list[Any]):
    """A list of which some values are not there: those that are `ABSENT`."""


def _apply_mask(mask: Any, value: Any) -> Any:
    """What is left of a value. A mask that does not fit says nothing, and its values would pass for real."""
    flags = list(leaves(mask if isinstance(mask, list | tuple) else [mask]))
    if any(not isinstance(flag, int) for flag in flags):
        return BAD_MASK
    if not isinstance(value, list | tuple):
        return (value if flags[0] else ABSENT) if len(flags) == 1 else BAD_MASK
    items = list(leaves(value))
    if len(flags) not in (1, len(items)):
        return BAD_MASK
    if all(flags):
        return value
    item_flags = flags * len(items) if len(flags) == 1 else flags
    return _Masked(item if flag else ABSENT for item, flag in zip(items, item_flags, strict=True))


class _BadMask:
    """A value whose `NAME/present` does not fit it."""


BAD_MASK = _BadMask()


def leaves(value: Sequence[Any]) -> Iterator[Any]:
    """The values of nested lists in order, however deep: this needs no stack."""
    waiting = [iter(value)]
    while waiting:
        for item in waiting[-1]:
            if isinstance(item, list | tuple):
                waiting.append(iter(item))
                break
            yield item
        else:
            waiting.pop()

"""Decoded tensors of requests to list columns: dense tensors, [batch, ...], one row for each of the batch.

Missing is NaN for floats, empty bytes for strings, and what an input `NAME/present` says for NAME. Zero is
a value.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from trueserve.transforms.core.arrow import pa
from trueserve.transforms.logs.features import VALUES, Array, Column, Expected, FeatureType, lists
from trueserve.transforms.logs.tensors.tensor_protos import Tensor, TensorError

PRESENT = "/present"


class TensorColumns:
    """Gathers the tensors of many requests, and makes one column a feature of them."""

    def __init__(self, expected: Expected | None) -> None:
        self._expected = expected
        self._inputs: dict[tuple[str, FeatureType], list[tuple[int, Tensor]]] = {}
        self.rows = 0
        self.values = 0

    def add(self, inputs: Mapping[str, Tensor]) -> int:
        """Adds a request's tensors; the number of its rows. A scalar stands for every row.

        Raises TensorError, and adds nothing, where `check` does.
        """
        rows = self.check(inputs)
        for name, tensor in inputs.items():
            expanded = tensor if tensor.rows is not None else _broadcast(tensor, rows)
            self._inputs.setdefault((name, tensor.kind), []).append((self.rows, expanded))
            self.values += rows * max(tensor.width, 1)
        self.rows += rows
        return rows

    def check(self, inputs: Mapping[str, Tensor]) -> int:
        """The number of a request's rows. Raises TensorError when its tensors are not of one batch."""
        rows = batch_size(inputs)
        self._check_masks(inputs)
        return rows

    def _check_masks(self, inputs: Mapping[str, Tensor]) -> None:
        """A mask that does not fit says nothing, and what it hides would pass for values."""
        known = self._expected.types if self._expected else inputs
        for name, mask in inputs.items():
            feature = inputs.get(name.removesuffix(PRESENT))
            if feature is None or feature is mask or name.removesuffix(PRESENT) not in known:
                continue
            if self._expected and name in known:
                continue  # a feature of its own
            _check_mask(name[:100], mask, feature)

    def columns(self) -> list[Column]:
        """A column for each feature and type, null in rows whose request did not have it."""
        masks = {n: parts for (n, kind), parts in self._inputs.items() if self._is_mask(n, kind)}
        return [
            (name, self._column(name, kind, parts, masks.get(name + PRESENT)))
            for (name, kind), parts in self._inputs.items()
            if not self._is_mask(name, kind)
        ]

    def _is_mask(self, name: str, kind: FeatureType) -> bool:
        known = self._expected.types if self._expected else {}
        base = name.removesuffix(PRESENT)
        could_be = base != name and name not in known and kind is not FeatureType.BYTES
        return could_be and any(base == other for other, _ in self._inputs)

    def _column(
        self, name: str, kind: FeatureType, parts: Sequence[tuple[int, Tensor]], mask: Any
    ) -> pa.LargeListArray:
        lengths, null = np.zeros(self.rows, np.int64), np.ones(self.rows, bool)
        for start, tensor in parts:
            lengths[start : start + (tensor.rows or 0)] = tensor.width
            null[start : start + (tensor.rows or 0)] = False
        values = _concatenated(kind, [tensor.values for _, tensor in parts])
        present = _values_present(kind, values)
        if mask is not None:
            present &= _mask_values(mask, lengths)
        row = np.repeat(np.arange(self.rows), lengths)
        counts = np.bincount(row[present], minlength=self.rows)
        null |= (counts == 0) & (lengths > 0)
        if self._expected and name in self._expected.fixed:
            # Positions mean something here: a row is missing as a whole, or keeps all its values.
            present, counts = ~null[row], np.where(null, 0, lengths)
        flat = pa.array(values, VALUES[kind])
        return lists(flat if present.all() else flat.filter(pa.array(present)), counts, null)


def batch_size(inputs: Mapping[str, Tensor]) -> int:
    """The rows that these tensors have together. Raises TensorError when they are not of one batch."""
    sizes = {tensor.rows for tensor in inputs.values() if tensor.rows is not None} or {1}
    if len(sizes) > 1:
        raise TensorError("batch_mismatch", f"inputs have batches of different sizes: {sorted(sizes)}")
    return sizes.pop()


def _check_mask(name: str, mask: Tensor, feature: Tensor) -> None:
    if mask.kind is FeatureType.BYTES:
        raise TensorError("bad_mask", f"input {name!r} holds strings; it says which values are there")
    if feature.width and mask.width not in (1, feature.width):
        detail = f"input {name!r} has {mask.width} values a row; its feature has {feature.width}"
        raise TensorError("bad_mask", detail)


def _broadcast(tensor: Tensor, rows: int) -> Tensor:
    values = tensor.values
    repeated = values * rows if isinstance(values, list) else np.repeat(values, rows)
    return dataclasses.replace(tensor, values=repeated, rows=rows)


def _concatenated(kind: FeatureType, parts: Sequence[Any]) -> Any:
    if kind is FeatureType.BYTES:
        return [value for part in parts for value in part]
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _values_present(kind: FeatureType, values: Any) -> Array:
    if kind is FeatureType.FLOAT:
        return np.asarray(~np.isnan(values))
    if kind is FeatureType.BYTES:
        return np.fromiter((len(value) > 0 for value in values), bool, len(values))
    return np.ones(len(values), bool)


def _mask_values(mask: Sequence[tuple[int, Tensor]], lengths: Array) -> Array:
    """For every value, whether the mask's input says that it is there; it is where a row has no mask.

    A mask is as wide as its feature, or has one value a row.
    """
    result = np.ones(int(lengths.sum()), bool)
    starts = np.cumsum(lengths) - lengths
    for first, tensor in mask:
        mask_rows = np.asarray(tensor.values, bool).reshape(tensor.rows or 0, tensor.width)
        for row, flags in enumerate(mask_rows, first):
            at = slice(starts[row], starts[row] + lengths[row])
            if len(flags) in (1, lengths[row]):
                result[at] = flags
    return result

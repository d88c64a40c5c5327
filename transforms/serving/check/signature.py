"""A signature of a loaded model that is asked with probes, whatever form it takes raw features in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from trueserve.transforms.serving import parity
from trueserve.transforms.serving.sandboxed_main import first_line
from trueserve.transforms.serving.tolerance import RaggedRows

_PRESENT = "/present"
# So many probes are asked at once where one of all of them makes the model fail.
_BLOCK = 16


class UnfitError(Exception):
    """The signature takes something else than raw features; the text says what."""


class Answers(NamedTuple):
    """What a signature gave for some of the probes.

    Attributes:
      rows: indices of the probes that it answered; others are in `refused_rows`, or cannot be put to it.
      columns: its outputs for those.
      complaint: what it said to the first that it refused.
    """

    rows: list[int]
    columns: Mapping[str, RaggedRows]
    refused_rows: list[int]
    complaint: str


class Signature:
    """A concrete function that takes serialized tf.Examples, or a tensor for each raw feature."""

    def __init__(self, function: Any) -> None:
        self._function = function
        self._specs = {spec.name: spec for spec in function.structured_input_signature[1].values()}
        # One of strings may be a raw feature, too; the probes tell.
        self._takes_examples = len(self._specs) == 1 and all(
            spec.dtype.name == "string" and spec.shape.rank in (None, 1) for spec in self._specs.values()
        )

    def ask(self, probes: Sequence[Any], expected: Mapping[str, RaggedRows]) -> Answers:
        """Asks with all probes that can be put to it, in one batch; without those that make it fail.

        `expected` has the names of the outputs, for sparse ones. Raises UnfitError.
        """
        self._check(probes)
        rows = [i for i, probe in enumerate(probes) if self._can_take(probe)]
        try:
            return Answers(rows, self.answer([probes[i] for i in rows], expected) if rows else {}, [], "")
        except Exception as error:  # noqa: BLE001 - any of TensorFlow's, or of an op's
            refused_rows = self._refused_alone(probes, rows, expected)
            good = [i for i in rows if i not in set(refused_rows)] if refused_rows else []
            columns = self.answer([probes[i] for i in good], expected) if good else {}
            return Answers(good, columns, refused_rows or rows, first_line(error))

    def answer(self, probes: Sequence[Any], expected: Mapping[str, RaggedRows]) -> dict[str, RaggedRows]:
        """The outputs for these probes in one batch; raises what the model's ops raise."""
        return parity.columns(self._function(**self._tensors(probes)), expected)

    def _check(self, probes: Sequence[Any]) -> None:
        features = (name for probe in probes for name in probe.features.feature)
        known = {name.removeprefix(parity.RAW) for name in features if name.startswith(parity.RAW)}
        unknown = [name for name in self._specs if name.removesuffix(_PRESENT) not in known]
        self._takes_examples = self._takes_examples and bool(unknown)
        if unknown and not self._takes_examples:
            raise UnfitError(f"it takes {', '.join(sorted(unknown)[:5])}, which are no raw features")

    def _can_take(self, probe: Any) -> bool:
        """Whether the probe can be said in its tensors; as tf.Example it always can."""
        if self._takes_examples:
            return True
        return not parity.says_missing(probe) and all(
            self._can_hold(name, spec, probe) for name, spec in self._specs.items()
        )

    def _can_hold(self, name: str, spec: Any, probe: Any) -> bool:
        if name.endswith(_PRESENT):
            return True
        count = len(parity.raw_values(probe, name))
        width = self._width(name)
        if width is not None and count > width:
            return False
        # An integer that is missing can be said by a second input alone.
        return count > 0 or not spec.dtype.is_integer or name + _PRESENT in self._specs

    def _refused_alone(
        self, probes: Sequence[Any], rows: list[int], expected: Mapping[str, RaggedRows]
    ) -> list[int]:
        """The rows that are refused alone, too; of most blocks one call says that they have none."""
        blocks = [rows[first : first + _BLOCK] for first in range(0, len(rows), _BLOCK)]
        failing = [b for b in blocks if not self._can_answer([probes[i] for i in b], expected)]
        return [i for block in failing for i in block if not self._can_answer([probes[i]], expected)]

    def _can_answer(self, probes: Sequence[Any], expected: Mapping[str, RaggedRows]) -> bool:
        try:
            self.answer(probes, expected)
        except Exception:  # noqa: BLE001
            return False
        return True

    def _tensors(self, probes: Sequence[Any]) -> dict[str, Any]:
        import tensorflow as tf

        if self._takes_examples:
            serialized = np.array([parity.request(probe) for probe in probes], object)
            return {name: tf.constant(serialized) for name in self._specs}
        widths = {name: (spec.dtype, self._width(name)) for name, spec in self._specs.items()}
        arrays = parity.dense_tensors(probes, widths)
        return {
            name: tf.constant(array[:, 0] if self._rank(name) == 1 else array, self._specs[name].dtype)
            for name, array in arrays.items()
        }

    def _rank(self, name: str) -> int | None:
        rank: int | None = self._specs[name].shape.rank
        return rank

    def _width(self, name: str) -> int | None:
        rank = self._rank(name)
        if rank is None or rank < 2:
            return 1 if rank == 1 else None
        width: int | None = self._specs[name].shape[1]
        return width

"""Rows with the same values, again and again: what a sample of rows tells of them.

Values are known by a hash alone (`columnar.row_hashes`): nothing here can be read.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Collection, Mapping
from typing import Any

from tensorflow_metadata.proto.v0 import schema_pb2

from trueserve.transforms.core.schema import in_serving, is_used

_MOST_NUMBERS, _MOST_TEXTS = 64, 16
_TYPES = (schema_pb2.INT, schema_pb2.BYTES, schema_pb2.FLOAT)


@dataclasses.dataclass(frozen=True, order=True)
class RepeatedRow:
    """Values that came more than once.

    Attributes:
      file, record: where one of the rows stands, the first of those that were looked at.
      code: a hash of the values.
      rows: how many of the rows that were looked at have them.
    """

    file: str
    record: int
    code: int
    rows: int


@dataclasses.dataclass(frozen=True)
class RowRepeats:
    """A random sample of rows, or all if they are few.

    Attributes:
      rows: how many rows were looked at.
      single: those of them whose values came once.
      repeated: of the others the values that came most often, those first.
      most_others: how often values came at most that are not among these.
    """

    rows: int = 0
    single: int = 0
    repeated: tuple[RepeatedRow, ...] = ()
    most_others: int = 0

    def to_json(self) -> dict[str, Any]:
        """Plain values; a hash is text, as JSON's numbers are not so long."""
        rows = [{**dataclasses.asdict(row), "code": f"{row.code:016x}"} for row in self.repeated]
        return {**dataclasses.asdict(self), "repeated": rows}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> RowRepeats:
        """The inverse of `to_json`."""
        rows = tuple(RepeatedRow(**{**row, "code": int(row["code"], 16)}) for row in values["repeated"])
        return cls(int(values["rows"]), int(values["single"]), rows, int(values["most_others"]))


@dataclasses.dataclass(frozen=True)
class DroppedRows:
    """Rows that are left out: all with one of these values but for the one that stands where it says."""

    names: frozenset[str]
    repeated: tuple[RepeatedRow, ...]


def hashed_features(schema: schema_pb2.Schema, left_out: Collection[str | None]) -> tuple[str, ...]:
    """The features of a request that its values are, in order: all that tell nothing else of it.

    Args:
      left_out: the label, the feature of the time, and those that name each row.
    """
    used = [feature for feature in schema.feature if is_used(feature) and in_serving(feature, schema)]
    kept = [feature for feature in used if feature.type in _TYPES and feature.name not in left_out]
    texts = {feature.name for feature in kept if feature.type == schema_pb2.BYTES}
    numbers = {feature.name for feature in kept} - texts
    # Rows that are the same in so many features are taken to be the same: it costs as much as they are.
    return tuple(sorted([*_some(numbers, _MOST_NUMBERS), *_some(texts, _MOST_TEXTS)]))


def _some(names: Collection[str], most: int) -> list[str]:
    """So many of the names at most, any of them, but always the same."""
    return sorted(names, key=lambda name: digest([name]))[:most]


def digest(names: Collection[str]) -> str:
    """Tells these features from others: hashes of rows can be compared only if they are of the same."""
    return hashlib.sha256("\0".join(sorted(names)).encode("utf-8", "surrogatepass")).hexdigest()[:16]

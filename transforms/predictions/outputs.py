"""What a model answers, as columns that have statistics: one for a number, one for each number of a vector.

The features of an output `NAME`:

- one float: `NAME`, a number;
- several floats: `NAME[0]`, `NAME[1]`, ..., unless there are more than `MAX_COMPONENTS`, and in any case
  `NAME[argmax]`, the place of the largest, a category;
- integers and texts: `NAME`, a category, with as many values in a row as the output has.
"""

from __future__ import annotations

import dataclasses
import enum
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from tensorflow_metadata.proto.v0 import schema_pb2

from trueserve.transforms.core.arrow import pa

Array = np.ndarray[Any, Any]

#: A vector of more numbers is known by its argmax alone.
MAX_COMPONENTS = 32
#: Floats are rounded to so many significant digits: the same model elsewhere differs in the last ones.
#: A probability that is 1 here and 0.99999994 there has not moved.
DIGITS = 5

_TAG = "trueserve:outputs="
_ON_TRAINING = "trueserve:on_training_rows"
_TINY = float(np.finfo(np.float32).tiny)


class OutputType(enum.StrEnum):
    """What an output's values are."""

    FLOAT = "float"
    INT = "int"
    TEXT = "text"


@dataclasses.dataclass(frozen=True)
class Output:
    """One output of a model.

    Attributes:
      width: how many values a row has; None where rows differ in that. Such an output has no feature.
      marks: so many `_` tell its feature from another output's (`distinct`).
    """

    name: str
    kind: OutputType
    width: int | None
    marks: int = 0

    @property
    def feature(self) -> str:
        """The name of its feature; a dot would make it a field of a struct."""
        return self.name.replace(".", "_") + "_" * self.marks

    @property
    def is_vector(self) -> bool:
        return self.kind is OutputType.FLOAT and self.width is not None and self.width > 1

    @property
    def components(self) -> range:
        """The places in a vector that have a feature of their own."""
        wide = self.width is None or self.width > MAX_COMPONENTS
        return range(0 if wide or not self.is_vector else self.width or 0)


def distinct(outputs: Iterable[Output]) -> tuple[Output, ...]:
    """The outputs in their order, each with a feature name of its own: `a.b` gives way to `a_b`."""
    given = list(outputs)
    taken = {output.name for output in given if "." not in output.name}
    renamed = []
    for output in given:
        while "." in output.name and output.feature in taken:
            output = dataclasses.replace(output, marks=output.marks + 1)  # noqa: PLW2901
        taken.add(output.feature)
        renamed.append(output)
    return tuple(renamed)


def schema_of(outputs: Sequence[Output], comment: str, *, on_training: bool = False) -> schema_pb2.Schema:
    """The schema of the outputs' features. It holds the outputs themselves, too (see `outputs_of`).

    Args:
      comment: a sentence for a person, on what data the model was asked.
      on_training: whether that was the data that the model was trained on.
    """
    schema = schema_pb2.Schema(feature=[feature for output in outputs for feature in _features(output)])
    entries = {o.name: {"kind": o.kind.value, "width": o.width} for o in outputs}
    schema.annotation.tag.append(_TAG + json.dumps(entries, sort_keys=True))
    schema.annotation.tag.extend([_ON_TRAINING] if on_training else [])
    schema.annotation.comment.append(comment)
    return schema


def is_on_training(schema: schema_pb2.Schema) -> bool:
    """Whether the predictions are known to be on the rows that the model was trained on."""
    return _ON_TRAINING in schema.annotation.tag


def outputs_of(schema: schema_pb2.Schema) -> tuple[Output, ...] | None:
    """The outputs that `schema_of` was given, by name; None for another schema."""
    tags = [tag.removeprefix(_TAG) for tag in schema.annotation.tag if tag.startswith(_TAG)]
    try:
        entries = json.loads(tags[0]) if tags else {}
        outputs = distinct(
            Output(name, OutputType(entry["kind"]), entry["width"]) for name, entry in entries.items()
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return outputs or None


def _features(output: Output) -> Iterator[schema_pb2.Feature]:
    if not output.width:
        return
    if output.kind is OutputType.TEXT:
        yield schema_pb2.Feature(name=output.feature, type=schema_pb2.BYTES)
    elif output.kind is OutputType.INT:
        yield _category(output.feature)
    elif output.is_vector:
        names = (f"{output.feature}[{index}]" for index in output.components)
        yield from (schema_pb2.Feature(name=name, type=schema_pb2.FLOAT) for name in names)
        yield _category(f"{output.feature}[argmax]")
    else:
        yield schema_pb2.Feature(name=output.feature, type=schema_pb2.FLOAT)


def _category(name: str) -> schema_pb2.Feature:
    domain = schema_pb2.IntDomain(is_categorical=True)
    return schema_pb2.Feature(name=name, type=schema_pb2.INT, int_domain=domain)


def columns(outputs: Sequence[Output], values: Mapping[str, Array], answered: Array) -> pa.RecordBatch:
    """The features of some rows, `large_list` columns as everywhere; null in rows without an answer.

    Args:
      values: [rows, width] by output, for those that have a width: numbers, or bytes objects.
      answered: bool [rows]; what `values` has in other rows does not matter.
    """
    arrays: dict[str, pa.Array] = {}
    for output in outputs:
        if output.width:
            arrays |= _columns(output, values[output.name][answered], answered)
    # Without a column a batch could not say how many rows it has.
    assert arrays, "an output has a width"
    return pa.RecordBatch.from_arrays(list(arrays.values()), names=list(arrays))


def _columns(output: Output, values: Array, answered: Array) -> Iterator[tuple[str, pa.Array]]:
    if output.kind is OutputType.TEXT:
        yield output.feature, _lists(pa.array(values.ravel().tolist(), pa.large_binary()), answered)
    elif output.kind is OutputType.INT:
        yield output.feature, _lists(pa.array(values.ravel().astype(np.int64)), answered)
    elif output.is_vector:
        for index in output.components:
            component = pa.array(rounded(values[:, index]))
            yield f"{output.feature}[{index}]", _lists(component, answered)
        yield f"{output.feature}[argmax]", _argmax(values, answered)
    else:
        yield output.feature, _lists(pa.array(rounded(values[:, 0])), answered)


def _argmax(values: Array, answered: Array) -> pa.Array:
    """Null where a value is NaN, too: there is no largest one."""
    known = ~np.isnan(values).any(axis=1)
    there = answered.copy()
    there[answered] = known
    return _lists(pa.array(values[known].argmax(axis=1).astype(np.int64)), there)


def _lists(values: pa.Array, there: Array) -> pa.LargeListArray:
    """A list column whose rows `there` have equally many of the values, the others being null."""
    each = len(values) // max(int(there.sum()), 1)
    offsets = np.concatenate([[0], np.cumsum(there * each)]).astype(np.int64)
    # Arrow takes a row for null whose offset is.
    return pa.LargeListArray.from_arrays(pa.array(offsets, mask=np.append(~there, False)), values)


def rounded(values: Array) -> Array:
    """float32, to `DIGITS` significant digits; what float32 has no normal number for is 0."""
    wide = np.asarray(values, np.float64)
    with np.errstate(all="ignore"):
        scale = 10.0 ** (DIGITS - 1 - np.floor(np.log10(np.abs(wide))))
        near = np.round(wide * scale) / scale
    kept = np.where(np.isfinite(wide), np.where(np.abs(wide) < _TINY, 0.0, near), wide)
    with np.errstate(over="ignore"):
        return np.asarray(kept.astype(np.float32))

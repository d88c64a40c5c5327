"""The inputs of a request, decoded within a bound on what a record of a few bytes can claim."""

from __future__ import annotations

import math
from collections.abc import Container, Mapping, Sequence
from typing import Any

from trueserve.transforms.logs.tensors.tensor_protos import (
    MAX_FILLED_VALUES,
    Tensor,
    TensorError,
    decode_tensor,
    narrowed,
    only_value,
)


def decode_tensors(
    requests: Sequence[Mapping[str, Any]], known: Container[str] | None
) -> list[dict[str, Tensor]]:
    """The tensors of the inputs of a record's requests, by name.

    Nothing is filled before all that they claim is added up. Of an input that is not `known` (None: all are)
    the rows are counted and no more: where one value fills its shape, each row gets one. A request's only
    input is taken as it is: it may hold examples. Raises TensorError as `decode_tensor` does, and when the
    inputs claim more than `MAX_FILLED_VALUES` values.
    """
    counted = [_inputs_to_count(protos, known) for protos in requests]
    claimed_values = sum(
        _values_to_fill(protos, names) for protos, names in zip(requests, counted, strict=True)
    )
    if claimed_values > MAX_FILLED_VALUES:
        raise TensorError("bad_tensor_shape", f"inputs claim {claimed_values} values that are not there")
    return [
        {name: decode_tensor(name, proto, narrow=name in names) for name, proto in protos.items()}
        for protos, names in zip(requests, counted, strict=True)
    ]


def _inputs_to_count(protos: Mapping[str, Any], known: Container[str] | None) -> set[str]:
    """The inputs of which the rows are counted and no more."""
    return {name for name in protos if known is not None and name not in known and len(protos) > 1}


def _values_to_fill(protos: Mapping[str, Any], counted: Container[str]) -> int:
    shapes = {name: [dim.size for dim in proto.tensor_shape.dim] for name, proto in protos.items()}
    rows = max((sizes[0] for sizes in shapes.values() if sizes), default=1)
    return sum(
        _tensor_values_to_fill(proto, narrowed(shapes[name]) if name in counted else shapes[name], rows)
        for name, proto in protos.items()
    )


def _tensor_values_to_fill(proto: Any, sizes: Sequence[int], rows: int) -> int:
    """Values that decoding would make and that are not there; 0 for a shape that is refused later."""
    if any(size < 0 for size in sizes) or rows < 0:
        return 0
    count = math.prod(sizes)
    if not count:
        return sizes[0]  # rows without values, whatever the typed list holds
    values = only_value(proto)
    if values is None and sizes:
        return 0
    return (count if sizes else rows) * (1 + _length(values) // 8)


def _length(values: Any) -> int:
    return len(values[0]) if values and isinstance(values[0], bytes) else 0

"""What was answered to a logged request: a JSON value for each of its rows."""

from __future__ import annotations

import base64
import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from trueserve.transforms.logs.tensors.tensor_limits import decode_tensors
from trueserve.transforms.logs.tensors.tensor_protos import Tensor, TensorError

# One answer a row, or None where the response does not have one for each.
Answers = list[Any] | None


def outputs(protos: Mapping[str, Any], rows: int) -> Answers:
    """{output: value} of each row, from TensorProtos whose first dimension is the rows; others are left out.

    A row's value is a number or text where the tensor has one dimension, else the flat list of its values.
    Bytes that are no text are {"b64": ...}.
    """
    tensors = _decoded([protos])
    return None if tensors is None else _rows(protos, tensors[0], rows)


def _decoded(responses: Sequence[Mapping[str, Any]]) -> list[dict[str, Tensor]] | None:
    try:
        return decode_tensors(responses, None)
    except TensorError:
        return None


def _rows(protos: Mapping[str, Any], tensors: Mapping[str, Tensor], rows: int) -> Answers:
    ranks = {name: len(proto.tensor_shape.dim) for name, proto in protos.items()}
    columns = {name: _by_row(t, ranks[name]) for name, t in tensors.items() if t.rows == rows}
    if not columns:
        return None
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def streamed(responses: Sequence[Mapping[str, Any]], sizes: list[int]) -> Answers:
    """Answers of a stream: to each request its response, or to a single request the list of all."""
    is_single_request = len(sizes) == 1 < len(responses)
    tensors = _decoded(responses) if is_single_request or len(responses) == len(sizes) else None
    if tensors is None:
        return None
    of_each = sizes * len(responses) if is_single_request else sizes
    parts = [_rows(*each) for each in zip(responses, tensors, of_each, strict=True)]
    complete = [part for part in parts if part is not None]
    if is_single_request:
        return [list(row) for row in zip(*complete, strict=True)] or None
    return [*itertools.chain(*complete)] if len(complete) == len(parts) else None


def classes(result: Any, rows: int) -> Answers:
    """{"classes": [{"label": ..., "score": ...}, ...]} of each row, from a ClassificationResult."""
    if len(result.classifications) != rows:
        return None
    return [{"classes": [_class(scored) for scored in answer.classes]} for answer in result.classifications]


def values(result: Any, rows: int) -> Answers:
    """{"value": ...} of each row, from a RegressionResult."""
    return (
        [{"value": regression.value} for regression in result.regressions]
        if len(result.regressions) == rows
        else None
    )


def inferences(results: Sequence[Any], rows: int) -> Answers:
    """{signature: answer} of each row, from InferenceResults; one without a signature goes by its number."""
    by_signature: dict[str, list[Any]] = {}
    for number, result in enumerate(results):
        kind = result.WhichOneof("result")
        part = None if kind is None else _RESULTS[kind](getattr(result, kind), rows)
        if part is not None:
            by_signature[result.model_spec.signature_name or str(number)] = part
    if not by_signature:
        return None
    return [dict(zip(by_signature, row, strict=True)) for row in zip(*by_signature.values(), strict=True)]


_RESULTS = {"classification_result": classes, "regression_result": values}


def _class(scored: Any) -> dict[str, Any]:
    return {"label": scored.label, "score": scored.score}


def _by_row(tensor: Tensor, rank: int) -> list[Any]:
    flat = tensor.values if isinstance(tensor.values, list) else tensor.values.tolist()
    flat = [_json(value) if isinstance(value, bytes) else value for value in flat]
    if rank == 1:
        return flat
    return [flat[row * tensor.width : (row + 1) * tensor.width] for row in range(tensor.rows or 0)]


def _json(value: bytes) -> Any:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return {"b64": base64.b64encode(value).decode()}

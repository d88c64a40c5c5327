"""A serialized tf.Example gives the same features wherever it is logged: in records or in bodies."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from support import logs
from support.events import decode
from tensorflow.core.example.example_pb2 import Example

from trueserve.transforms.columnar.framing import block_of
from trueserve.transforms.core.accounting import total
from trueserve.transforms.core.batches import Decoded
from trueserve.transforms.logs.features import Expected, FeatureType
from trueserve.transforms.logs.formats.format_names import Format
from trueserve.transforms.logs.formats.tf_example import TfExampleDecoder
from trueserve.transforms.logs.rows.rows import RecordPosition

INT, FLOAT, BYTES = FeatureType.INT, FeatureType.FLOAT, FeatureType.BYTES
EXPECTED = Expected(
    {"age": INT, "fare": FLOAT, "word": BYTES, "tags": BYTES, "four": FLOAT},
    single=frozenset({"age", "fare", "word"}),
    fixed=frozenset({"four"}),
    elsewhere=frozenset({"late"}),
)
Body: TypeAlias = Callable[[Sequence[dict[str, str]]], Any]


class Read(NamedTuple):
    """What was read of some examples; rows as text, in which NaN equals NaN."""

    rows: list[list[str]]
    forms: dict[tuple[str, str], int]


def in_rows(name: str) -> Body:
    return lambda examples: {"instances": [{name: example} for example in examples]}


def v2(examples: Sequence[dict[str, str]]) -> dict[str, Any]:
    shape = [len(examples), 1]
    return {"inputs": [{"name": "examples", "shape": shape, "datatype": "BYTES", "data": list(examples)}]}


def captured(body: Any) -> dict[str, Any]:
    given_body = {"observedContentType": "application/json", "mode": "INPUT", "data": json.dumps(body)}
    return {
        "captureData": {"endpointInput": {**given_body, "encoding": "JSON"}},
        "eventMetadata": {"eventId": "1"},
    }


def event(body: Any) -> dict[str, Any]:
    kind = "org.kubeflow.serving.inference.request"
    return {"specversion": "1.0", "id": "1", "type": kind, "source": "s", "data": body}


def as_rest(body: Any) -> Any:
    return body


def as_ai_platform(body: Any) -> dict[str, Any]:
    return {"model": "m", "model_version": "1", "raw_data": json.dumps(body)}


def as_vertex(body: Any) -> dict[str, Any]:
    return {"endpoint": "e", "request_payload": [json.dumps(instance) for instance in body["instances"]]}


BODIES: dict[str, tuple[Format, Callable[[Any], Any], Body]] = {
    "rest, rows": (Format.REST, as_rest, in_rows("examples")),
    "rest, columns": (Format.REST, as_rest, lambda examples: {"inputs": {"inputs": list(examples)}}),
    "ai_platform": (Format.AI_PLATFORM, as_ai_platform, in_rows("input_example_tensor")),
    "vertex": (Format.VERTEX, as_vertex, in_rows("examples")),
    "sagemaker": (Format.SAGEMAKER, captured, in_rows("examples")),
    "kserve, v1": (Format.KSERVE, event, in_rows("serialized_examples")),
    "kserve, v2": (Format.KSERVE, event, v2),
}


def read(parts: Sequence[Decoded]) -> Read:
    sums = total(part.accounting for part in parts)
    return Read(texts(logs.rows_of(parts)), dict(+sums.forms))


def texts(rows: Sequence[dict[str, Any]]) -> list[list[str]]:
    return [sorted(f"{name}: {values}" for name, values in row.items()) for row in rows]


def read_records(examples: Sequence[bytes]) -> Read:
    decoder = TfExampleDecoder(logs.settings(expected=EXPECTED))
    return read(list(decoder.decode(block_of(list(examples)), RecordPosition("log", 0))))


def read_body(name: str, examples: Sequence[bytes]) -> Read:
    file_format, logged, body = BODIES[name]
    wrapped = [{"b64": base64.b64encode(example).decode()} for example in examples]
    outcome = decode(file_format, [logged(body(wrapped))], expected=EXPECTED)
    assert not outcome.rejects
    return Read(texts(outcome.rows), dict(+outcome.counts.forms))


_VALUES = {
    "int64_list": st.integers(-(1 << 63), (1 << 63) - 1),
    "float_list": st.floats(width=32),
    "bytes_list": st.binary(max_size=2),
}
_FEATURES: st.SearchStrategy[Any] = st.sampled_from(sorted(_VALUES)).flatmap(
    lambda kind: st.tuples(st.just(kind), st.lists(_VALUES[kind], max_size=4))
) | st.just((None, []))
_USUAL = {"age": "int64_list", "fare": "float_list", "word": "bytes_list", "tags": "bytes_list"}
# As the schema has them, and in any other way.
_EXAMPLES = st.builds(
    dict.__or__,
    st.fixed_dictionaries(
        {},
        optional={n: st.tuples(st.just(k), st.lists(_VALUES[k], max_size=3)) for n, k in _USUAL.items()},
    ),
    st.dictionaries(
        st.sampled_from([*EXPECTED.types, "late", "new", "age/present", "tags/present", "b64"]),
        _FEATURES,
        max_size=3,
    ),
)


def serialized(features: dict[str, tuple[str | None, list[Any]]]) -> bytes:
    made = Example()
    for name, (kind, values) in features.items():
        feature = made.features.feature[name]
        if kind is not None:
            getattr(feature, kind).SetInParent()
            getattr(feature, kind).value.extend(values)
    data: bytes = made.SerializeToString(deterministic=True)
    return data


@given(st.lists(_EXAMPLES, min_size=1, max_size=4))
@hypothesis_settings(max_examples=60, deadline=None)
def test_examples_in_bodies_are_those_of_records(examples: list[Any]) -> None:
    data = [serialized(example) for example in examples]
    wanted = read_records(data)
    for name in BODIES:
        assert read_body(name, data) == wanted, name
    log = logs.decode_logs([logs.examples_log(data)], expected=EXPECTED)
    assert read(log) == wanted


@pytest.mark.parametrize("name", BODIES)
def test_values_that_tensors_cannot_hold_are_kept(name: str) -> None:
    nan = float("nan")
    examples = [
        logs.example(age=[1, 2], fare=[nan], word=[b""], tags=[b"", b"a"], four=[nan, 1.0, nan]),
        serialized({"age": ("int64_list", []), "fare": ("int64_list", [1]), "word": ("bytes_list", [])}),
    ]
    rows: list[dict[str, Any]] = [
        {"age": [1, 2], "fare": [nan], "word": [b""], "tags": [b"", b"a"], "four": [nan, 1.0, nan]},
        {},
    ]
    assert read_body(name, examples) == Read(texts(rows), {("fare", "int_for_float"): 1})


def test_examples_of_json_are_no_tensors() -> None:
    body = {
        "signature_name": "classify",
        "context": {"tags": ["", "x"], "age/present": [0]},
        "examples": [
            {"age": 3, "fare": [float("nan"), 2.5], "word": ""},
            {"age": [], "fare": 2, "word": None, "four": "1.5", "tags": [{"b64": ""}]},
        ],
    }
    outcome = decode(Format.REST, [body], expected=EXPECTED)
    assert texts(outcome.rows) == texts(
        [
            {"age": [3], "fare": [float("nan"), 2.5], "word": [b""], "tags": [b"", b"x"]},
            {"fare": [2.0], "tags": [b""], "four": [1.5]},
        ]
    )
    # Only what the values are is told, not how many there are.
    assert +outcome.counts.forms == {
        ("fare", "whole_number"): 1,
        ("word", "null"): 1,
        ("four", "quoted_number"): 1,
        ("age/present", "unknown_feature"): 2,
    }

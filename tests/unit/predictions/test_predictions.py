"""Answers as columns: the features of outputs, what is taken of a log, and what is counted instead."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tensorflow_metadata.proto.v0 import schema_pb2

from trueserve.transforms.core.batches import METADATA_SCHEMA
from trueserve.transforms.predictions.logged import logged_columns
from trueserve.transforms.predictions.outputs import (
    MAX_COMPONENTS,
    Output,
    OutputType,
    columns,
    distinct,
    outputs_of,
    rounded,
    schema_of,
)

LATE, MINUTES = Output("late", OutputType.FLOAT, 1), Output("minutes", OutputType.FLOAT, 3)
GATE, TEXTS, LOOSE = (
    Output("gate", OutputType.INT, 1),
    Output("words", OutputType.TEXT, 2),
    Output("x", OutputType.FLOAT, None),
)
ALL = (LATE, MINUTES, GATE, TEXTS, LOOSE)
NAMES = ["late", "minutes[0]", "minutes[1]", "minutes[2]", "minutes[argmax]", "gate", "words"]


def metadata(answers: list[Any], signatures: list[str | None] | None = None) -> pa.RecordBatch:
    """Of rows with these answers, as JSON; None for a row without one."""
    texts = [None if answer is None else json.dumps(answer) for answer in answers]
    known: dict[str, list[Any]] = {"response": texts, "signature": signatures or [None] * len(answers)}
    arrays = [pa.array(known.get(field.name, [None] * len(answers)), field.type) for field in METADATA_SCHEMA]
    return pa.RecordBatch.from_arrays(arrays, schema=METADATA_SCHEMA)


def kinds(schema: schema_pb2.Schema) -> dict[str, tuple[int, bool]]:
    return {f.name: (f.type, f.int_domain.is_categorical) for f in schema.feature}


def test_outputs_whose_names_differ_by_a_dot_have_features_of_their_own() -> None:
    given_ones = [Output(name, OutputType.FLOAT, 1) for name in ("a.b", "a.b.c", "a_b", "a_b.c", "a_b_")]
    distinct_outputs = distinct(given_ones)
    assert [output.name for output in distinct_outputs] == [output.name for output in given_ones]
    assert [output.feature for output in distinct_outputs] == ["a_b__", "a_b_c", "a_b", "a_b_c_", "a_b_"]
    assert outputs_of(schema_of(distinct_outputs, "")) == distinct_outputs
    values = {
        output.name: np.full((2, 1), number, "float32") for number, output in enumerate(distinct_outputs)
    }
    batch = columns(distinct_outputs, values, np.ones(2, bool))
    column_values = [batch.column(output.feature).to_pylist() for output in distinct_outputs]
    assert column_values == [[[n], [n]] for n in map(float, range(5))]


def test_an_output_has_the_features_of_its_kind() -> None:
    number, category = (schema_pb2.FLOAT, False), (schema_pb2.INT, True)
    assert kinds(schema_of(ALL, "")) == {
        "late": number,
        "minutes[0]": number,
        "minutes[1]": number,
        "minutes[2]": number,
        "minutes[argmax]": category,
        "gate": category,
        "words": (schema_pb2.BYTES, False),
    }
    most, more = (Output("p", OutputType.FLOAT, MAX_COMPONENTS + extra) for extra in (0, 1))
    assert len(kinds(schema_of([most], ""))) == MAX_COMPONENTS + 1
    assert kinds(schema_of([more], "")) == {"p[argmax]": category}
    assert kinds(schema_of([Output("head.p", OutputType.INT, 4)], "")) == {"head_p": category}


outputs = st.lists(
    st.builds(Output, st.text(min_size=1), st.sampled_from(OutputType), st.none() | st.integers(1, 99)),
    min_size=1,
    max_size=5,
    unique_by=lambda output: output.name,
)


@given(outputs)
def test_a_schema_gives_back_the_outputs_it_is_of(given_outputs: list[Output]) -> None:
    schema = schema_of(given_outputs, "on 3 rows")
    assert list(schema.annotation.comment) == ["on 3 rows"]
    assert sorted(outputs_of(schema) or (), key=lambda o: o.name) == sorted(
        given_outputs, key=lambda o: o.name
    )


@pytest.mark.parametrize(
    "tag", [None, "trueserve:outputs=", "trueserve:outputs=[1]", 'trueserve:outputs={"a": 1}']
)
def test_another_schema_has_none(tag: str | None) -> None:
    schema = schema_pb2.Schema(feature=[schema_pb2.Feature(name="late")])
    if tag is not None:
        schema.annotation.tag.append(tag)
    assert outputs_of(schema) is None


@given(st.floats(width=32, allow_nan=True, allow_infinity=True))
@example(0.99999994)
@example(16777216.0)
@example(1e-40)
def test_rounding_leaves_five_digits_and_what_is_not_finite(value: float) -> None:
    [got] = rounded(np.array([value], np.float32)).tolist()
    if not np.isfinite(value) or value == 0:
        assert np.array_equal(got, value, equal_nan=True)
    elif abs(value) < float(np.finfo(np.float32).tiny):
        assert got == 0
    else:
        # Written out in decimals, as a person would round.
        assert got == pytest.approx(float(f"{value:.4e}"), rel=2e-7)


@given(st.floats(0.0625, 1, width=32), st.integers(-2, 2))
def test_values_that_differ_in_the_last_bits_alone_are_hardly_ever_two(value: float, steps: int) -> None:
    near = np.float32(value) + np.float32(steps) * np.spacing(np.float32(value))
    first, second = rounded(np.array([value, near], np.float32))
    assert abs(float(first) - float(second)) <= 1.01 * 10.0 ** (np.floor(np.log10(value)) - 4)
    if round(value, 3) == value:  # a value that many rows have is a short one
        assert first == second


numbers = st.floats(-1e6, 1e6, width=32) | st.integers(-1000, 1000)
good = st.fixed_dictionaries(
    {
        "late": numbers | st.lists(numbers, min_size=1, max_size=1),
        "minutes": st.lists(numbers | st.none(), min_size=3, max_size=3),
        "gate": st.integers(-(2**40), 2**40) | st.booleans(),
        "words": st.lists(st.text(max_size=3), min_size=2, max_size=2),
        "x": st.none() | st.text(max_size=2) | st.lists(numbers, max_size=4),
    }
)
FAULTS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "no_response": lambda _: None,
    "other_names": lambda row: {**row, "more": 1},
    "other_shape": lambda row: {**row, "minutes": row["minutes"][:2]},
    "not_numbers": lambda row: {**row, "late": "0.5"},
    "not_whole_numbers": lambda row: {**row, "gate": 0.5},
    "not_text": lambda row: {**row, "words": ["a", 1]},
}
rows = st.lists(st.tuples(good, st.sampled_from(["", "", *FAULTS])), max_size=12)


def short(value: Any) -> float:
    """A number of an answer as it is recorded; null is NaN."""
    return float("nan") if value is None else float(rounded(np.array([value], np.float32))[0])


def plainly(row: dict[str, Any]) -> list[Any]:
    """The lists of one good row, written out."""
    late = row["late"][0] if isinstance(row["late"], list) else row["late"]
    minutes = [short(value) for value in row["minutes"]]
    largest = (
        None if None in row["minutes"] else [[float(v) for v in row["minutes"]].index(max(row["minutes"]))]
    )
    texts = [word.encode("utf-8", "surrogatepass") for word in row["words"]]
    return [[short(late)], *([value] for value in minutes), largest, [int(row["gate"])], texts]


@given(rows)
def test_answers_become_rows_and_faults_are_counted(given_rows: list[tuple[dict[str, Any], str]]) -> None:
    answers = [FAULTS[fault](row) if fault else row for row, fault in given_rows]
    batch, reasons = logged_columns(metadata(answers), ALL)
    assert batch.schema.names == NAMES
    assert batch.num_rows == len(answers)
    expected = [[None] * len(NAMES) if fault else plainly(row) for row, fault in given_rows]
    for number, name in enumerate(NAMES):
        got = batch.column(number).to_pylist()
        assert repr(got) == repr([row[number] for row in expected]), name
    counted = Counter(fault for _, fault in given_rows if fault)
    counted["not_finite"] = sum(None in row["minutes"] for row, fault in given_rows if not fault)
    assert reasons == +counted


def test_a_single_output_needs_no_name() -> None:
    answers = [0.25, [0.5], {"late": 0.75}, {"score": 1.0}, {"late": 0.5, "more": 1}]
    batch, reasons = logged_columns(metadata(answers), [LATE])
    assert batch.column(0).to_pylist() == [[0.25], [0.5], [0.75], [1.0], None]
    assert reasons == {"other_names": 1}


def test_an_answer_of_another_signature_is_no_prediction() -> None:
    signatures = ["serving_default", "raw_tensors", None, "transform_features"]
    batch, reasons = logged_columns(metadata([0.5] * 4, signatures), [LATE])
    assert batch.column(0).to_pylist() == [[0.5], [0.5], [0.5], None]
    assert reasons == {"other_signature": 1}


def test_bytes_that_are_no_text_come_in_base_64() -> None:
    output = Output("word", OutputType.TEXT, 1)
    batch, reasons = logged_columns(metadata([{"b64": "/w=="}, ["a"], {"b64": "?"}, {"b64": 1}]), [output])
    assert batch.column(0).to_pylist() == [[b"\xff"], [b"a"], None, None]
    assert reasons == {"not_text": 2}
    batch, _ = logged_columns(metadata([{"word": {"b64": "/w=="}}]), [output])
    assert batch.column(0).to_pylist() == [[b"\xff"]]


@pytest.mark.parametrize("width", [1, 2, MAX_COMPONENTS, MAX_COMPONENTS + 1])
def test_columns_are_the_lists_of_decoders(width: int) -> None:
    output, answered = Output("p", OutputType.FLOAT, width), np.array([True, False, True])
    batch = columns([output], {"p": np.ones((3, width), np.float32)}, answered)
    assert set(batch.schema.types) <= {pa.large_list(pa.float32()), pa.large_list(pa.int64())}
    assert all(column.is_null().to_pylist() == [False, True, False] for column in batch.columns)
    assert batch.schema.names == [feature.name for feature in schema_of([output], "").feature]

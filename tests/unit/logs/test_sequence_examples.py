"""tf.SequenceExamples: the features of their context, and of all steps of their lists."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.logs import decode, decode_logs, example, examples_log, rows_of, settings
from tensorflow.core.example.example_pb2 import Example, SequenceExample
from tensorflow.core.example.feature_pb2 import Feature
from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog

from trueserve.transforms.logs.detect import detect_records
from trueserve.transforms.logs.features import Settings
from trueserve.transforms.logs.formats.format_names import Format
from trueserve.transforms.logs.formats.tf_example import TfExampleDecoder

KINDS = {int: "int64_list", float: "float_list", bytes: "bytes_list"}
STEPS = {
    "age": st.lists(st.lists(st.integers(-(2**63), 2**63 - 1), max_size=3), max_size=3),
    "fare": st.lists(st.lists(st.floats(width=32, allow_nan=False), max_size=3), max_size=3),
    "word": st.lists(st.lists(st.binary(max_size=4), max_size=3), max_size=3),
}


def feature(values: list[Any]) -> Feature:
    result = Feature()
    if values:
        getattr(result, KINDS[type(values[0])]).value.extend(values)
    return result


def sequence(context: bytes, **steps: list[list[Any]]) -> bytes:
    """A serialized SequenceExample: a context as an example has it, and lists with a value or none a step."""
    result = SequenceExample(context=Example.FromString(context).features)
    for name, lists in steps.items():
        result.feature_lists.feature_list[name].feature.extend(map(feature, lists))
    data: bytes = result.SerializeToString(deterministic=True)
    return data


def rows(records: list[bytes]) -> list[dict[str, Any]]:
    parts = decode(TfExampleDecoder(settings()), records)
    assert not any(part.rejects for part in parts)
    return rows_of(parts)


@given(st.lists(st.fixed_dictionaries({}, optional=STEPS), min_size=1, max_size=6))
def test_a_list_has_the_values_of_all_its_steps(lists: list[dict[str, Any]]) -> None:
    flat = [{name: [v for step in steps for v in step] for name, steps in row.items()} for row in lists]
    wanted = [{name: values for name, values in row.items() if values} for row in flat]
    assert rows([sequence(b"", **row) for row in lists]) == wanted


def test_context_and_lists_are_features_and_of_both_the_list_counts() -> None:
    record = sequence(example(age=[1], fare=[0.5]), age=[[2], [], [3, 4]], word=[[b"a"], [b"b"]])
    assert rows([record]) == [{"age": [2, 3, 4], "fare": [0.5], "word": [b"a", b"b"]}]


def test_they_stand_among_examples_in_any_order() -> None:
    records = [example(age=[1]), sequence(example(fare=[1.0]), age=[[2]]), example(age=[3]), sequence(b"")]
    assert rows(records) == [{"age": [1]}, {"age": [2], "fare": [1.0]}, {"age": [3]}, {}]
    without_schema = decode(TfExampleDecoder(Settings()), records)
    assert rows_of(without_schema)[1] == {"age": [2], "fare": [1.0]}


def test_a_context_alone_is_an_example() -> None:
    assert rows([sequence(example(age=[1], word=[b"x"]))]) == [{"age": [1], "word": [b"x"]}]


def test_steps_that_have_a_kind_and_no_values_are_missing() -> None:
    record = SequenceExample()
    record.feature_lists.feature_list["age"].feature.add().int64_list.SetInParent()
    record.feature_lists.feature_list["fare"].feature.add()
    assert rows([record.SerializeToString()]) == [{}]


def test_steps_of_two_types_are_a_reject() -> None:
    [decoded] = decode(TfExampleDecoder(settings()), [sequence(b"", age=[[1], [1.0]]), example(age=[1])])
    [reject] = decoded.rejects
    assert (reject.record, reject.reason, decoded.accounting.decoded) == (0, "not_a_tf_example", 1)


def test_requests_may_carry_them() -> None:
    record = examples_log([sequence(b"", age=[[1], [2]]), example(age=[3])])
    assert rows_of(decode_logs([record])) == [{"age": [1, 2]}, {"age": [3]}]


def test_what_a_list_says_beyond_its_fields_makes_it_no_sequence() -> None:
    unknown = sequence(example(age=[1]), age=[[2]]) + b"\x7a\x01x"
    assert rows([unknown]) == [{"age": [1]}]


@pytest.mark.parametrize("name", ["age", "embed", "e1234", "word"])
def test_they_are_not_taken_for_requests_to_classify(name: str) -> None:
    """`embed` is, as bytes, a model spec with a field that it does not know."""
    record = sequence(example(age=[1]), **{name: [[1], [2]]})
    assert detect_records([record]) is Format.TF_EXAMPLE


def test_nor_are_requests_to_classify_for_them() -> None:
    log = PredictionLog()
    log.classify_log.request.model_spec.name = "flights"
    log.classify_log.request.input.example_list.examples.append(Example.FromString(example(age=[1])))
    record = log.SerializeToString()
    assert detect_records([record]) is Format.PREDICTION_LOG
    [decoded] = decode(TfExampleDecoder(settings()), [record])
    assert [reject.reason for reject in decoded.rejects] == ["not_a_tf_example"]

from __future__ import annotations

import datetime as dt
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from support.logs import EXPECTED, decode, example, plain_row, rows_of, settings
from tensorflow.core.example.example_pb2 import Example
from tensorflow_metadata.proto.v0 import schema_pb2

from trueserve.transforms.core.accounting import total
from trueserve.transforms.core.batches import METADATA_SCHEMA, Window
from trueserve.transforms.logs.features import (
    LISTS,
    FeatureType,
    Settings,
    TypeConflictError,
    expected_features,
)
from trueserve.transforms.logs.formats.tf_example import TfExampleDecoder

INTS = st.lists(st.integers(-(2**63), 2**63 - 1), max_size=3)
FLOATS = st.lists(st.floats(width=32, allow_nan=False), max_size=3)
BYTES = st.lists(st.binary(max_size=6), max_size=3)
KINDS = {"int64_list": INTS, "float_list": FLOATS, "bytes_list": BYTES}
TYPES = {FeatureType.INT: "int64_list", FeatureType.FLOAT: "float_list", FeatureType.BYTES: "bytes_list"}


@st.composite
def examples(draw: st.DrawFn, names: dict[str, list[str]]) -> bytes:
    """Each feature absent, without a kind, or of one of the kinds that `names` gives it."""
    result = Example()
    for name, kinds in names.items():
        kind = draw(st.sampled_from([None, "unset", *kinds]))
        if kind is not None:
            result.features.feature[name].SetInParent()
        if kind in KINDS:
            values = getattr(result.features.feature[name], kind)
            values.SetInParent()
            values.value.extend(draw(KINDS[kind]))
    data: bytes = result.SerializeToString(deterministic=True)
    return data


TYPED = examples({"age": ["int64_list"], "fare": ["float_list"], "word": ["bytes_list"]})
MIXED = examples({name: list(KINDS) for name in ("age", "fare", "word", "other")})


def with_values(row: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """The row without its empty lists, which are missing values."""
    return {name: values for name, values in row.items() if values}


def decode_block(decoder: TfExampleDecoder, records: list[bytes]) -> Any:
    [decoded] = decode(decoder, records)
    return decoded


@given(st.lists(TYPED, min_size=1, max_size=20))
def test_decodes_what_protobuf_does(records: list[bytes]) -> None:
    decoded = decode_block(TfExampleDecoder(settings()), records)
    assert rows_of([decoded]) == [with_values(plain_row(record)) for record in records]
    assert decoded.accounting.read == decoded.accounting.decoded == len(records)
    assert not decoded.accounting.forms


@given(st.lists(TYPED, min_size=1, max_size=20))
def test_without_a_schema_types_are_those_that_came(records: list[bytes]) -> None:
    decoded = decode_block(TfExampleDecoder(Settings()), records)
    assert rows_of([decoded]) == [with_values(plain_row(record)) for record in records]
    assert all(field.type in LISTS.values() for field in decoded.batch.features.schema)


def expected_row(serialized: bytes) -> tuple[dict[str, list[Any]], list[tuple[str, str]]]:
    """The row in the schema's types and the forms to be counted, by protobuf alone."""
    row, forms = {}, []
    features = Example.FromString(serialized).features.feature
    for name, values in plain_row(serialized).items():
        came = next(t for t, kind in TYPES.items() if kind == features[name].WhichOneof("kind"))
        wanted = EXPECTED.types.get(name)
        if wanted is None:
            forms.append((name, "unknown_feature"))
        elif came is wanted or not values:
            row[name] = values
        else:
            forms.append((name, f"{came}_for_{wanted}"))
    return row, forms


@given(st.lists(MIXED, min_size=1, max_size=12))
@hypothesis_settings(max_examples=100)
def test_values_of_another_type_are_null_and_counted(records: list[bytes]) -> None:
    decoded = decode_block(TfExampleDecoder(settings()), records)
    wanted = [expected_row(record) for record in records]
    assert rows_of([decoded]) == [with_values(row) for row, _ in wanted]
    forms = [form for _, row_forms in wanted for form in row_forms]
    assert decoded.accounting.forms == {form: forms.count(form) for form in forms}
    assert all(f.type == LISTS[EXPECTED.types[f.name]] for f in decoded.batch.features.schema)


@given(st.lists(st.one_of(TYPED, MIXED, st.binary(max_size=30)), min_size=1, max_size=12))
@hypothesis_settings(max_examples=150)
def test_any_bytes_are_a_row_or_a_reject(records: list[bytes]) -> None:
    decoded = decode_block(TfExampleDecoder(settings()), records)
    accounting = decoded.accounting
    assert accounting.balance() == 0
    assert accounting.read == len(records)
    rows = decoded.batch.metadata["record"].to_pylist() if decoded.batch else []
    assert sorted([*rows, *(reject.record for reject in decoded.rejects)]) == list(range(len(records)))


def test_a_bad_record_is_rejected_among_good_ones() -> None:
    records = [example(age=[1]), b"garbage", example(age=[3], fare=[0.5])]
    [decoded] = decode(TfExampleDecoder(settings(keep_payloads=True)), records, first_record=100)
    [reject] = decoded.rejects
    assert (reject.file, reject.record, reject.reason, reject.payload) == (
        "log",
        101,
        "not_a_tf_example",
        b"garbage",
    )
    assert rows_of([decoded]) == [{"age": [1]}, {"age": [3], "fare": [0.5]}]
    assert decoded.batch is not None
    assert decoded.batch.metadata["record"].to_pylist() == [100, 102]
    assert decoded.batch.metadata.schema == METADATA_SCHEMA


def test_payloads_stay_out_of_rejects_unless_asked_for() -> None:
    [reject] = decode_block(TfExampleDecoder(settings()), [b"secret garbage"]).rejects
    assert reject.payload is None
    assert "secret" not in repr(reject)


def test_another_message_that_parses_is_no_example() -> None:
    # Field 6, as of a PredictionLog: unknown to tf.Example, and so no error of protobuf's.
    assert decode_block(TfExampleDecoder(settings()), [b"\x32\x01x"]).rejects[0].reason == "not_a_tf_example"


def test_an_example_without_features_is_a_row_of_missing_values() -> None:
    decoded = decode_block(TfExampleDecoder(settings()), [b"", b"\n\x00"])
    assert decoded.accounting.decoded == decoded.batch.features.num_rows == 2


def test_the_label_is_known_and_left_out_of_serving() -> None:
    decoded = decode_block(TfExampleDecoder(settings()), [example(age=[1], late=[1])])
    assert decoded.batch.features.schema.names == ["age"]
    assert not decoded.accounting.forms


def test_features_of_a_schema_without_environments_are_in_serving() -> None:
    schema = schema_pb2.Schema(feature=[schema_pb2.Feature(name="age", type=schema_pb2.INT)])
    assert expected_features(schema, serving=True).types == {"age": FeatureType.INT}


def test_rows_survive_when_no_feature_is_known() -> None:
    decoded = decode_block(TfExampleDecoder(settings()), [example(other=[1])] * 3)
    assert decoded.batch.features.num_rows == 3
    assert decoded.batch.features.num_columns == 1
    assert decoded.accounting.forms == {("other", "unknown_feature"): 3}


def test_without_a_schema_a_changed_type_names_feature_and_types() -> None:
    decoder = TfExampleDecoder(Settings())
    decode(decoder, [example(age=[1])])
    with pytest.raises(TypeConflictError, match=r"'age' is float here and was int before"):
        decode(decoder, [example(age=[1.0])])
    with pytest.raises(TypeConflictError, match="age"):
        decode(TfExampleDecoder(Settings()), [example(age=[1]), example(age=[b"1"])])


UTC = dt.UTC
WINDOW = Window(dt.datetime(2013, 7, 14, tzinfo=UTC), dt.datetime(2013, 7, 15, tzinfo=UTC))
JULY_14 = 1373760000


@pytest.mark.parametrize(
    ("value", "where"),
    [
        (JULY_14, "in"),
        (JULY_14 - 1, "out"),
        (JULY_14 + 86400, "out"),
        (JULY_14 * 10**3 + 1, "in"),
        (JULY_14 * 10**6 - 1, "out"),
        (JULY_14 * 10**9 + 1, "in"),
        (0, "none"),
        (-5, "none"),
        (b"2013-07-14T00:00:00Z", "in"),
        (b"2013-07-14 23:59:59.999 UTC", "in"),
        (b"2013-07-15", "out"),
        (b"2013-07-13T23:00:00-02:00", "in"),
        (b"yesterday", "none"),
        (b"\xff", "none"),
        (1.5, "none"),
    ],
)
def test_the_window_is_half_open_by_the_time_feature(value: Any, where: str) -> None:
    decoder = TfExampleDecoder(settings(window=WINDOW, time_feature="at"))
    accounting = decode_block(decoder, [example(age=[1], at=[value])]).accounting
    assert (accounting.decoded, accounting.outside_window, accounting.no_time) == (
        where == "in",
        where == "out",
        where == "none",
    )
    assert accounting.rows == accounting.compared == accounting.decoded
    assert accounting.forms == ({("at", "unread_time"): 1} if where == "none" else {})


def test_rows_outside_the_window_count_no_forms() -> None:
    decoder = TfExampleDecoder(settings(window=WINDOW, time_feature="at"))
    records = [example(age=[1.0], at=[JULY_14]), example(age=[1.0], at=[1]), example(age=[1.0])]
    decoded = decode_block(decoder, records)
    assert decoded.accounting.forms == {("age", "float_for_int"): 1, ("at", "absent_time"): 1}
    assert decoded.batch.metadata["record"].to_pylist() == [0]
    assert decoded.accounting.balance() == 0


@pytest.mark.parametrize(
    ("window", "times"), [(WINDOW, (JULY_14, JULY_14 + 9 * 86_400)), (Window(), (None,) * 2)]
)
def test_the_times_met_are_told_where_a_window_is_asked_for(window: Window, times: tuple[Any, Any]) -> None:
    decoder = TfExampleDecoder(settings(window=window, time_feature="at"))
    rows = [example(age=[1], at=[JULY_14 + day * 86_400]) for day in (3, 9, 0)] + [example(age=[1])]
    counts = decode_block(decoder, rows).accounting
    met = (counts.first_time, counts.last_time)
    assert tuple(None if time is None else time.timestamp() for time in met) == times


def test_a_time_feature_of_the_schema_stays_a_feature() -> None:
    decoder = TfExampleDecoder(settings(time_feature="age"))
    decoded = decode_block(decoder, [example(age=[JULY_14])])
    assert rows_of([decoded]) == [{"age": [JULY_14]}]
    assert decoded.batch.metadata["time"].to_pylist() == [dt.datetime(2013, 7, 14, tzinfo=UTC)]


def test_many_batches_count_as_one() -> None:
    decoder = TfExampleDecoder(settings())
    parts = [decode_block(decoder, [example(age=[i])] * i) for i in range(1, 5)]
    assert total(part.accounting for part in parts).rows == 10
    assert pa.types.is_large_list(parts[0].batch.features.schema.field("age").type)

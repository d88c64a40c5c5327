"""The compiled parser of tf.Examples makes what protobuf makes of any bytes."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.wire import comparable, decoded, field, may_be_a_sequence, mutated, serialized, varint
from tensorflow.core.example.example_pb2 import Example

from trueserve.transforms.columnar.examples.example_parser import ExampleParser, Parsed
from trueserve.transforms.columnar.examples.scan import scan_examples
from trueserve.transforms.columnar.framing import block_of

KINDS = {pa.large_binary(): "bytes", pa.float32(): "float", pa.int64(): "int"}
Rows = dict[int, dict[tuple[str, str], list[Any]]]


def rows_of(batches: Sequence[Parsed]) -> tuple[Rows, list[int]]:
    """Every row by the position of its record, and the records that are bad."""
    rows: Rows = {}
    bad: list[int] = []
    for parsed in batches:
        bad += parsed.bad
        rows |= {int(record): {} for record in parsed.records}
        for name, column in parsed.columns:
            column.validate(full=True)
            kind = KINDS[column.type.value_type]
            for record, values in zip(parsed.records, column.to_pylist(), strict=True):
                if values is not None:
                    rows[int(record)][name, kind] = [comparable(v) for v in values]
    return rows, bad


def check(records: list[bytes], parser: ExampleParser) -> None:
    rows, bad = rows_of(list(parser.parse(block_of(records))))
    expected = [decoded(record) for record in records]
    assert bad == [i for i, row in enumerate(expected) if row is None]
    assert rows == {i: row for i, row in enumerate(expected) if row is not None}


@settings(deadline=None, max_examples=200)
@given(st.lists(st.lists(serialized, max_size=12), max_size=3))
def test_equals_protobuf(blocks: list[list[bytes]]) -> None:
    parser = ExampleParser()
    for records in blocks:
        check(records, parser)


@settings(deadline=None, max_examples=400)
@given(st.lists(mutated(), min_size=1, max_size=8))
@example([b"\x0a"])
@example([b"\x0a\x05\x0a\x03\x0a\x01a\x12"])
@example([field(1, field(1, field(1, b"a") + field(2, field(3, field(1, b"\xff" * 9 + b"\x7f")))))])
@example([field(1, field(1, field(1, b"a") + field(2, field(3, field(1, b"\xff" * 9 + b"\x01")))))])
@example([field(1, field(1, field(1, b"\xed\xa0\x80") + field(2, b"")))])
def test_equals_protobuf_on_damaged_records(records: list[bytes]) -> None:
    check(records, ExampleParser())


@settings(deadline=None, max_examples=400)
@given(st.lists(st.binary(max_size=60), min_size=1, max_size=4))
def test_equals_protobuf_on_noise(records: list[bytes]) -> None:
    check(records, ExampleParser())


@settings(deadline=None, max_examples=100)
@given(st.lists(serialized, max_size=30), st.integers(1, 60))
def test_batches_end_before_their_offsets_take_too_much(records: list[bytes], max_cells: int) -> None:
    check(records, ExampleParser(max_cells))


def _example(**features: Any) -> bytes:
    message = Example()
    for name, values in features.items():
        kind = {float: "float_list", int: "int64_list", bytes: "bytes_list"}[type(values[0])]
        getattr(message.features.feature[name], kind).value.extend(values)
    data: bytes = message.SerializeToString()
    return data


def test_usual_records_do_not_take_the_slow_way(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> bool:
        raise AssertionError("the slow way was taken")

    monkeypatch.setattr(ExampleParser, "_parse_with_care", fail)
    unpacked = field(1, field(1, field(1, b"x") + field(2, field(3, b"\x08" + varint(-1) + b"\x08\x05"))))
    check([_example(a=[1.5], b=[1, -1], c=[b"x", b""]), unpacked, b"", b"\n\x00"], ExampleParser())


def test_many_features_many_values_and_growth() -> None:
    wide = _example(**{f"feature{i}": [float(i)] * (i % 5 + 1) for i in range(3000)})
    long = _example(a=list(range(-50_000, 50_000)), b=[b"x" * (i % 300) for i in range(2000)])
    check([_example(a=[1]), wide, long, wide, long], ExampleParser())


def test_made_up_names_are_forgotten_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trueserve.transforms.columnar.examples.example_parser._MAX_NAMES", 100)
    parser = ExampleParser()
    for block in range(5):
        check([_example(**{f"f{block}_{i}": [i]}) for i in range(80)], parser)
        assert parser._names.used[0] <= 180


@pytest.mark.parametrize("order", [*itertools.permutations("abc")], ids="".join)
def test_what_follows_a_record_is_none_of_it(order: Sequence[str]) -> None:
    """The bytes behind a record that ends early are just those that it lacks."""
    # Written out, since protobuf writes the features in another order each time.
    entries = {"a": _entry(a=[1.5, 2.5]), "b": _entry(b=[1, -1]), "c": _entry(c=[b"xyz"])}
    record = field(1, b"".join(entries[name] for name in order))
    for at in range(len(record)):
        begun, rest = record[:at], record[at:]
        if may_be_a_sequence(rest):
            rows, bad = rows_of(list(ExampleParser().parse(block_of([begun, rest]))))
            assert (rows.get(0), 0 in bad) == (decoded(begun), decoded(begun) is None)
        else:
            check([begun, rest], ExampleParser())


def _entry(**feature: Any) -> bytes:
    """The one feature as it stands in `Features`."""
    return _example(**feature)[2:]


def test_positions_are_checked_before_use() -> None:
    """A length that overflows when it is added to a position is no way out of the record."""
    huge = varint((1 << 63) - 1)
    for data in (b"\x0a" + huge, b"\x0a\x0c\x0a" + huge, field(1, field(1, b"\x0a" + huge))):
        check([data], ExampleParser())


def test_compiled_for_these_types_alone() -> None:
    assert len(getattr(scan_examples, "signatures")) == 1  # noqa: B009

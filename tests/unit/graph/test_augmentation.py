"""Augmentation: seeds, what a function may give back, and what is said of one that cannot be used."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from trueserve.transforms.core.errors import UsageError
from trueserve.transforms.graph.augmentation import Augmentation, load_augmentation, seeds_of

SCHEMA = text_format.Parse(
    """feature { name: 'x' type: FLOAT presence { min_fraction: 1 } shape { dim { size: 1 } } }
    feature { name: 'w' type: BYTES presence { min_fraction: 1 } shape { dim { size: 1 } } }
    feature { name: 'v' type: INT }""",
    schema_pb2.Schema(),
)
ROWS = pa.RecordBatch.from_arrays(
    [
        pa.array([[1.0], [2.0], [3.0]], pa.large_list(pa.float32())),
        pa.array([[b"a"], [b"b"], [b"c"]], pa.large_list(pa.large_binary())),
        pa.array([[1], [], [2, 3]], pa.large_list(pa.int64())),
    ],
    names=["x", "w", "v"],
)
HASHES = pa.array([1, 1 << 63, 12345], pa.uint64())


def augmentation(function: Callable[..., Any], *, takes_arrow: bool = False) -> Augmentation:
    return Augmentation("augment.py:augment_fn", function, takes_arrow, "digest")


def augmented(function: Callable[..., Any], *, takes_arrow: bool = False) -> dict[str, list[Any]]:
    rows = augmentation(function, takes_arrow=takes_arrow).apply(ROWS, HASHES, SCHEMA)
    assert rows.schema == ROWS.schema
    columns: dict[str, list[Any]] = rows.to_pydict()
    return columns


def usage_error(function: Callable[..., Any], *, takes_arrow: bool = False) -> str:
    with pytest.raises(UsageError) as caught:
        augmentation(function, takes_arrow=takes_arrow).apply(ROWS, HASHES, SCHEMA)
    assert str(caught.value).startswith("--augment=augment.py:augment_fn cannot be used: ")
    return str(caught.value).partition("cannot be used: ")[2]


def test_seeds_are_two_for_each_row_and_never_negative() -> None:
    hashes = np.array([0, 1, 1 << 63, (1 << 64) - 1, 1 << 40], np.uint64)
    seeds = seeds_of(hashes)
    all_bits, mix = (1 << 64) - 1, 0xD6E8FEB86659FD93
    assert seeds.tolist() == [
        [int(code) >> 1, ((int(code) ^ int(code) >> 29) * mix & all_bits) >> 1] for code in hashes
    ]
    assert seeds.min() >= 0
    assert len({tuple(pair) for pair in seeds_of(np.arange(1000, dtype=np.uint64)).tolist()}) == 1000


def test_tensors_go_in_and_come_out() -> None:
    def doubled(features: dict[str, Any], seeds: Any) -> dict[str, Any]:
        assert seeds.numpy().tolist() == seeds_of(HASHES.to_numpy()).tolist()
        return {**features, "x": features["x"] * 2}

    assert augmented(doubled) == {
        "x": [[2.0], [4.0], [6.0]],
        "w": [[b"a"], [b"b"], [b"c"]],
        "v": [[1], [], [2, 3]],
    }


def test_arrays_become_tensors() -> None:
    assert augmented(lambda features, _: {**features, "x": features["x"].numpy() + 1})["x"] == [
        [2.0],
        [3.0],
        [4.0],
    ]


def test_record_batches_go_in_and_come_out() -> None:
    def reversed_columns(rows: pa.RecordBatch, seeds: Any) -> pa.RecordBatch:
        assert seeds.shape == (3, 2)
        return pa.RecordBatch.from_arrays(rows.columns[::-1], names=rows.schema.names[::-1])

    assert augmented(reversed_columns, takes_arrow=True) == ROWS.to_pydict()


def shorter(rows: pa.RecordBatch, _: Any) -> pa.RecordBatch:
    return rows.slice(0, 2)


def renamed(names: list[str]) -> Callable[..., Any]:
    return lambda rows, _: pa.RecordBatch.from_arrays(rows.columns[: len(names)], names=names)


@pytest.mark.parametrize(
    ("function", "text"),
    [
        (lambda _rows, _seeds: {}, "expected a RecordBatch, got dict"),
        (shorter, "2 rows came of 3"),
        (renamed(["x", "w"]), "the result lacks 'v'"),
        (renamed(["x", "w", "z"]), "the result lacks 'v' and has 'z', which it was not given"),
        (
            lambda rows, _: (
                rows.add_column(0, "extra", rows.column(0)) if hasattr(rows, "add_column") else _more(rows)
            ),
            "the result has 'extra', which it was not given",
        ),
        (
            lambda rows, _: pa.RecordBatch.from_arrays(
                [rows.column(2), *rows.columns[1:]], names=rows.schema.names
            ),
            "'x' is large_list<item: int64>, and was large_list<item: float>",
        ),
    ],
)
def test_record_batches_that_cannot_be_used(function: Callable[..., Any], text: str) -> None:
    assert usage_error(function, takes_arrow=True) == text


def _more(rows: pa.RecordBatch) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([*rows.columns, rows.column(0)], names=[*rows.schema.names, "extra"])


@pytest.mark.parametrize(
    ("function", "text"),
    [
        (lambda features, _: list(features), "expected a dict of tensors, got list"),
        (lambda features, _: {"x": features["x"]}, "the result lacks 'v'"),
        (lambda features, _: {**features, "z": features["x"]}, "the result has 'z', which it was not given"),
        (
            lambda features, _: {**features, "x": tf.cast(features["x"], tf.int64)},
            "'x' is no longer float32 of shape",
        ),
        (lambda features, _: {**features, "v": tf.constant([1, 2, 3])}, "'v' is no longer int64 of shape"),
    ],
)
def test_tensors_that_cannot_be_used(function: Callable[..., Any], text: str) -> None:
    assert usage_error(function).startswith(text)


LIBRARY = "def fail(value):\n    raise ValueError('secret')\n"
SOURCE = """import library


def augment_fn(features, seeds):
    return inner(features)


def inner(features):
    return library.fail(features)
"""


def test_a_failure_names_the_users_line_and_quotes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "library.py").write_text(LIBRARY)
    (tmp_path / "augment.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(str(tmp_path))
    loaded = load_augmentation(str(tmp_path / "augment.py"))
    with pytest.raises(UsageError, match=r"cannot be used: ValueError at line 9 of inner$"):
        loaded.apply(ROWS, HASHES, SCHEMA)
    elsewhere = Augmentation("other.py", loaded.function, False, "")
    with pytest.raises(UsageError, match=r"ValueError at line 2 of fail$"):
        elsewhere.apply(ROWS, HASHES, SCHEMA)


def test_functions_are_loaded_with_what_they_take(tmp_path: Path) -> None:
    file = tmp_path / "augment.py"
    file.write_text(
        "import pyarrow as pa\n"
        "def augment_fn(features, seeds):\n    return features\n"
        "def of_arrow(rows: pa.RecordBatch, seeds) -> pa.RecordBatch:\n    return rows\n"
        "def of_three(a, b, c):\n    return a\n"
        "def of_one(a):\n    return a\n"
    )
    plain, arrow = load_augmentation(str(file)), load_augmentation(f"{file}:of_arrow")
    assert (plain.takes_arrow, arrow.takes_arrow) == (False, True)
    assert plain.spec == str(file)
    assert len(plain.source) == 64
    for name in ("of_three", "of_one"):
        with pytest.raises(UsageError, match=r"expected a function of \(features, seeds\), got one of \("):
            load_augmentation(f"{file}:{name}")


def test_a_function_must_repeat_itself() -> None:
    augmentation(lambda features, _: features).check_repeats(ROWS, HASHES, SCHEMA)
    nan = augmentation(lambda features, _: {**features, "x": features["x"] * np.nan})
    nan.check_repeats(ROWS, HASHES, SCHEMA)
    calls: list[int] = []

    def drifting(features: dict[str, Any], _: Any) -> dict[str, Any]:
        calls.append(len(features["x"]))
        return {**features, "x": features["x"] + float(len(calls))}

    with pytest.raises(UsageError, match="gives other values of 'x' for the same rows and seeds"):
        augmentation(drifting).check_repeats(ROWS, HASHES, SCHEMA)
    assert calls == [3, 3]


def test_only_the_first_rows_are_asked_whether_they_repeat() -> None:
    sizes: list[int] = []

    def kept(rows: pa.RecordBatch, _: Any) -> pa.RecordBatch:
        sizes.append(rows.num_rows)
        return rows

    batch = pa.RecordBatch.from_arrays([pa.array([[1.0]] * 40, pa.large_list(pa.float32()))], names=["x"])
    augmentation(kept, takes_arrow=True).check_repeats(batch, pa.array(range(40), pa.uint64()), SCHEMA)
    assert sizes == [16, 16]


def test_seeds_are_of_the_record_and_never_negative() -> None:
    places = np.array([0, 1, 2**64 - 1, 2**63], dtype=np.uint64)
    seeds = seeds_of(places)
    assert seeds.shape == (4, 2)
    assert seeds.dtype == np.int64
    assert (seeds >= 0).all()
    assert len({tuple(seed) for seed in seeds.tolist()}) == 4
    np.testing.assert_array_equal(seeds_of(places[2:]), seeds[2:])

"""How many windows fit into memory, by what training's features take, and which features are asked for."""

from __future__ import annotations

from typing import Any

import pytest
from support import hand_made
from tensorflow_metadata.proto.v0 import schema_pb2

from trueserve.transforms.backtesting import memory_limit
from trueserve.transforms.core.custom_stats import VECTOR_STATS
from trueserve.transforms.core.errors import UsageError
from trueserve.transforms.verdict.model import Space
from trueserve.transforms.verdict.reference import Reference

NONE: frozenset[str] = frozenset()


def reference(*features: Any, space: Space = Space.RAW, **fields: Any) -> Reference:
    return Reference(schema_pb2.Schema(), hand_made.statistics(9, *features), space, **fields)


def number(name: str) -> Any:
    return hand_made.number(name, 9)


def category(name: str, unique: int) -> Any:
    return hand_made.category(name, {"a": 9}, unique=unique)


def most_windows(*references: Reference, only: frozenset[str] = NONE) -> int:
    """As many windows as are said to fit, which do, while one more does not."""
    with pytest.raises(UsageError) as error:
        memory_limit.check(10**9, references, only)
    most = int(str(error.value).partition(" GB, or ")[2].partition(" ")[0].replace(",", ""))
    memory_limit.check(most, references, only)
    with pytest.raises(UsageError):
        memory_limit.check(most + 1, references, only)
    return most


MEMORY = 4 << 30


def test_a_number_takes_80_kilobytes_and_a_category_what_its_values_take() -> None:
    assert most_windows(reference(number("x"))) == MEMORY // 80_000
    assert most_windows(reference(number("x"), number("y"))) == MEMORY // 160_000
    assert most_windows(reference(category("w", 7))) == MEMORY // 10_700
    # A table of values grows to two megabytes.
    assert most_windows(reference(category("w", 20_000))) == MEMORY // 2_010_000
    assert most_windows(reference(category("w", 20_001))) == MEMORY // 2_010_000
    both = reference(number("x")), reference(number("x_z"), space=Space.TRANSFORMED)
    assert most_windows(*both) == MEMORY // 160_000


def test_only_what_is_asked_for_is_counted() -> None:
    raw = reference(number("x"), number("y"), number("s.a"), number("s.b"))
    made = reference(number("x_z"), number("y_z"), space=Space.TRANSFORMED, raw_features={"x_z": ("x",)})
    assert most_windows(raw, only=frozenset({"x"})) == MEMORY // 80_000
    # Of a field of a struct, the struct; with what is computed from a feature.
    assert most_windows(raw, only=frozenset({"s.a"})) == MEMORY // 160_000
    assert most_windows(raw, made, only=frozenset({"x"})) == MEMORY // 160_000
    memory_limit.check(10**9, [raw], frozenset({"other"}))


def test_the_features_of_each_space() -> None:
    raw = reference(number("x"))
    made = reference(number("x_z"), space=Space.TRANSFORMED, raw_features={"x_z": ("x",), "y_z": ("y",)})
    assert memory_limit.wanted([raw, made], NONE) == {Space.RAW: None, Space.TRANSFORMED: None}
    assert memory_limit.wanted([raw, made], frozenset({"x", "s.a"})) == {
        Space.RAW: frozenset({"x", "s"}),
        Space.TRANSFORMED: frozenset({"x", "s", "x_z"}),
    }


def test_the_sentence_says_what_it_would_take() -> None:
    with pytest.raises(UsageError) as error:
        memory_limit.check(100_000, [reference(number("x"))], NONE)
    assert str(error.value).startswith(
        "100,000 windows of these features take about 8.0 GB of memory; the maximum is 4.3 GB, or 53,687"
        " windows. "
    )


def test_positions_count_for_numbers_and_for_categories() -> None:
    for feature, size in ((number("x"), 80_000), (category("w", 7), 10_700)):
        feature.custom_stats.add(name=VECTOR_STATS).any.value = bytes(50_000)
        assert most_windows(reference(feature)) == MEMORY // (size + 100_000)

"""What a person reads of a join: the sentence, the keys, the forms, and the features that differ."""

from __future__ import annotations

from typing import Any

import pytest

from trueserve.pipelines.display.join_table import lines_of

COUNTS = {
    "compared": 2000,
    "mismatched": 50,
    "keys": 2100,
    "examples": 2050,
    "requests": 2060,
    "keys_only_in_examples": 0,
    "keys_only_in_requests": 0,
    "duplicate_keys": 0,
    "examples_without_key": 0,
    "requests_without_key": 0,
}
HEADER = "feature  differs  mismatch  only examples  only requests  match"


def feature(name: str, **counts: int) -> dict[str, Any]:
    names = ("diff_count", "empty_only", "mismatch_count", "base_only", "test_only", "match_count")
    return {"feature": name, **dict.fromkeys(names, 0), **counts}


def form(name: str, kind: str, rows: int) -> dict[str, Any]:
    return {"feature": name, "form": kind, "rows": rows}


def lines(
    counts: dict[str, int] | None = None, *features: dict[str, Any], result: str = "difference", **forms: Any
) -> list[str]:
    reading = {side: {"forms": forms.get(side, [])} for side in ("examples", "requests")}
    document = {
        "result": result,
        "counts": COUNTS | (counts or {}),
        "features": list(features),
        "reading": reading,
    }
    return list(lines_of(document))


@pytest.mark.parametrize(
    ("compared", "mismatched", "sentence"),
    [
        (2000, 50, "difference: 50 of 2,000 pairs differ (2.50 %)"),
        (2000, 1500, "difference: 1,500 of 2,000 pairs differ (75.0 %)"),
        (1, 1, "difference: 1 of 1 pair differ (100 %)"),
        (0, 0, "difference: no pair was compared"),
    ],
)
def test_the_first_line_is_the_result_in_a_sentence(compared: int, mismatched: int, sentence: str) -> None:
    assert lines({"compared": compared, "mismatched": mismatched})[0] == sentence


def test_the_second_line_says_what_became_of_the_keys() -> None:
    assert lines()[1:] == ["keys: 2,100 in 2,050 examples and 2,060 requests"]
    counts = {
        "keys_only_in_examples": 1,
        "keys_only_in_requests": 2000,
        "duplicate_keys": 3,
        "examples_without_key": 4,
        "requests_without_key": 5,
    }
    assert lines(counts)[1] == (
        "keys: 2,100 in 2,050 examples and 2,060 requests, 1 only in examples, 2,000 only in requests,"
        " 3 several times on a side, 4 examples without one, 5 requests without one"
    )
    assert lines({"duplicate_keys": 3})[1].endswith("requests, 3 several times on a side")


def test_forms_say_what_was_not_compared_as_it_came() -> None:
    examples = [
        form("a", "int_for_float", 1),
        form("b", "unknown_feature", 2000),
        form("", "unknown_feature_more", 9),
    ]
    requests = [form("c", "csv_text", 5), form("d", "bytes_for_int", 2)]
    assert lines(examples=examples, requests=requests)[2:] == [
        "examples: a int for float 1 row: taken for missing",
        "examples: b in 2,000 rows, others in 9 rows: not known, and not compared",
        "requests: d bytes for int 2 rows: taken for missing",
    ]


@pytest.mark.parametrize(("count", "more"), [(3, ""), (4, " and 1 more"), (1005, " and 1,002 more")])
def test_three_forms_of_a_kind_are_named(count: int, more: str) -> None:
    forms = [form(f"f{i}", "unknown_feature", 1) for i in range(count)]
    assert lines(requests=forms)[2:] == [
        f"requests: f0 in 1 row, f1 in 1 row, f2 in 1 row{more}: not known, and not compared"
    ]


def test_the_features_that_differ_are_a_table() -> None:
    features = [
        feature("fare", diff_count=30, mismatch_count=1000, base_only=2, test_only=3, match_count=995),
        feature("same", mismatch_count=7),
        feature("empty", empty_only=100, diff_count=100, match_count=1900),
        feature("", empty_only=1),
    ]
    assert lines(None, *features)[2:] == [
        "feature       differs  mismatch  only examples  only requests  match",
        "fare           1.50 %     1,000              2              3    995",
        "empty          10.0 %         0              0              0  1,900",
        "(all others)   0.05 %         0              0              0      0",
    ]


def test_without_a_difference_there_is_no_table() -> None:
    assert len(lines(None, feature("same"), feature("also"))) == 2


@pytest.mark.parametrize(("count", "more"), [(40, 0), (41, 1), (1041, 1001)])
def test_forty_features_are_shown(count: int, more: int) -> None:
    shown = lines(None, *(feature(f"f{i}", diff_count=1) for i in range(count)))[2:]
    assert shown[0] == HEADER
    assert [line.split()[0] for line in shown[1:41]] == [f"f{i}" for i in range(40)]
    assert shown[41:] == ([f"{more:,} more features differ; join.json has them"] if more else [])

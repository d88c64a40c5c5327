"""Numbers, names and sentences as people read them."""

from __future__ import annotations

from typing import Any

import pytest
from support.page import make_finding, make_verdict, with_previous

from trueserve.transforms.publish import formatting
from trueserve.transforms.verdict import wording
from trueserve.transforms.verdict.model import FindingKind, Space


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        *((0.0123, "0.0123"), (0.1, "0.1"), (1234.0, "1,234"), (1.5e7, "15M"), (2.5e-7, "2.5e-07"), (0, "0")),
        *((1e15, "1e+15"), (9.99e14, "999,000G"), (1e9, "1G"), (1e6, "1M"), (123_456, "123.5k")),
        *(
            (1e5, "100k"),
            (99_999.5, "100,000"),
            (0.0001, "0.0001"),
            (0.00009, "9e-05"),
            (0.0001234, "0.0001234"),
            (-2.5e6, "-2.5M"),
        ),
        *((10.0, "10"), (12.345, "12.35"), (9.8765, "9.877"), (1000.4, "1,000"), (-0.5, "-0.5")),
    ],
)
def test_numbers_are_short(value: float, expected: str) -> None:
    assert formatting.number(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, "0 alarms"),
        (1, "1 alarm"),
        (123_456, "123,456 alarms"),
        (6.033, "6.03 alarms"),
        (0.09167, "0.0917 alarms"),
    ],
)
def test_alarms_are_whole_or_have_three_digits(value: float, expected: str) -> None:
    assert formatting.alarms(value) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("P30D", "30 days"),
        ("PT1H", "1 hour"),
        ("P1DT12H", "1 day 12 hours"),
        ("PT1M30S", "1 minute 30 seconds"),
        ("P2W", "2 weeks"),
        ("ever", "ever"),
    ],
)
def test_durations_are_words(text: str, expected: str) -> None:
    assert wording.duration(text) == expected


@pytest.mark.parametrize(
    ("share", "expected"),
    [
        *((0.0, "0 %"), (0.00009, "<0.01 %"), (0.0001, "0.01 %"), (0.0999, "9.99 %"), (0.1, "10.0 %")),
        *((0.9994, "99.9 %"), (0.99995, "100 %"), (1.0, "100 %")),
    ],
)
def test_a_share_above_zero_never_looks_like_zero(share: float, expected: str) -> None:
    assert formatting.percent(share) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        *((0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (12_345_678, "12.3 MB"), (999_900, "999.9 kB")),
        *((2.5e9, "2.5 GB"), (1e12, "1.0 TB"), (3.2e15, "3200.0 TB")),
    ],
)
def test_sizes_have_decimal_units(value: float, expected: str) -> None:
    assert formatting.size(value) == expected


def test_counts_have_the_plural_but_for_one() -> None:
    assert [formatting.counted(n, "row") for n in (0, 1, 2, 1000)] == [
        "0 rows",
        "1 row",
        "2 rows",
        "1,000 rows",
    ]
    assert [formatting.counted(n, "entry", "entries") for n in (1, 2)] == ["1 entry", "2 entries"]


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [("abcdefghij", 10, "abcdefghij"), ("abcdefghijk", 10, "abcdef…ijk"), ("abcdef", 5, "abc…f")],
)
def test_the_middle_of_what_is_too_long_is_left_out(text: str, limit: int, expected: str) -> None:
    assert formatting.shorten(text, limit) == expected
    assert len(expected) <= limit


def test_what_acts_or_hides_is_spelled_out_and_stays_within_the_limit() -> None:
    assert formatting.visible("a\x1b\n\u202eb") == "a\\x1b\\n\\u202eb"
    assert formatting.visible("é漢") == "é漢"
    assert len(formatting.visible("\x1b" * 50, 40)) == 40
    names = {"": "(whole set)", " ": "' '", "a\t": "a\\t", "a" * 9: "aaa…a"}
    assert {feature: formatting.name(feature, 5) for feature in names} == names


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        *(([], ""), (["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")),
        *(
            (["a", "b", "c", "d"], "a, b, c and 1 more"),
            (["a", "b", "c", *["d"] * 1000], "a, b, c and 1,000 more"),
        ),
    ],
)
def test_three_names_are_listed(names: list[str], sentence: str) -> None:
    assert formatting.listed(names) == sentence


def test_the_most_frequent_reasons_are_said_first() -> None:
    assert formatting.reasons({"b": 1, "a": 1, "c": 2000}) == "c 2,000, a 1, b 1"
    assert formatting.reasons({"a": 4, "b": 3, "c": 2, "d": 1}) == "a 4, b 3, c 2 and 1 more"


@pytest.mark.parametrize(
    ("diagnosis", "sentence"),
    [
        (None, ""),
        ({"cause": "unknown", "confidence": 0.1}, "cause: unknown"),
        ({"cause": "scale or unit", "confidence": 0.984}, "cause: scale or unit, confidence 0.98"),
    ],
)
def test_a_cause_and_how_sure_it_is(diagnosis: Any, sentence: str) -> None:
    assert formatting.cause({"diagnosis": diagnosis}) == sentence


@pytest.mark.parametrize(
    ("start", "end", "sentence"),
    [
        (None, None, "all times"),
        ("2013-07-01T00:00:00Z", None, "from 2013-07-01, UTC"),
        (None, "2013-07-01T05:30:00Z", "up to 2013-07-01 05:30:00, UTC"),
        ("2013-07-01T02:00:00+02:00", "2013-07-02T00:00:00Z", "2013-07-01 up to 2013-07-02, UTC"),
    ],
)
def test_windows_in_words(start: str | None, end: str | None, sentence: str) -> None:
    assert formatting.window({"start": start, "end": end}) == sentence


def headline(outcome: str, *findings: Any) -> str:
    return formatting.headline(make_verdict(outcome, findings).to_json())


INPUT: dict[str, Any] = {"kind": FindingKind.INPUT, "message": "9 have no time"}


def test_headlines_of_runs_that_compared_nothing() -> None:
    other = make_finding("a", message="moved")
    for outcome in ("failed", "not_examined"):
        assert headline(outcome, other, make_finding("", **INPUT)) == "9 have no time"
    assert headline("failed") == "The input could not be read. The last published verdict stays in place."
    assert headline("not_examined", other) == "Too few rows to examine: 990 rows compared."


def test_headlines_without_skew_count_the_warnings() -> None:
    fine = "What was served agrees with the training data: no skew in 990 rows"
    assert headline("ok", make_finding("a", "info")) == f"{fine}."
    warning = make_finding("a", "warning")
    assert headline("ok", warning) == f"{fine}, but 1 warning."
    assert headline("ok", warning, warning) == f"{fine}, but 2 warnings."


def test_headlines_of_skew_name_the_worst() -> None:
    error, warning = make_finding("a"), make_finding("b", "warning")
    assert headline("skew", error, warning) == "a is not served as trained, in 990 rows."
    assert headline("skew", warning, make_finding("c", "info")) == "b is not served as trained, in 990 rows."
    whole_set = headline("skew", make_finding(""))
    assert whole_set == "What was served differs from the training data, in 990 rows."
    both = headline("skew", error, make_finding("d"), error)
    assert both == "a and d are not served as trained, in 990 rows."
    answer = make_finding("late", space=Space.PREDICTION)
    assert headline("skew", answer) == "the prediction late is not served as trained, in 990 rows."


def test_the_headline_asks_for_the_baseline_where_most_features_are_absent() -> None:
    absent = make_finding("", metric="most_features_absent", message="7 of 9 features are absent: a; right?")
    assert headline("skew", absent, make_finding("a")) == "7 of 9 features are absent: a; right? In 990 rows."
    sliced = make_finding("", metric="most_features_absent", slice="country=DE")
    assert headline("skew", sliced, make_finding("a")) == "a is not served as trained, in 990 rows."


def test_headlines_say_in_which_slices_alone_something_differs() -> None:
    sliced = [make_finding("a", slice="country=DE"), make_finding("b", slice="country=DE")]
    where = "country=DE alone; 990 rows compared."
    assert headline("skew", *sliced) == f"a and b are not served as trained, in {where}"
    assert headline("skew", *sliced, make_finding("c")) == "c is not served as trained, in 990 rows."


def test_what_is_only_computed_from_a_cause_is_counted_and_not_named() -> None:
    made = [
        make_finding(name, space=Space.TRANSFORMED, raw_features=raw)
        for name, raw in (("x", ("a", "z")), ("y", ("a",)), ("own", ("z",)))
    ]
    assert headline("skew", make_finding("a"), *made) == (
        "a and own are not served as trained, which affects 2 features computed from them, in 990 rows."
    )
    assert headline("skew", make_finding("a"), made[0]).startswith(
        "a is not served as trained, which affects 1 feature computed from it, "
    )


def drift(*findings: Any, outcome: str = "ok", **previous: Any) -> str:
    return formatting.drift_sentence(with_previous(make_verdict(outcome, findings), **previous).to_json())


MOVED: dict[str, Any] = {"kind": FindingKind.DRIFT}
LAST_RUN = "since the last run (2013-06-01 up to 2013-07-01, UTC): "


def test_what_moved_since_the_last_run() -> None:
    moved = make_finding("a", **MOVED)
    follows = make_finding("x", space=Space.TRANSFORMED, raw_features=("a",), **MOVED)
    assert drift(windows=1) == f"{LAST_RUN}nothing moved"
    assert drift(make_finding("b"), make_finding("", **MOVED), windows=1) == f"{LAST_RUN}nothing moved"
    assert drift(moved, windows=1) == f"{LAST_RUN}a moved"
    assert drift(moved, follows, windows=1) == f"{LAST_RUN}a moved, and 1 feature computed from it"
    others = [moved, make_finding("b", **MOVED), follows]
    assert drift(*others, windows=1) == f"{LAST_RUN}a and b moved, and 1 feature computed from them"
    assert drift(moved, spaces=[], windows=1) == f"{LAST_RUN}nothing could be compared"
    assert drift(run=None) == "no earlier run: nothing to compare with"
    assert formatting.drift_sentence(make_verdict("ok").to_json()) == ""


@pytest.mark.parametrize(("windows", "sentence"), [(4, ""), (5, "; no slow drift over 5 earlier windows")])
def test_slow_drift_is_looked_for_in_five_windows_or_more(windows: int, sentence: str) -> None:
    assert drift(windows=windows) == f"{LAST_RUN}nothing moved{sentence}"
    slow = make_finding("a", metric=formatting.SLOW, **MOVED)
    assert drift(slow, make_finding("b", metric=formatting.SLOW), windows=windows) == (
        f"{LAST_RUN}nothing moved; over {windows} earlier windows a moved a little each time"
    )

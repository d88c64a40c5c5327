"""Limits for a budget: pure functions. They keep to it, fall as it grows, and never go below today's."""

from __future__ import annotations

import datetime as dt
import math

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.verdict import ours, reference
from tensorflow_metadata.proto.v0 import schema_pb2

from trueserve.transforms.backtesting import judging, memory_limit, tails, thresholds_file
from trueserve.transforms.backtesting.document import name_of
from trueserve.transforms.backtesting.suggest import LimitKey, Series, Suggestion, suggest
from trueserve.transforms.core import schema as schemas
from trueserve.transforms.core import slicing
from trueserve.transforms.core.batches import METADATA_SCHEMA, Batch, Window
from trueserve.transforms.core.errors import UsageError
from trueserve.transforms.verdict.model import FindingKind, Severity, Space
from trueserve.transforms.verdict.reference import Reference
from trueserve.transforms.verdict.severity import Policy
from trueserve.transforms.verdict.thresholds import LIMITS, Override, Thresholds, parse

EFFECTS = st.one_of(st.just(0.0), st.floats(0, 0.99))
DAY = dt.timedelta(days=1)
START = dt.datetime(2013, 2, 1, tzinfo=dt.UTC)


@st.composite
def every_series(draw: st.DrawFn) -> list[Series]:
    windows = draw(st.integers(1, 40))
    values = st.lists(EFFECTS, min_size=windows, max_size=windows).map(tuple)
    limits = st.floats(0.005, 0.3)
    return [
        Series(LimitKey("raw", f"f{n}", "distribution"), limit, limit, draw(values))
        for n, limit in enumerate(draw(st.lists(limits, min_size=1, max_size=6)))
    ]


def alarms(every: list[Series], suggestions: list[Suggestion]) -> int:
    """Windows over a limit, counted plainly."""
    limits = {series.key: series.today for series in every} | {
        suggestion.key: suggestion.suggested for suggestion in suggestions
    }
    windows = range(len(every[0].values))
    return sum(any(series.values[n] >= limits[series.key] for series in every) for n in windows)


@given(every_series(), st.floats(1e-6, 50))
def test_the_windows_keep_to_the_budget(every: list[Series], allowed: float) -> None:
    suggestions = suggest(every, allowed)
    assert alarms(every, suggestions) <= allowed
    for suggestion in suggestions:
        assert suggestion.suggested > suggestion.today
        assert suggestion.suggested <= 1
        [series] = [series for series in every if series.key == suggestion.key]
        assert len(suggestion.left) == sum(value >= suggestion.suggested for value in series.values)


@given(every_series(), st.floats(1e-6, 50), st.floats(1e-6, 50))
def test_limits_fall_as_the_budget_grows(every: list[Series], budget: float, other: float) -> None:
    tight = {suggestion.key: suggestion.suggested for suggestion in suggest(every, min(budget, other))}
    wide = {suggestion.key: suggestion.suggested for suggestion in suggest(every, max(budget, other))}
    for series in every:
        assert wide.get(series.key, series.today) <= tight.get(series.key, series.today)


def test_within_the_budget_nothing_is_raised() -> None:
    series = Series(LimitKey("raw", "a", "missing"), 0.01, 0.01, (0.02, 0.0, 0.03, 0.001))
    assert suggest([series], 2) == []
    assert suggest([], 0.5) == []
    [raised] = suggest([series], 1.9)
    assert 0.02 < raised.suggested <= 0.03 + 0.001
    assert raised.fired == (0, 2)


def test_a_required_feature_gets_the_usual_limit_at_least() -> None:
    """Without a limit any missing row is an error; one is suggested that is no lower than elsewhere."""
    [suggestion] = suggest(
        [Series(LimitKey("raw", "a", "missing"), 0.0, 0.01, (0.001,) * 3 + (0.0,) * 30)], 0.5
    )
    assert (suggestion.today, suggestion.suggested, len(suggestion.fired)) == (0.0, 0.01, 3)


def test_what_is_wholly_different_cannot_be_silenced() -> None:
    [suggestion] = suggest([Series(LimitKey("raw", "a", "missing"), 0.01, 0.01, (1.0, 0.0, 0.0))], 0.1)
    assert (suggestion.suggested, suggestion.left) == (1.0, (0,))


def test_one_wild_feature_does_not_raise_the_others_beyond_what_was_seen() -> None:
    calm = Series(LimitKey("raw", "calm", "distribution"), 0.025, 0.025, (0.03, 0.04, 0.05, *(0.0,) * 27))
    wild = Series(LimitKey("raw", "wild", "distribution"), 0.025, 0.025, (0.0,) * 20 + (0.9, *(0.1,) * 9))
    limits = {suggestion.key.feature: suggestion.suggested for suggestion in suggest([calm, wild], 0.9)}
    # At its own part of the budget: 0.03 + 0.015 ln(2 / (30 x 0.9 / 60)).
    assert limits["calm"] == 0.053
    assert limits["wild"] > 0.9


def test_a_tail_is_exponential_beyond_what_was_seen() -> None:
    # Quantiles of an exponential distribution with mean 0.02: where one in 10,000 lies is known.
    count = 1000
    values = [-0.02 * math.log((n + 0.5) / count) for n in range(count)]
    assert tails.exceeded_in(values, 1e-4) == pytest.approx(0.02 * math.log(1e4), rel=0.05)
    # Windows without a difference that counts are no part of the tail.
    assert tails.exceeded_in([0.0] * 28 + [0.05, 0.04], 1 / 60) == pytest.approx(0.04 + 0.01 * math.log(2))
    assert tails.exceeded_in(values, 0.3) == sorted(values, reverse=True)[300]


def test_the_limit_that_the_docs_follow_by_hand() -> None:
    # docs/backtest.md: 56 of 180 values are over 0.025, the nineteenth is u, and the mean excess above it b.
    top = [0.0631, 0.0620, *[0.0446 + (18 * 0.0078 - 0.0185 - 0.0174) / 16] * 16]
    values = (*top, *(0.0446 - step * 0.0005 for step in range(38)), *(0.0,) * 124)
    both = [Series(LimitKey("raw", name, "distribution"), 0.025, 0.025, values) for name in ("a", "b")]
    assert len(both[0].fired()) == 56
    assert [suggestion.suggested for suggestion in suggest(both, 180 / 30)] == [0.06, 0.06]


@given(st.lists(EFFECTS, min_size=1, max_size=50), st.floats(1e-9, 1), st.floats(1e-9, 1))
def test_what_is_exceeded_falls_as_the_share_grows(values: list[float], first: float, second: float) -> None:
    rare, often = (tails.exceeded_in(values, share) for share in sorted((first, second)))
    assert rare >= often
    assert sum(value > often for value in values) <= max(first, second) * len(values) or often >= min(values)


@given(st.floats(0, 0.998))
def test_a_limit_lies_above_what_it_lets_pass(value: float) -> None:
    assert value < tails.above(value) <= value + 0.00101


def test_windows_are_half_open_and_meet() -> None:
    windows = judging.cut(START, START + 3 * DAY, DAY)
    assert [window.start for window in windows] == [START, START + DAY, START + 2 * DAY]
    assert [window.end for window in windows[:2]] == [window.start for window in windows[1:]]
    with pytest.raises(UsageError, match=r"end it at 2013-02-08.* or 2013-02-15"):
        judging.cut(START, START + 9 * DAY, 7 * DAY)
    with pytest.raises(UsageError, match="end it at 2013-02-08T00:00:00"):
        judging.cut(START, START + DAY, 7 * DAY)


@pytest.mark.parametrize(
    ("start", "length", "name"),
    [
        (START, DAY, "2013-02-01"),
        (START, dt.timedelta(hours=1), "2013-02-01T00"),
        (START + dt.timedelta(hours=5), DAY, "2013-02-01T05:00:00/2013-02-02T05:00:00"),
        (START, 7 * DAY, "2013-02-01/2013-02-08"),
        (START, dt.timedelta(minutes=30), "2013-02-01/2013-02-01T00:30:00"),
    ],
)
def test_a_window_is_named_as_known_bad_takes_it(start: dt.datetime, length: dt.timedelta, name: str) -> None:
    from trueserve.pipelines.flags.backtest import parse_spans

    assert name_of(Window(start, start + length)) == name
    assert parse_spans(name) == ((start, start + length),)


NOTES = st.text(max_size=200).filter(str.isprintable).map(str.strip)
OVERRIDES = st.builds(
    Override,
    st.dictionaries(st.sampled_from([*LIMITS][:4]), st.floats(0.001, 1).map(lambda x: round(x, 3))),
    st.one_of(st.none(), st.sampled_from(Severity)),
    NOTES,
)
# Names are text of protocol buffers: any characters but halves of surrogate pairs.
NAMES = st.text(st.characters(exclude_categories=["Cs"]))


@given(
    st.dictionaries(st.tuples(st.sampled_from([Space.RAW, Space.TRANSFORMED]), NAMES), OVERRIDES),
    st.dictionaries(st.sampled_from([*LIMITS]), st.just(0.04)),
    st.text(),
)
def test_limits_that_are_written_are_read(
    features: dict[tuple[Space, str], Override], defaults: dict[str, float], comment: str
) -> None:
    written = Thresholds(defaults=defaults, features=features)
    comments = {LimitKey(s, name, key): comment for (s, name), own in features.items() for key in own.limits}
    assert parse(thresholds_file.render(written, [comment], comments), "thresholds.toml") == written


def test_limits_that_are_raised_leave_all_else_as_it_is() -> None:
    own = Override({"missing": 0.1, "unseen": 0.2}, Severity.WARNING, "mine")
    before = Thresholds("mine.toml", {"missing": 0.3}, {(Space.RAW, "a"): own})
    suggestions = [
        Suggestion(LimitKey("raw", "a", "missing"), 0.1, 0.4, (), ()),
        Suggestion(LimitKey("transformed", "b", "missing"), 0.3, 0.5, (), ()),
    ]
    assert thresholds_file.raised(before, suggestions) == Thresholds(
        "mine.toml",
        {"missing": 0.3},
        {
            (Space.RAW, "a"): Override({"missing": 0.4, "unseen": 0.2}, Severity.WARNING, "mine"),
            (Space.TRANSFORMED, "b"): Override({"missing": 0.5}),
        },
    )


def test_default_comparators_are_raised_and_stay_defaults() -> None:
    schema = schema_pb2.Schema()
    for name in ("ours", "theirs", "quiet"):
        schema.feature.add(name=name, type=schema_pb2.FLOAT)
    schema.feature[1].skew_comparator.jensen_shannon_divergence.threshold = 0.3
    given_one = schemas.with_comparators(schema, jsd=0.1, linf=0.1)
    raised = schemas.with_default_thresholds(given_one, {"ours": 0.25, "theirs": 0.25, "none": 0.5})
    thresholds = [f.skew_comparator.jensen_shannon_divergence.threshold for f in raised.feature]
    assert thresholds == [0.25, 0.3, 0.1]
    assert [schemas.has_own_comparator(feature) for feature in raised.feature] == [False, True, False]
    assert given_one.feature[0].skew_comparator.jensen_shannon_divergence.threshold == 0.1


def a_reference(rows: int = 50) -> Reference:
    data = pd.DataFrame({"n": np.arange(rows, dtype="float32"), "c": [f"v{k}" for k in range(rows)]})
    raw_features = {"n": ("trip", "other")}
    return reference(data, label=None, space=Space.TRANSFORMED, raw_features=raw_features)


def test_more_windows_than_memory_holds_are_refused_with_the_number_that_fits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(memory_limit, "MOST_BYTES", 1_000_000)
    # 80 kB for the number, 10 kB and 100 bytes a value for the category.
    memory_limit.check(10, [a_reference()], frozenset())
    with pytest.raises(UsageError, match=r"11 windows .* about 0\.0 GB .* or 10 windows\. "):
        memory_limit.check(11, [a_reference()], frozenset())
    memory_limit.check(12, [a_reference()], frozenset({"trip"}))
    with pytest.raises(UsageError, match=r"or 12 windows\. "):
        memory_limit.check(13, [a_reference()], frozenset({"trip"}))


def test_values_far_out_of_range_and_outside_the_domain_are_held_against_a_limit() -> None:
    random = np.random.default_rng(1)

    def rows(count: int, far: int, odd: int) -> pd.DataFrame:
        numbers, categories = random.normal(size=count).astype("float32"), random.choice(["a", "b"], count)
        data = pd.DataFrame({"n": numbers, "c": categories})
        data.loc[: far - 1, "n"] = 1e6
        data.loc[: odd - 1, "c"] = "c"
        return data

    against = reference(rows(5000, 0, 500), label=None)
    against.schema.string_domain[0].value.remove("c")  # training had it
    served = ours(rows(1000, 40, 60), against)
    judged = judging.judge([against], {Space.RAW: served}, Policy(), dt.timedelta(days=1))
    effects = {effect.key.feature: effect for effect in judged[2] if effect.key.limit == "unseen"}
    assert effects["n"].value == pytest.approx(0.04, abs=0.001)
    assert effects["c"].value == pytest.approx(0.06, abs=0.001)
    assert all((effect.counts, effect.floor) == (True, 0.01) for effect in effects.values())
    errors = {
        finding.feature
        for finding in judged[0]
        if finding.severity is Severity.ERROR and finding.kind is FindingKind.VALUES
    }
    assert errors == {"n", "c"}
    text = b"format = 1\n[defaults]\nunseen = 0.07\ndistribution = 0.9\n"
    policy = Policy(thresholds=parse(text, "thresholds.toml"))
    judged = judging.judge([against], {Space.RAW: served}, policy, dt.timedelta(days=1))
    assert not [finding for finding in judged[0] if finding.severity is Severity.ERROR]


def test_what_is_wanted_is_named_or_computed_from_what_is() -> None:
    every = [a_reference()]
    assert memory_limit.wanted(every, frozenset()) == {Space.TRANSFORMED: None}
    wanted = memory_limit.wanted(every, frozenset({"other", "c", "s.x"}))[Space.TRANSFORMED]
    assert wanted is not None
    assert {"n", "c", "s"} <= wanted
    assert not {"d", "x"} & wanted


def test_rows_are_split_by_window_and_none_is_lost() -> None:
    rng = np.random.default_rng(3)
    start = START - dt.timedelta(hours=5, microseconds=7)
    offsets = np.concatenate(
        [rng.integers(0, 10 * 3_600_000_000, 500), [0, 3_600_000_000 - 1, 3_600_000_000]]
    )
    times = [start + dt.timedelta(microseconds=int(offset)) for offset in offsets]
    metadata = {
        name: pa.nulls(len(times), kind.type)
        for name, kind in zip(METADATA_SCHEMA.names, METADATA_SCHEMA, strict=True)
    }
    metadata |= {"time": pa.array(times, METADATA_SCHEMA.field("time").type)}
    features = pa.RecordBatch.from_pydict({"a": list(range(len(times))), "b": [None] * len(times)})
    batch = Batch(features, pa.RecordBatch.from_pydict(metadata, schema=METADATA_SCHEMA))
    hour = dt.timedelta(hours=1)
    rows_by_window = {
        n: part.features.column(0).to_pylist() for n, part in slicing.by_window(batch, start, hour)
    }
    expected: dict[int, list[int]] = {}
    for row, time in enumerate(times):
        expected.setdefault((time - start) // hour, []).append(row)
    assert rows_by_window == expected
    assert slicing.narrowed(batch, frozenset({"b", "z"})).features.schema.names == ["b"]
    assert slicing.narrowed(batch, frozenset({"z"})).features.num_rows == len(times)

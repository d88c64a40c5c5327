"""thresholds.toml: read or refused in one line; its limits, severities and notes."""

from __future__ import annotations

import pickle
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.repo import ROOT
from support.verdict import compared, served, worst

from trueserve.transforms.core.errors import UsageError
from trueserve.transforms.verdict.compare import Policy, Reference
from trueserve.transforms.verdict.findings import transformed as transformed_findings
from trueserve.transforms.verdict.findings.rows import dependence
from trueserve.transforms.verdict.model import Finding, FindingKind, Severity, Space
from trueserve.transforms.verdict.significance import LEAST_EFFECT
from trueserve.transforms.verdict.thresholds import LIMIT_OF, Override, Thresholds, parse

COMPLETE = """
format = 1
[defaults]
distribution = 0.03
[raw.distance]
distribution = 0.05
severity = "warning"
note = "moves with the season"
[raw."trip.length"]
missing = 1
[transformed.distance_z]
unknown_words = 0.5
[prediction.late]
distribution = 0.1
"""


def limits(text: str) -> Policy:
    return Policy(thresholds=parse(f"format = 1\n{text}".encode(), "folder/mine.toml"))


def test_a_whole_file_is_read_and_travels_to_workers() -> None:
    read_back = pickle.loads(pickle.dumps(parse(COMPLETE.encode(), "baseline/thresholds.toml")))
    assert read_back == Thresholds(
        defaults={"distribution": 0.03},
        features={
            (Space.RAW, "distance"): Override(
                {"distribution": 0.05}, Severity.WARNING, "moves with the season"
            ),
            (Space.RAW, "trip.length"): Override({"missing": 1.0}),
            (Space.TRANSFORMED, "distance_z"): Override({"unknown_words": 0.5}),
            (Space.PREDICTION, "late"): Override({"distribution": 0.1}),
        },
    )


def test_a_feature_goes_before_the_defaults_and_these_before_ours() -> None:
    parsed = parse(COMPLETE.encode(), "t")
    assert parsed.limit(Space.RAW, "distance", "kolmogorov_smirnov", 0.025) == 0.05
    assert parsed.limit(Space.TRANSFORMED, "distance", "total_variation", 0.025) == 0.03
    assert parsed.limit(Space.RAW, "distance", "missing_share", 0.01) == 0.01


def test_every_metric_that_is_judged_has_a_limit() -> None:
    assert {*LIMIT_OF} == {*LEAST_EFFECT, *transformed_findings.LEAST_EFFECT, dependence.METRIC}


def test_the_file_that_the_docs_show_is_read() -> None:
    page = (ROOT / "docs/thresholds.md").read_text("utf-8")
    [shown] = re.findall(r"```toml\n(.*?)```", page, flags=re.DOTALL)
    parsed = parse(shown.encode(), "t")
    names = {key for own in parsed.features.values() for key in own.limits}
    assert names == {*LIMIT_OF.values()}
    assert [own.severity for own in parsed.features.values()] == [Severity.WARNING, None]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("format = 1\nformat = 1", "is no TOML"),
        ("format = 1\n[raw.distance\n", "line 2"),
        ("", "expected format = 1, got none"),
        ("format = 2", "expected format = 1, got 2"),
        ("format = true", "expected format = 1, got True"),
        ("format = 1\ndefault = 3", "default is no key here, .*; did you mean defaults\\?"),
        ("format = 1\nvectors = 'a'", "vectors: expected a list of features' names, got 'a'"),
        ("format = 1\nvectors = [1]", "vectors: expected a list of features' names, got a list"),
        ("format = 1\ndefaults = 3", "expected a table \\[defaults\\], got 3"),
        ("format = 1\nraw = 3", "expected a table \\[raw\\], got 3"),
        ("format = 1\nraw.distance = 3", "expected a table \\[raw.distance\\], got 3"),
        (
            "format = 1\n[raw.distance]\nmisssing = 0.1",
            "\\[raw.distance\\] misssing is .*did you mean missing",
        ),
        ("format = 1\n[raw.a.b]\nmissing = 0.1", 'stands in quotes, \\[raw."a.b"\\]'),
        ("format = 1\n[raw.a]\nunknown_words = 0.1", "unknown_words is no key here"),
        ("format = 1\n[raw.a]\nmissing" + ".a" * 3000 + " = 1", "at most 1, got a table"),
        ("format" + ".a" * 3000 + " = 1", "expected format = 1, got a table"),
        ("format = 1\n[raw.a]\nnote = [1, 2]", "got a list"),
        ("format = 1\n[defaults]\nseverity = 'info'", "severity is no key here"),
        ("format = 1\n[raw.a]\nmissing = 0", "above 0 and at most 1, got 0"),
        ("format = 1\n[raw.a]\nmissing = 1.01", "above 0 and at most 1, got 1.01"),
        ("format = 1\n[raw.a]\nmissing = nan", "above 0 and at most 1, got nan"),
        ("format = 1\n[raw.a]\nmissing = true", "above 0 and at most 1, got True"),
        ("format = 1\n[raw.a]\nmissing = '0.1'", "above 0 and at most 1, got '0.1'"),
        ("format = 1\n[raw.a]\nseverity = 'fatal'", "severity: expected error, warning or info, got 'fatal'"),
        ("format = 1\n[raw.a]\nseverity = 1", "severity: expected error, warning or info, got 1"),
        ("format = 1\n[raw.a]\nnote = 1", "note: expected a line of at most 200 characters, got 1"),
        ("format = 1\n[raw.a]\nnote = 'x\\ty'\nnote2 = 1", "note2 is no key here"),
        ('format = 1\n[raw.a]\nnote = "x\\u001b[2Jy"', "note: expected a line"),
        (f"format = 1\n[raw.a]\nmissing = {10**18}", f"above 0 and at most 1, got {10**18}"),
        (f"format = 1\n[raw.a]\nmissing = -{10**18 + 1}", "got a number that is too large"),
        (f"format = '{'x' * 58}'", f"got '{'x' * 58}'$"),
        (f"format = '{'x' * 59}'", f"got '{'x' * 59}[.]{{3}}$"),
    ],
)
def test_what_is_wrong_is_said_in_one_line_with_its_place(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as raised:
        parse(text.encode(), "folder/mine.toml")
    assert str(raised.value).startswith("folder/mine.toml")
    assert str(raised.value).isprintable()


@given(st.one_of(st.binary(max_size=200), st.text(max_size=200).map(lambda text: text.encode())))
def test_any_bytes_are_limits_or_a_usage_error(text: bytes) -> None:
    for content in (text, b"format = 1\n" + text, b"format = 1\n[raw.a]\n" + text):
        try:
            assert isinstance(parse(content, "t"), Thresholds)
        except UsageError as error:
            message = str(error)
            assert message.isprintable(), message


def test_a_limit_decides_for_its_feature_alone(baseline: Reference) -> None:
    data = served(5000)
    data["distance"] += 75  # a Kolmogorov-Smirnov distance of 0.1
    data["rain"] = data["rain"] * np.float32(1.5)
    assert worst(compared(baseline, data).findings, "distance").severity is Severity.ERROR
    findings = compared(baseline, data, limits("[raw.distance]\ndistribution = 0.2")).findings
    assert not [
        finding
        for finding in findings
        if finding.feature == "distance" and finding.severity is Severity.ERROR
    ]
    assert worst(findings, "rain").severity is Severity.ERROR
    finding = worst(compared(baseline, data, limits("[defaults]\ndistribution = 0.05")).findings, "distance")
    assert (finding.severity, finding.threshold) == (Severity.ERROR, 0.05)
    assert "is over 0.05 and beyond chance" in finding.message
    other = compared(baseline, data, limits("[transformed.distance]\ndistribution = 0.2")).findings
    assert worst(other, "distance").severity is Severity.ERROR


def test_a_lower_limit_finds_what_ours_lets_pass(baseline: Reference) -> None:
    data = served(20_000)
    data["distance"] += 11  # a Kolmogorov-Smirnov distance of 0.015
    assert "error" not in {finding.severity.value for finding in compared(baseline, data).findings}
    finding = worst(
        compared(baseline, data, limits("[raw.distance]\ndistribution = 0.01")).findings, "distance"
    )
    assert (finding.severity, finding.threshold) == (Severity.ERROR, 0.01)


def test_a_required_feature_may_be_missing_as_far_as_the_limit_says(baseline: Reference) -> None:
    data = served(5000)
    data.loc[:49, "distance"] = np.nan
    assert worst(compared(baseline, data).findings, "distance").severity is Severity.ERROR
    finding = worst(compared(baseline, data, limits("[raw.distance]\nmissing = 0.02")).findings, "distance")
    assert (finding.kind, finding.severity) == (FindingKind.PRESENCE, Severity.WARNING)
    assert finding.message.endswith("; an error from 2.0 % on, by mine.toml")
    tight = compared(baseline, data, limits("[raw.distance]\nmissing = 0.01")).findings
    assert worst(tight, "distance").severity is Severity.ERROR


def test_values_beyond_the_schema_and_the_range_keep_to_the_limit_of_unseen_ones(baseline: Reference) -> None:
    data = served(5000)
    data.loc[:249, "distance"] = 1e6
    data.loc[:249, "carrier"] = "ZZ"

    def level(feature: str, policy: Policy) -> Severity:
        every = compared(baseline, data, policy).findings
        return min(
            finding.severity
            for finding in every
            if (finding.feature, finding.kind) == (feature, FindingKind.VALUES)
        )

    wide = limits("[raw.distance]\nunseen = 0.06\n[raw.carrier]\nunseen = 0.06")
    for feature in ("distance", "carrier"):
        assert level(feature, Policy()) is Severity.ERROR
        assert level(feature, wide) is Severity.WARNING


def test_a_severity_bounds_all_findings_of_a_feature_and_says_why(baseline: Reference) -> None:
    data = served(5000)
    data["distance"] += 75
    data.loc[:999, "distance"] = np.nan
    text = '[raw.distance]\nseverity = "warning"\nnote = "agreed with Ann"'
    findings = [
        finding
        for finding in compared(baseline, data, limits(text)).findings
        if finding.feature == "distance"
    ]
    assert {finding.kind for finding in findings} >= {FindingKind.DISTRIBUTION, FindingKind.PRESENCE}
    assert {finding.severity for finding in findings} <= {Severity.WARNING, Severity.INFO}
    assert findings[0].message.endswith("(warning by mine.toml: agreed with Ann)")
    info = worst(compared(baseline, data, limits('[raw.distance]\nseverity = "info"')).findings, "distance")
    assert (info.severity, info.message[-19:]) == (Severity.INFO, "(info by mine.toml)")


def test_a_severity_never_makes_a_finding_worse() -> None:
    policy = limits('[raw.a]\nseverity = "error"\nnote = "watch it"')
    for level in Severity:
        finding = Finding("a", Space.RAW, FindingKind.VALUES, level, "m", "words")
        bounded = policy.thresholds.bounded(finding)
        assert bounded.severity is level
        assert bounded.message == ("words" if level is Severity.INFO else "words (mine.toml: watch it)")
    other = Finding("a", Space.TRANSFORMED, FindingKind.VALUES, Severity.ERROR, "m", "words")
    assert policy.thresholds.bounded(other) == other


def test_sections_for_no_feature_are_told(baseline: Reference) -> None:
    policy = limits(
        "[raw.distance]\nmissing = 0.1\n[raw.gone]\nmissing = 0.1\n[transformed.other]\nmissing = 0.1"
    )
    [finding] = policy.thresholds.unknown([compared(baseline, served(500), policy)])
    assert finding.severity is Severity.INFO
    assert "'raw.gone'" in finding.message
    assert "distance" not in finding.message
    assert "other" not in finding.message, "the transformed space was not compared"


def test_vectors_are_named_by_feature(baseline: Reference) -> None:
    policy = limits('vectors = ["distance", "gone"]')
    assert [policy.thresholds.is_vector(name) for name in ("distance", "gone", "rain")] == [True, True, False]
    assert limits("vectors = []").thresholds.is_vector("distance") is False
    assert limits("").thresholds.is_vector("distance") is None
    [finding] = policy.thresholds.unknown([compared(baseline, served(500), policy)])
    assert "'gone'" in finding.message
    assert "distance" not in finding.message

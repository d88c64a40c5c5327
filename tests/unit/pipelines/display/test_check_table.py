"""What a person reads of a check: the sentence, what was compared, and the findings, worst first."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console as RichConsole

from trueserve.pipelines.display import check_table
from trueserve.pipelines.display.console import Console
from trueserve.transforms.serving.check.report import CheckFinding, Report


def report(**fields: Any) -> Report:
    """On a model of which the features of nine probes were compared."""
    values: dict[str, Any] = {
        "baseline": "baseline",
        "model": "served/3",
        "reference": None,
        "probes": 1009,
        "synthetic": 9,
        "compared": {"transform_features": 1009},
        "predictions_from": None,
        "findings": (),
        "versions": (),
        "lint": (),
    }
    return Report(**values | fields)


def finding(severity: Any, message: str = "it differs", **fields: Any) -> CheckFinding:
    return CheckFinding("other_type", severity, message, **fields)


def lint(severity: str, **fields: Any) -> dict[str, Any]:
    return {
        "rule": "file-access",
        "severity": severity,
        "message": "it writes",
        "node": "w",
        "source": None,
    } | fields


@pytest.mark.parametrize(
    ("fields", "headline"),
    [
        ({}, "ok: served/3 gives what the baseline promises"),
        ({"findings": (finding("info"),)}, "ok: served/3 gives what the baseline promises"),
        ({"findings": (finding("warning"),)}, "ok: served/3 gives what the baseline promises, 1 warning"),
        (
            {"findings": (finding("warning"),), "lint": (lint("warning"), lint("info"))},
            "ok: served/3 gives what the baseline promises, 2 warnings",
        ),
        ({"findings": (finding("error"), finding("warning"))}, "errors: 1 error in served/3"),
        ({"findings": (finding("error"),), "lint": (lint("error"),)}, "errors: 2 errors in served/3"),
        ({"lint": (lint("error"),), "loaded": False}, "errors: served/3 was not loaded: 1 error"),
        ({"model": "a\x1bb"}, "ok: a\\x1bb gives what the baseline promises"),
        (
            {"compared": {"transform_features": 0}},
            "not_examined: served/3: no output of the model was compared with the baseline's",
        ),
    ],
)
def test_the_first_line_is_the_result_in_a_sentence(fields: dict[str, Any], headline: str) -> None:
    assert check_table.plain_lines(report(**fields))[0] == headline


@pytest.mark.parametrize(
    ("fields", "compared"),
    [
        ({}, "1,009, of them 9 made up; compared: transform_features 1,009"),
        ({"loaded": False}, "none were run"),
        ({"compared": {}}, "1,009, of them 9 made up; compared: none"),
        (
            {"compared": {"a": 1000, "b": 2}, "predictions_from": "model"},
            "1,009, of them 9 made up; compared: a 1,000, b 2; right predictions: recorded in the model",
        ),
        (
            {"predictions_from": "reference"},
            "1,009, of them 9 made up; compared: transform_features 1,009; right predictions: of the"
            " reference",
        ),
        (
            {"sandbox": {"files": "enforced", "network": "enforced in part"}},
            "1,009, of them 9 made up; compared: transform_features 1,009",
        ),
        (
            {
                "sandbox": {
                    "files": "not enforced: no Landlock",
                    "memory": "enforced",
                    "network": "not enforced",
                }
            },
            "1,009, of them 9 made up; compared: transform_features 1,009; sandbox: files not enforced:"
            " no Landlock; network not enforced",
        ),
    ],
)
def test_the_second_line_says_what_was_compared(fields: dict[str, Any], compared: str) -> None:
    assert check_table.plain_lines(report(**fields))[1] == f"probes: {compared}"


def test_each_finding_is_a_line_and_the_worst_are_first() -> None:
    shown = report(
        findings=(
            finding("info", "about the set"),
            finding("error", "a differs", signature="serving_default", feature="a"),
            finding("warning", "b\ndiffers", feature="b"),
        ),
        lint=(
            lint("error", source="features.py:7"),
            lint("info", node=None, rule="folder"),
            lint("warning", node="", rule="state-kept"),
        ),
    )
    assert check_table.plain_lines(shown)[2:] == [
        "error: a (serving_default): a differs",
        "error: lint file-access w: it writes (features.py:7)",
        "warning: b: b\\ndiffers",
        "warning: lint state-kept: it writes",
        "info: other type: about the set",
        "info: lint folder: it writes",
    ]


def test_a_message_is_shown_up_to_its_limit() -> None:
    kept, longer = "x" * 600, "x" * 601
    lines = check_table.plain_lines(
        report(
            findings=(finding("info", kept), finding("info", longer)), lint=(lint("info", message=longer),)
        )
    )
    assert lines[2] == f"info: other type: {kept}"
    for line in lines[3:]:
        assert len(line.rpartition(": ")[2]) == 600
        assert "…" in line


def drawn(shown: Report) -> str:
    """What a terminal gets that is wide enough for a message."""
    out = io.StringIO()
    RichConsole(file=out, width=150, force_terminal=False).print(check_table._summary(shown))
    return out.getvalue()


def test_a_terminal_gets_a_panel_and_a_table() -> None:
    good, bad = report(), report(findings=(finding("error", feature="a"),))
    assert " ok " in drawn(good)
    assert "served/3 gives what the baseline promises" in drawn(good)
    assert "feature" not in drawn(good).replace("transform_features", "")
    text = drawn(bad)
    assert " ERRORS " in text
    assert "probes: 1,009, of them 9 made up" in text
    row = next(line for line in text.splitlines() if "it differs" in line)
    assert row.split() == ["error", "a", "it", "differs"]


@pytest.mark.parametrize(("count", "more"), [(39, None), (40, None), (41, "1 more"), (1041, "1,001 more")])
def test_a_terminal_gets_forty_findings_at_most(count: int, more: str | None) -> None:
    text = drawn(report(findings=tuple(finding("info", f"m{i}") for i in range(count))))
    assert text.count("other type") == min(count, 40)
    assert (f"{more} with --json" if more else "with --json") in text or more is None
    assert ("with --json" in text) is (more is not None)


@pytest.mark.parametrize(("errors", "style"), [(0, "green"), (1, "red")])
def test_the_panel_is_as_the_result(errors: int, style: str) -> None:
    summary: Any = check_table._summary(report(findings=(finding("error"),) * errors))
    assert summary.renderables[0].border_style == style
    assert summary.renderables[0].title.style == f"bold reverse {style}"


@pytest.mark.parametrize("terminal", [True, False])
def test_what_is_no_terminal_gets_plain_lines(terminal: bool) -> None:
    out = io.StringIO()
    check_table.show(report(), Console(out, io.StringIO(), terminal=terminal))
    plain = "\n".join(check_table.plain_lines(report())) + "\n"
    assert (out.getvalue() == plain) is not terminal
    assert "served/3 gives what the baseline promises" in out.getvalue()

"""The report of a check: its result, and the worst first."""

from __future__ import annotations

import pytest

from trueserve.transforms.serving.check.report import CheckFinding, Report, Severity, worst_first


def report(compared: dict[str, int], *severities: Severity, lint: tuple[str, ...] = ()) -> Report:
    made = [CheckFinding("kind", severity, "m") for severity in severities]
    lints = tuple({"severity": severity} for severity in lint)
    return Report("b", "m", None, 5, 1, compared, None, tuple(made), (), lints)


@pytest.mark.parametrize(
    ("made", "result", "code", "errors"),
    [
        (report({"a": 5}), "ok", 0, 0),
        (report({"a": 5}, "warning", "info"), "ok", 0, 0),
        (report({"a": 5}, "error", "warning"), "errors", 1, 1),
        (report({"a": 5}, lint=("error", "info")), "errors", 1, 1),
        (report({"a": 0, "b": 0}), "not_examined", 4, 0),
        (report({"a": 0, "b": 1}), "ok", 0, 0),
        (report({}), "not_examined", 4, 0),
        (report({}, "error", lint=("error",)), "errors", 1, 2),
    ],
)
def test_results(made: Report, result: str, code: int, errors: int) -> None:
    assert (made.result, made.exit_code, made.errors) == (result, code, errors)
    assert (made.to_json()["result"], made.to_json()["exit_code"]) == (result, code)


def test_the_worst_come_first() -> None:
    severities: tuple[Severity, ...] = ("info", "warning", "error", "error")
    mixed = [CheckFinding(str(i), severity, "") for i, severity in enumerate(severities)]
    assert [finding.kind for finding in worst_first(mixed)] == ["2", "3", "1", "0"]

"""The estimated performance on the page and in a line."""

from __future__ import annotations

import re
from typing import Any

import pytest
from markupsafe import Markup

from trueserve.transforms.publish import performance_text
from trueserve.transforms.publish.page.models import performance

AUC = {
    "estimate": 0.67324,
    "low": 0.62,
    "high": 0.7257,
    "at_export": 0.6973,
    "harm": 0.0241,
    "harm_low": -0.03,
}
NOT_DEFINED = {**dict.fromkeys(AUC), "at_export": 0.9}
BLOCK: dict[str, Any] = {
    "why": None,
    "rows": 3697,
    "design_effect": 5.6,
    "task": "binary",
    "output": "late",
    "label": "late",
    "evaluation_rows": 4075,
    "metrics": {"log_loss": {**AUC, "harm": -0.2, "estimate": 12345.6}, "auc": AUC},
    "cannot_see": ["concept shift"],
}


def cells(block: dict[str, Any]) -> list[list[str]]:
    html = str(performance.section({"performance": block}))
    rows = re.findall(r"<tr>(.*?)</tr>", html)[1:]
    return [[str(Markup(cell).striptags()) for cell in re.findall(r"<td.*?</td>", row)] for row in rows]


def test_each_metric_has_its_row() -> None:
    assert cells(BLOCK) == [
        ["log loss", "12,346 (0.62 to 0.726)", "0.697", "–"],
        ["AUC", "0.673 (0.62 to 0.726)", "0.697", "0.0241"],
    ]
    html = performance.section({"performance": BLOCK})
    assert "Of 3,697 rows with a prediction (late), by 4,075 evaluation rows with a label." in html
    assert "It cannot see: concept shift." in html
    assert cells({**BLOCK, "metrics": {"auc": NOT_DEFINED}}) == [["AUC", "not defined", "0.9", "not known"]]


def test_why_nothing_was_estimated_is_said() -> None:
    html = performance.section({"performance": {"why": "<b>no labels", "metrics": None}})
    assert "Not estimated: &lt;b&gt;no labels." in html
    assert performance.section({"performance": None}) == ""
    assert performance.section({}) == ""


@pytest.mark.parametrize(
    ("block", "line"),
    [
        (BLOCK, "estimated AUC 0.673 (0.62 to 0.726), 0.697 at export"),
        (
            {"metrics": {"auc": NOT_DEFINED, "accuracy": AUC}},
            "estimated accuracy 0.673 (0.62 to 0.726), 0.697 at export",
        ),
        ({"metrics": {"auc": NOT_DEFINED}}, ""),
        ({"metrics": None}, ""),
        (None, ""),
    ],
)
def test_the_first_metric_that_is_known_is_the_line(block: dict[str, Any] | None, line: str) -> None:
    assert performance_text.line(block) == line

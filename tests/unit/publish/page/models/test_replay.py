"""The part about answers: tables of what differs, the worst rows, the tolerance, and who answered."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest
from support.page import Parsed

from trueserve.transforms.publish.page.models import replay

SOME: Mapping[str, Any] = {"rows": 2000, "differing": 500, "flipped": 1200, "largest": 0.5, "mean": 0.25}
REPLAY: Mapping[str, Any] = {
    "model": "gs://models/7",
    "atol": 1e-5,
    "rtol": 0.001,
    "share": 0.01,
    "not_replayed": {},
    "total": SOME,
    "again": {"rows": 1000, "differing": 3},
    "outputs": [],
    "versions": [],
    "hours": [],
    "worst": [],
}


def section(versions: Any = None, **fields: Any) -> str:
    return str(replay.section({"replay": {**REPLAY, **fields}, "versions": versions}))


def row(**fields: Any) -> Mapping[str, Any]:
    return {**SOME, **fields}


def cells(html: str) -> list[list[str]]:
    lines = re.findall("<tr>(.*?)</tr>", html)
    return [re.findall("<t[hd][^>]*>(.*?)</t[hd]>", line) for line in lines]


def test_nothing_requested_is_nothing_shown() -> None:
    assert replay.section({"replay": None, "versions": None}) == ""


def test_the_sentences_say_what_was_compared() -> None:
    html = section()
    assert "<small>500 of 2,000 rows differ from the reference model</small>" in html
    assert re.findall('<p class="soft">([^<]*)</p>', html) == [
        "Reference model: gs://models/7.",
        "Tolerance: atol 1e-05, rtol 0.001. Up to 1.00 % of rows may differ.",
        "The reference model ran twice on 1,000 rows. Its own answers differ in 3 of them.",
    ]
    left_out = section(not_replayed={"no_answer": 4})
    assert '<p class="soft">Not compared, in rows: no_answer 4.</p>' in left_out
    assert "<table>" not in html


def test_outputs_have_their_flips_and_others_have_none() -> None:
    outputs = [row(output="late"), row(output="score", flipped=None, rows=0, largest=None)]
    assert cells(section(outputs=outputs)) == [
        ["Output", "rows", "differing", "share", "flipped", "largest difference", "mean difference"],
        ["<b>late</b>", "2,000", "500", "25.0 %", "1,200", "0.5", "0.25"],
        ["<b>score</b>", "0", "500", "0 %", "–", "–", "0.25"],
    ]
    hours = [row(hour="05:00", differing=0), row(hour="06:00")]
    assert cells(section(hours=hours)) == [
        ["Hour", "rows", "differing", "share", "largest difference", "mean difference"],
        ["<b>06:00</b>", "2,000", "500", "25.0 %", "0.5", "0.25"],
    ]


def test_a_sole_version_needs_no_table() -> None:
    sole: Any = {**REPLAY, "versions": [row(version="7")]}
    assert "<table>" not in replay.section({"replay": sole, "versions": None})
    both: Any = {**REPLAY, "versions": [row(version="7"), row(version=None)]}
    html = str(replay.section({"replay": both, "versions": None}))
    assert [line[0] for line in cells(html)] == [
        "Version",
        "<b>7</b>",
        '<b><span class="soft">not in the log</span></b>',
    ]


@pytest.mark.parametrize(("count", "more"), [(50, []), (51, ["1"]), (1052, ["1,002"])])
def test_fifty_rows_of_a_table_are_shown(count: int, more: list[str]) -> None:
    html = section(outputs=[row(output=f"o{i}") for i in range(count)])
    assert len(cells(html)) == 51
    assert re.findall(r"([\d,]+) more in verdict\.json", html) == more
    versions = [{"version": f"{i}", "rows": 1, "contract": "equal"} for i in range(count)]
    html = str(replay.section({"replay": None, "versions": versions}))
    assert len(cells(html)) == 51
    assert re.findall(r"([\d,]+) more in verdict\.json", html) == more


def test_the_worst_rows_and_how_far_they_are_apart() -> None:
    worst = {"file": "a.log", "record": 1234, "row": 5, "version": "7", "output": "late"}
    html = section(worst=[{**worst, "apart": 0.25}, {**worst, "version": None, "apart": None}])
    assert cells(html)[1:] == [
        ["a.log", "1,234", "5", "7", "late", "0.25"],
        ["a.log", "1,234", "5", '<span class="soft">not in the log</span>', "late", "not finite"],
    ]


def test_versions_are_marked_by_their_contracts() -> None:
    states = ("equal", "other", "missing")
    versions = [{"version": state, "rows": 1234, "contract": state} for state in states]
    html = str(replay.section({"replay": None, "versions": versions}))
    assert re.findall(r'<span class="pill (\w+)">(\w+)<', html) == [
        *(("none", "equal"), ("error", "other"), ("warning", "missing")),
    ]
    assert '<td class="num">1,234</td>' in html


COMPARED = {"rows": 2000, "differing": 5, "flipped": 1, "largest": 0.25, "mean": 0.125}
WORST = {"file": "f", "record": 7, "row": 3, "version": "2", "output": "late", "apart": 0.25}


def test_rows_the_tolerance_and_the_models_own_differences_are_named() -> None:
    block = {"model": "served/3", "atol": 1e-6, "rtol": 1e-5, "share": 0.001, "not_replayed": {}} | {
        "total": COMPARED,
        "again": {"rows": 1, "differing": 0},
        "outputs": [COMPARED | {"output": "late"}],
        "versions": [],
        "hours": [],
        "worst": [WORST],
    }
    versions = [{"version": "2", "rows": 2000, "contract": "equal"}]
    text = Parsed(replay.section({"replay": block, "versions": versions}).encode()).text
    for phrase in (
        "Replayed answers 5 of 2,000 rows differ from the reference model",
        "Tolerance: atol 1e-06, rtol 1e-05. Up to 0.10 % of rows may differ.",
        "The reference model ran twice on 1 row. Its own answers differ in 0 of them.",
        "largest difference mean difference",
        "output absolute difference f 7 3 2 late 0.25",
        "Versions contract compared with the baseline's",
    ):
        assert phrase in text

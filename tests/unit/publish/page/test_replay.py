"""The page's part about replayed answers: rows that differ, the tolerance, and the model beside itself."""

from __future__ import annotations

from support.page import Parsed

from transforms.publish.page import replay

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

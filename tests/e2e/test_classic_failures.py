"""The three small examples, right and wrong, through the real commands; and the table in docs/failures.md."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import pytest
from support.asked_here import asked_here

from examples import failures, failures_table
from examples.failures import RIGHT, Example, Twin, TwinOutcome

EXAMPLES = failures.examples()
WRONG = [(example.name, twin.name) for example in EXAMPLES for twin in example.twins]
# So sure is nobody of what is wrong.
SURE = 0.9

Results = dict[tuple[str, str], tuple[Example, Twin, TwinOutcome]]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    outcomes = failures.run_all(tmp_path_factory.mktemp("failures"))
    with asked_here(), pytest.MonkeyPatch.context() as patch:
        for example in EXAMPLES:
            patch.setattr(example.data, "read", functools.cache(example.data.read))
        return {(example.name, twin.name): (example, twin, what) for example, twin, what in outcomes}


@pytest.mark.parametrize("name", [example.name for example in EXAMPLES])
def test_of_the_right_twin_nothing_is_said(results: Results, name: str) -> None:
    _, _, result = results[name, RIGHT.name]
    assert (result.check, result.validate) == (0, 0), result
    # Requests of several rows are said to be alike.
    assert not [finding for finding in result.verdict["findings"] if finding["severity"] != "info"]
    assert not result.checked["findings"]
    assert not result.checked["lint"]
    counts = result.verdict["counts"]
    assert counts["rows"] == counts["compared"] > 500


@pytest.mark.parametrize(("name", "fault"), WRONG)
def test_the_wrong_twin_is_found_out(results: Results, name: str, fault: str) -> None:
    _, twin, result = results[name, fault]
    if twin.cause:
        assert (result.check, result.validate) == (0, 1)
        assert twin.feature in {finding["feature"] for finding in result.errors("raw")}
    else:
        assert result.check == 1
        assert result.check_errors()


CAUSED = [(example.name, twin.name) for example in EXAMPLES for twin in example.twins if twin.cause]


@pytest.mark.parametrize(("name", "fault"), CAUSED)
def test_the_diagnosis_is_the_true_cause(results: Results, name: str, fault: str) -> None:
    _, twin, result = results[name, fault]
    causes = result.causes(twin.feature)
    assert causes[0]["cause"] == twin.cause, causes
    assert causes[0]["confidence"] >= 0.5


@pytest.mark.parametrize(("name", "fault"), CAUSED)
def test_no_raw_feature_has_a_wrong_cause_with_confidence(results: Results, name: str, fault: str) -> None:
    _, twin, result = results[name, fault]
    surely = [
        finding
        for finding in result.errors("raw")
        if finding["diagnosis"] and finding["diagnosis"]["confidence"] > SURE
    ]
    assert {(finding["feature"], finding["diagnosis"]["cause"]) for finding in surely} <= {
        (twin.feature, twin.cause)
    }


@pytest.mark.parametrize(
    ("name", "fault", "kinds"),
    [
        ("scaled_images", "in_the_graph", {"difference"}),
        ("scaled_images", "no_transform", {"no_transform_features"}),
        ("tokenizer", "vocabulary", {"difference", "asset-changed"}),
        ("augmented_audio", "in_the_graph", {"difference", "random-without-seed"}),
        ("augmented_audio", "preprocessing", {"difference", "random-without-seed"}),
    ],
)
def test_check_says_why_it_refuses(results: Results, name: str, fault: str, kinds: set[str]) -> None:
    assert kinds <= set(results[name, fault][2].check_errors())


ANSWERING = [
    (example.name, twin.name) for example in EXAMPLES for twin in example.twins if twin.model and twin.answers
]


@pytest.mark.parametrize(("name", "fault"), ANSWERING)
def test_replay_finds_a_wrong_model_by_its_answers_alone(results: Results, name: str, fault: str) -> None:
    _, _, result = results[name, fault]
    assert result.validate == 1
    assert result.replay_errors()
    assert not result.errors("raw")
    assert not result.errors("transformed")


def test_the_table_is_what_was_found(results: Results) -> None:
    document = failures_table.DOCUMENT.read_text(encoding="utf-8")
    made = failures_table.table(list(results.values()))
    assert failures_table.with_table(document, made) == document, "stale: python examples/failures.py --write"


def test_no_row_of_the_table_is_empty(results: Results) -> None:
    wrong = [result for result in results.values() if result[1] is not RIGHT]
    assert len(wrong) == len(WRONG)
    for _, twin, result in wrong:
        *caught, named = failures_table.cells(twin, result)
        assert any(cell != "–" for cell in caught), twin.fault
        assert named not in ("–", "unknown"), twin.fault


def _outcome_of(**verdict: Any) -> TwinOutcome:
    return TwinOutcome(0, {"findings": [], "lint": []}, 1, {"findings": [], **verdict})


def test_a_table_that_says_something_else_is_seen() -> None:
    document = f"before\n{failures_table.BEGIN}\nold\n{failures_table.END}\nafter\n"
    example, twin = EXAMPLES[0], EXAMPLES[0].twins[0]
    made = failures_table.table([(example, twin, _outcome_of())])
    assert made.splitlines()[-1] == f"| `scaled_images` | {twin.fault} | – | – | – | – | – |"
    renewed = failures_table.with_table(document, made)
    assert renewed == f"before\n{failures_table.BEGIN}\n\n{made}\n\n{failures_table.END}\nafter\n"
    assert failures_table.with_table(renewed, made) == renewed
    with pytest.raises(ValueError, match=r"failures\.md lacks"):
        failures_table.with_table("no place", made)


def test_cells_name_the_errors_and_the_surest_cause() -> None:
    twin = EXAMPLES[0].twins[0]
    cause = {"cause": "capped", "confidence": 0.6, "evidence": ""}
    common = {"severity": "error", "space": "raw", "feature": "pixels", "metric": "m"}
    findings = [
        {**common, "diagnosis": cause},
        {**common, "diagnosis": {**cause, "cause": "rounded", "confidence": 0.7}},
        {**common, "feature": "other", "diagnosis": {**cause, "cause": "shifted", "confidence": 0.9}},
        {**common, "severity": "warning", "feature": "third", "diagnosis": None},
    ]
    cells = list(failures_table.cells(twin, _outcome_of(findings=findings)))
    assert cells == ["–", "`pixels`, `other`", "–", "–", "rounded"]


def test_a_deploy_fault_is_named_by_the_lint_before_the_probes() -> None:
    twin = next(twin for twin in EXAMPLES[2].twins if twin.model)
    difference = {"kind": "difference", "severity": "error", "feature": "wave", "message": "5 probes differ"}
    rule = {"rule": "random-without-seed", "severity": "error", "message": "m"}
    result = TwinOutcome(1, {"findings": [difference], "lint": [rule]}, 0, {"findings": []})
    assert failures_table.diagnosis(twin, result) == "`random-without-seed`"
    assert failures_table.diagnosis(
        twin, result._replace(checked={"findings": [difference], "lint": []})
    ) == ("`wave` is another")


def test_the_data_of_the_examples_is_what_their_pages_say() -> None:
    for example in EXAMPLES:
        read = example.data.read()
        rows = example.data.rows(read.training)
        assert len(read.held_out) == pytest.approx(0.4 * (len(read.training) + len(read.held_out)), abs=1)
        assert {row[example.data.LABEL][0] for row in rows} <= set(range(example.data.CLASSES))
        assert json.dumps(str(rows[:5])) == json.dumps(
            str(example.data.rows(example.data.read().training)[:5])
        )
        assert Path(failures.HERE / example.name / "README.md").is_file()
    pixels = [
        value for row in EXAMPLES[0].data.rows(EXAMPLES[0].data.read().training) for value in row["pixels"]
    ]
    assert (min(pixels), max(pixels)) == (0.0, 1.0)

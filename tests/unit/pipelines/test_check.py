"""How `check` looks at a candidate: what is read, what is asked, what is said; no model is loaded."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support import hand_made_models
from support.hand_made_models import AnsweringProcess, write_model, write_probes

from trueserve.pipelines import check
from trueserve.pipelines.display.console import Console
from trueserve.pipelines.flags.check import CheckOptions
from trueserve.transforms.core.errors import InputError, UsageError
from trueserve.transforms.serving.check import saved_model
from trueserve.transforms.serving.check.report import CheckFinding, Report
from trueserve.transforms.serving.check.run_candidate import Answer, Question
from trueserve.transforms.serving.lint.finding import LintFinding

DIFFERENCE = {
    "kind": "difference", "signature": "transform_features", "feature": "a", "detail": "so",
    "differing": 1, "of": 9,
}  # fmt: skip
EMPTY_REPORT = Report("baseline", "m", None, 0, 0, {}, None, (), (), ())


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Has the baseline, which is read as if its contract had been verified, and the models of a test."""
    baseline = hand_made_models.baseline(tmp_path / "baseline")
    monkeypatch.setattr(check, "load_baseline", lambda path: dataclasses.replace(baseline))
    return tmp_path


def answering(**fields: Any) -> tuple[list[Question], Any]:
    """What is asked, and a process that answers it so."""
    questions: list[Question] = []
    values: dict[str, Any] = {
        "probes": 9,
        "synthetic": 2,
        "compared": {"transform_features": 9},
        "findings": [],
    }

    def ask(question: Question) -> Answer:
        questions.append(question)
        assert Path(question.probes).read_bytes() == b"probes of the baseline"
        return Answer(**values | fields)

    return questions, ask


def examine(folder: Path, *, reference: Path | None = None, ask: Any = None, **fields: Any) -> Report:
    options = CheckOptions(
        str(folder / "baseline"), str(folder / "model"), str(reference) if reference else None, **fields
    )
    return check.examine(options, ask or answering()[1])


def test_a_model_without_a_record_is_asked_for_its_features_alone(folder: Path) -> None:
    model = write_model(folder / "model")
    questions, ask = answering()
    report = examine(folder, ask=ask)
    [question] = questions
    assert question.model == str(model.resolve())
    assert (question.recorded, question.reference) == (None, None)
    assert question.raw_features == {"a": ("distance",)}
    assert (report.probes, report.synthetic, report.compared) == (9, 2, {"transform_features": 9})
    assert (report.predictions_from, report.loaded, report.reference) == (None, True, None)
    assert [(finding.kind, finding.severity) for finding in report.findings] == [
        ("not_checked", "warning"), ("no_contract", "info"), ("version", "info"),
    ]  # fmt: skip
    assert report.findings[-1].message.endswith("; the probes agree all the same")
    assert {version.name for version in report.versions} >= {"graph", "saved_model/tensorflow"}


def test_a_models_own_record_comes_before_the_references(folder: Path) -> None:
    model, reference = write_model(folder / "model"), write_model(folder / "reference")
    recorded = write_probes(reference, {"prediction/y": [1.0]})
    questions, ask = answering()
    report = examine(folder, reference=reference, ask=ask)
    assert (questions[0].recorded, questions[0].reference) == (str(recorded.resolve()), None)
    assert report.predictions_from == "reference"
    own = write_probes(model, {"prediction/y": [1.0]})
    report = examine(folder, reference=reference, ask=ask)
    assert (questions[1].recorded, questions[1].reference) == (str(own.resolve()), None)
    assert report.predictions_from == "model"


def test_a_reference_without_a_record_is_asked(folder: Path) -> None:
    write_model(folder / "model")
    reference = write_model(folder / "reference")
    questions, ask = answering()
    report = examine(folder, reference=reference, ask=ask)
    assert (questions[0].recorded, questions[0].reference) == (None, str(reference.resolve()))
    assert (report.predictions_from, report.reference) == ("reference", str(reference))


def test_errors_come_first_and_say_what_other_versions_may_have_done(folder: Path) -> None:
    write_model(folder / "model", {"transform_features": {"a": "DOUBLE"}})
    report = examine(folder, ask=answering(findings=[DIFFERENCE])[1])
    assert [finding.kind for finding in report.findings] == [
        "no_serving_default", "other_type", "difference", "no_contract", "version",
    ]  # fmt: skip
    assert "a is of type float64 in the model and float32 in the baseline" in report.findings[1].message
    assert report.findings[2].raw_features == ("distance",)
    assert report.findings[-1].message.endswith("; see the errors for what that does")
    assert report.exit_code == 1


def test_an_edited_schema_is_said(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    edited = hand_made_models.baseline(folder / "baseline", schema_edited=True)
    monkeypatch.setattr(check, "load_baseline", lambda path: edited)
    write_model(folder / "model")
    assert "schema_edited" in {finding.kind for finding in examine(folder).findings}


def test_what_touches_files_is_not_loaded(folder: Path) -> None:
    write_model(folder / "model", ops=["WriteFile"])
    reference = write_model(folder / "reference", ops=["ReadFile"])
    probes = write_probes(reference, {"prediction/y": [1.0]})
    probes.write_bytes(b"not looked at")
    questions, ask = answering()
    report = examine(folder, reference=reference, ask=ask)
    assert questions == []
    assert (report.loaded, report.probes, report.synthetic, report.compared) == (False, 0, 0, {})
    assert (report.exit_code, report.predictions_from, report.findings, report.versions) == (1, None, (), ())
    assert [(finding["node"], finding["op"]) for finding in report.lint] == [
        ("writefile", "WriteFile"), ("readfile", "ReadFile"),
    ]  # fmt: skip
    of_model, of_reference = (finding["message"] for finding in report.lint)
    assert of_reference.startswith(f"the reference {reference}: ")
    assert "the reference" not in of_model
    probes.unlink()
    allowed = examine(folder, reference=reference, ask=ask, allow_ops=("WriteFile", "ReadFile"))
    assert (allowed.loaded, len(questions)) == (True, 1)


def test_a_folder_without_a_model_is_wrong_usage(folder: Path) -> None:
    with pytest.raises(UsageError) as caught:
        examine(folder)
    assert (
        str(caught.value) == f"no SavedModel at {folder / 'model'}: expected the folder with saved_model.pb"
    )
    (folder / "model").write_text("a file")
    with pytest.raises(UsageError, match="expected the folder with"):
        examine(folder)
    (folder / "model").unlink()
    (folder / "model").mkdir()
    with pytest.raises(UsageError, match=r"it has no saved_model\.pb"):
        examine(folder)


def test_a_model_on_a_store_that_has_none_is_wrong_usage(folder: Path) -> None:
    with contextlib.ExitStack() as stack, pytest.raises(UsageError, match="bucket"):
        check._read_model(stack, "memory://bucket/nothing")


def read(model: Path) -> saved_model.SavedModelContents:
    return saved_model.read(str(model), "served/3")


def test_a_record_has_predictions_if_its_first_probe_has(tmp_path: Path) -> None:
    assert not check._has_predictions(read(write_model(tmp_path / "none")))
    for name, probes, has_predictions in (
        ("features", [{"raw/y": [1.0], "transformed/prediction/": [2.0]}], False),
        ("later", [{"raw/y": [1.0]}, {"prediction/y": [1.0]}], False),
        ("first", [{"raw/y": [1.0], "prediction/y": [1.0]}, {"raw/y": [1.0]}], True),
    ):
        model = write_model(tmp_path / name)
        write_probes(model, *probes)
        assert check._has_predictions(read(model)) is has_predictions, name


def test_a_record_that_is_damaged_is_named(tmp_path: Path) -> None:
    model = write_model(tmp_path / "model")
    file = write_probes(model, {"prediction/y": [1.0]})
    hint = "expected those that trueserve export recorded; export the model again"
    for content, problem in ((file.read_bytes()[:-1], "cannot be read"), (b"", "holds no probe")):
        file.write_bytes(content)
        with pytest.raises(UsageError) as caught:
            check._has_predictions(read(model))
        message = f"served/3: assets.extra/probes.tfrecord is damaged and {problem}; {hint}"
        assert str(caught.value) == message


def test_of_the_graph_only_what_the_model_has_not_is_said(folder: Path) -> None:
    graph = folder / "baseline" / "transform_output" / "transform_fn"
    (graph / "saved_model.pb").unlink()
    graph.rmdir()
    write_model(graph, {"serving_default": {"a": "FLOAT"}}, ops=["PyFunc", "RandomUniform"])
    write_model(folder / "model", ops=["PyFunc"])
    report = examine(folder, allow_ops=("PyFunc",))
    by_op = {finding["op"]: finding for finding in report.lint if finding["op"]}
    assert set(by_op) == {"PyFunc", "RandomUniform"}
    assert by_op["PyFunc"]["message"].endswith(" (allowed by --allow_ops)")
    assert by_op["PyFunc"]["severity"] == "info"
    assert by_op["RandomUniform"]["message"].startswith("the baseline's transform graph: ")


def test_only_what_the_gate_holds_back_can_be_allowed() -> None:
    finding = LintFinding("file-access", "error", "it writes", op="WriteFile")
    assert check._as_allowed(finding) == dataclasses.replace(
        finding, severity="info", message="it writes (allowed by --allow_ops)"
    )
    other = dataclasses.replace(finding, rule="random-without-seed")
    assert check._as_allowed(other) is other


@pytest.mark.parametrize(
    ("compared", "finding", "agrees"),
    [
        ({"transform_features": 1}, None, True),
        ({"transform_features": 0}, None, False),
        ({"serving_default": 9}, None, False),
        ({"transform_features": 1}, ("error", "transform_features, one by one"), False),
        ({"transform_features": 1}, ("warning", "transform_features"), True),
        ({"transform_features": 1}, ("error", "serving_default"), True),
        ({"transform_features": 1}, ("error", None), True),
    ],
)
def test_features_agree_if_some_were_compared_and_none_differs(
    compared: dict[str, int], finding: tuple[Any, str | None] | None, agrees: bool
) -> None:
    findings = [CheckFinding("k", finding[0], "m", finding[1])] if finding else []
    assert check._transform_agrees(findings, Answer(9, 0, compared, [])) is agrees


def test_another_vocabulary_with_the_same_answers_is_no_error() -> None:
    changed = LintFinding("asset-changed", "error", "assets/words is another", "words")
    assert check._without_asset_error(changed, True) == {
        **changed.to_json(),
        "severity": "info",
        "message": "assets/words is another; the probes agree all the same",
    }
    assert check._without_asset_error(changed, False) == changed.to_json()
    for other in (
        dataclasses.replace(changed, severity="warning"),
        dataclasses.replace(changed, rule="asset-absent"),
    ):
        assert check._without_asset_error(other, True) == other.to_json()


def test_the_question_is_put_to_a_fresh_process(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    process = AnsweringProcess(
        {"probes": 9, "synthetic": 2, "compared": {"transform_features": 9}, "findings": []}
    )
    started: list[tuple[Any, ...]] = []

    @contextlib.contextmanager
    def start(*arguments: Any) -> Iterator[AnsweringProcess]:
        started.append(arguments)
        yield process

    monkeypatch.setattr(check, "fresh_process", start)
    write_model(folder / "model")
    out = io.StringIO()
    options = CheckOptions("baseline", str(folder / "model"), json=True, timeout=12.5)
    assert check.run(options, Console(out, io.StringIO())) == 0
    [(module, *limits)] = started
    assert module == "trueserve.transforms.serving.check.run_candidate"
    assert limits == [12.5, "raise --timeout, or look for a loop without an end"]
    assert json.loads(process.line)["model"] == str((folder / "model").resolve())
    assert process.failed == (f"the model {folder / 'model'} cannot be loaded and run in a new process: %s")
    report = json.loads(out.getvalue())
    assert (report["result"], report["sandbox"], report["probes"]) == ("ok", {"files": "enforced"}, 9)


def test_a_report_that_compared_nothing_says_so_on_the_error_stream(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check, "fresh_process", lambda *_: contextlib.nullcontext(AnsweringProcess({})))
    for compared, code, error in (
        ({}, 4, "trueserve: error: no output of the model was compared"),
        ({"transform_features": 1}, 0, ""),
    ):
        report = dataclasses.replace(EMPTY_REPORT, compared=compared)
        monkeypatch.setattr(check, "examine", lambda *_, report=report: report)
        out, err = io.StringIO(), io.StringIO()
        assert check.run(CheckOptions("baseline", "m"), Console(out, err)) == code
        assert err.getvalue()[: len(error) or None] == error
        assert out.getvalue().startswith(("not_examined: ", "ok: "))


def test_a_report_that_nobody_gets_fails_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "fresh_process", lambda *_: contextlib.nullcontext(AnsweringProcess({})))
    monkeypatch.setattr(check, "examine", lambda *_: EMPTY_REPORT)
    out = io.StringIO()
    console = Console(out, io.StringIO())
    out.close()
    with pytest.raises(InputError, match="cannot write the report to standard output: it is closed"):
        check.run(CheckOptions("baseline", "m"), console)

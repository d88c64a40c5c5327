"""`trueserve check`: a candidate for serving against the baseline's probes, contract and lint."""

from __future__ import annotations

from trueserve.pipelines import cli

cli.start_if_main(__name__, "check")

import contextlib
import dataclasses
import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from tensorflow_metadata.proto.v0 import schema_pb2

from trueserve.pipelines.display import check_table
from trueserve.pipelines.display.console import Console
from trueserve.pipelines.flags.check import CheckOptions
from trueserve.transforms.baseline import layout
from trueserve.transforms.baseline.load import Baseline, load_baseline
from trueserve.transforms.core import schema as schemas
from trueserve.transforms.core.errors import InputError, UsageError
from trueserve.transforms.files import file_systems, paths
from trueserve.transforms.serving.check import findings, saved_model, versions
from trueserve.transforms.serving.check.report import (
    NOT_EXAMINED,
    WHY_NOTHING,
    CheckFinding,
    Report,
    worst_first,
)
from trueserve.transforms.serving.check.run_candidate import TRANSFORM_FEATURES, Answer, Question
from trueserve.transforms.serving.check.saved_model import SavedModelContents
from trueserve.transforms.serving.fresh_process import fresh_process
from trueserve.transforms.serving.lint import gate
from trueserve.transforms.serving.lint.finding import LintFinding
from trueserve.transforms.serving.lint.lint import lint_saved_model

_CHILD_MODULE = "trueserve.transforms.serving.check.run_candidate"
_TIMEOUT_HINT = "raise --timeout, or look for a loop without an end"
_NOT_LOADED = "the model {} cannot be loaded and run in a new process: %s"


@dataclasses.dataclass(frozen=True)
class _Candidate:
    """All that is looked at, in local folders.

    `recorded` is a file of probes with the right predictions, `refusals` why a model must not be loaded.
    """

    baseline: Baseline
    probes: str
    graph: SavedModelContents
    model: SavedModelContents
    reference: SavedModelContents | None
    recorded: str | None
    refusals: list[LintFinding]

    @property
    def predictions_from(self) -> str | None:
        """Whose predictions are the right ones."""
        if self.recorded is None:
            return None if self.reference is None else "reference"
        return "model" if self.recorded == self.model.probes else "reference"


def run(options: CheckOptions, console: Console) -> int:
    """Prints the report and returns 1 if there is an error in it, 4 if nothing was compared, else 0.

    Raises UsageError (bad baseline, no model), InputError when a model cannot be loaded or run, or the
    report cannot be written.
    """
    with fresh_process(_CHILD_MODULE, options.timeout, _TIMEOUT_HINT) as fresh:

        def ask(question: Question) -> Answer:
            line = json.dumps(dataclasses.asdict(question))
            return Answer(**fresh.ask(line, _NOT_LOADED.format(options.model)))

        report = dataclasses.replace(examine(options, ask), sandbox=fresh.sandbox)
    if options.json:
        console.lines([json.dumps(report.to_json(), indent=2, allow_nan=False)])
    else:
        check_table.show(report, console)
    console.check_shown("the report")
    if report.result == NOT_EXAMINED:
        console.error(WHY_NOTHING)
    return report.exit_code


def examine(options: CheckOptions, ask: Callable[[Question], Answer]) -> Report:
    """All that there is to say; `ask` is `run_candidate.examine`, or has that done in a fresh process."""
    with _candidate(options) as candidate:
        if candidate.refusals:
            return _report_without_loading(options, candidate)
        # First, as what is wrong with these is known at once.
        compared = versions.compared(candidate.baseline.contract, candidate.model)
        lint_findings = _lint(candidate, options.allow_ops)
        answer = ask(_question(candidate))
        check_findings = _findings(candidate, answer)
        outputs_agree = _transform_agrees(check_findings, answer)
        check_findings += versions.findings(compared, candidate.model, outputs_agree)
        return Report(
            baseline=options.baseline,
            model=options.model,
            reference=options.reference,
            probes=answer.probes,
            synthetic=answer.synthetic,
            compared=answer.compared,
            predictions_from=candidate.predictions_from,
            findings=worst_first(check_findings),
            versions=tuple(compared),
            lint=tuple(_without_asset_error(finding, outputs_agree) for finding in lint_findings),
        )


@contextlib.contextmanager
def _candidate(options: CheckOptions) -> Iterator[_Candidate]:
    baseline = load_baseline(options.baseline)
    with contextlib.ExitStack() as stack:
        # The bytes that were verified, whatever becomes of the file.
        probes = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="trueserve-")), layout.PROBES)
        probes.write_bytes(baseline.probes_data)
        graph = stack.enter_context(paths.local_copy(baseline.transform_output))
        model = _read_model(stack, options.model)
        reference = _read_model(stack, options.reference) if options.reference else None
        transform_fn = saved_model.read(str(Path(graph, "transform_fn")), baseline.path)
        refusals = _refusals(options, model, reference)
        models = () if refusals else (model, reference)
        recorded = next(
            (contents.probes for contents in models if contents and _has_predictions(contents)), None
        )
        yield _Candidate(baseline, str(probes), transform_fn, model, reference, recorded, refusals)


def _refusals(
    options: CheckOptions, model: SavedModelContents, reference: SavedModelContents | None
) -> list[LintFinding]:
    """Why the models must not be loaded: nothing of them is read before but `saved_model.pb`."""
    of_model = gate.refusals(model.folder, options.allow_ops)
    of_reference = gate.refusals(reference.folder, options.allow_ops) if reference else []
    return of_model + [
        dataclasses.replace(refusal, message=f"the reference {options.reference}: {refusal.message}")
        for refusal in of_reference
    ]


def _report_without_loading(options: CheckOptions, candidate: _Candidate) -> Report:
    """The report on a model that must not be loaded: it has errors, and no comparison."""
    return Report(
        baseline=options.baseline,
        model=options.model,
        reference=options.reference,
        probes=0,
        synthetic=0,
        compared={},
        predictions_from=None,
        findings=(),
        versions=(),
        lint=tuple(finding.to_json() for finding in candidate.refusals),
        loaded=False,
    )


def _read_model(stack: contextlib.ExitStack, path: str) -> SavedModelContents:
    if file_systems.is_local(path) and not Path(path).is_dir():
        raise UsageError(f"no SavedModel at {path}: expected the folder with saved_model.pb")
    try:
        folder = stack.enter_context(paths.local_copy(path))
    except InputError as error:
        raise UsageError(str(error)) from error
    return saved_model.read(str(Path(folder).resolve()), path)


def _has_predictions(model: SavedModelContents) -> bool:
    from trueserve.transforms.serving import parity

    if model.probes is None:
        return False
    hint = "expected those that trueserve export recorded; export the model again"
    file = f"{model.name}: {parity.ASSETS}/{parity.PROBES}"
    try:
        probes = parity.read_probes(model.probes)
    except Exception as error:
        raise UsageError(f"{file} is damaged and cannot be read; {hint}") from error
    if not probes:
        raise UsageError(f"{file} is damaged and holds no probe; {hint}")
    return any(name.startswith(parity.PREDICTION) for probe in probes[:1] for name in probe.features.feature)


def _question(candidate: _Candidate) -> Question:
    reference = candidate.reference
    return Question(
        model=candidate.model.folder,
        probes=str(Path(candidate.probes).resolve()),
        recorded=candidate.recorded,
        reference=reference.folder if reference and candidate.recorded is None else None,
        raw_features=candidate.baseline.contract.transformed_features,
    )


def _lint(candidate: _Candidate, allow_ops: Sequence[str]) -> list[LintFinding]:
    """What the lint says of the model, and of the transform graph what it does not say of the model too."""
    baseline = candidate.baseline
    schema = _schema_of_requests(baseline)
    of_model = lint_saved_model(candidate.model.folder, schema, baseline.contract)
    model_rules = {finding.rule for finding in of_model}
    of_graph = lint_saved_model(baseline.transform_output, schema, baseline.contract)
    graph_only = (finding for finding in of_graph if finding.rule not in model_rules)
    of_model = [_as_allowed(finding) if finding.op in allow_ops else finding for finding in of_model]
    return [*of_model, *(_of_transform_graph(finding) for finding in graph_only)]


def _schema_of_requests(baseline: Baseline) -> schema_pb2.Schema:
    """A schema that the user gave, as TFX writes it, need not say that requests lack the label."""
    names = {feature.name for feature in baseline.schema.feature}
    label = baseline.contract.label
    return schemas.with_environments(baseline.schema, label if label in names else None)


def _as_allowed(finding: LintFinding) -> LintFinding:
    if finding.rule not in gate.RULES:
        return finding
    return dataclasses.replace(
        finding, severity="info", message=f"{finding.message} (allowed by --allow_ops)"
    )


def _of_transform_graph(finding: LintFinding) -> LintFinding:
    return dataclasses.replace(finding, message=f"the baseline's transform graph: {finding.message}")


def _findings(candidate: _Candidate, answer: Answer) -> list[CheckFinding]:
    contract, model = candidate.baseline.contract, candidate.model
    graph = candidate.graph.outputs.get("serving_default", {})
    return [
        *findings.of_baseline(candidate.baseline),
        *findings.of_signatures(model, graph, contract.raw_features),
        *findings.of_answers(answer, contract.transformed_features, candidate.predictions_from),
        *findings.of_predictions(model, candidate.predictions_from, answer.compared),
    ]


def _transform_agrees(check_findings: Sequence[CheckFinding], answer: Answer) -> bool:
    return answer.compared.get(TRANSFORM_FEATURES, 0) > 0 and not any(
        finding.severity == "error" and (finding.signature or "").startswith(TRANSFORM_FEATURES)
        for finding in check_findings
    )


def _without_asset_error(finding: LintFinding, outputs_agree: bool) -> dict[str, Any]:
    """The lint looks at bytes alone: other bytes with the same behaviour are no error."""
    if outputs_agree and finding.rule == "asset-changed" and finding.severity == "error":
        message = f"{finding.message}; the probes agree all the same"
        finding = dataclasses.replace(finding, severity="info", message=message)
    return finding.to_json()

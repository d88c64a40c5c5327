"""From what a model's file and its answers say to findings: which are errors, and each in one sentence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from trueserve.transforms.baseline.adoption.lacks import TRAINING_ROWS
from trueserve.transforms.baseline.layout import SCHEMA
from trueserve.transforms.baseline.load import Baseline
from trueserve.transforms.serving.check.report import CheckFinding, Example, Severity
from trueserve.transforms.serving.check.run_candidate import (
    RAW_TENSORS,
    SERVING_DEFAULT,
    TRANSFORM_FEATURES,
    Answer,
)
from trueserve.transforms.serving.check.saved_model import SavedModelContents

_SKIPPED = "preprocessing is not in the served graph"
_WARNINGS = {"other_output"}
_RAW_SHOWN = 3


def of_baseline(baseline: Baseline) -> Iterator[CheckFinding]:
    """That the schema was edited, which says what requests must have, or that no probe is a real row."""
    if baseline.schema_edited:
        message = f"{SCHEMA} was edited since prepare wrote it; the lint of inputs goes by what it says now"
        yield CheckFinding("schema_edited", "info", message)
    if TRAINING_ROWS in baseline.contract.lacks:
        yield CheckFinding("adopted_baseline", "info", baseline.contract.lacks[TRAINING_ROWS])


def of_signatures(
    model: SavedModelContents, graph: Mapping[str, str], raw_features: Sequence[str]
) -> Iterator[CheckFinding]:
    """What the model's signatures lack, and where they give another type.

    Args:
      graph: the type of each of the transform graph's outputs.
      raw_features: names of the raw features.
    """
    if TRANSFORM_FEATURES not in model.outputs:
        inputs = _transformed_inputs(model, graph, raw_features)
        message = f"{_SKIPPED}: the model has no signature {TRANSFORM_FEATURES}{inputs}"
        yield CheckFinding("no_transform_features", "error", message)
    if SERVING_DEFAULT not in model.outputs:
        names = ", ".join(sorted(model.outputs)) or "none"
        message = f"the model has no signature {SERVING_DEFAULT}; it has: {names}"
        yield CheckFinding("no_serving_default", "error", message)
    for name, kind in sorted(model.outputs.get(TRANSFORM_FEATURES, {}).items()):
        if graph.get(name, kind) != kind:
            message = f"{name} is of type {kind} in the model and {graph[name]} in the baseline"
            yield CheckFinding("other_type", "error", message, TRANSFORM_FEATURES, name)


def of_answers(
    answer: Answer, raw_features: Mapping[str, Sequence[str]], whose: str | None
) -> Iterator[CheckFinding]:
    """What the probes found; `whose` predictions were the right ones: `model` or `reference`."""
    for finding in answer.findings:
        examples = tuple(Example(**example) for example in finding.get("examples", ()))
        severity: Severity = "warning" if finding["kind"] in _WARNINGS else "error"
        name = (finding["feature"] or "").split("$", 1)[0]
        predicted = finding["signature"].split(",")[0] in (SERVING_DEFAULT, RAW_TENSORS)
        yield CheckFinding(
            finding["kind"],
            severity,
            _sentence(finding, examples, whose if predicted else None),
            finding["signature"],
            finding["feature"],
            () if predicted else tuple(raw_features.get(name, ())),
            finding.get("differing"),
            finding.get("of"),
            examples,
        )


def of_predictions(
    model: SavedModelContents, whose: str | None, compared: Mapping[str, int]
) -> Iterator[CheckFinding]:
    """That predictions were not compared, and why."""
    if SERVING_DEFAULT in compared or SERVING_DEFAULT not in model.outputs:
        return
    if whose is None:
        message = (
            "predictions were not checked: the model has no recorded predictions; "
            "export it with trueserve export, or name one that is right with --reference"
        )
        yield CheckFinding("not_checked", "warning", message, SERVING_DEFAULT)


def _transformed_inputs(
    model: SavedModelContents, graph: Mapping[str, str], raw_features: Sequence[str]
) -> str:
    """What clients would have to compute, if that can be seen from the model's inputs."""
    names = [
        name for name in model.inputs.get(SERVING_DEFAULT, {}) if name in graph and name not in raw_features
    ]
    if not names:
        return ""
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    listed = ", ".join(sorted(names)[:5])
    return (
        f"; its {SERVING_DEFAULT} takes transformed features, which clients have to compute: {listed}{more}"
    )


def _sentence(finding: Mapping[str, Any], examples: Sequence[Example], whose: str | None) -> str:
    kind, detail = finding["kind"], finding["detail"]
    if kind == "fails":
        message = (
            f"{finding['signature']} fails for {finding['differing']} of {finding['of']} probes: {detail}"
        )
        return message + (f"; for {_raw(examples[0])}" if examples else "")
    if "differing" not in finding:
        return f"{finding['feature']} {detail}" if finding["feature"] else f"{finding['signature']}: {detail}"
    share = f"{finding['differing']} of {finding['of']} probes differ, {detail}"
    against = {"reference": " from the reference", "model": " from what was recorded at export"}
    where = against.get(whose or "", "")
    if not examples:
        return f"{share}{where}"
    first = examples[0]
    values = f"expected {_values(first.expected)}, got {_values(first.got)}"
    return f"{share}{where}; for {_raw(first)} {values}"


def _raw(example: Example) -> str:
    named = [f"{name} {_values(values)}" for name, values in example.raw.items()][:_RAW_SHOWN]
    more = ", …" if len(example.raw) > _RAW_SHOWN else ""
    origin = f" (made up: {example.synthetic})" if example.synthetic else ""
    return f"{', '.join(named)}{more}{origin}" if named else f"probe {example.probe}{origin}"


def _values(values: Sequence[Any] | None) -> str:
    if not values:
        return "missing" if values is None else "no value"
    shown = ", ".join(_value(value) for value in values[:4])
    return f"[{shown}{', …' if len(values) > 4 else ''}]" if len(values) > 1 else shown


def _value(value: Any) -> str:
    return (
        f"{value:.7g}" if isinstance(value, float) else repr(value) if isinstance(value, str) else str(value)
    )

"""What a verdict's incidents did to the predictions: the model is asked for a sample of the rows."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from trueserve.transforms.core import schema as schemas
from trueserve.transforms.core.arrow import pa
from trueserve.transforms.files import paths
from trueserve.transforms.performance import harm, mended_rows, restoring
from trueserve.transforms.performance.attribution import MOST_GROUPS
from trueserve.transforms.performance.harm import Effect, Metrics
from trueserve.transforms.performance.metrics import MORE_IS_BETTER
from trueserve.transforms.performance.record import PerformanceRecord
from trueserve.transforms.performance.restoring import Restored
from trueserve.transforms.replay.reference_model import ReferenceModel
from trueserve.transforms.verdict.incidents.incident import FAULTS, Incident
from trueserve.transforms.verdict.model import Severity, Space
from trueserve.transforms.verdict.reference import Reference
from trueserve.transforms.verdict.result import Verdict
from trueserve.transforms.verdict.wording import plain

Array = np.ndarray[Any, Any]

# So many rows the model is asked for, variants of one row counted each.
_MOST_ASKED = 32_000
# Of the estimated metrics the first that is there is said; verdict.json has all.
_METRICS_IN_TEXT = ("auc", "accuracy", "mae")
# A change that is a smaller part of the metric is not said.
_LEAST_SHOWN = 0.001
_NOT_AMONG_THEM = f"only the {MOST_GROUPS} worst incidents are measured, of features that training rows have"
_NOT_IN_TRAINING = "the training rows that the baseline keeps lack its features"


@dataclasses.dataclass(frozen=True)
class ExportedModel:
    """The model of `--predictions`.

    Attributes:
      folder: of the SavedModel, on any file system that the publishing worker reaches.
      record: which output answers which label; None where that was not recorded.
      why_not: why it may not run; empty where it may.
    """

    folder: str
    record: PerformanceRecord | None = None
    why_not: str = ""


def with_harm(
    verdict: Verdict,
    model: ExportedModel | None,
    served: pa.RecordBatch | None,
    references: Sequence[Reference],
) -> Verdict:
    """The verdict with the effect of each incident, or the reason that it has none.

    Args:
      model: None where no predictions were compared: then nothing changes.
      served: a sample of the rows, as they were served; None for none.
    """
    if model is None or not verdict.incidents:
        return verdict
    measurable = [each for each in verdict.incidents if not _why_not(each)][:MOST_GROUPS]
    measured = _measured(measurable, model, served, references) if measurable else {}
    incidents = (
        dataclasses.replace(each, harm=_harm(each, measured)) if each.is_present else each
        for each in verdict.incidents
    )
    return dataclasses.replace(verdict, incidents=tuple(incidents))


def _why_not(incident: Incident) -> str:
    """Why an incident's effect cannot be measured; empty where it can."""
    if not incident.is_present:
        return "it is not in this window"
    if incident.severity is Severity.INFO:
        return "it is no error and no warning"
    if incident.sliced_by:
        return "it is in a part of the rows alone"
    if not _raw_features(incident):
        return "no raw feature differs, so that training's values cannot be put back"
    return ""


def _raw_features(incident: Incident) -> list[str]:
    return [each.feature for each in incident.features if each.space is Space.RAW]


def _measured(
    incidents: Sequence[Incident],
    model: ExportedModel,
    served: pa.RecordBatch | None,
    references: Sequence[Reference],
) -> Mapping[str, tuple[str, Effect]] | str:
    """By incident the output that was asked and the effect; or why nothing was measured."""
    raw = next((each for each in references if each.space is Space.RAW), None)
    if model.why_not:
        return model.why_not
    if raw is None or raw.sample is None:
        return "the baseline keeps no training rows"
    if served is None or served.num_rows < harm.LEAST_ROWS:
        return f"fewer than {harm.LEAST_ROWS} rows of the window are kept"
    served = served.slice(0, max(_MOST_ASKED >> len(incidents), harm.LEAST_ROWS))
    faults = {each.id for each in incidents if each.kind in FAULTS}
    try:
        # What cannot be put back has no effect that is known: it is not asked about.
        restored = {key: each for key, each in _restored(incidents, served, raw).items() if each.columns}
        if not restored:
            return _NOT_IN_TRAINING
        with paths.local_copy(model.folder) as local:
            return _effects(ReferenceModel(local), model.record, served, restored, faults)
    except Exception as error:  # noqa: BLE001 - strangers' rows and models; the verdict must not be lost by it
        return f"the model cannot be asked: {type(error).__name__}"


def _restored(incidents: Sequence[Incident], served: pa.RecordBatch, raw: Reference) -> dict[str, Restored]:
    assert raw.sample is not None
    features = {each.id: _raw_features(each) for each in incidents}
    moved = {name for names in features.values() for name in names}
    known = [feature for feature in raw.schema.feature if feature.name in moved]
    categories = {each.name for each in known if schemas.is_categorical(each, raw.schema)}
    return restoring.restored(served, raw.sample.raw, features, categories)


def _effects(
    model: ReferenceModel,
    record: PerformanceRecord | None,
    served: pa.RecordBatch,
    restored: Mapping[str, Restored],
    faults: Collection[str],
) -> Mapping[str, tuple[str, Effect]] | str:
    answers = model.answer(served).values
    numeric = [name for name, values in answers.items() if values is not None and values.shape[1]]
    output = record.output if record is not None and record.output in numeric else min(numeric, default="")
    if not output:
        return "the model answers with no numbers"

    def ask(rows: pa.RecordBatch) -> Array:
        values = model.answer(rows).values.get(output)
        return np.full((rows.num_rows, 1), np.nan) if values is None else values

    effects = harm.effects(served, restored, ask, _metrics(record, output), faults)
    if not effects:
        return f"the model answered fewer than {harm.LEAST_ROWS} rows"
    return {incident: (output, effect) for incident, effect in effects.items()}


def _metrics(record: PerformanceRecord | None, output: str) -> Metrics | None:
    if record is None or record.output != output:
        return None
    known = record
    return lambda answers, mended: mended_rows.metrics(known, answers, mended)


def _harm(incident: Incident, measured: Mapping[str, tuple[str, Effect]] | str) -> dict[str, Any]:
    """As docs/verdict.schema.json has it."""
    why = _why_not(incident) or (measured if isinstance(measured, str) else "")
    if why or isinstance(measured, str) or incident.id not in measured:
        return nothing(why or _NOT_AMONG_THEM)
    output, effect = measured[incident.id]
    return {
        "text": text(output, effect),
        "why": None,
        "output": output,
        "rows": effect.rows,
        "value": effect.value,
        "mean": effect.served,
        "mean_without": effect.served - effect.change,
        "change": effect.change,
        "standard_error": effect.error,
        "row_change": effect.row_change,
        "metrics": {
            name: {"estimate": served, "estimate_without": served - change}
            for name, (change, served) in effect.metrics.items()
        },
    }


def nothing(why: str) -> dict[str, Any]:
    """What an incident has whose effect was not measured."""
    measured = ("output", "rows", "value", "mean", "mean_without", "change", "standard_error", "row_change")
    return {"text": "", "why": why, **dict.fromkeys((*measured, "metrics"))}


def text(output: str, effect: Effect) -> str:
    """`It changes late by 0.15 in a row on average; its mean goes from 0.31 to 0.43.`, and a metric."""
    name = plain(output) if effect.width == 1 else f"{plain(output)}[{effect.value}]"
    without, served = _digits(effect.served - effect.change), _digits(effect.served)
    mean = f"its mean goes from {without} to {served}" if effect.is_sure else f"its mean stays at {served}"
    return (
        f"It changes {name} by {_digits(effect.row_change)} in a row on average; {mean}{_of_metric(effect)}."
    )


def _of_metric(effect: Effect) -> str:
    name = next((name for name in _METRICS_IN_TEXT if name in effect.metrics), None)
    if name is None:
        return ""
    change, served = effect.metrics[name]
    if (change < 0) is not (name in MORE_IS_BETTER) or abs(change) < _LEAST_SHOWN * abs(served):
        # What looks better here excuses nothing.
        return ""
    shown = name.upper() if name in ("auc", "mae") else name
    # Not from what to what: these are of the sample, and the window's own is said elsewhere.
    return f"; the estimated {shown} is worse by {_digits(abs(change))}"


def _digits(value: float) -> str:
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"

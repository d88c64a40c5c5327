"""The models that a comparison is about, and what is asked of them, from the flags."""

from __future__ import annotations

from trueserve.pipelines.flags import replay as replay_flags
from trueserve.pipelines.flags.validate import ValidateOptions
from trueserve.transforms.baseline import served_contracts
from trueserve.transforms.core.errors import UsageError
from trueserve.transforms.performance.record import PerformanceRecord
from trueserve.transforms.publish.harm import ExportedModel
from trueserve.transforms.publish.optional_checks import OptionalChecks
from trueserve.transforms.reference import prediction_reference
from trueserve.transforms.replay.compare import AnswerTolerance
from trueserve.transforms.replay.report import Limits


def optional_checks(options: ValidateOptions) -> OptionalChecks:
    """What is compared beside distributions. Raises UsageError for a model or contracts that are none."""
    replay = contracts = None
    if options.replay is not None:
        replay_flags.check_model(options.replay, options.allow_ops)
        tolerance = AnswerTolerance(options.replay_atol, options.replay_rtol)
        replay = Limits(options.replay, tolerance, options.replay_share)
    if options.contracts is not None:
        contracts = served_contracts.load(options.contracts)
    model = prediction_reference.model_of(options.predictions, options.replay)
    if model is None:
        return OptionalChecks(replay, contracts)
    performance = prediction_reference.performance(model)
    return OptionalChecks(replay, contracts, performance, _exported(options, model, performance))


def _exported(options: ValidateOptions, model: str, performance: PerformanceRecord | str) -> ExportedModel:
    """The model that incidents' effects are asked of, if it is one that may be run."""
    record = performance if isinstance(performance, PerformanceRecord) else None
    try:
        replay_flags.check_model(model, options.allow_ops, "--predictions")
    except UsageError as error:
        return ExportedModel(model, record, why_not=str(error).removeprefix("--predictions: "))
    return ExportedModel(model, record)

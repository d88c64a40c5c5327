"""The predictions that an exported model has with it: what `validate` compares logged answers with."""

from __future__ import annotations

from trueserve.transforms.baseline import messages
from trueserve.transforms.core.errors import UsageError
from trueserve.transforms.performance.record import PerformanceRecord, of_bytes
from trueserve.transforms.predictions import recorded
from trueserve.transforms.predictions.outputs import Output, outputs_of
from trueserve.transforms.verdict.model import Space
from trueserve.transforms.verdict.reference import Reference

_AGAIN = "run trueserve export again"


def model_of(predictions: str | None, replay: str | None) -> str | None:
    """The model whose recorded predictions are compared: of --predictions, or of --replay if it has any.

    Raises UsageError where --predictions names a model without them.
    """
    if predictions is None:
        return replay if replay is not None and recorded.find(replay) is not None else None
    if recorded.find(predictions) is None:
        raise UsageError(
            f"--predictions: {predictions} has no {recorded.FOLDER}/{recorded.STATISTICS} with its"
            f" schema, as a model that trueserve exported has; {_AGAIN}, and name one version"
        )
    return predictions


def load(model: str) -> Reference:
    """The reference of the space of predictions. Raises UsageError for files that are not `export`'s."""
    files = recorded.find(model)
    if files is None:
        raise UsageError(f"the model {model} has no recorded predictions any more; {_AGAIN}")
    schema, statistics = messages.load_schema_and_statistics(*files)
    if outputs_of(schema) is None:
        raise UsageError(f"{files[0]} does not say which outputs the model has; {_AGAIN}")
    return Reference(schema, statistics, Space.PREDICTION)


def performance(model: str) -> PerformanceRecord | str:
    """The record of the model, or a sentence why it has none. Raises UsageError for a damaged one."""
    data = recorded.performance(model)
    if data is None:
        return "the model was exported without labels of evaluation rows (export --evaluation)"
    try:
        return of_bytes(data)
    except (ValueError, RecursionError) as error:
        problem = f"{recorded.FOLDER}/{recorded.PERFORMANCE} is not what export writes"
        raise UsageError(f"the model {model}: {problem}; {_AGAIN}") from error


def outputs(reference: Reference) -> tuple[Output, ...]:
    """The outputs of the model that a reference of predictions is of."""
    recorded = outputs_of(reference.schema)
    assert recorded is not None, "a reference was loaded here"
    return recorded

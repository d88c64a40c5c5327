"""The predictions that a model has with it: found, or refused with what to do."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import hand_made
from tensorflow_metadata.proto.v0 import schema_pb2

from trueserve.transforms.core.errors import UsageError
from trueserve.transforms.predictions import outputs, recorded
from trueserve.transforms.predictions.outputs import Output, OutputType
from trueserve.transforms.reference import prediction_reference
from trueserve.transforms.verdict.model import Space

OUTPUT = Output("score", OutputType.FLOAT, 1)
STATISTICS = hand_made.statistics(10, hand_made.number("score", 10))


def model(folder: Path, schema: schema_pb2.Schema | None = None) -> str:
    recorded.write(str(folder), schema or outputs.schema_of([OUTPUT], "of a test"), STATISTICS)
    return str(folder)


def test_the_model_is_that_of_the_flag_or_of_the_replay(tmp_path: Path) -> None:
    known, unknown = model(tmp_path / "known"), str(tmp_path / "unknown")
    assert prediction_reference.model_of(known, None) == known
    assert prediction_reference.model_of(known, unknown) == known
    assert prediction_reference.model_of(None, known) == known
    assert prediction_reference.model_of(None, unknown) is None
    assert prediction_reference.model_of(None, None) is None
    with pytest.raises(UsageError) as error:
        prediction_reference.model_of(unknown, known)
    assert str(error.value) == (
        f"--predictions: {unknown} has no assets.extra/prediction_stats.binpb with its schema, as a model"
        " that trueserve exported has; run trueserve export again, and name one version"
    )


def test_half_of_the_files_is_none(tmp_path: Path) -> None:
    for name in (recorded.SCHEMA, recorded.STATISTICS):
        folder = tmp_path / name
        Path(model(folder), recorded.FOLDER, name).unlink()
        assert recorded.find(str(folder)) is None
        with pytest.raises(
            UsageError, match="has no recorded predictions any more; run trueserve export again"
        ):
            prediction_reference.load(str(folder))


def test_the_reference_is_of_the_space_of_predictions(tmp_path: Path) -> None:
    reference = prediction_reference.load(model(tmp_path))
    assert reference.space is Space.PREDICTION
    assert reference.statistics == STATISTICS
    assert prediction_reference.outputs(reference) == (OUTPUT,)


def test_a_schema_without_outputs_is_refused(tmp_path: Path) -> None:
    schema = hand_made.schema(schema_pb2.Feature(name="score", type=schema_pb2.FLOAT))
    path = model(tmp_path, schema)
    with pytest.raises(
        UsageError, match="does not say which outputs the model has; run trueserve export again"
    ):
        prediction_reference.load(path)

"""What an exported model predicts, recorded: on training's rows, on evaluation data, on a part of either."""

from __future__ import annotations

import dataclasses
import io
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_data_validation as tfdv
from support import export as support
from support import logs, replay
from support.homes import NUM_TRAINING, Home, Served
from tensorflow_metadata.proto.v0 import schema_pb2

from trueserve.pipelines import cli, record_predictions
from trueserve.pipelines.display.console import Console
from trueserve.pipelines.flags.export import ExportOptions
from trueserve.transforms.baseline.load import Baseline, load_baseline
from trueserve.transforms.core.errors import InputError, NothingExaminedError, UsageError
from trueserve.transforms.files import file_systems
from trueserve.transforms.predictions import outputs
from trueserve.transforms.predictions.outputs import Output, OutputType
from trueserve.transforms.serving import keras_model, prediction_rows, serving_model
from trueserve.transforms.serving.predicted import PredictionRecorder, outputs_of

EXTRA = "assets.extra"
Array = np.ndarray[Any, Any]


@pytest.fixture(scope="module")
def small(small_home: Path) -> Baseline:
    return load_baseline(str(small_home / "baseline"))


@pytest.fixture(scope="module")
def serving(small: Baseline) -> serving_model.ServingModel:
    model = keras_model.load_model(str(Path(small.path).parent / "model.keras"))
    return serving_model.ServingModel(small.transform_output, model)


def record(folder: Path, serving: Any, baseline: Baseline, rows: int = 1000, evaluation: str = "") -> str:
    """What was said on the console."""
    (folder / EXTRA).mkdir(parents=True, exist_ok=True)
    out = io.StringIO()
    flags: dict[str, Any] = {"evaluation": evaluation or None, "prediction_rows": rows}
    options = ExportOptions(baseline=baseline.path, model=__file__, output="o", **flags)
    wanted = record_predictions.find_source(options, baseline)
    record_predictions.record(str(folder), serving, baseline, wanted, Console(out, io.StringIO()))
    return out.getvalue()


def recorded(folder: Path) -> tuple[schema_pb2.Schema, dict[str, Any], int]:
    """The schema, the statistics by feature, and the rows, as a user of TFDV reads them."""
    schema = tfdv.load_schema_text(str(folder / EXTRA / "prediction_schema.pbtxt"))
    read = tfdv.load_stats_binary(str(folder / EXTRA / "prediction_stats.binpb"))
    assert len(tfdv.validate_statistics(read, schema).anomaly_info) == 0
    [dataset] = read.datasets
    return schema, {feature.path.step[0]: feature for feature in dataset.features}, dataset.num_examples


def check_numbers(feature: Any, values: Iterable[float]) -> None:
    """Against the values written with five digits."""
    short = np.array([np.float32(f"{value:.4e}") for value in values])
    stats = feature.num_stats
    assert (stats.common_stats.num_non_missing, stats.common_stats.num_missing) == (len(short), 0)
    assert (stats.min, stats.max) == (short.min(), short.max())
    assert stats.mean == pytest.approx(short.astype(float).mean(), rel=1e-6)
    assert [statistic.name for statistic in feature.custom_stats] == ["trueserve_quantiles"]


def check_categories(feature: Any, values: Sequence[int]) -> None:
    frequencies = {top_value.value: top_value.frequency for top_value in feature.string_stats.top_values}
    assert frequencies == {str(value): values.count(value) for value in set(values)}


def answers(rows: Sequence[dict[str, list[Any]]], baseline: Baseline) -> dict[str, Array]:
    """By the graph and Keras alone."""
    from trueserve.transforms.graph.transform_graph import TransformGraph

    assert rows is support.RAW_ROWS
    graph = TransformGraph(baseline.transform_output)
    return support.reference_predictions(graph.apply(support.raw_batch()))


def check_all(folder: Path, expected: dict[str, Array]) -> schema_pb2.Schema:
    schema, features, rows = recorded(folder)
    assert rows == len(expected["late"])
    assert set(features) == {"late", "minutes[0]", "minutes[1]", "minutes[argmax]"}
    check_numbers(features["late"], expected["late"][:, 0])
    check_numbers(features["minutes[0]"], expected["minutes"][:, 0])
    check_numbers(features["minutes[1]"], expected["minutes"][:, 1])
    check_categories(features["minutes[argmax]"], expected["minutes"].argmax(axis=1).tolist())
    return schema


def test_all_training_rows_are_asked_of_every_shard(
    small: Baseline, serving: serving_model.ServingModel, tmp_path: Path
) -> None:
    output = record(tmp_path, serving, small)
    schema = check_all(tmp_path, answers(support.RAW_ROWS, small))
    assert list(schema.annotation.comment) == ["predictions on 60 training rows"]
    assert "recorded predictions on 60 training rows\n" in output
    assert outputs.outputs_of(schema) == (
        Output("late", OutputType.FLOAT, 1),
        Output("minutes", OutputType.FLOAT, 2),
    )
    before = (tmp_path / EXTRA / "prediction_stats.binpb").read_bytes()
    record(tmp_path, serving, small)
    assert (tmp_path / EXTRA / "prediction_stats.binpb").read_bytes() == before


def write_evaluation(path: Path, rows: Iterable[dict[str, list[Any]]]) -> str:
    logs.write_records(path, [logs.example(**{n: v or None for n, v in row.items()}) for row in rows])
    return str(path)


def test_evaluation_data_take_the_place_of_training_and_refused_rows_are_told(
    small: Baseline, serving: serving_model.ServingModel, tmp_path: Path
) -> None:
    cut = [{**row, "weights": []} if i in (3, 50) else row for i, row in enumerate(support.RAW_ROWS)]
    write_evaluation(tmp_path / "rows-0", cut[:25])
    write_evaluation(tmp_path / "rows-1", cut[25:])
    output = record(tmp_path, serving, small, evaluation=str(tmp_path / "rows-*"))
    expected = {n: np.delete(array, [3, 50], axis=0) for n, array in answers(support.RAW_ROWS, small).items()}
    schema = check_all(tmp_path, expected)
    assert list(schema.annotation.comment) == ["predictions on 58 evaluation rows; 2 more were refused"]
    assert "recorded predictions on 58 evaluation rows; 2 more were refused" in output
    assert "recorded performance on 58 rows with a label (late)" in output
    values = json.loads((tmp_path / EXTRA / "performance.json").read_bytes())
    labels = np.array([row["late"][0] for i, row in enumerate(cut) if i not in (3, 50)])
    absolute = np.abs(expected["late"][:, 0] - labels).sum()
    assert sum(values["calibration"]["labels"]["absolute"]) == pytest.approx(absolute, rel=1e-4)


def test_evaluation_without_labels_records_no_performance(
    small: Baseline, serving: serving_model.ServingModel, tmp_path: Path
) -> None:
    rows = [{k: v for k, v in row.items() if k != support.LABEL} for row in support.RAW_ROWS]
    output = record(tmp_path, serving, small, evaluation=write_evaluation(tmp_path / "rows", rows))
    assert "no performance recorded: the evaluation examples have no late" in output
    assert not (tmp_path / EXTRA / "performance.json").exists()


@pytest.mark.parametrize(("evaluation", "error"), [("", NothingExaminedError), ("no example", InputError)])
def test_evaluation_data_that_cannot_be_read_are_an_error(
    small: Baseline, tmp_path: Path, evaluation: str, error: type[Exception]
) -> None:
    (tmp_path / "rows").write_text(evaluation)
    with pytest.raises(error):
        record(tmp_path, None, small, evaluation=str(tmp_path / "rows"))
    with pytest.raises(InputError, match="no file matches"):
        record(tmp_path, None, small, evaluation=str(tmp_path / "nothing-*"))


def test_without_rows_that_are_like_requests_nothing_is_recorded_and_it_is_said(
    small: Baseline, tmp_path: Path
) -> None:
    augmented = dataclasses.replace(
        small, contract=dataclasses.replace(small.contract, augmentation="0" * 64)
    )
    assert "no predictions recorded: the training rows in the baseline are augmented" in record(
        tmp_path / "a", None, augmented
    )
    bare = dataclasses.replace(small, path=str(tmp_path))
    assert "no predictions recorded: the baseline has no transformed_examples" in record(
        tmp_path / "b", None, bare
    )
    assert record(tmp_path / "c", None, small, rows=0) == ""
    assert [list((tmp_path / name / EXTRA).iterdir()) for name in "abc"] == [[], [], []]


def test_a_shard_that_is_cut_short_is_an_error(small: Baseline, tmp_path: Path) -> None:
    [first, second] = record_predictions._shards(small)
    (tmp_path / "cut").write_bytes(Path(first.path).read_bytes()[:-20])
    files = [second, file_systems.FileSize(str(tmp_path / "cut"), 100)]
    with pytest.raises(InputError, match="cut cannot be read"):
        list(prediction_rows.training_rows(files, 60, 60, lambda _: None))


@pytest.fixture
def shards(tmp_path: Path) -> list[file_systems.FileSize]:
    """Three files of 1,000 records, each its number among all."""
    numbers = [b"%d" % i for i in range(3000)]
    parts = (numbers[i : i + 1000] for i in (0, 1000, 2000))
    return [logs.write_records(tmp_path / f"shard-{i}.gz", part) for i, part in enumerate(parts)]


def taken(files: Sequence[file_systems.FileSize], rows: int, most_read: int = 3000) -> list[int]:
    stored: list[int] = []
    batches = list(prediction_rows.training_rows(files, 3000, rows, stored.append, most_read))
    assert sum(stored) <= sum(file.bytes for file in files)
    assert all(len(batch) <= prediction_rows.BATCH_ROWS for batch in batches)
    return [int(record) for batch in batches for record in batch]


def test_rows_are_chosen_evenly_over_shards_and_the_same_each_time(
    shards: list[file_systems.FileSize],
) -> None:
    assert taken(shards, 3000) == list(range(3000))
    some = taken(shards, 600)
    assert some == sorted(set(some)) == taken(shards, 600)
    counts, _ = np.histogram(some, np.arange(0, 3001, 250))
    assert abs(len(some) - 600) < 80  # over three deviations
    assert (np.abs(counts - 50) < 27).all()
    assert {i % 1000 for i in some if i < 1000} != {i % 1000 for i in some if i >= 2000}


def test_no_more_than_the_first_records_of_each_shard_are_read(shards: list[file_systems.FileSize]) -> None:
    assert len(taken([*shards, shards[0]], 3000)) == 4000  # not so here: no shard is cut
    assert taken(shards, 30, most_read=30) == [*range(10), *range(1000, 1010), *range(2000, 2010)]


def test_batches_are_small_in_bytes_too(
    monkeypatch: pytest.MonkeyPatch, shards: list[file_systems.FileSize]
) -> None:
    monkeypatch.setattr(prediction_rows, "BATCH_BYTES", 100)
    sizes = [len(b) for b in prediction_rows.training_rows(shards, 3000, 3000, lambda _: None)]
    assert sum(sizes) == 3000
    assert max(sizes) <= 100


def a_function(refuse: bytes = b"") -> Any:
    """Lengths of examples as numbers, texts, a vector, and an output of which nobody knows the width."""

    def answer(examples: tf.Tensor) -> dict[str, tf.Tensor]:
        tf.debugging.assert_none_equal(examples, refuse)
        length = tf.strings.length(examples)
        short = tf.cast(length, tf.float32)
        return {
            "long": length > 3,
            "text": examples,
            "vector": tf.stack([short, 4.0 - short], axis=1),
            "loose": tf.ragged.range(length).to_tensor(),
            "half": tf.cast(short, tf.bfloat16),
        }

    return tf.function(answer, autograph=False).get_concrete_function(tf.TensorSpec([None], tf.string))


def test_outputs_of_every_kind_are_recorded() -> None:
    recorder = PredictionRecorder(a_function(), may_refuse=False)
    assert recorder.outputs == (
        Output("half", OutputType.FLOAT, 1),
        Output("long", OutputType.INT, 1),
        Output("loose", OutputType.INT, None),
        Output("text", OutputType.TEXT, 1),
        Output("vector", OutputType.FLOAT, 2),
    )
    recorder.add([b"a", b"abcd"])
    recorder.add([b"abc"])
    [dataset] = recorder.statistics().datasets
    features = {feature.path.step[0]: feature for feature in dataset.features}
    assert list(features) == ["half", "long", "text", "vector[0]", "vector[1]", "vector[argmax]"]
    assert [feature.name for feature in recorder.schema("").feature] == list(features)
    check_categories(features["long"], [0, 1, 0])
    check_categories(features["vector[argmax]"], [1, 0, 0])
    assert features["half"].num_stats.mean == pytest.approx(8 / 3)
    assert {top_value.value for top_value in features["text"].string_stats.top_values} == {"a", "abcd", "abc"}


def test_refused_rows_are_left_out_or_end_it() -> None:
    recorder = PredictionRecorder(a_function(refuse=b"abc"), may_refuse=True)
    recorder.add([b"a", b"abc", b"abcd"])
    recorder.add([b"abc"])
    assert (recorder.rows, recorder.num_refused, recorder.statistics().datasets[0].num_examples) == (2, 2, 2)
    strict = PredictionRecorder(a_function(refuse=b"abc"), may_refuse=False)
    with pytest.raises(UsageError, match="cannot answer the training rows") as caught:
        strict.add([b"a", b"abc"])
    assert "abc" not in str(caught.value)


def test_only_tensors_of_known_width_have_one() -> None:
    specs = {
        "a": tf.TensorSpec([None, 2, 3], tf.int32),
        "b": tf.TensorSpec(None, tf.float32),
        "c": tf.TensorSpec([4, 2], tf.float32),
        "d": tf.TensorSpec([None], tf.complex64),
    }
    assert [output.width for output in outputs_of(specs)] == [6, None, None, None]


def test_export_records_training_of_a_baseline_that_prepare_made(home: Home, served: Served) -> None:
    schema, features, rows = recorded(Path(served.version))
    assert (rows, set(features)) == (NUM_TRAINING, {"late", "minutes[0]", "minutes[1]", "minutes[argmax]"})
    expected = replay.answers(served.model, home.baseline, home.training)
    check_numbers(features["late"], expected["late"][:, 0])
    assert list(schema.annotation.comment) == ["predictions on 10,000 training rows"]


def test_a_negative_number_of_rows_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    flags = ("--baseline=b", f"--model={__file__}", "--output=o", "--prediction_rows=-1")
    assert cli.main(["export", *flags]) == 2
    assert "--prediction_rows: expected a number of 0 or more, got -1" in capsys.readouterr().err

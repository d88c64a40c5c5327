"""On what predictions are recorded, what is said of it, and why there are none; a function is the model."""

from __future__ import annotations

import contextlib
import dataclasses
import io
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf
from support import hand_made_models, logs
from tensorflow_metadata.proto.v0 import statistics_pb2

from trueserve.pipelines import record_predictions
from trueserve.pipelines.display.console import Console
from trueserve.pipelines.flags.export import ExportOptions
from trueserve.pipelines.record_predictions import PredictionSource
from trueserve.transforms.baseline import contents
from trueserve.transforms.baseline.contents import Contents, FileDigest
from trueserve.transforms.baseline.load import Baseline
from trueserve.transforms.core.errors import InputError, NothingExaminedError, UsageError
from trueserve.transforms.files import paths
from trueserve.transforms.logs.features import Settings, expected_features
from trueserve.transforms.logs.formats.format_names import Format
from trueserve.transforms.serving import prediction_rows

NOT_TAKEN = logs.example(distance=[99.0])
NONE_RECORDED = "no predictions recorded: "
NO_LABEL = "no performance recorded: the contract names no label"


@dataclasses.dataclass
class SmallModel:
    """In place of a `ServingModel`: the length of each example, or what has no width."""

    answer: Callable[[Any], Any]

    def of_requests(self) -> Any:
        return self._traced("requests")

    def of_transformed(self) -> Any:
        return self._traced("transformed")

    def _traced(self, name: str) -> Any:
        def answer(examples: tf.Tensor) -> dict[str, tf.Tensor]:
            tf.debugging.assert_none_equal(examples, NOT_TAKEN)
            return {name: self.answer(tf.strings.length(examples))}

        return tf.function(answer, autograph=False).get_concrete_function(tf.TensorSpec([None], tf.string))


MODEL: Any = SmallModel(lambda length: tf.cast(length, tf.float32))
WITHOUT_WIDTH: Any = SmallModel(lambda length: tf.ragged.range(length).to_tensor())


class WatchedConsole(Console):
    """Keeps what a progress bar is given, and what it would show at its end."""

    def __init__(self) -> None:
        self.out = io.StringIO()
        self.shown: list[tuple[str, int | None, tuple[int, int]]] = []
        super().__init__(self.out, io.StringIO())

    @contextlib.contextmanager
    def progress(self, text: str, poll: Any, total_bytes: int | None = None) -> Iterator[None]:
        yield
        self.shown.append((text, total_bytes, poll()))

    @property
    def lines(self) -> list[str]:  # type: ignore[override]
        return self.out.getvalue().splitlines()


def baseline(folder: Path, shards: Sequence[Sequence[bytes]], **changes: Any) -> Baseline:
    """With these transformed examples, which are not read for anything else."""
    (folder / "transformed_examples").mkdir(parents=True)
    names = [f"transformed_examples/part-{number}" for number in range(len(shards))]
    for name, records in zip(names, shards, strict=True):
        logs.write_records(folder / name, records)
    files = contents.record(str(folder), [*names]) | {"transformed_stats.binpb": FileDigest(1, "0" * 64)}
    contract = hand_made_models.contract(num_examples=sum(map(len, shards)), **changes)
    return hand_made_models.baseline(folder, contract=contract, contents=Contents(str(folder), files))


def record(folder: Path, source: PredictionSource, of: Baseline, model: Any = MODEL) -> WatchedConsole:
    console = WatchedConsole()
    record_predictions.record(str(folder), model, of, source, console)
    return console


def recorded_rows(folder: Path) -> dict[str, int]:
    """How many answers of each output are in the statistics."""
    data = (folder / "assets.extra/prediction_stats.binpb").read_bytes()
    [dataset] = statistics_pb2.DatasetFeatureStatisticsList.FromString(data).datasets
    return {
        feature.path.step[0]: feature.num_stats.common_stats.num_non_missing for feature in dataset.features
    }


ROWS = [logs.example(a=[float(number)]) for number in range(7)]
ALL = PredictionSource(1000, None)


def test_every_row_of_every_shard_is_answered(tmp_path: Path) -> None:
    of = baseline(tmp_path / "b", [ROWS[:4], ROWS[4:]])
    console = record(tmp_path, ALL, of)
    stored = sum((tmp_path / "b" / name).stat().st_size for name in of.contents.below("transformed_examples"))
    assert console.lines == ["recorded predictions on 7 training rows"]
    assert console.shown == [("computing predictions on training rows", stored, (7, stored))]
    assert recorded_rows(tmp_path) == {"transformed": 7}
    schema = (tmp_path / "assets.extra/prediction_schema.pbtxt").read_text()
    assert "predictions on 7 training rows" in schema


def test_of_more_rows_some_are_chosen(tmp_path: Path) -> None:
    console = record(tmp_path, PredictionSource(3, None), baseline(tmp_path / "b", [ROWS]))
    rows = recorded_rows(tmp_path)["transformed"]
    assert 0 < rows < 7
    assert console.lines == [f"recorded predictions on {rows} of 7 training rows, chosen by a hash"]


@pytest.mark.parametrize("most_read", [6, 7])
def test_shards_are_verified_where_they_are_read_as_a_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most_read: int
) -> None:
    monkeypatch.setattr(prediction_rows, "MOST_READ", most_read)
    of = baseline(tmp_path / "b", [ROWS])
    stored = (tmp_path / "b/transformed_examples/part-0").stat().st_size
    assert record(tmp_path, ALL, of).shown[0][1] == (stored if most_read == 7 else None)
    others = [logs.example(a=[-1.0]) for _ in ROWS]
    logs.write_records(tmp_path / "b/transformed_examples/part-0", others)
    if most_read < 7:
        record(tmp_path, ALL, of)
        return
    with pytest.raises(UsageError, match=r"is damaged: transformed_examples/part-0 has"):
        record(tmp_path, ALL, of)


def test_a_store_has_its_shards_below_the_baseline(monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is fetched by its name below the folder, however the path to that ends."""
    names: list[str] = []
    monkeypatch.setattr(Contents, "local_file", lambda self, name: names.append(name))
    for path in ("memory://bucket/b", "/somewhere/b"):
        of: Any = dataclasses.make_dataclass("Folder", ["path", "contents"])(path, Contents(path, {}))
        record_predictions._verified(of)(paths.join(path, "transformed_examples/part-0"))
    assert names == ["transformed_examples/part-0"] * 2


@pytest.mark.parametrize(
    ("changes", "remove", "why"),
    [
        (
            {"augmentation": "0" * 64},
            False,
            "the training rows in the baseline are augmented, and requests are not",
        ),
        ({}, True, "the baseline has no transformed_examples"),
    ],
)
def test_without_rows_that_are_like_requests_none_are_recorded(
    tmp_path: Path, changes: dict[str, Any], remove: bool, why: str
) -> None:
    of = baseline(tmp_path / "b", [ROWS[:4], ROWS[4:]], **changes)
    if remove:
        for file in (tmp_path / "b/transformed_examples").iterdir():
            file.unlink()
    console = record(tmp_path, ALL, of)
    assert console.lines == [f"{NONE_RECORDED}{why}; --evaluation=GLOB names other examples"]
    assert not (tmp_path / "assets.extra").exists()


def test_a_baseline_of_another_tool_has_no_shards(tmp_path: Path) -> None:
    of = hand_made_models.baseline(tmp_path / "b")
    assert record_predictions._shards(of) == []


def test_no_rows_were_asked_for(tmp_path: Path) -> None:
    assert record(tmp_path, PredictionSource(0, None), baseline(tmp_path / "b", [ROWS])).lines == []
    assert not (tmp_path / "assets.extra").exists()
    assert record(tmp_path, PredictionSource(1, None), baseline(tmp_path / "c", [ROWS[:1]])).lines


def test_an_answer_without_a_width_is_not_recorded(tmp_path: Path) -> None:
    console = record(tmp_path, ALL, baseline(tmp_path / "b", [ROWS]), WITHOUT_WIDTH)
    why = "no output of the model has the same number of values in every row"
    assert console.lines == [f"{NONE_RECORDED}{why}"]


def evaluation(folder: Path, records: Sequence[bytes], of: Baseline, rows: int = 1000) -> PredictionSource:
    logs.write_records(folder / "rows-0", records)
    options = ExportOptions("b", __file__, "o", evaluation=str(folder / "rows-*"), prediction_rows=rows)
    return record_predictions.find_source(options, of)


def test_without_evaluation_data_training_is_the_source(tmp_path: Path) -> None:
    of = hand_made_models.baseline(tmp_path / "b")
    options = ExportOptions("b", __file__, "o", prediction_rows=5)
    assert record_predictions.find_source(options, of) == PredictionSource(5, None)
    source = evaluation(tmp_path, ROWS, of, rows=6)
    assert source.rows == 6
    assert source.evaluation is not None
    assert source.evaluation.format is Format.TF_EXAMPLE
    assert [file.path for file in source.evaluation.files] == [str(tmp_path / "rows-0")]
    assert source.evaluation.settings == Settings(expected=expected_features(of.schema, serving=True))
    with pytest.raises(InputError, match="no file matches"):
        record_predictions.find_source(dataclasses.replace(options, evaluation=str(tmp_path / "none-*")), of)


def requests(*numbers: float) -> list[bytes]:
    return [logs.example(distance=[number]) for number in numbers]


def test_evaluation_data_are_asked_as_requests_are(tmp_path: Path) -> None:
    of = hand_made_models.baseline(tmp_path / "b")
    console = record(tmp_path, evaluation(tmp_path, requests(1.0, 99.0, 2.0), of), of)
    size = (tmp_path / "rows-0").stat().st_size
    assert console.lines == [
        "reading the evaluation examples",
        "recorded predictions on 2 evaluation rows; 1 more were refused",
        NO_LABEL,
    ]
    [(text, total, (rows, _))] = console.shown
    assert (text, total, rows) == ("computing predictions on evaluation rows", size, 3)
    assert recorded_rows(tmp_path) == {"requests": 2}


def test_rows_of_evaluation_data_are_chosen_by_their_share(tmp_path: Path) -> None:
    of = hand_made_models.baseline(tmp_path / "b")
    source = evaluation(tmp_path, requests(*(float(number) for number in range(40))), of, rows=20)
    console = record(tmp_path, source, of)
    rows = recorded_rows(tmp_path)["requests"]
    assert 10 <= rows <= 30
    assert console.lines[1] == f"recorded predictions on {rows} of 40 evaluation rows, chosen by a hash"


def test_where_every_row_is_refused_none_are_recorded(tmp_path: Path) -> None:
    of = hand_made_models.baseline(tmp_path / "b")
    console = record(tmp_path, evaluation(tmp_path, requests(99.0, 99.0), of), of)
    assert console.lines[1:] == [
        f"{NONE_RECORDED}none of the evaluation rows was chosen and answered",
        NO_LABEL,
    ]
    assert not (tmp_path / "assets.extra").exists()


@pytest.mark.parametrize(("records", "error"), [([], NothingExaminedError), ([b"none"], InputError)])
def test_evaluation_data_that_cannot_be_read_are_an_error(
    tmp_path: Path, records: list[bytes], error: type[Exception]
) -> None:
    of = hand_made_models.baseline(tmp_path / "b")
    source = evaluation(tmp_path, requests(1.0), of)
    logs.write_records(tmp_path / "rows-0", records)
    with pytest.raises(error):
        record(tmp_path, source, of)


@pytest.mark.parametrize(
    ("rows", "num_refused", "description"),
    [
        (1998, 1, "1,998 of 2,000 x rows, chosen by a hash; 1 more were refused"),
        (1998, 2, "1,998 x rows; 2 more were refused"),
        (1999, 0, "1,999 of 2,000 x rows, chosen by a hash"),
        (2000, 0, "2,000 x rows"),
    ],
)
def test_rows_are_described(rows: int, num_refused: int, description: str) -> None:
    recorder: Any = dataclasses.make_dataclass("Recorder", ["rows", "num_refused"])(rows, num_refused)
    assert record_predictions._rows(recorder, 2000, "x") == description

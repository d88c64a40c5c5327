"""Statistics in parts, and of several data sets."""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias

import pytest
from tensorflow_metadata.proto.v0 import statistics_pb2

from trueserve.transforms.baseline import messages
from trueserve.transforms.core.errors import UsageError
from trueserve.transforms.files.tfrecord import frame

Statistics: TypeAlias = statistics_pb2.DatasetFeatureStatisticsList


def part(name: str, *features: str, rows: int = 10) -> Statistics:
    result = Statistics()
    dataset = result.datasets.add(name=name, num_examples=rows)
    for feature in features:
        dataset.features.add().path.step.append(feature)
    return result


def read(folder: Path, *parts: Statistics) -> Statistics:
    (folder / "schema").write_bytes(b'feature { name: "f" }')
    (folder / "stats").write_bytes(b"".join(frame(message.SerializeToString()) for message in parts))
    return messages.load_schema_and_statistics(str(folder / "schema"), str(folder / "stats"))[1]


def test_shards_of_one_data_set_are_put_together(tmp_path: Path) -> None:
    assert read(tmp_path, part("", "a"), part("", "b", "c")) == part("", "a", "b", "c")


def test_slices_beside_all_rows_are_kept(tmp_path: Path) -> None:
    merged = read(tmp_path, part("All Examples", "a"), part("slice", "a"), part("All Examples", "b"))
    assert {dataset.name: len(dataset.features) for dataset in merged.datasets} == {
        "All Examples": 2,
        "slice": 1,
    }


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ([part("train", "a"), part("eval", "a")], "2 data sets ('eval', 'train'), none of which is"),
        ([part("", "a"), part("", "b", rows=11)], "data set '' has parts of 10 and 11 examples"),
        ([part("", "a"), part("", "a")], "data set '' holds feature 'a' twice"),
    ],
)
def test_statistics_of_which_no_one_is_training_are_refused_at_launch(
    tmp_path: Path, parts: list[Statistics], message: str
) -> None:
    with pytest.raises(UsageError) as caught:
        read(tmp_path, *parts)
    assert message in str(caught.value)
    assert str(tmp_path / "stats") in str(caught.value)
    assert caught.value.exit_code == 2

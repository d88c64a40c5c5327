"""Which text an id stands for: of probes, as far as they tell, and nothing made up."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from support import hand_made
from tensorflow_metadata.proto.v0 import schema_pb2

from trueserve.transforms.baseline.load import load_baseline
from trueserve.transforms.core.arrow import pa
from trueserve.transforms.reference import vocabularies
from trueserve.transforms.verdict import histograms
from trueserve.transforms.verdict.feature_stats import views_by_feature
from trueserve.transforms.verdict.model import Space
from trueserve.transforms.verdict.reference import Reference

TRAINING = views_by_feature(
    hand_made.statistics(
        100,
        hand_made.category("carrier", {"UA": 50, "ua": 9, "B6": 40, "ü": 1}),
        hand_made.number("miles", 100),
    )
)


def batch(**columns: Sequence[Any]) -> pa.RecordBatch:
    def column(values: Sequence[Any]) -> pa.Array:
        first = next(value for row in values if row for value in row)
        kind = {bytes: pa.large_binary(), int: pa.int64(), float: pa.float32()}[type(first)]
        return pa.array(values, pa.large_list(kind))

    return pa.RecordBatch.from_pydict({name: column(values) for name, values in columns.items()})


def texts(
    raw: pa.RecordBatch,
    outputs: pa.RecordBatch,
    looked_up: Mapping[str, tuple[str, ...]],
    unknown_ids: Mapping[str, tuple[int, int]] | None = None,
) -> Mapping[str, Mapping[str, str]]:
    return vocabularies.texts_of_ids(raw, outputs, looked_up, unknown_ids or {}, TRAINING)


def test_an_id_has_the_text_that_training_has_most_often() -> None:
    raw = batch(carrier=[[b"UA"], [b"ua"], [b"B6"], ["ü".encode()], [b"made up"], [b"qxz"]])
    outputs = batch(id=[[0], [0], [1], [2], [3], [12]])
    assert texts(raw, outputs, {"id": ("carrier",)}, {"id": (12, 12)}) == {
        "id": {"0": "UA", "1": "B6", "2": "ü"}
    }


def test_an_id_of_unknown_texts_has_no_text_of_its_own() -> None:
    raw, outputs = batch(carrier=[[b"UA"], [b"B6"]]), batch(id=[[0], [-1]])
    assert texts(raw, outputs, {"id": ("carrier",)}, {"id": (-1, -1)}) == {"id": {"0": "UA"}}


def test_rows_that_do_not_tell_are_left_out() -> None:
    raw = batch(carrier=[[b"UA", b"B6"], None, [], [b"B6"], [b"UA"]])
    outputs = batch(id=[[0, 1], [7], [8], [1], None])
    assert texts(raw, outputs, {"id": ("carrier",)}) == {"id": {"1": "B6"}}


@pytest.mark.parametrize(
    "looked_up",
    [{"id": ("carrier", "miles")}, {"id": ("miles",)}, {"id": ("other",)}, {"other": ("carrier",)}, {}],
)
def test_outputs_of_several_features_of_numbers_or_of_nothing_have_none(
    looked_up: Mapping[str, tuple[str, ...]],
) -> None:
    raw = batch(carrier=[[b"UA"]], miles=[[3.0]])
    assert texts(raw, batch(id=[[0]]), looked_up) == {}


def test_pictures_show_texts_with_their_ids() -> None:
    statistics = hand_made.statistics(10, hand_made.category("id", {"0": 5, "1": 3, "12": 1, "3": 1}))
    reference = dataclasses.replace(
        Reference(schema_pb2.Schema(), statistics, Space.TRANSFORMED),
        vocabulary={"id": {"0": "UA", "1": "B" * 90}},
        unknown_ids={"id": (12, 13)},
    )
    [picture] = histograms.pictures(reference, statistics)
    assert picture.labels == ("UA (0)", "B" * 40 + "...", "unknown words (12)", "3")
    assert reference.label_of("another", "0") == "0"
    assert reference.label_of("id", "not a number") == "not a number"


def test_the_probes_of_a_baseline_tell_and_without_them_ids_are_shown_as_they_are(
    small_home: Path, tmp_path: Path
) -> None:
    written = load_baseline(str(small_home / "baseline"), with_graph=False)
    assert vocabularies.of_baseline(written) == {}
    contract = dataclasses.replace(written.contract, looked_up={"carrier_id": ("carrier",)})
    counts = hand_made.category("carrier", {"AA": 2, "UA": 2, "B6": 2, "DL": 2})
    baseline = dataclasses.replace(written, contract=contract, statistics=hand_made.statistics(8, counts))
    [(name, by_id)] = vocabularies.of_baseline(baseline).items()
    assert (name, sorted(by_id.values())) == ("carrier_id", ["AA", "B6", "DL", "UA"])
    gone = dataclasses.replace(baseline.contents, path=str(tmp_path))
    assert vocabularies.of_baseline(dataclasses.replace(baseline, contents=gone)) == {}

"""A slice by a feature is compared with training's same slice, of the rows that the baseline keeps."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from support import hand_made
from tensorflow_metadata.proto.v0 import schema_pb2

from trueserve.transforms.core.arrow import pa
from trueserve.transforms.core.slicing import SliceStatistics, feature_part
from trueserve.transforms.reference.training_slices import TrainingSlices
from trueserve.transforms.summaries.dataset import uses_of
from trueserve.transforms.summaries.folding import fold
from trueserve.transforms.summaries.protos import SIZES
from trueserve.transforms.summaries.quantiles import Scratch
from trueserve.transforms.summaries.weighted import WeightedSummary
from trueserve.transforms.verdict.feature_stats import Statistics, views_by_feature
from trueserve.transforms.verdict.findings.slices import compare_slices
from trueserve.transforms.verdict.model import Severity, Space
from trueserve.transforms.verdict.reference import Reference, TrainingSample
from trueserve.transforms.verdict.severity import Policy

CARRIERS = ("UA", "AA", "DL")
MEANS = {"UA": 1400.0, "AA": 1300.0, "DL": 1200.0}
SCHEMA = hand_made.schema(
    schema_pb2.Feature(name="carrier", type=schema_pb2.BYTES),
    schema_pb2.Feature(name="distance", type=schema_pb2.FLOAT),
)


def rows(seed: int, count: int, carriers: Sequence[str] = CARRIERS, moved: float = 0.0) -> pa.RecordBatch:
    generator = np.random.default_rng(seed)
    names = generator.choice(carriers, count)
    distances = [[MEANS[name] + moved + 100 * generator.normal()] for name in names]
    columns = [
        pa.array([[name.encode()] for name in names], pa.large_list(pa.large_binary())),
        pa.array(distances, pa.large_list(pa.float32())),
    ]
    return pa.RecordBatch.from_arrays(columns, names=["carrier", "distance"])


def reference(space: Space = Space.RAW, sample: pa.RecordBatch | None = None) -> Reference:
    made = Reference(SCHEMA, hand_made.statistics(9000), space)
    kept = rows(1, 3000) if sample is None else sample
    return dataclasses.replace(made, sample=TrainingSample(kept, kept))


def served(**moved: float) -> SliceStatistics:
    """Statistics of slices by carrier, computed as training's are."""
    made, counts = Statistics(), {}
    for name, shift in moved.items():
        own = reference(sample=rows(2, 1500, [name], shift))
        [of_slice] = TrainingSlices([own]).references_of(f"carrier={name}") or ()
        made.datasets.add().CopyFrom(of_slice.statistics.datasets[0])
        made.datasets[-1].name, counts[f"carrier={name}"] = f"carrier={name}", 1500
    return SliceStatistics(made, counts)


def errors(findings: Sequence[Any]) -> set[str]:
    return {finding.feature for finding in findings if finding.severity is Severity.ERROR}


def test_training_has_the_rows_of_the_slice_alone() -> None:
    kept = rows(1, 3000)
    [own] = TrainingSlices([reference(sample=kept)]).references_of("carrier=AA") or ()
    mine = [row for row in kept.to_pylist() if row["carrier"] == [b"AA"]]
    by_feature = views_by_feature(own.statistics)
    assert by_feature["carrier"].counts() == {"AA": len(mine)}
    values = [row["distance"][0] for row in mine]
    assert by_feature["distance"].proto.num_stats.mean == pytest.approx(np.mean(values), rel=1e-6)


@pytest.mark.parametrize(
    ("label", "own", "name"),
    [
        ("carrier=AA", ("carrier",), "carrier=AA"),
        ("carrier=AA,hour=2013-07-14T05", ("carrier",), "carrier=AA"),
        ("version=3,distance=7", ("distance",), "distance=7"),
        ("hour=2013-07-14T05,version=2", (), ""),
        ("a=b=UA", ("a=b",), "a=b=UA"),
        ("carrier=x\\,y", ("carrier",), "carrier=x\\,y"),
    ],
)
def test_which_part_of_a_name_is_of_features(label: str, own: tuple[str, ...], name: str) -> None:
    assert feature_part(label, {"carrier", "distance", "a", "a=b"}) == (own, name)


def test_the_same_distribution_is_no_skew_in_any_slice() -> None:
    slices = served(UA=0, AA=0, DL=0)
    compared = compare_slices(
        [reference()], {Space.RAW: slices}, Policy(), None, TrainingSlices([reference()]).references_of
    )
    assert [each.name for each in compared] == ["carrier=UA", "carrier=AA", "carrier=DL"]
    assert all(each.is_compared for each in compared)
    assert [errors(each.findings) for each in compared] == [set(), set(), set()]
    # Beside all of training each would be skew by construction.
    summary = WeightedSummary(uses_of(SCHEMA))
    summary.add(rows(1, 3000), None, Scratch())
    all_rows = dataclasses.replace(reference(), statistics=Statistics(datasets=[fold(summary, SIZES)]))
    beside_all = compare_slices([all_rows], {Space.RAW: slices}, Policy())
    assert all("carrier" in errors(each.findings) for each in beside_all)


def test_a_move_within_one_slice_is_found_there_alone() -> None:
    slices = served(UA=0, AA=150, DL=0)
    own = TrainingSlices([reference()]).references_of
    compared = compare_slices([reference()], {Space.RAW: slices}, Policy(), None, own)
    assert [errors(each.findings) for each in compared] == [set(), {"distance"}, set()]


def test_a_slice_that_training_hardly_has_is_not_compared() -> None:
    few = reference(sample=rows(1, 199, ["UA"]))
    own = TrainingSlices([few]).references_of
    [compared] = compare_slices([few], {Space.RAW: served(UA=0)}, Policy(), None, own)
    assert not compared.is_compared
    assert [finding.metric for finding in compared.findings] == ["no_training_slice"]
    assert "199 are of this slice, fewer than 200" in compared.findings[0].message


def test_without_kept_rows_no_slice_by_a_feature_is_compared() -> None:
    bare = Reference(SCHEMA, hand_made.statistics(9000), Space.RAW)
    own = TrainingSlices([bare])
    assert own.references_of("carrier=AA") == []
    assert own.references_of("version=3") is None
    assert list(own.note(["carrier=AA"])) == []


def test_the_verdict_says_what_was_compared() -> None:
    own = TrainingSlices([reference(sample=rows(1, 500))])
    [note] = own.note(["carrier=UA,hour=2013-07-14T05", "carrier=AA", "version=2"])
    assert note.message.startswith("slices by 'carrier' were compared with the same slices of 500 training")
    assert list(own.note(["version=2", "hour=2013-07-14T05"])) == []

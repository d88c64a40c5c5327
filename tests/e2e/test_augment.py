"""Augmentation is in the training examples, the same in every run, and in nothing that is served."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf
from support import e2e
from support import transformed as support
from support.augment import CUTS, NOISE, ROWS, Prepared, applied, loaded, prepare, written

from trueserve.transforms.baseline import contract as contracts
from trueserve.transforms.baseline import layout
from trueserve.transforms.baseline.load import load_baseline
from trueserve.transforms.branches.samples.sample import row_hashes
from trueserve.transforms.core.errors import UsageError
from trueserve.transforms.graph.augmentation import load_augmentation, seeds_of
from trueserve.transforms.graph.preprocessing import source_digest
from trueserve.transforms.verdict.findings.augmentation import SPREAD
from trueserve.transforms.verdict.model import Severity


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    folder, rows = tmp_path_factory.mktemp("augmented"), e2e.rides(ROWS, 1)
    return Prepared(folder, prepare(folder, rows, NOISE), rows)


def test_training_examples_are_augmented_and_their_statistics_kept_beside_the_clean_ones(
    prepared: Prepared,
) -> None:
    loaded, examples = load_baseline(prepared.baseline), written(prepared.baseline)
    clean = [row["distance_z"][0] for row in support_rows(prepared)]
    assert len(examples["distance_z"]) == ROWS
    assert np.std(clean) == pytest.approx(1.0, abs=0.01)
    assert np.std(examples["distance_z"]) == pytest.approx(np.sqrt(2), rel=0.05)
    assert sorted(examples["delay_filled"]) == sorted(
        row["delay_filled"][0] for row in support_rows(prepared)
    )
    assert loaded.augmented_statistics is not None
    for statistics, values in (
        (loaded.transformed_statistics, clean),
        (loaded.augmented_statistics, examples["distance_z"]),
    ):
        [dataset] = statistics.datasets
        [numbers] = [f.num_stats for f in dataset.features if f.path.step[0] == "distance_z"]
        assert (dataset.num_examples, numbers.std_dev) == (ROWS, pytest.approx(np.std(values), rel=1e-4))
    assert loaded.contract.augmentation == source_digest(str(prepared.folder / "noise.py"))


def support_rows(prepared: Prepared) -> list[e2e.Row]:
    return e2e.transformed(prepared.baseline, prepared.rows)


def test_served_rows_are_never_augmented(prepared: Prepared) -> None:
    once, again = support_rows(prepared), support_rows(prepared)
    assert once == again
    distances = np.array([row["distance"][0] for row in prepared.rows])
    expected = (distances - distances.mean()) / distances.std()
    np.testing.assert_allclose([row["distance_z"][0] for row in once], expected, atol=1e-4)
    probes = load_baseline(prepared.baseline).probes
    from trueserve.transforms.baseline.probes import read_probes

    raw, transformed = read_probes(probes)
    assert support.graph(prepared.baseline).apply(raw).to_pylist() == transformed.to_pylist()


def test_the_noise_of_a_record_is_that_of_its_file_and_number(prepared: Prepared) -> None:
    names = ["part-0.tfrecord", "part-1.tfrecord.gz", "part-2.tfrecord"]
    parts = list(zip(names, e2e.cut(prepared.rows, CUTS), strict=True))
    files = pa.array([name for name, rows in parts for _ in rows])
    records = pa.array([number for _, rows in parts for number in range(len(rows))])
    metadata = pa.RecordBatch.from_arrays([files, records], names=["file", "record"])
    seeds = tf.constant(seeds_of(row_hashes(metadata)))
    noise = tf.vectorized_map(lambda seed: tf.random.stateless_normal([], seed), seeds).numpy()
    clean = [row["distance_z"][0] for row in support_rows(prepared)]
    np.testing.assert_allclose(
        sorted(written(prepared.baseline)["distance_z"]), sorted(clean + noise), atol=1e-5
    )


def test_the_difference_in_spread_is_stated_and_is_no_fault(prepared: Prepared) -> None:
    rows = e2e.rides(3000, 2)
    findings = support.compared(prepared.baseline, rows).findings
    [spread] = [finding for finding in findings if finding.metric == SPREAD]
    assert (spread.feature, spread.severity, spread.raw_features) == (
        "distance_z",
        Severity.INFO,
        ("distance",),
    )
    assert spread.distance == pytest.approx(1 - 1 / np.sqrt(2), abs=0.03)
    assert "is the augmentation in serving" not in spread.message
    assert {finding.severity for finding in findings} == {Severity.INFO}


def test_augmentation_that_is_served_is_a_fault_and_the_spread_says_why(prepared: Prepared) -> None:
    rng = np.random.default_rng(5)
    wide = np.std([row["distance"][0] for row in prepared.rows])
    rows = [{**row, "distance": [row["distance"][0] + rng.normal(0, wide)]} for row in e2e.rides(3000, 2)]
    findings = support.compared(prepared.baseline, rows).findings
    assert "distance_z" in {finding.feature for finding in findings if finding.severity is Severity.ERROR}
    [spread] = [finding for finding in findings if finding.metric == SPREAD]
    assert "is the augmentation in the serving code" in spread.message


def test_another_fault_that_widens_a_feature_is_not_taken_for_augmentation(prepared: Prepared) -> None:
    findings = support.compared(prepared.baseline, e2e.in_kilometres(e2e.rides(3000, 2))).findings
    assert "distance_z" in {finding.feature for finding in findings if finding.severity is Severity.ERROR}
    [spread] = [finding for finding in findings if finding.metric == SPREAD]
    assert "is the augmentation in serving" not in spread.message


def test_the_verdict_of_a_run_states_it(
    prepared: Prepared, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    logs = e2e.write_logs(tmp_path / "logs", e2e.requests(e2e.rides(3000, 2)), (1000, 2000))
    run = e2e.validate(capsys, prepared.baseline, logs, tmp_path / "out", "--slice_by=version")
    assert run.code == 0
    findings = [
        finding for finding in e2e.verdict(tmp_path / "out")["findings"] if finding["metric"] == SPREAD
    ]
    assert [(finding["feature"], finding["slice"]) for finding in findings] == [("distance_z", None)]


def test_a_baseline_that_lost_those_statistics_is_incomplete(prepared: Prepared, tmp_path: Path) -> None:
    from shutil import copytree

    copytree(prepared.baseline, tmp_path / "copy")
    (tmp_path / "copy" / layout.AUGMENTED_STATISTICS).unlink()
    with pytest.raises(UsageError, match=r"augmented_stats\.binpb is missing"):
        load_baseline(str(tmp_path / "copy"))


def test_a_contract_of_before_knows_no_augmentation(prepared: Prepared) -> None:
    values = load_baseline(prepared.baseline).contract.to_json()
    for name in ("augmentation", "unknown_ids", "buckets"):
        del values[name]
    older = contracts.Contract.from_json(values)
    assert (older.augmentation, dict(older.unknown_ids), dict(older.buckets)) == (None, {}, {})


ARROW = """
import numpy as np
import pyarrow as pa


def augment_fn(features: pa.RecordBatch, seeds):
    place = features.schema.get_field_index("distance_z")
    noise = np.array([np.random.default_rng(seed).normal() for seed in seeds], np.float32)
    values = features.column(place).flatten().to_numpy() + noise
    columns = features.columns
    columns[place] = pa.LargeListArray.from_arrays(features.column(place).offsets, pa.array(values))
    return pa.RecordBatch.from_arrays(columns, names=features.schema.names)
"""


@pytest.mark.parametrize("source", [NOISE, ARROW])
def test_a_record_is_augmented_alike_wherever_a_batch_is_cut(
    prepared: Prepared, tmp_path: Path, source: str
) -> None:
    function = loaded(tmp_path, source)
    in_one_batch, part = applied(function, prepared.baseline), applied(function, prepared.baseline, cut=7)
    plain = support.graph(prepared.baseline).apply(e2e.batch(e2e.requests(e2e.rides(20, 4))))
    changed = in_one_batch.to_pydict()
    assert in_one_batch.schema == plain.schema
    np.testing.assert_allclose(part.to_pydict()["distance_z"], changed["distance_z"][7:], rtol=1e-6)
    assert not np.allclose(changed["distance_z"], plain.to_pydict()["distance_z"])
    others = {name: values for name, values in plain.to_pydict().items() if name != "distance_z"}
    assert {name: changed[name] for name in others} == others


_HEAD = """
import tensorflow as tf


def cut(values):
    return tf.sparse.slice(values, [0, 0], [3, 9]) if isinstance(values, tf.SparseTensor) else values[:3]


def augment_fn(features, seeds):
    """


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (
            "return {**features, 'distance_z': features['distance_z'] + tf.random.normal([])}",
            "for the same rows and seeds",
        ),
        ("return {n: v for n, v in features.items() if n != 'hour_bucket'}", "lacks 'hour_bucket'"),
        ("return {**features, 'more': features['distance_z']}", "has 'more', which it was not given"),
        (
            "return {**features, 'distance_z': tf.cast(features['distance_z'], tf.int64)}",
            "'distance_z' is no longer float32",
        ),
        ("return {n: cut(v) for n, v in features.items()}", "3 rows came of"),
        ("return None", "expected a dict of tensors, got NoneType"),
        ("raise ValueError('secret 42')", "ValueError at line 10 of augment_fn"),
        (
            "tf.reshape(seeds, [7, 7])",
            "InvalidArgumentError at line 10 of",
        ),
    ],
)
def test_a_function_that_cannot_be_used_is_told_in_one_line(
    prepared: Prepared, tmp_path: Path, body: str, says: str
) -> None:
    with pytest.raises(UsageError) as caught:
        applied(loaded(tmp_path, f"{_HEAD}{body}\n"), prepared.baseline)
    assert says in str(caught.value)
    assert str(caught.value).startswith("--augment=")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda folder: str(folder / "none.py"), r"no augmentation file .*none\.py; --augment takes"),
        (
            lambda folder: f"{folder / 'one.py'}",
            r"expected a function of \(features, seeds\), got one of \(features\)",
        ),
        (lambda folder: f"{folder / 'one.py'}:other", r"has no function other; functions in it: augment_fn"),
        (lambda _: "not a file", r"--augment=not a file: expected FILE\.py"),
    ],
)
def test_what_names_no_such_function_is_wrong_usage(
    tmp_path: Path, make: Callable[[Path], str], says: str
) -> None:
    (tmp_path / "one.py").write_text("def augment_fn(features):\n    return features\n")
    with pytest.raises(UsageError, match=says):
        load_augmentation(make(tmp_path))

"""`trueserve adopt` on what a script of plain tf.Transform and TFDV leaves: no TFX, no folders of splits."""

from __future__ import annotations

from pathlib import Path

import pytest
import tensorflow_data_validation as tfdv
from support import e2e, logs, tfx
from support.memory_files import OBJECTS

from trueserve.transforms.baseline.load import load_baseline


def test_a_graph_of_dense_inputs_takes_the_examples(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    records = [logs.example(**row) for row in map(_present, tfx.PLAIN_ROWS)]
    tfx.plain_graph(tmp_path)
    logs.write_records(tmp_path / "train.tfrecord", records)
    tfx.statistics(records, tmp_path / "stats.pb", None)
    schema = tfdv.infer_schema(tfdv.load_stats_binary(str(tmp_path / "stats.pb")), infer_feature_shape=False)
    tfdv.write_schema_text(schema, str(tmp_path / "schema.pbtxt"))
    given = [f"--schema={tmp_path}/schema.pbtxt", f"--statistics={tmp_path}/stats.pb", "--label=tips"]
    given += [f"--transform_output={tmp_path}/output", f"--baseline={tmp_path}/baseline"]
    for more in ([], [f"--examples={tmp_path}/train.tfrecord"]):
        run = e2e.run(capsys, "adopt", *given, *more)
        assert run.code == 0, run.err
    baseline = load_baseline(f"{tmp_path}/baseline")
    assert baseline.contract.transformed_features["north"] == ("place",)
    [dataset] = baseline.transformed_statistics.datasets
    means = {feature.path.step[0]: feature.num_stats.mean for feature in dataset.features}
    assert dataset.num_examples == len(tfx.PLAIN_ROWS)
    assert (means["fare_01"], means["north"], means["label"]) == pytest.approx((0.5, 29.5, 0.5))


def test_on_an_object_store_from_this_machine(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """TensorFlow does not know the store; two runs, so that one baseline takes the place of another."""
    OBJECTS.clear()
    training = [{**row, "at": [e2e.seconds(60 * n)]} for n, row in enumerate(e2e.rides(300, 1))]
    artifacts = tfx.make(tmp_path, training, training[:20])
    OBJECTS.update({f"memory://bucket/tfx/{name}": data for name, data in e2e.tree(tmp_path).items()})
    remote = [
        flag.replace(str(artifacts.root), "memory://bucket/tfx") for flag in artifacts.flags(examples=True)
    ]
    given = dict(OBJECTS)
    for flags in (remote[:-1], [*remote, "--time_feature=at"]):
        run = e2e.run(capsys, "adopt", *flags, "--label=late", "--baseline=memory://bucket/baseline")
        assert run.code == 0, run.err
    contract = load_baseline("memory://bucket/baseline").contract
    assert "sample" not in contract.lacks
    assert (contract.time_feature, contract.periods["rows_without_time"]) == ("at", 0)
    assert contract.periods["day"] > 3
    written = {path for path in OBJECTS if path not in given}
    assert {path.split("/")[3] for path in written} == {"baseline"}
    assert {path: OBJECTS[path] for path in given} == given


def _present(row: e2e.Row) -> e2e.Row:
    values = {name: each if isinstance(each, list) else [each] for name, each in row.items()}
    return {name: each for name, each in values.items() if each}
